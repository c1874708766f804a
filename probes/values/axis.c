/* Reading rows off a value axis. */
#include "probes/values/axis.h"

#include <stdlib.h>

double axis_project(const ValueAxis *axis, const float *row) {
  double sum = 0;
  for (size_t i = 0; i < axis->width; i++) sum += axis->direction[i] * (double)row[i];
  return sum;
}

double axis_score(const ValueAxis *axis, const float *row) {
  return (axis_project(axis, row) - axis->midpoint) / axis->scale;
}

void axis_clear(ValueAxis *axis) {
  free(axis->site);
  free(axis->direction);
  *axis = (ValueAxis){0};
}
