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

static Interval bounds(const Estimate *e, size_t n_samples, size_t n_resamples, double *means) {
  const double n = (double)n_samples;
  const double widening = student_quantile(0.975, n - 1) / 1.959963984540054 * sqrt(n / (n - 1));
  qsort(means, n_resamples, sizeof *means, ascending);
  return (Interval){from_scale(e->scale, e->centre + widening * quantile_sorted(n_resamples, means, 0.025)),
                    from_scale(e->scale, e->centre + widening * quantile_sorted(n_resamples, means, 0.975))};
}

void intervals_bootstrap(size_t n_samples, size_t n_estimates, const Estimate *estimates, size_t n_resamples,
                         uint64_t seed, Interval *intervals) {
  double *pseudo = mem_alloc(n_samples * n_estimates, sizeof *pseudo);
  double *means = mem_alloc(n_resamples * n_estimates, sizeof *means), *column = mem_alloc(n_resamples, sizeof *column);
  for (size_t e = 0; e < n_estimates; e++)
    for (size_t s = 0; s < n_samples && estimates[e].pseudo; s++) pseudo[s * n_estimates + e] = estimates[e].pseudo[s];
  if (n_samples > 1) resample_means(seed, n_resamples, n_samples, n_estimates, pseudo, means);
  for (size_t e = 0; e < n_estimates; e++) {
    intervals[e] = (Interval){NAN, NAN};
    if (estimates[e].scale == SCALE_NONE || !estimates[e].pseudo || n_samples < 2 || n_resamples == 0) continue;
    for (size_t b = 0; b < n_resamples; b++) column[b] = means[b * n_estimates + e];
    intervals[e] = bounds(&estimates[e], n_samples, n_resamples, column);
  }
  free(pseudo);
  free(means);
  free(column);
}
