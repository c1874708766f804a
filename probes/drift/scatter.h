/* Scatter matrices in float64 throughout, for measures that look at directions with little variance: what float32
 * products leave there is noise. */
#ifndef FATHOM_PROBES_DRIFT_SCATTER_H
#define FATHOM_PROBES_DRIFT_SCATTER_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct Scatter {
  size_t d;
  double *total; /* [d, d] sum of (row - mean)(row - mean)', its lower triangle */
  double *slice; /* rows at hand */
} Scatter;

void scatter_init(Scatter *scatter, size_t d);
void scatter_clear(Scatter *scatter); /* all zeros is fine */

/* rows [n, d] with their mean [d]; of their difference from other rows where those are not NULL. */
void scatter_add(Scatter *scatter, size_t n, const float *rows, const double *mean, const float *other,
                 const double *other_mean);
void scatter_merge(Scatter *into, const Scatter *from);

double scatter_trace(const Scatter *scatter);
double scatter_square(const Scatter *scatter); /* squared Frobenius norm */

/* Eigenvalues, ascending, to values [d]; with vectors, total's row i becomes the unit vector of value i. Either way
 * total is no longer the scatter. */
Status scatter_eigen(Scatter *scatter, double *values, bool vectors, Error *err);

#endif
