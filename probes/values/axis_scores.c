/* AUC and Hedges' g, and their bootstrap over lemmas. */
#include "probes/values/axis_scores.h"

#include "base/memory.h"
#include "base/rng.h"
#include "num/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void pairs_count(size_t n, const double *scores, const bool *labels, PairCount *count) {
  double *low = mem_alloc(n, sizeof *low);
  size_t n_low = 0;
  for (size_t i = 0; i < n; i++)
    if (!labels[i]) low[n_low++] = scores[i];
  for (size_t i = 0; i < n; i++) {
    if (!labels[i]) continue;
    const double high = scores[i];
    size_t halves = 0;
    for (size_t j = 0; j < n_low; j++) halves += (size_t)(high > low[j]) + (size_t)(high >= low[j]);
    count->won += 0.5 * (double)halves;
  }
  count->pairs += (double)(n - n_low) * (double)n_low;
  free(low);
}

/* g of weighted words; the correction goes by how many there are, not by their weights. */
static double weighted_g(size_t n, const double *scores, const bool *labels, const double *weights) {
  double sums[2] = {0}, totals[2] = {0}, square = 0;
  for (size_t i = 0; i < n; i++) {
    sums[labels[i]] += weights[i] * scores[i];
    totals[labels[i]] += weights[i];
  }
  const double means[2] = {sums[0] / totals[0], sums[1] / totals[1]};
  for (size_t i = 0; i < n; i++) square += weights[i] * (scores[i] - means[labels[i]]) * (scores[i] - means[labels[i]]);
  const double freedom = totals[0] + totals[1] - 2;
  if (totals[0] < 2 || totals[1] < 2 || !(square > 0)) return NAN;
  return hedges_correction(freedom) * (means[1] - means[0]) / sqrt(square / freedom);
}

double hedges_g(size_t n, const double *scores, const bool *labels) {
  double *ones = mem_alloc(n, sizeof *ones);
  for (size_t i = 0; i < n; i++) ones[i] = 1;
  const double g = weighted_g(n, scores, labels, ones);
  free(ones);
  return g;
}

/* Pairs of one fold: words i over j, by their numbers, and how the pair went. */
typedef struct FoldPair {
  uint32_t i, j;
  float won;
} FoldPair;

static FoldPair *list_pairs(const AxisDesign *design, const double *scores, size_t *n_pairs) {
  const size_t n = design->n;
  FoldPair *pairs = NULL;
  for (int filling = 0; filling < 2; filling++) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
      for (size_t j = 0; j < n && design->first[i]; j++) {
        if (design->first[j] || design->fold[i] != design->fold[j]) continue;
        if (filling)
          pairs[count] = (FoldPair){(uint32_t)i, (uint32_t)j,
                                    scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5F : 0};
        count++;
      }
    if (!filling) pairs = mem_alloc(count, sizeof *pairs);
    *n_pairs = count;
  }
  return pairs;
}

static double weighted_auc(size_t n_pairs, const FoldPair *pairs, const double *weights) {
  double won = 0, total = 0;
  for (size_t k = 0; k < n_pairs; k++) {
    const double weight = weights[pairs[k].i] * weights[pairs[k].j];
    won += weight * (double)pairs[k].won;
    total += weight;
  }
  return won / total;
}

/* How often each lemma is drawn: as many draws from each pole as it has lemmas. */
static void draw_lemmas(const AxisDesign *design, const size_t *list, size_t n_first, Rng *rng, double *weights) {
  memset(weights, 0, design->n_lemmas * sizeof *weights);
  for (size_t k = 0; k < n_first; k++) weights[list[rng_below(rng, n_first)]]++;
  for (size_t k = n_first; k < design->n_lemmas; k++)
    weights[list[n_first + rng_below(rng, design->n_lemmas - n_first)]]++;
}

/* Lemmas of the first pole, then those of the second; returns how many there are of the first. */
static size_t sort_lemmas(const AxisDesign *design, size_t *list) {
  bool *pole = mem_alloc(design->n_lemmas, sizeof *pole);
  size_t count = 0, n_first;
  for (size_t i = 0; i < design->n; i++) pole[design->lemma[i]] = design->first[i];
  for (size_t l = 0; l < design->n_lemmas; l++)
    if (pole[l]) list[count++] = l;
  n_first = count;
  for (size_t l = 0; l < design->n_lemmas; l++)
    if (!pole[l]) list[count++] = l;
  free(pole);
  return n_first;
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Sorts the draws; those that are NaN are left out. */
static Bounded bounded(double value, size_t n, double *draws) {
  size_t kept = 0;
  for (size_t b = 0; b < n; b++)
    if (!isnan(draws[b])) draws[kept++] = draws[b];
  if (kept == 0 || isnan(value)) return (Bounded){value, NAN, NAN};
  qsort(draws, kept, sizeof *draws, ascending);
  return (Bounded){value, quantile_sorted(kept, draws, 0.025), quantile_sorted(kept, draws, 0.975)};
}

void axis_summarise(const AxisDesign *design, const double *scores, size_t n_resamples, uint64_t seed, Bounded *auc,
                    Bounded *g) {
  const size_t n = design->n;
  size_t n_pairs;
  FoldPair *pairs = list_pairs(design, scores, &n_pairs);
  double *drawn = mem_alloc(design->n_lemmas, sizeof *drawn), *weights = mem_alloc(n, sizeof *weights),
         *aucs = mem_alloc(n_resamples, sizeof *aucs), *gs = mem_alloc(n_resamples, sizeof *gs);
  size_t *list = mem_alloc(design->n_lemmas, sizeof *list);
  const size_t n_first = sort_lemmas(design, list);
  for (size_t i = 0; i < n; i++) weights[i] = 1;
  const double whole = weighted_auc(n_pairs, pairs, weights), whole_g = weighted_g(n, scores, design->first, weights);
  Rng seeds = rng_new(seed ^ UINT64_C(0x2545f4914f6cdd1d));
  for (size_t b = 0; b < n_resamples; b++) {
    Rng rng = rng_new(rng_next(&seeds));
    draw_lemmas(design, list, n_first, &rng, drawn);
    for (size_t i = 0; i < n; i++) weights[i] = drawn[design->lemma[i]];
    aucs[b] = weighted_auc(n_pairs, pairs, weights);
    gs[b] = weighted_g(n, scores, design->first, weights);
  }
  *auc = bounded(whole, n_resamples, aucs);
  *g = bounded(whole_g, n_resamples, gs);
  free(pairs);
  free(drawn);
  free(weights);
  free(aucs);
  free(gs);
  free(list);
}
