/* Drift of a weight matrix from W0 to W1 without any data: singular values of W1 - W0, and
 * the spectral norm of W0. Everything is float64. A matrix comes in blocks of rows, so that one of any height fits; one
 * that is wider than high is given transposed, which has the same singular values. */
#ifndef FATHOM_PROBES_DRIFT_WEIGHT_H
#define FATHOM_PROBES_DRIFT_WEIGHT_H

#include "base/error.h"

#include <stddef.h>

/* All singular values of D[any, n]: a QR decomposition block by block, of which only the triangle R[n,n] is kept, then
 * the SVD of R. Both are backward stable: a value is off by a small multiple of n 2^-53 times the largest, also where
 * it is far smaller, as with D'D it would not be. */
typedef struct WeightRows WeightRows;

Status weight_rows_new(size_t n, WeightRows **rows, Error *err); /* about 32 n^2 bytes; no memory is STATUS_SYSTEM */
Status weight_rows_add(WeightRows *rows, size_t count, const double *block, Error *err); /* block[count, n] */
/* values[n], descending; where fewer rows were added than n the last are 0. Nothing can be added afterwards. */
Status weight_rows_spectrum(WeightRows *rows, double *values, Error *err);
void weight_rows_free(WeightRows *rows); /* NULL is fine */

/* The largest singular value alone, of W[any, n]: the root of the largest eigenvalue of W'W, to a small multiple of n
 * 2^-53 of itself. Cheaper than all of them. */
typedef struct WeightGram WeightGram;

Status weight_gram_new(size_t n, WeightGram **gram, Error *err);           /* 8 n^2 bytes; no memory is STATUS_SYSTEM */
void weight_gram_add(WeightGram *gram, size_t count, const double *block); /* block[count, n] */
Status weight_gram_norm(WeightGram *gram, double *norm, Error *err);       /* destroys it */
void weight_gram_free(WeightGram *gram);                                   /* NULL is fine */

/* All singular values of scale B A that can differ from 0, B[rows, rank] and A[rank, columns], without forming the
 * product: with B = Q R and A' = P S they are those of scale R S' [rank, rank]. values[min(rank, rows, columns)],
 * descending. */
Status weight_factors_spectrum(size_t rows, size_t columns, size_t rank, double scale, const double *a, const double *b,
                               double *values, Error *err);

/* exp(-sum p ln p) with p = value / sum of values (Roy and Vetterli 2007); NaN where all are 0. */
double weight_effective_rank(size_t n, const double *values);

#endif
