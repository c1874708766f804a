/* Held-out scores, permutations and random axes, fold by fold, through the Gram matrix of a site. */
#include "probes/values/axis_evaluate.h"

#include "base/memory.h"
#include "base/rng.h"
#include "num/blas.h"
#include "num/statistics.h"
#include "probes/values/axis_parts.h"
#include "probes/values/axis_scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One fold: words of the others, which train, and its own, which are tested. */
typedef struct Fold {
  size_t n_train, n_test;
  size_t *train, *test; /* numbers of words */
  double *gram;         /* [n_train, n_train] */
  double *cross;        /* [n_test, n_train] */
  double *residuals;    /* [n, n] axis_residual_matrix, or NULL */
} Fold;

static void fold_clear(Fold *fold) {
  free(fold->train);
  free(fold->test);
  free(fold->gram);
  free(fold->cross);
  free(fold->residuals);
}

/* gram[n, n] of all words becomes that of their residuals, in a copy. */
static double *residual_gram(size_t n, const double *matrix, const double *gram) {
  double *half = mem_alloc(n * n, sizeof *half), *both = mem_alloc(n * n, sizeof *both);
  blas_gemm_f64(false, false, n, n, n, 1, matrix, n, gram, n, 0, half, n);
  blas_gemm_f64(false, true, n, n, n, 1, half, n, matrix, n, 0, both, n);
  free(half);
  return both;
}

/* The squared size of some of the rows. */
static double diagonal_sum(size_t n, const double *gram, const size_t *words, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += gram[words[i] * (n + 1)];
  return sum;
}

static Status fold_init(Fold *fold, const AxisDesign *design, const AxisProtocol *protocol, size_t number,
                        const double *gram, Error *err) {
  const size_t n = design->n;
  Status status = STATUS_OK;
  *fold = (Fold){.train = mem_alloc(n, sizeof *fold->train), .test = mem_alloc(n, sizeof *fold->test)};
  bool *trains = mem_alloc(n, sizeof *trains);
  for (size_t i = 0; i < n; i++) {
    trains[i] = design->fold[i] != number;
    if (trains[i])
      fold->train[fold->n_train++] = i;
    else
      fold->test[fold->n_test++] = i;
  }
  double *own = NULL;
  if (protocol->n_covariates) {
    fold->residuals = mem_alloc(n * n, sizeof *fold->residuals);
    status = axis_residual_matrix(n, protocol->n_covariates, protocol->covariates, trains, fold->residuals, err);
    own = residual_gram(n, fold->residuals, gram);
    if (status == STATUS_OK)
      status = axis_check_left(diagonal_sum(n, gram, fold->train, fold->n_train),
                               diagonal_sum(n, own, fold->train, fold->n_train), err);
    gram = own;
  }
  const size_t m = fold->n_train;
  fold->gram = mem_alloc(m * m, sizeof *fold->gram);
  fold->cross = mem_alloc(fold->n_test * m, sizeof *fold->cross);
  for (size_t j = 0; j < m; j++) {
    for (size_t i = 0; i < m; i++) fold->gram[i * m + j] = gram[fold->train[i] * n + fold->train[j]];
    for (size_t i = 0; i < fold->n_test; i++) fold->cross[i * m + j] = gram[fold->test[i] * n + fold->train[j]];
  }
  free(trains);
  free(own);
  return status;
}

/* The labels of some of the words: to[count]. */
static void pick(const bool *labels, const size_t *words, size_t count, bool *to) {
  for (size_t i = 0; i < count; i++) to[i] = labels[words[i]];
}

/* Midpoint of the poles and standard deviation of all, of training scores. */
static void place(size_t n, const double *scores, const bool *labels, double *midpoint, double *scale) {
  double sums[2] = {0}, counts[2] = {0}, square = 0;
  for (size_t i = 0; i < n; i++) sums[labels[i]] += scores[i], counts[labels[i]] += 1;
  const double mean = (sums[0] + sums[1]) / (double)n;
  for (size_t i = 0; i < n; i++) square += (scores[i] - mean) * (scores[i] - mean);
  *midpoint = 0.5 * (sums[0] / counts[0] + sums[1] / counts[1]);
  *scale = sqrt(square / (double)(n - 1));
}

