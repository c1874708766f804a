/* Permutation tests: how often would labels dealt out at random give a difference as large as the one found? Two-sided,
 * p = #{|T*| >= |T|} / labelings over all ways to deal out the labels, the one found among them; where there are more
 * of these than a limit, that many are drawn, and p = (1 + #{|T*| >= |T|}) / (1 + drawn) (Davison and Hinkley 1997). */
#ifndef FATHOM_PROBES_VALUES_PERMUTATION_H
#define FATHOM_PROBES_VALUES_PERMUTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Permutation {
  double statistic, p;
  double least_p;   /* the smallest p that these labelings can give, whatever the values */
  size_t labelings; /* all of them, or those drawn */
  bool is_exact;
} Permutation;

/* T = mean of the values in the first group - mean of the others; the labelings keep the groups' sizes. No group may be
 * empty. */
Permutation permutation_of_groups(size_t n, const double *values, const bool *is_first, size_t limit, uint64_t seed);

/* T = mean of the values; the labelings are their signs. n > 0. */
Permutation permutation_of_signs(size_t n, const double *values, size_t limit, uint64_t seed);

/* q[n] of p[n]: the least rate of false discoveries at which each would be found (Benjamini and Hochberg 1995). A NaN
 * is no test, and stays NaN. */
void adjust_benjamini_hochberg(size_t n, const double *p, double *q);

#endif
