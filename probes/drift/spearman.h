/* Spearman's rank correlation with what an interval over its items needs. */
#ifndef FATHOM_PROBES_DRIFT_SPEARMAN_H
#define FATHOM_PROBES_DRIFT_SPEARMAN_H

#include "probes/drift/measure.h"

#include <stddef.h>

/* Of x[n] and y[n], all finite; ties share the average of their ranks. Undefined where all of one are the same. Pseudo-values
 * are what is right without each item, ranks anew, on the scale of atanh: n^2 operations. None for fewer than ten items,
 * where the correlation is 1 or -1, which is no certainty, or where one item alone keeps it from that. */
Estimate spearman_estimate(size_t n, const double *x, const double *y, bool with_interval);

#endif
