/* Root-mean-square and layer normalisation, forward and backward, row by row. */
#include "num/norm.h"

#include "num/vec.h"

#include <math.h>
#include <omp.h>

/* Mean of (x - mean)^2; a row's rest is filled with the mean, which adds nothing. */
static real mean_square(size_t d, const real *x, real mean) {
  vec sums[4] = {0};
  size_t i = 0;
  for (; i + 4 * VEC_LANES <= d; i += 4 * VEC_LANES)
    for (size_t j = 0; j < 4; j++) {
      const vec v = vec_load(x + i + j * VEC_LANES) - mean;
      sums[j] += v * v;
    }
  for (; i < d; i += VEC_LANES) {
    const vec v = (d - i >= VEC_LANES ? vec_load(x + i) : vec_load_part(x + i, d - i, mean)) - mean;
    sums[0] += v * v;
  }
  return vec_sum((sums[0] + sums[1]) + (sums[2] + sums[3])) / (real)d;
}

static real row_mean(size_t d, const real *x) {
  vec sums = {0};
  for (size_t i = 0; i < d; i += VEC_LANES)
    sums += d - i >= VEC_LANES ? vec_load(x + i) : vec_load_part(x + i, d - i, 0);
  return vec_sum(sums) / (real)d;
}

/* The rows' functions are inlined once for each kind: where the mean is the constant 0 it costs nothing. */
#define INLINE __attribute__((always_inline)) static inline

INLINE void forward_row_as(NormKind kind, const Norm *norm, const real *x, real *y, real stats[NORM_STATS]) {
  const size_t d = norm->width;
  const real *gain = norm->gain, *bias = norm->bias, offset = norm->gain_offset;
  const real mean = kind == NORM_LAYER ? row_mean(d, x) : 0;
  const real rstd = 1 / (real)sqrt((double)(mean_square(d, x, mean) + norm->eps));
  if (bias)
    for (size_t i = 0; i < d; i++) y[i] = (x[i] - mean) * rstd * (gain[i] + offset) + bias[i];
  else
    for (size_t i = 0; i < d; i++) y[i] = (x[i] - mean) * rstd * (gain[i] + offset);
  stats[0] = rstd;
  stats[1] = mean;
}

/* y may be x. */
static void forward_row(const Norm *norm, const real *x, real *y, real stats[NORM_STATS]) {
  if (norm->kind == NORM_RMS)
    forward_row_as(NORM_RMS, norm, x, y, stats);
  else
    forward_row_as(NORM_LAYER, norm, x, y, stats);
}

void norm_forward(const Norm *norm, size_t rows, const real *x, real *y, real *stats) {
  const size_t d = norm->width;
#pragma omp parallel for schedule(static)
  for (size_t t = 0; t < rows; t++) forward_row(norm, x + t * d, y + t * d, stats + t * NORM_STATS);
}

void norm_add_forward(const Norm *norm, size_t rows, const real *x, const real *delta, real *sum, real *y,
                      real *stats) {
  const size_t d = norm->width;
#pragma omp parallel for schedule(static)
  for (size_t t = 0; t < rows; t++) {
    for (size_t i = t * d; i < (t + 1) * d; i++) sum[i] = x[i] + delta[i];
    forward_row(norm, sum + t * d, y + t * d, stats + t * NORM_STATS);
  }
}

void norm_residual_forward(const Norm *norm, size_t rows, const real *x, const real *resid, real *y, real *sum,
                           real *stats) {
  const size_t d = norm->width;
#pragma omp parallel for schedule(static)
  for (size_t t = 0; t < rows; t++) {
    forward_row(norm, x + t * d, y + t * d, stats + t * NORM_STATS);
    for (size_t i = t * d; i < (t + 1) * d; i++) sum[i] = resid[i] + y[i];
  }
}

void norm_heads_forward(const Norm *norm, size_t rows, size_t n_heads, const real *x, size_t x_stride, real *y,
                        size_t y_stride, real *stats) {
  const size_t d = norm->width;
#pragma omp parallel for schedule(static)
  for (size_t t = 0; t < rows; t++)
    for (size_t h = 0; h < n_heads; h++)
      forward_row(norm, x + t * x_stride + h * d, y + t * y_stride + h * d, stats + (t * n_heads + h) * NORM_STATS);
}

/* With n = (x - mean) rstd and g = dy (gain + offset):
 *   dx = rstd (g - n mean(g n)), less rstd mean(g) where the mean was taken off;  dgain += dy n;  dbias += dy. */
