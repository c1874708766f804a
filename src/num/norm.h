/* Root-mean-square and layer normalisation with their backward twins, the residual addition before or after folded in.
 * Rows are [T, D], packed; the norms of single heads lie in wider rows. */
#ifndef FATHOM_NUM_NORM_H
#define FATHOM_NUM_NORM_H

#include "num/real.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum NormKind {
  NORM_RMS,   /* n = x rstd, rstd = 1 / sqrt(mean x^2 + eps): Zhang and Sennrich 2019 */
  NORM_LAYER, /* n = (x - mean x) rstd, rstd = 1 / sqrt(mean (x - mean x)^2 + eps): Ba et al. 2016 */
} NormKind;

/* norm(x) = n (gain + gain_offset) + bias. */
typedef struct Norm {
  NormKind kind;
  size_t width;     /* D */
  const real *gain; /* [D] */
  const real *bias; /* [D], or NULL where there is none */
  real gain_offset; /* 1 where the gain is stored less one, else 0 */
  real eps;
} Norm;

enum { NORM_STATS = 2 }; /* reals kept of a row for the backward pass: rstd, and the mean (0 in NORM_RMS) */

/* y[T,D] = norm(x[T,D]), stats[T,2]. y may be x where x is not needed again. */
void norm_forward(const Norm *norm, size_t rows, const real *x, real *y, real *stats);

/* sum[T,D] = x + delta, y = norm(sum): the residual addition before a norm. sum may be delta or x itself. */
void norm_add_forward(const Norm *norm, size_t rows, const real *x, const real *delta, real *sum, real *y, real *stats);

/* y[T,D] = norm(x[T,D]), sum = resid + y: the residual addition after a norm. y may be x, sum may be resid. */
void norm_residual_forward(const Norm *norm, size_t rows, const real *x, const real *resid, real *y, real *sum,
                           real *stats);

/* The same norm for each of n_heads groups of D values side by side from the start of each row; x_stride and y_stride
 * reals between rows; stats[T, n_heads, 2]. y may be x. */
void norm_heads_forward(const Norm *norm, size_t rows, size_t n_heads, const real *x, size_t x_stride, real *y,
                        size_t y_stride, real *stats);

/* dx[T,D] = the gradient through y = norm(x), added to dx where accumulate is set (else dx may be dy); dgain[D] and
 * dbias[D] += where they are not NULL. Scratch: norm_backward_scratch() reals. */
void norm_backward(const Norm *norm, size_t rows, const real *x, const real *stats, const real *dy, bool accumulate,
                   real *dx, real *dgain, real *dbias, real *scratch);

/* The gradient through norm_heads_forward; dx is overwritten and may be dy. */
void norm_heads_backward(const Norm *norm, size_t rows, size_t n_heads, const real *x, size_t x_stride,
                         const real *stats, const real *dy, size_t dy_stride, real *dx, size_t dx_stride, real *dgain,
                         real *dbias, real *scratch);

size_t norm_backward_scratch(size_t width); /* reals, for the current number of threads */

#endif
