/* Rows paired with those of other samples: what a measure says of unrelated data, which it is read against. */
#ifndef FATHOM_PROBES_DRIFT_SHIFTED_H
#define FATHOM_PROBES_DRIFT_SHIFTED_H

#include "probes/drift/rows.h"

#include <stddef.h>
#include <stdint.h>

/* A side whose row number i of the plan is row number i + shift, from the beginning again after the last. Rows of a sample
 * stay next to each other, so that they resemble each other as before; rows that are not in the plan are zeros. */
typedef struct ShiftedRows {
  const RowSide *from;
  const RowPlan *plan;
  size_t shift; /* less than n_rows */
} ShiftedRows;
RowSide rows_shift(ShiftedRows *shifted); /* all that it points to must outlive it */

/* Up to n different shifts that pair no row with one of its own sample, spaced evenly from one drawn with the seed; how
 * many there are. 0: the longest sample is too long for any. */
size_t rows_shifts_draw(const RowPlan *plan, uint64_t seed, size_t n, size_t *shifts);

#endif
