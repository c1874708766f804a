/* What debiased CKA needs of the rows of one sample, for one side: products of two sides are inner products of these.
 */
#ifndef FATHOM_PROBES_DRIFT_SAMPLEGRAM_H
#define FATHOM_PROBES_DRIFT_SAMPLEGRAM_H

#include "probes/drift/rows.h"

#include <stddef.h>

enum { SAMPLE_TILE = 256 }; /* rows of a sample's Gram matrix at a time */

/* Sums of the rows of each sample of a block: sums [n_samples, d] from rows [n, d]. */
void sample_sums(const RowBlock *block, const float *rows, size_t d, float *sums);

/* bend[i] = row i . the sum of its sample, [n] */
void sample_bend(const RowBlock *block, const float *rows, size_t d, const float *sums, double *bend);

/* A tile of the Gram matrix of one sample's rows [m, d]: its rows [first, first + SAMPLE_TILE), columns from first on,
 * packed; the part that stands for both halves of the symmetric matrix is scaled by sqrt 2, so that the inner product
 * of two sides' tiles, summed over tiles, is that of the whole matrices. Returns the number of floats written, at most
 * SAMPLE_TILE * m. */
size_t sample_gram_tile(const float *rows, size_t m, size_t d, size_t first, float *tile);

#endif
