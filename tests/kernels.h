/* What the tests of single kernels share: random arrays, and a gradient checked against central differences of the
 * test's own definition in double. Each such test is built for float and for double. */
#ifndef FATHOM_TESTS_KERNELS_H
#define FATHOM_TESTS_KERNELS_H

#include "base/rng.h"
#include "num/real.h"
#include "tests/tap.h"

#include <stdlib.h>

#ifdef FATHOM_DOUBLE
#define GRADIENT_TOLERANCE 2e-8
#else
#define GRADIENT_TOLERANCE 1e-5
#endif

/* n values of a normal distribution, as reals and (where wide is not NULL) as the same numbers in double. */
__attribute__((unused)) static real *normal_reals(Rng *rng, size_t n, double scale, double **wide) {
  real *x = malloc((n + 1) * sizeof *x);
  if (wide) *wide = malloc((n + 1) * sizeof **wide);
  for (size_t i = 0; i < n; i++) {
    x[i] = (real)(scale * rng_normal(rng));
    if (wide) (*wide)[i] = (double)x[i];
  }
  return x;
}

/* Largest |a - b| over the largest |b|; NaN where either holds one. */
__attribute__((unused)) static double worst_wide(const real *a, const double *b, size_t n) {
  double error = 0, scale = 0;
  for (size_t i = 0; i < n; i++) {
    const double e = fabs((double)a[i] - b[i]);
    if (!(e <= error)) error = e;
    if (isnan(error)) return NAN;
    if (fabs(b[i]) > scale) scale = fabs(b[i]);
  }
  return scale > 0 ? error / scale : error;
}

__attribute__((unused)) static void keep_worst(double *most, double error) {
  if (!(error <= *most)) *most = error;
}

/* (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h: the error is of order h^4. */
static double central_difference(double (*loss)(void *), void *context, double *value) {
  const double kept = *value, h = 1e-3;
  double at[5] = {0};
  for (int i = -2; i <= 2; i++) {
    *value = kept + i * h;
    if (i) at[i + 2] = loss(context);
  }
  *value = kept;
  return (8 * (at[3] - at[1]) - (at[4] - at[0])) / (12 * h);
}

/* A kernel's gradient dx[n] against central differences of the loss in x[n], at all entries or at 24 random ones;
 * the worst difference over the largest slope seen. */
__attribute__((unused)) static double gradient_error(double (*loss)(void *), void *context, Rng *rng, double *x,
                                                     size_t n, const real *dx) {
  enum { DRAWS = 24 };
  double error = 0, scale = 1e-3;
  for (size_t i = 0; i < (n < DRAWS ? n : DRAWS); i++) {
    const size_t at = n < DRAWS ? i : rng_below(rng, n);
    const double slope = central_difference(loss, context, &x[at]);
    keep_worst(&error, fabs((double)dx[at] - slope));
    if (fabs(slope) > scale) scale = fabs(slope);
  }
  return error / scale;
}

#endif
