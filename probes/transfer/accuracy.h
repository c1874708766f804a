/* Pairwise accuracy: what a preference pair counts, the interval of a share, and the length-only baseline. */
#ifndef FATHOM_PROBES_TRANSFER_ACCURACY_H
#define FATHOM_PROBES_TRANSFER_ACCURACY_H

#include <stddef.h>

/* A number with its 95 % interval; all NaN where it does not exist. */
typedef struct Bounded {
  double value, lo, hi;
} Bounded;

/* 1 where chosen > rejected, 0 where chosen < rejected, 1/2 for a tie. */
double pair_correct(double chosen, double rejected);

/* Wilson's score interval (Wilson 1927) of a share of n > 0; n = 0 gives NaN. successes may hold halves: a tie enters
 * the share as one half and n as one pair. A tie varies less than the coin toss that the interval takes it for, so the
 * interval is at least as wide as it should be. */
Bounded wilson_interval(double successes, double n);

/* How often a rule that sees nothing but the lengths of the two answers is right, ties one half. `longer` takes the
 * longer answer, `shorter` the shorter one: share(shorter) = 1 - share(longer). */
typedef struct LengthBaseline {
  Bounded best;     /* of the better of the two rules */
  double longer;    /* share of the rule `longer` */
  const char *rule; /* "longer", "shorter", or "tie" where they are equally good */
} LengthBaseline;

/* lengths[2n]: chosen, rejected, ... in any unit. The better rule is picked on these very pairs, which favours the
 * baseline, never the model. */
LengthBaseline length_baseline(size_t n_pairs, const double *lengths);

#endif
