/* Intervals over samples: a bootstrap of jackknife pseudo-values.
 *
 * Each estimate brings one pseudo-value a sample: what the estimate, on a scale where it is nearly symmetric, owes to
 * that sample. Resample b gives the samples integer weights, the same for every site and measure of one seed, so that
 * differences between layers, measures and models are paired. Its estimate is centre + widening * sum_c w_c z_c / N; no
 * pair of rows of one sample is ever counted as two, because the pseudo-values were made without such pairs. Bounds are
 * the 2.5 and 97.5 % quantiles. The widening, t(.975, df) / 1.96 * sqrt(N / (N-1)), is that of a mean whose variance is
 * estimated: df = N - 1, or fewer where a few samples have most of the variance, 2 / (2 / (N-1) + excess kurtosis / N). The
 * whole is fathom's own; tests/test_coverage.c measures how often such intervals hold the truth. */
#ifndef FATHOM_PROBES_DRIFT_INTERVAL_H
#define FATHOM_PROBES_DRIFT_INTERVAL_H

#include "probes/drift/measure.h"

#include <stddef.h>
#include <stdint.h>

enum { BOOTSTRAP_LEAST = 100 }; /* resamples: fewer say nothing about the tails */

typedef struct Interval {
  double low, high; /* NaN where there is none */
} Interval;

/* n_resamples 0: none. */
void intervals_bootstrap(size_t n_samples, size_t n_estimates, const Estimate *estimates, size_t n_resamples,
                         uint64_t seed, Interval *intervals);

/* The same, and the estimates in every resample to resampled [n_estimates, n_resamples], NaN where there is no interval.
 * What came from one n_samples, n_resamples and seed is paired, and may be subtracted. */
void intervals_resample(size_t n_samples, size_t n_estimates, const Estimate *estimates, size_t n_resamples,
                        uint64_t seed, Interval *intervals, double *resampled);

/* Of a - b, from what they are in each resample; NaN where one of them has no interval. */
Interval interval_of_difference(size_t n_resamples, const double *a, const double *b);

/* Spreads the pseudo-values of an estimate of part of the rows over all n_all samples: sample i of its n is at[i] of all,
 * and the others add nothing. Estimates of several parts are then resampled together: what they return is paired. */
void estimate_of_part(Estimate *estimate, size_t n, const size_t *at, size_t n_all);

#endif
