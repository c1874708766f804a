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

/* A mean's variance is estimated, from as many samples as the estimate rests on. */
static double widening_of(const Estimate *e, size_t n_samples) {
  const double n = (double)(e->n_samples ? e->n_samples : n_samples);
  return student_quantile(0.975, n - 1) / 1.959963984540054 * sqrt(n / (n - 1));
}

static bool has_interval(const Estimate *e, size_t n_samples) {
  return e->scale != SCALE_NONE && e->pseudo && (e->n_samples ? e->n_samples : n_samples) > 1;
}

static Interval bounds(const Estimate *e, size_t n_samples, size_t n_resamples, double *means) {
  const double widening = widening_of(e, n_samples);
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
    if (!has_interval(&estimates[e], n_samples) || n_resamples == 0) continue;
    for (size_t b = 0; b < n_resamples; b++) column[b] = means[b * n_estimates + e];
    intervals[e] = bounds(&estimates[e], n_samples, n_resamples, column);
  }
  free(pseudo);
  free(means);
  free(column);
}

void estimate_of_part(Estimate *estimate, size_t n, const size_t *at, size_t n_all) {
  estimate->n_samples = n;
  if (!estimate->pseudo) return;
  double *spread = mem_alloc(n_all, sizeof *spread);
  for (size_t i = 0; i < n; i++) spread[at[i]] = estimate->pseudo[i] * ((double)n_all / (double)n);
  free(estimate->pseudo);
  estimate->pseudo = spread;
}

Interval interval_of_difference(size_t n_samples, const Estimate *a, const Estimate *b, size_t n_resamples,
                                uint64_t seed) {
  if (n_resamples == 0 || !has_interval(a, n_samples) || !has_interval(b, n_samples)) return (Interval){NAN, NAN};
  double *pseudo = mem_alloc(2 * n_samples, sizeof *pseudo), *means = mem_alloc(2 * n_resamples, sizeof *means);
  double *differences = mem_alloc(n_resamples, sizeof *differences);
  const double wide_a = widening_of(a, n_samples), wide_b = widening_of(b, n_samples);
  for (size_t s = 0; s < n_samples; s++) pseudo[2 * s] = a->pseudo[s], pseudo[2 * s + 1] = b->pseudo[s];
  resample_means(seed, n_resamples, n_samples, 2, pseudo, means);
  for (size_t i = 0; i < n_resamples; i++)
    differences[i] = from_scale(a->scale, a->centre + wide_a * means[2 * i]) -
                     from_scale(b->scale, b->centre + wide_b * means[2 * i + 1]);
  qsort(differences, n_resamples, sizeof *differences, ascending);
  const Interval interval = {quantile_sorted(n_resamples, differences, 0.025),
                             quantile_sorted(n_resamples, differences, 0.975)};
  free(pseudo);
  free(means);
  free(differences);
  return interval;
}
