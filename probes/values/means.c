/* Running means. */
#include "probes/values/means.h"

#include "base/memory.h"
#include "num/statistics.h"

#include <math.h>
#include <stdlib.h>

Status means_init(Means *m, size_t width, Error *err) {
  void *block = NULL;
  *m = (Means){.width = width};
  const Status status = mem_try(width, 2 * sizeof(double), &block, err);
  if (status != STATUS_OK) return status;
  m->mean = block;
  m->deviation = m->mean + width;
  return STATUS_OK;
}

void means_clear(Means *m) {
  free(m->mean);
  *m = (Means){0};
}

void means_add(Means *m, const double *values) {
  m->n++;
  for (size_t i = 0; i < m->width; i++) {
    const double before = values[i] - m->mean[i];
    m->mean[i] += before / (double)m->n;
    m->deviation[i] += before * (values[i] - m->mean[i]);
  }
}

MeanInterval means_at(const Means *m, size_t i) {
  const double n = (double)m->n;
  if (m->n == 0) return (MeanInterval){NAN, NAN, NAN};
  if (m->n < 2) return (MeanInterval){m->mean[i], NAN, NAN};
  const double half = student_quantile(0.975, n - 1) * sqrt(m->deviation[i] / (n - 1) / n);
  return (MeanInterval){m->mean[i], m->mean[i] - half, m->mean[i] + half};
}
