/* Where the change between two models lies: the squared change of each row, and the share of the whole that a part of the
 * rows, or a branch of the network, has in it. The shares are fathom's own. */
#ifndef FATHOM_PROBES_DRIFT_SPLIT_H
#define FATHOM_PROBES_DRIFT_SPLIT_H

#include "probes/drift/measure.h"
#include "probes/drift/rows.h"

#include <stddef.h>

/* change [n_rows] = |y - x|^2 and spread [n_rows] = |x - mean x|^2 of the plan's rows, the mean being that of all of them.
 * Both sides have one width. A NaN or an infinity is STATUS_DATA. */
Status row_changes_read(const RowSource *source, const RowPlan *plan, double *change, double *spread, Error *err);

/* sum part / sum total, both [n] sums over the rows of a sample; undefined where nothing has changed. */
Estimate share_estimate(size_t n, const double *part, const double *total, bool with_interval);

#endif
