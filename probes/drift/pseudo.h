/* Pseudo-values of debiased CKA, for one pair of sites or many. */
#ifndef FATHOM_PROBES_DRIFT_PSEUDO_H
#define FATHOM_PROBES_DRIFT_PSEUDO_H

#include "probes/drift/measure.h"

#include <stddef.h>

/* xy / sqrt(xx yy); NaN where one of the two under the root is not positive. */
double cka_ratio(double xy, double xx, double yy);

/* Fills scale, centre and pseudo of an estimate whose value is set: XY, XX and YY in this order,
 * lead = |T|^2 - sum_c |S_c|^2, pull[n] = <S_c, T> - |S_c|^2, so that lead - 2 pull is what it is without sample c. */
void cka_pseudo(size_t n, const double lead[3], const double *const pull[3], Estimate *estimate);

#endif
