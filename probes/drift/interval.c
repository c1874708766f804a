/* A bootstrap of pseudo-values. */
#include "probes/drift/interval.h"

#include "base/memory.h"
#include "num/statistics.h"

#include <math.h>
#include <stdlib.h>

static double from_scale(IntervalScale scale, double x) {
  return scale == SCALE_LOG ? exp(x) : scale == SCALE_ATANH ? tanh(x) : x;
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Degrees of freedom of the variance of n pseudo-values: n - 1 where they are normal, fewer where some are much larger than
 * the rest (Satterthwaite's rule: twice the squared mean of the variance over its own variance). */
static double degrees_of(double n, size_t n_samples, const double *pseudo) {
  double square = 0, fourth = 0;
  for (size_t s = 0; s < n_samples; s++) {
    square += pseudo[s] * pseudo[s];
    fourth += pseudo[s] * pseudo[s] * pseudo[s] * pseudo[s];
  }
  const double excess = n * fourth / (square * square) - 3;
  return excess > 0 ? 2 / (2 / (n - 1) + excess / n) : n - 1;
}

/* What a mean whose variance is estimated is spread by beyond its resamples: it rests on as many samples as the estimate. */
static double widening_of(const Estimate *e, size_t n_samples) {
  const double n = (double)(e->n_samples ? e->n_samples : n_samples);
  return student_quantile(0.975, degrees_of(n, n_samples, e->pseudo)) / 1.959963984540054 * sqrt(n / (n - 1));
}

static bool has_interval(const Estimate *e, size_t n_samples) {
  return e->scale != SCALE_NONE && e->pseudo && (e->n_samples ? e->n_samples : n_samples) > 1;
}

static Interval bounds(const Estimate *e, double widening, size_t n_resamples, double *means) {
  qsort(means, n_resamples, sizeof *means, ascending);
  return (Interval){from_scale(e->scale, e->centre + widening * quantile_sorted(n_resamples, means, 0.025)),
                    from_scale(e->scale, e->centre + widening * quantile_sorted(n_resamples, means, 0.975))};
}

void intervals_bootstrap(size_t n_samples, size_t n_estimates, const Estimate *estimates, size_t n_resamples,
                         uint64_t seed, Interval *intervals) {
  intervals_resample(n_samples, n_estimates, estimates, n_resamples, seed, intervals, NULL);
}

void intervals_resample(size_t n_samples, size_t n_estimates, const Estimate *estimates, size_t n_resamples,
                        uint64_t seed, Interval *intervals, double *resampled) {
  double *pseudo = mem_alloc(n_samples * n_estimates, sizeof *pseudo);
  double *means = mem_alloc(n_resamples * n_estimates, sizeof *means), *column = mem_alloc(n_resamples, sizeof *column);
  for (size_t e = 0; e < n_estimates; e++)
    for (size_t s = 0; s < n_samples && estimates[e].pseudo; s++) pseudo[s * n_estimates + e] = estimates[e].pseudo[s];
  if (n_samples > 1) resample_means(seed, n_resamples, n_samples, n_estimates, pseudo, means);
  for (size_t e = 0; e < n_estimates; e++) {
    const Estimate *of = &estimates[e];
    const bool has = has_interval(of, n_samples) && n_resamples > 0;
    const double widening = has ? widening_of(of, n_samples) : NAN;
    intervals[e] = (Interval){NAN, NAN};
    for (size_t b = 0; b < n_resamples; b++) {
      column[b] = means[b * n_estimates + e];
      if (resampled)
        resampled[e * n_resamples + b] = has ? from_scale(of->scale, of->centre + widening * column[b]) : NAN;
    }
    if (has) intervals[e] = bounds(of, widening, n_resamples, column);
  }
  free(pseudo);
  free(means);
  free(column);
}

Interval interval_of_difference(size_t n_resamples, const double *a, const double *b) {
  double *difference = mem_alloc(n_resamples, sizeof *difference);
  bool defined = n_resamples > 0;
  for (size_t i = 0; i < n_resamples; i++) {
    difference[i] = a[i] - b[i];
    defined = defined && isfinite(difference[i]);
  }
  Interval interval = {NAN, NAN};
  if (defined) {
    qsort(difference, n_resamples, sizeof *difference, ascending);
    interval.low = quantile_sorted(n_resamples, difference, 0.025);
    interval.high = quantile_sorted(n_resamples, difference, 0.975);
  }
  free(difference);
  return interval;
}

void estimate_of_part(Estimate *estimate, size_t n, const size_t *at, size_t n_all) {
  if (!estimate->n_samples) estimate->n_samples = n;
  if (!estimate->pseudo) return;
  double *spread = mem_alloc(n_all, sizeof *spread);
  for (size_t i = 0; i < n; i++) spread[at[i]] = estimate->pseudo[i] * ((double)n_all / (double)n);
  free(estimate->pseudo);
  estimate->pseudo = spread;
}
