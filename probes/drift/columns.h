/* Columns of activations that stand out by their variance, and rows without them. A few dimensions of a language model
 * can hold most of its variance, and then decide every measure that sums over columns. */
#ifndef FATHOM_PROBES_DRIFT_COLUMNS_H
#define FATHOM_PROBES_DRIFT_COLUMNS_H

#include "probes/drift/rows.h"

#include <stddef.h>

/* The k <= width columns whose variance over the plan's rows is largest, the largest first (the lower number where two
 * are equal), to columns [k]; *share: their part of the variance of all columns, NaN where there is none. NaN and
 * infinite rows are STATUS_DATA. */
Status columns_find(const RowSide *side, const RowPlan *plan, size_t k, size_t *columns, double *share, Error *err);

/* A side less k of its columns; both must outlive what columns_leave_out returns. */
typedef struct NarrowRows {
  const RowSide *from;
  size_t k;
  const size_t *columns; /* [k] different ones, each below the width; k less than the width */
} NarrowRows;
RowSide columns_leave_out(NarrowRows *narrow);

#endif