/* The held-out scores of the true labeling, whose coefficients are given. */
static void score_fold(const Fold *fold, const bool *train_labels, const double *coefficients, double *held_out) {
  const size_t m = fold->n_train;
  double *scores = mem_alloc(m, sizeof *scores), midpoint, scale;
  blas_gemm_f64(false, true, 1, m, m, 1, coefficients, m, fold->gram, m, 0, scores, m);
  place(m, scores, train_labels, &midpoint, &scale);
  for (size_t i = 0; i < fold->n_test; i++) {
    double sum = 0;
    for (size_t j = 0; j < m; j++) sum += fold->cross[i * m + j] * coefficients[j];
    held_out[fold->test[i]] = (sum - midpoint) / scale;
  }
  free(scores);
}

enum { BLOCK = 256 }; /* labelings at a time */

/* Fits every labeling on the fold's training words and counts pairs of its test words. */
static Status run_labelings(const Fold *fold, const AxisDesign *design, const AxisProtocol *protocol, size_t d,
                            double *held_out, PairCount *counts, Error *err) {
  const size_t m = fold->n_train, t = fold->n_test, total = 1 + protocol->n_permutations;
  bool *train = mem_alloc(BLOCK * m, sizeof *train), *test = mem_alloc(t, sizeof *test);
  double *coefficients = mem_alloc(BLOCK * m, sizeof *coefficients), *scores = mem_alloc(BLOCK * t, sizeof *scores);
  AxisFitter *fitter = NULL;
  Status status = axis_fitter_new(protocol->method, m, d, fold->gram, &fitter, err);
  for (size_t first = 0; first < total && status == STATUS_OK; first += BLOCK) {
    const size_t count = total - first < BLOCK ? total - first : BLOCK;
    const bool *labels = protocol->labels + first * design->n;
    for (size_t b = 0; b < count; b++) pick(labels + b * design->n, fold->train, m, train + b * m);
    status = axis_fitter_fit(fitter, count, train, coefficients, err);
    if (status != STATUS_OK) break;
    if (first == 0) score_fold(fold, train, coefficients, held_out);
    blas_gemm_f64(false, true, count, t, m, 1, coefficients, m, fold->cross, m, 0, scores, t);
    for (size_t b = 0; b < count; b++) {
      pick(labels + b * design->n, fold->test, t, test);
      pairs_count(t, scores + b * t, test, &counts[first + b]);
    }
  }
  axis_fitter_free(fitter);
  free(train);
  free(test);
  free(coefficients);
  free(scores);
  return status;
}

/* Counts the pairs that random axes rank, along[n_axes, n] being all words along them; the sign of each is such that the
 * training words' first pole lies higher. */
static void run_random(const Fold *fold, const AxisDesign *design, size_t n_axes, const double *along,
                       PairCount *counts) {
  const size_t n = design->n;
  double *own = mem_alloc(n, sizeof *own), *scores = mem_alloc(fold->n_test, sizeof *scores);
  bool *labels = mem_alloc(fold->n_test, sizeof *labels);
  pick(design->first, fold->test, fold->n_test, labels);
  for (size_t r = 0; r < n_axes; r++) {
    const double *s = along + r * n;
    if (fold->residuals) {
      blas_gemm_f64(false, true, 1, n, n, 1, s, n, fold->residuals, n, 0, own, n);
      s = own;
    }
    double sums[2] = {0}, sizes[2] = {0};
    for (size_t i = 0; i < fold->n_train; i++) {
      sums[design->first[fold->train[i]]] += s[fold->train[i]];
      sizes[design->first[fold->train[i]]] += 1;
    }
    const double sign = sums[1] / sizes[1] >= sums[0] / sizes[0] ? 1 : -1;
    for (size_t i = 0; i < fold->n_test; i++) scores[i] = sign * s[fold->test[i]];
    pairs_count(fold->n_test, scores, labels, &counts[r]);
  }
  free(own);
  free(scores);
  free(labels);
}

