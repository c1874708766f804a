/* Quantiles and resampling. */
#ifndef FATHOM_NUM_STATISTICS_H
#define FATHOM_NUM_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

/* x with P(T <= x) = p for Student's t; 0 < p < 1, df > 0. */
double student_quantile(double p, double df);

/* What the difference of two means in standard deviations is multiplied by, so that it is right on average where these have
 * few degrees of freedom (Hedges 1981): gamma(df / 2) / (sqrt(df / 2) gamma((df - 1) / 2)), df > 1. */
double hedges_correction(double df);

/* p-quantile of n > 0 ascending values, linear between order statistics (Hyndman and Fan's type 7). */
double quantile_sorted(size_t n, const double *sorted, double p);

/* Bootstrap means of n items with k values each: resample b draws n items with replacement (integer weights that sum to
 * n) from a stream that depends on seed and b alone. Two calls with one seed and one n therefore use the same
 * resamples: what they return is paired. values is [n, k], means [n_resamples, k]. */
void resample_means(uint64_t seed, size_t n_resamples, size_t n, size_t k, const double *values, double *means);

#endif
