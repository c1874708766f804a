/* Means of many numbers at once over prompts, which come one after the other and are not kept, with Student's
 * intervals. The unit is the prompt: an interval says how a number varies from prompt to prompt of this set, and
 * nothing of other models. */
#ifndef FATHOM_PROBES_VALUES_MEANS_H
#define FATHOM_PROBES_VALUES_MEANS_H

#include "base/error.h"

#include <stddef.h>

typedef struct Means {
  size_t n, width;   /* prompts so far; numbers of each */
  double *mean;      /* [width] */
  double *deviation; /* [width]: sums of squared deviations from the mean */
} Means;

typedef struct MeanInterval {
  double mean, lo, hi; /* NaN where there is none */
} MeanInterval;

/* width zeros. Memory that cannot be had is STATUS_SYSTEM. */
Status means_init(Means *means, size_t width, Error *err);
void means_clear(Means *means); /* all zeros is fine */

/* values[width] of one more prompt (Welford's update). */
void means_add(Means *means, const double *values);

/* Number i: its mean and 95 % interval, mean +- t(.975, n - 1) s / sqrt(n); no interval of fewer than two prompts. */
MeanInterval means_at(const Means *means, size_t i);

#endif