INLINE void backward_row_as(NormKind kind, const Norm *norm, const real *x, const real stats[NORM_STATS],
                            const real *dy, bool accumulate, real *dx, real *dgain, real *dbias) {
  const size_t d = norm->width;
  const real *gain = norm->gain, offset = norm->gain_offset, rstd = stats[0], mean = kind == NORM_LAYER ? stats[1] : 0;
  vec dots = {0}, levels = {0};
  size_t i = 0;
  for (; i + VEC_LANES <= d; i += VEC_LANES) {
    const vec g = vec_load(dy + i) * (vec_load(gain + i) + offset);
    dots += g * (vec_load(x + i) - mean);
    levels += g;
  }
  real dot = vec_sum(dots), level = vec_sum(levels);
  for (; i < d; i++) {
    const real g = dy[i] * (gain[i] + offset);
    dot += g * (x[i] - mean);
    level += g;
  }
  const real along = dot * rstd * rstd / (real)d, common = kind == NORM_LAYER ? level / (real)d : 0;
  if (dgain)
    for (i = 0; i < d; i++) dgain[i] += dy[i] * (x[i] - mean) * rstd;
  if (dbias)
    for (i = 0; i < d; i++) dbias[i] += dy[i];
  if (accumulate)
    for (i = 0; i < d; i++) dx[i] += rstd * (dy[i] * (gain[i] + offset) - common - (x[i] - mean) * along);
  else
    for (i = 0; i < d; i++) dx[i] = rstd * (dy[i] * (gain[i] + offset) - common - (x[i] - mean) * along);
}

static void backward_row(const Norm *norm, const real *x, const real stats[NORM_STATS], const real *dy, bool accumulate,
                         real *dx, real *dgain, real *dbias) {
  if (norm->kind == NORM_RMS)
    backward_row_as(NORM_RMS, norm, x, stats, dy, accumulate, dx, dgain, dbias);
  else
    backward_row_as(NORM_LAYER, norm, x, stats, dy, accumulate, dx, dgain, dbias);
}

/* Rows of groups as the strides say. Each thread's share of the rows is fixed, and so are its partial sums. */
static void backward(const Norm *norm, size_t rows, size_t n_heads, const real *x, size_t x_stride, const real *stats,
                     const real *dy, size_t dy_stride, bool accumulate, real *dx, size_t dx_stride, real *dgain,
                     real *dbias, real *scratch) {
  const size_t d = norm->width, threads = (size_t)omp_get_max_threads();
#pragma omp parallel for schedule(static)
  for (size_t part = 0; part < threads; part++) {
    real *own_gain = dgain ? scratch + part * 2 * d : NULL, *own_bias = dbias ? scratch + part * 2 * d + d : NULL;
    for (size_t i = 0; own_gain && i < d; i++) own_gain[i] = 0;
    for (size_t i = 0; own_bias && i < d; i++) own_bias[i] = 0;
    for (size_t t = rows * part / threads; t < rows * (part + 1) / threads; t++)
      for (size_t h = 0; h < n_heads; h++)
        backward_row(norm, x + t * x_stride + h * d, stats + (t * n_heads + h) * NORM_STATS, dy + t * dy_stride + h * d,
                     accumulate, dx + t * dx_stride + h * d, own_gain, own_bias);
  }
  for (size_t part = 0; dgain && part < threads; part++)
    for (size_t i = 0; i < d; i++) dgain[i] += scratch[part * 2 * d + i];
  for (size_t part = 0; dbias && part < threads; part++)
    for (size_t i = 0; i < d; i++) dbias[i] += scratch[part * 2 * d + d + i];
}

void norm_backward(const Norm *norm, size_t rows, const real *x, const real *stats, const real *dy, bool accumulate,
                   real *dx, real *dgain, real *dbias, real *scratch) {
  const size_t d = norm->width;
  backward(norm, rows, 1, x, d, stats, dy, d, accumulate, dx, d, dgain, dbias, scratch);
}

void norm_heads_backward(const Norm *norm, size_t rows, size_t n_heads, const real *x, size_t x_stride,
                         const real *stats, const real *dy, size_t dy_stride, real *dx, size_t dx_stride, real *dgain,
                         real *dbias, real *scratch) {
  backward(norm, rows, n_heads, x, x_stride, stats, dy, dy_stride, false, dx, dx_stride, dgain, dbias, scratch);
}

size_t norm_backward_scratch(size_t width) { return (size_t)omp_get_max_threads() * 2 * width; }
