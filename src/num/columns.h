/* Sums over the rows of a matrix: the gradient of a bias. */
#ifndef FATHOM_NUM_COLUMNS_H
#define FATHOM_NUM_COLUMNS_H

#include "num/real.h"

#include <stddef.h>

/* sums[n] += the sum of the rows of x[rows, n], ldx reals between them. The order of each sum does not depend on the
 * number of threads. */
void columns_add(size_t rows, size_t n, const real *x, size_t ldx, real *sums);

#endif
