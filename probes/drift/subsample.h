/* A subsample of whole samples, for measures that compare rows with rows and cannot run over all of them. */
#ifndef FATHOM_PROBES_DRIFT_SUBSAMPLE_H
#define FATHOM_PROBES_DRIFT_SUBSAMPLE_H

#include "probes/drift/rows.h"

#include <stddef.h>
#include <stdint.h>

enum { SUBSAMPLE_ROWS = 2000 }; /* most rows of a subsample */

#define SUBSAMPLE_OUT SIZE_MAX

typedef struct RowSubsample {
  size_t n_rows, n_samples;
  size_t n_all;  /* samples of the plan */
  size_t *at;    /* [n_all] where in the subsample a sample's rows begin, SUBSAMPLE_OUT: left out */
  size_t *begin; /* [n_samples + 1] the same of those kept, which stay in order */
  size_t *kept;  /* [n_samples] their numbers in the plan */
} RowSubsample;

/* All samples where their rows are no more than SUBSAMPLE_ROWS; else samples in an order that depends on the seed
 * alone, up to the first that no longer fits. The same for every site of a plan. */
RowSubsample *row_subsample_new(const RowPlan *plan, uint64_t seed);
void row_subsample_free(RowSubsample *subsample); /* NULL is fine */

/* The rows of a subsample, raw, as they come by in blocks. */
typedef struct KeptRows {
  const RowSubsample *of;
  size_t dx, dy;
  float *x, *y; /* [subsample rows, dx], [subsample rows, dy] */
  bool *seen;   /* [n_all] samples whose rows are there */
} KeptRows;

KeptRows kept_rows_new(const RowSubsample *subsample, size_t dx, size_t dy);
void kept_rows_clear(KeptRows *kept);
void kept_rows_take(KeptRows *kept, const RowBlock *block);
void kept_rows_merge(KeptRows *into, const KeptRows *from); /* adds what another worker has seen */

/* Are all rows of one of the sides the same? Then who is nearest to whom is rounding. */
bool kept_rows_constant(const KeptRows *kept);

/* Kept rows [n, d] scaled to length 1, in float64; with centred, each without the mean of its own entries first, so
 * that inner products are correlations. Rows without length become zeros. */
void kept_rows_unit(size_t n, size_t d, const float *rows, bool centred, double *unit);

#endif
