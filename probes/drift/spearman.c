/* Spearman's rank correlation. */
#include "probes/drift/spearman.h"

#include "base/memory.h"
#include "probes/values/ranks.h"

#include <math.h>
#include <stdlib.h>

enum { LEAST_ITEMS = 10 };

/* By how much the rank of other falls when gone leaves: rank 1 is the highest. */
static double fall(double gone, double other) { return gone > other ? 1 : gone == other ? 0.5 : 0; }

/* Of x and y with ranks of_x and of_y; without item `left_out`, where that is below n. */
static double correlation(size_t n, const double *x, const double *y, const double *of_x, const double *of_y, size_t left_out) {
  const bool whole = left_out >= n;
  const double middle = 0.5 * (double)(whole ? n + 1 : n);
  double xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < n; i++) {
    if (i == left_out) continue;
    const double a = of_x[i] - middle - (whole ? 0 : fall(x[left_out], x[i]));
    const double b = of_y[i] - middle - (whole ? 0 : fall(y[left_out], y[i]));
    xy += a * b;
    xx += a * a;
    yy += b * b;
  }
  return xx > 0 && yy > 0 ? fmax(-1, fmin(1, xy / sqrt(xx * yy))) : NAN;
}

/* (n - 1) (mean - estimate without item i), on the scale; NULL where one of them has no place there. */
static double *jackknife(size_t n, const double *x, const double *y, const double *of_x, const double *of_y) {
  double *pseudo = mem_alloc(n, sizeof *pseudo), mean = 0;
  for (size_t i = 0; i < n; i++) {
    pseudo[i] = atanh(correlation(n, x, y, of_x, of_y, i));
    mean += pseudo[i] / (double)n;
  }
  if (!isfinite(mean)) {
    free(pseudo);
    return NULL;
  }
  for (size_t i = 0; i < n; i++) pseudo[i] = (double)(n - 1) * (mean - pseudo[i]);
  return pseudo;
}

Estimate spearman_estimate(size_t n, const double *x, const double *y, bool with_interval) {
  double *of_x = mem_alloc(n, sizeof *of_x), *of_y = mem_alloc(n, sizeof *of_y);
  size_t *order = mem_alloc(n, sizeof *order);
  ranks_from_scores(n, x, of_x, order);
  ranks_from_scores(n, y, of_y, order);
  Estimate estimate = {.value = n > 1 ? correlation(n, x, y, of_x, of_y, n) : NAN};
  if (with_interval && n >= LEAST_ITEMS && !isnan(estimate.value)) {
    estimate.pseudo = jackknife(n, x, y, of_x, of_y);
    estimate.scale = estimate.pseudo ? SCALE_ATANH : SCALE_NONE;
    estimate.centre = atanh(estimate.value);
  }
  free(of_x);
  free(of_y);
  free(order);
  return estimate;
}
