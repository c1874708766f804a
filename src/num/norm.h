/* RMS normalisation, y = x / sqrt(mean(x^2) + eps) * gain, with the residual addition that precedes it folded in, and
 * its backward twin. Rows are [T, D], packed. */
#ifndef FATHOM_NUM_NORM_H
#define FATHOM_NUM_NORM_H

#include "num/real.h"

#include <stddef.h>

/* y[T,D] = norm(x[T,D]) * gain[D]; rstd[T] = 1 / sqrt(mean x^2 + eps). */
void norm_rms_forward(size_t rows, size_t d, const real *x, const real *gain, real eps, real *y, real *rstd);

/* sum[T,D] = x + delta, then as above on sum. sum may be delta or x itself. */
void norm_rms_add_forward(size_t rows, size_t d, const real *x, const real *delta, const real *gain, real eps,
                          real *sum, real *y, real *rstd);

/* dx[T,D] += the gradient through y = norm(x) * gain; dgain[D] += where it is not NULL. Scratch: threads x D reals. */
void norm_rms_backward(size_t rows, size_t d, const real *x, const real *gain, const real *rstd, const real *dy,
                       real *dx, real *dgain, real *scratch);
size_t norm_rms_backward_scratch(size_t d); /* reals, for the current number of threads */

#endif
