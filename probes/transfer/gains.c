/* Gains and their paired bootstrap. */
#include "probes/transfer/gains.h"

#include "base/memory.h"
#include "base/rng.h"
#include "num/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Sums over some of a data set's pairs. */
typedef struct Sums {
  double n, student, reference, ceiling;
} Sums;

static void add_pair(const TransferSet *set, size_t pair, Sums *sums) {
  sums->n += 1;
  sums->student += set->student[pair];
  sums->reference += set->reference[pair];
  if (set->ceiling) sums->ceiling += set->ceiling[pair];
}

static void add_sums(Sums *to, const Sums *from) {
  to->n += from->n;
  to->student += from->student;
  to->reference += from->reference;
  to->ceiling += from->ceiling;
}

static double gain_of(const Sums *s) { return s->n > 0 ? 100 * (s->student - s->reference) / s->n : NAN; }
static double gap_of(const Sums *s) { return s->n > 0 ? 100 * (s->ceiling - s->reference) / s->n : NAN; }

static double mean_target_gain(const TransferSet *sets, size_t n_sets, const double *gains) {
  double sum = 0;
  size_t n = 0;
  for (size_t i = 0; i < n_sets; i++)
    if (!sets[i].is_source) sum += gains[i], n++;
  return n ? sum / (double)n : NAN;
}

static double net_transfer(const TransferSet *sets, size_t n_sets, double g, const double *gains) {
  for (size_t i = 0; i < n_sets; i++)
    if (sets[i].is_source && !isnan(gains[i])) return mean_target_gain(sets, n_sets, gains) - g * fmax(0, -gains[i]);
  return NAN;
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Sorts the draws; those that are NaN are left out. */
static Bounded bounded(double value, size_t n, double *draws) {
  size_t kept = 0;
  for (size_t i = 0; i < n; i++)
    if (!isnan(draws[i])) draws[kept++] = draws[i];
  if (kept == 0 || isnan(value)) return (Bounded){value, NAN, NAN};
  qsort(draws, kept, sizeof *draws, ascending);
  return (Bounded){value, quantile_sorted(kept, draws, 0.025), quantile_sorted(kept, draws, 0.975)};
}

/* draws[n_resamples] of one data set. */
static void resample_set(const TransferSet *set, size_t place, size_t n_resamples, uint64_t seed, Sums *draws) {
  const size_t n = set->cluster ? set->n_clusters : set->n_pairs;
  Sums *units = mem_alloc(n, sizeof *units);
  for (size_t i = 0; i < set->n_pairs; i++) add_pair(set, i, &units[set->cluster ? set->cluster[i] : i]);
  Rng seeds = rng_new(seed + UINT64_C(0x9e3779b97f4a7c15) * (place + 1));
  for (size_t b = 0; b < n_resamples; b++) {
    Rng rng = rng_new(rng_next(&seeds));
    draws[b] = (Sums){0};
    for (size_t i = 0; i < n; i++) add_sums(&draws[b], &units[rng_below(&rng, n)]);
  }
  free(units);
}

/* A draw in which the ceiling is not above the reference has no ratio, and is left out: by the condition on the gap's
 * lower bound these are at most 2.5 % of them. */
static Bounded recovered(const Sums *all, const Bounded *gap, const Sums *draws, size_t n, double *column) {
  if (!(gap->lo > 0)) return (Bounded){NAN, NAN, NAN};
  for (size_t b = 0; b < n; b++) {
    const double width = gap_of(&draws[b]);
    column[b] = width > 0 ? gain_of(&draws[b]) / width : NAN;
  }
  return bounded(gain_of(all) / gap_of(all), n, column);
}

/* One data set; its draws' gains go to gain_draws[n]. */
static TransferGain measure_set(const TransferSet *set, const Sums *draws, size_t n, double *gain_draws,
                                double *column) {
  Sums all = {0};
  for (size_t i = 0; i < set->n_pairs; i++) add_pair(set, i, &all);
  TransferGain result = {.gap = {NAN, NAN, NAN}, .pgr = {NAN, NAN, NAN}};
  for (size_t b = 0; b < n; b++) gain_draws[b] = gain_of(&draws[b]);
  memcpy(column, gain_draws, n * sizeof *column);
  result.gain = bounded(gain_of(&all), n, column);
  if (!set->ceiling) return result;
  for (size_t b = 0; b < n; b++) column[b] = gap_of(&draws[b]);
  result.gap = bounded(gap_of(&all), n, column);
  result.pgr = recovered(&all, &result.gap, draws, n, column);
  return result;
}

static TransferSummary summarise(const TransferSet *sets, size_t n_sets, double g, size_t n, const double *gain_draws,
                                 const TransferGain *gains) {
  double *values = mem_alloc(n_sets, sizeof *values), *aog = mem_alloc(n, sizeof *aog),
         *nts = mem_alloc(n, sizeof *nts);
  TransferSummary s = {.worst = n_sets};
  for (size_t b = 0; b < n; b++) {
    for (size_t i = 0; i < n_sets; i++) values[i] = gain_draws[i * n + b];
    aog[b] = mean_target_gain(sets, n_sets, values);
    nts[b] = net_transfer(sets, n_sets, g, values);
  }
  for (size_t i = 0; i < n_sets; i++) {
    values[i] = gains[i].gain.value;
    if (!sets[i].is_source && !isnan(values[i]) && (s.worst == n_sets || values[i] < values[s.worst])) s.worst = i;
  }
  s.aog = bounded(mean_target_gain(sets, n_sets, values), n, aog);
  s.nts = bounded(net_transfer(sets, n_sets, g, values), n, nts);
  free(values);
  free(aog);
  free(nts);
  return s;
}

void transfer_gains(const TransferSet *sets, size_t n_sets, double g, size_t n_resamples, uint64_t seed,
                    TransferGain *gains, TransferSummary *summary) {
  Sums *draws = mem_alloc(n_resamples, sizeof *draws);
  double *gain_draws = mem_alloc(n_sets * n_resamples, sizeof *gain_draws),
         *column = mem_alloc(n_resamples, sizeof *column);
  for (size_t i = 0; i < n_sets; i++) {
    if (sets[i].n_pairs)
      resample_set(&sets[i], i, n_resamples, seed, draws);
    else
      memset(draws, 0, n_resamples * sizeof *draws);
    gains[i] = measure_set(&sets[i], draws, n_resamples, gain_draws + i * n_resamples, column);
  }
  *summary = summarise(sets, n_sets, g, n_resamples, gain_draws, gains);
  free(draws);
  free(gain_draws);
  free(column);
}
