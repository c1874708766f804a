/* RMS normalisation and its gradient. */
#include "num/norm.h"

#include "num/vec.h"

#include <math.h>
#include <omp.h>

static real mean_square(size_t d, const real *x) {
  vec sums[4] = {0};
  size_t i = 0;
  for (; i + 4 * VEC_LANES <= d; i += 4 * VEC_LANES)
    for (size_t j = 0; j < 4; j++) {
      const vec v = vec_load(x + i + j * VEC_LANES);
      sums[j] += v * v;
    }
  for (; i < d; i += VEC_LANES) {
    const vec v = d - i >= VEC_LANES ? vec_load(x + i) : vec_load_part(x + i, d - i, 0);
    sums[0] += v * v;
  }
  return vec_sum((sums[0] + sums[1]) + (sums[2] + sums[3])) / (real)d;
}

static void scale_row(size_t d, const real *x, const real *gain, real rstd, real *y) {
  for (size_t i = 0; i < d; i++) y[i] = x[i] * rstd * gain[i];
}

void norm_rms_forward(size_t rows, size_t d, const real *x, const real *gain, real eps, real *y, real *rstd) {
#pragma omp parallel for schedule(static)
  for (size_t t = 0; t < rows; t++) {
    rstd[t] = 1 / (real)sqrt((double)(mean_square(d, x + t * d) + eps));
    scale_row(d, x + t * d, gain, rstd[t], y + t * d);
  }
}

void norm_rms_add_forward(size_t rows, size_t d, const real *x, const real *delta, const real *gain, real eps,
                          real *sum, real *y, real *rstd) {
#pragma omp parallel for schedule(static)
  for (size_t t = 0; t < rows; t++) {
    for (size_t i = t * d; i < (t + 1) * d; i++) sum[i] = x[i] + delta[i];
    rstd[t] = 1 / (real)sqrt((double)(mean_square(d, sum + t * d) + eps));
    scale_row(d, sum + t * d, gain, rstd[t], y + t * d);
  }
}

size_t norm_rms_backward_scratch(size_t d) { return (size_t)omp_get_max_threads() * d; }

/* n = x rstd, y = n gain:  dx = rstd (g - n mean(g n)), g = dy gain;  dgain = sum over rows of dy n. */
static void backward_row(size_t d, const real *x, const real *gain, real rstd, const real *dy, real *dx, real *dgain) {
  vec sums = {0};
  size_t i = 0;
  for (; i + VEC_LANES <= d; i += VEC_LANES) sums += vec_load(dy + i) * vec_load(gain + i) * vec_load(x + i);
  real dot = vec_sum(sums);
  for (; i < d; i++) dot += dy[i] * gain[i] * x[i];
  const real along = dot * rstd * rstd / (real)d;
  for (i = 0; i < d; i++) dx[i] += rstd * (dy[i] * gain[i] - x[i] * along);
  if (dgain)
    for (i = 0; i < d; i++) dgain[i] += dy[i] * x[i] * rstd;
}

void norm_rms_backward(size_t rows, size_t d, const real *x, const real *gain, const real *rstd, const real *dy,
                       real *dx, real *dgain, real *scratch) {
  const size_t threads = (size_t)omp_get_max_threads();
#pragma omp parallel for schedule(static)
  for (size_t part = 0; part < threads; part++) { /* a fixed share of rows for each partial sum of dgain */
    real *own = dgain ? scratch + part * d : NULL;
    for (size_t i = 0; own && i < d; i++) own[i] = 0;
    for (size_t t = rows * part / threads; t < rows * (part + 1) / threads; t++)
      backward_row(d, x + t * d, gain, rstd[t], dy + t * d, dx + t * d, own);
  }
  for (size_t part = 0; dgain && part < threads; part++)
    for (size_t i = 0; i < d; i++) dgain[i] += scratch[part * d + i];
}
