/* Pairwise accuracy. */
#include "probes/transfer/accuracy.h"

#include <math.h>

static const double z = 1.959963984540054; /* the normal distribution's .975 quantile */

double pair_correct(double chosen, double rejected) { return chosen > rejected ? 1 : chosen < rejected ? 0 : 0.5; }

Bounded wilson_interval(double successes, double n) {
  if (!(n > 0)) return (Bounded){NAN, NAN, NAN};
  const double p = successes / n, shrink = 1 + z * z / n, centre = (p + z * z / (2 * n)) / shrink;
  const double half = z / shrink * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  /* At 0 and 1 the bound is the share itself, which rounding must not cross. */
  return (Bounded){p, p == 0 ? 0 : fmax(0, centre - half), p == 1 ? 1 : fmin(1, centre + half)};
}

LengthBaseline length_baseline(size_t n_pairs, const double *lengths) {
  double right = 0;
  const double n = (double)n_pairs;
  for (size_t i = 0; i < n_pairs; i++) right += pair_correct(lengths[2 * i], lengths[2 * i + 1]);
  const double best = right < n / 2 ? n - right : right;
  return (LengthBaseline){.best = wilson_interval(best, n),
                          .longer = n_pairs ? right / n : NAN,
                          .rule = right == n / 2  ? "tie"
                                  : right > n / 2 ? "longer"
                                                  : "shorter"};
}