/* along[n_axes, n]: the words along Gaussian axes of width d. */
static void draw_random(size_t n, size_t d, const double *rows, size_t n_axes, Rng *rng, double *along) {
  double *axes = mem_alloc(BLOCK * d, sizeof *axes);
  for (size_t first = 0; first < n_axes; first += BLOCK) {
    const size_t count = n_axes - first < BLOCK ? n_axes - first : BLOCK;
    for (size_t i = 0; i < count * d; i++) axes[i] = rng_normal(rng);
    blas_gemm_f64(false, true, count, n, d, 1, axes, d, rows, d, 0, along + first * n, n);
  }
  free(axes);
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static Bounded spread(size_t n, const PairCount *counts) {
  if (n == 0) return (Bounded){NAN, NAN, NAN};
  double *aucs = mem_alloc(n, sizeof *aucs), mean = 0;
  for (size_t r = 0; r < n; r++) {
    aucs[r] = counts[r].won / counts[r].pairs;
    mean += aucs[r] / (double)n;
  }
  qsort(aucs, n, sizeof *aucs, ascending);
  const Bounded result = {mean, quantile_sorted(n, aucs, 0.025), quantile_sorted(n, aucs, 0.975)};
  free(aucs);
  return result;
}

Status axis_evaluate(const AxisDesign *design, const AxisProtocol *protocol, uint64_t site, size_t d, const float *rows,
                     AxisEvaluation *to, Error *err) {
  const size_t n = design->n, n_permutations = protocol->n_permutations,
               n_axes = n_permutations < AXIS_MOST_RANDOM ? n_permutations : AXIS_MOST_RANDOM;
  double *centred = NULL, *gram = mem_alloc(n * n, sizeof *gram), *along = mem_alloc(n_axes * n, sizeof *along);
  PairCount *counts = mem_alloc(1 + n_permutations, sizeof *counts), *random = mem_alloc(n_axes, sizeof *random);
  Rng rng = rng_new(protocol->seed + UINT64_C(0x9e3779b97f4a7c15) * (site + 1));
  *to = (AxisEvaluation){.held_out = mem_alloc(n, sizeof(double)), .permuted = mem_alloc(n_permutations, sizeof(double))};
  Status status = axis_centred_rows(n, d, rows, &centred, err);
  if (status == STATUS_OK) {
    axis_gram(n, d, centred, gram);
    draw_random(n, d, centred, n_axes, &rng, along);
  }
  for (size_t f = 0; f < design->n_folds && status == STATUS_OK; f++) {
    Fold fold;
    status = fold_init(&fold, design, protocol, f, gram, err);
    if (status == STATUS_OK) status = run_labelings(&fold, design, protocol, d, to->held_out, counts, err);
    if (status == STATUS_OK) run_random(&fold, design, n_axes, along, random);
    fold_clear(&fold);
  }
  if (status == STATUS_OK) {
    for (size_t b = 0; b < n_permutations; b++) to->permuted[b] = counts[1 + b].won / counts[1 + b].pairs;
    axis_summarise(design, to->held_out, protocol->with_intervals, &to->auc, &to->g);
    to->auc.value = counts[0].won / counts[0].pairs;
    to->random = spread(n_axes, random);
  }
  free(centred);
  free(gram);
  free(along);
  free(counts);
  free(random);
  if (status != STATUS_OK) axis_evaluation_clear(to);
  return status;
}

void axis_evaluation_clear(AxisEvaluation *evaluation) {
  free(evaluation->held_out);
  free(evaluation->permuted);
  *evaluation = (AxisEvaluation){0};
}

void axis_p_values(size_t n_sites, const AxisEvaluation *of, size_t n_permutations, double *p, double *most) {
  for (size_t s = 0; s < n_sites; s++) {
    size_t own = 0, any = 0;
    for (size_t b = 0; b < n_permutations; b++) {
      double largest = of[0].permuted[b];
      for (size_t t = 1; t < n_sites; t++) largest = fmax(largest, of[t].permuted[b]);
      own += of[s].permuted[b] >= of[s].auc.value;
      any += largest >= of[s].auc.value;
    }
    p[s] = n_permutations ? (1 + (double)own) / (1 + (double)n_permutations) : NAN;
    most[s] = n_permutations ? (1 + (double)any) / (1 + (double)n_permutations) : NAN;
  }
}
