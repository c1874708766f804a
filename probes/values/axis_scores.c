/* AUC and Hedges' g, and their intervals over lemmas. */
#include "probes/values/axis_scores.h"

#include "base/memory.h"
#include "num/statistics.h"

#include <math.h>
#include <stdlib.h>

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

/* Sums over the words of a pole, of scores less some number that they all lie near. */
typedef struct Moments {
  double n, sum, square;
} Moments;

static void moments_add(Moments *m, double score) {
  m->n += 1;
  m->sum += score;
  m->square += score * score;
}

/* g of pole 1 over pole 0. */
static double g_of(const Moments poles[2]) {
  const double freedom = poles[0].n + poles[1].n - 2;
  if (poles[0].n < 2 || poles[1].n < 2) return NAN;
  double square = 0;
  for (int p = 0; p < 2; p++) square += poles[p].square - poles[p].sum * poles[p].sum / poles[p].n;
  if (!(square > 0)) return NAN;
  return hedges_correction(freedom) * (poles[1].sum / poles[1].n - poles[0].sum / poles[0].n) / sqrt(square / freedom);
}

static double mean_of(size_t n, const double *scores) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += scores[i];
  return sum / (double)n;
}

double hedges_g(size_t n, const double *scores, const bool *labels) {
  Moments poles[2] = {{0}};
  const double mean = mean_of(n, scores);
  for (size_t i = 0; i < n; i++) moments_add(&poles[labels[i]], scores[i] - mean);
  return g_of(poles);
}

/* --- by lemma --- */

/* What each lemma brings to both numbers. */
typedef struct Lemmas {
  size_t n;          /* lemmas */
  bool *first;       /* [n] of the first pole? */
  double counts[2];  /* lemmas of the second pole, of the first */
  Moments *moments;  /* [n] */
  PairCount *pairs;  /* [n] pairs with a word of the lemma */
  Moments poles[2];  /* of all words: the second pole, the first */
  PairCount whole;
} Lemmas;

static Lemmas lemmas_sum(const AxisDesign *design, const double *scores) {
  const size_t n = design->n;
  const double mean = mean_of(n, scores);
  Lemmas l = {.n = design->n_lemmas,
              .first = mem_alloc(design->n_lemmas, sizeof *l.first),
              .moments = mem_alloc(design->n_lemmas, sizeof *l.moments),
              .pairs = mem_alloc(design->n_lemmas, sizeof *l.pairs)};
  for (size_t i = 0; i < n; i++) {
    const size_t lemma = design->lemma[i];
    if (l.moments[lemma].n == 0) l.counts[design->first[i]] += 1;
    l.first[lemma] = design->first[i];
    moments_add(&l.moments[lemma], scores[i] - mean);
    moments_add(&l.poles[design->first[i]], scores[i] - mean);
    for (size_t j = 0; j < n && design->first[i]; j++) {
      if (design->first[j] || design->fold[i] != design->fold[j]) continue;
      const double won = scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
      PairCount *const to[] = {&l.whole, &l.pairs[lemma], &l.pairs[design->lemma[j]]};
      for (int k = 0; k < 3; k++) to[k]->won += won, to[k]->pairs += 1;
    }
  }
  return l;
}

static void lemmas_clear(Lemmas *l) {
  free(l->first);
  free(l->moments);
  free(l->pairs);
}

/* The two numbers without one lemma. */
static double auc_without(const Lemmas *l, size_t lemma) {
  return (l->whole.won - l->pairs[lemma].won) / (l->whole.pairs - l->pairs[lemma].pairs);
}

static double g_without(const Lemmas *l, size_t lemma) {
  Moments poles[2] = {l->poles[0], l->poles[1]}, *own = &poles[l->first[lemma]];
  own->n -= l->moments[lemma].n;
  own->sum -= l->moments[lemma].sum;
  own->square -= l->moments[lemma].square;
  return g_of(poles);
}

/* The jackknife's variance of two samples, the lemmas of either pole. */
static double jackknife_variance(const Lemmas *l, double without(const Lemmas *l, size_t lemma)) {
  double means[2] = {0}, squares[2] = {0};
  for (size_t k = 0; k < l->n; k++) means[l->first[k]] += without(l, k) / l->counts[l->first[k]];
  for (size_t k = 0; k < l->n; k++) {
    const double apart = without(l, k) - means[l->first[k]];
    squares[l->first[k]] += apart * apart;
  }
  return squares[0] * (l->counts[0] - 1) / l->counts[0] + squares[1] * (l->counts[1] - 1) / l->counts[1];
}

/* --- bounds --- */

/* Hanley and McNeil's (1982) variance of an AUC of n_folds folds that share out these units of either pole. */
static double auc_variance(double auc, const double units[2], double n_folds) {
  const double m = units[0] / n_folds, n = units[1] / n_folds, both = auc / (2 - auc) - auc * auc,
               either = 2 * auc * auc / (1 + auc) - auc * auc;
  return (auc * (1 - auc) + fmax(0, m - 1) * both + fmax(0, n - 1) * either) / (n_folds * m * n);
}

/* The end of the AUCs, from the one observed towards limit, that lie within 1.96 of their own standard errors of it. */
static double auc_bound(double auc, double limit, const double units[2], double n_folds) {
  double in = auc, out = limit;
  for (int step = 0; step < 60; step++) {
    const double at = 0.5 * (in + out);
    *(fabs(at - auc) <= 1.959963984540054 * sqrt(auc_variance(at, units, n_folds)) ? &in : &out) = at;
  }
  return in;
}

/* Words of a lemma are worth more than one and less than one each: as many lemmas of one word as have the jackknife's
 * variance. */
static Bounded bound_auc(const AxisDesign *design, const Lemmas *l, double auc) {
  const double folds = (double)design->n_folds, jackknife = jackknife_variance(l, auc_without),
               model = auc_variance(auc, l->counts, folds);
  const double worth = jackknife > 0 && model > 0 ? fmin(fmax(1, model / jackknife), (double)design->n / (double)l->n) : 1;
  const double units[2] = {worth * l->counts[0], worth * l->counts[1]};
  return (Bounded){auc, auc_bound(auc, 0, units, folds), auc_bound(auc, 1, units, folds)};
}

static Bounded bound_g(const Lemmas *l, double g) {
  if (l->n < 3) return (Bounded){g, NAN, NAN};
  const double half = student_quantile(0.975, (double)l->n - 2) * sqrt(jackknife_variance(l, g_without));
  return (Bounded){g, g - half, g + half};
}

void axis_summarise(const AxisDesign *design, const double *scores, bool with_intervals, Bounded *auc, Bounded *g) {
  Lemmas l = lemmas_sum(design, scores);
  *auc = (Bounded){l.whole.won / l.whole.pairs, NAN, NAN};
  *g = (Bounded){g_of(l.poles), NAN, NAN};
  if (with_intervals) {
    *auc = bound_auc(design, &l, auc->value);
    *g = bound_g(&l, g->value);
  }
  lemmas_clear(&l);
}
