/* The protocol that value axes are tested by: planted axes with known AUC and g, p values on rows without any, lemmas that
 * would leak, permutations refit by hand. */
#include "num/statistics.h"
#include "probes/values/axis_evaluate.h"
#include "tests/axis_made.h"
#include "tests/tap.h"

#include <stdlib.h>

/* Evaluates one site. b permutations; the design is freed, the evaluation is the caller's. */
static AxisEvaluation evaluate(const Made *m, AxisMethod method, size_t b, bool with_intervals, uint64_t seed) {
  AxisDesign design;
  AxisEvaluation e = {0};
  Error err;
  Status status = axis_design_init(&design, m->n, m->first, m->lemma, m->n_lemmas, 5, seed, poles, &err);
  bool *labels = status == STATUS_OK ? axis_labelings(&design, b, seed) : NULL;
  const AxisProtocol protocol = {
      .method = method, .labels = labels, .n_permutations = b, .with_intervals = with_intervals, .seed = seed};
  if (status == STATUS_OK) status = axis_evaluate(&design, &protocol, 0, m->d, m->rows, &e, &err);
  if (status != STATUS_OK) printf("# %s\n", err.text);
  free(labels);
  axis_design_clear(&design);
  return e;
}

static double normal_cdf(double x) { return 0.5 * erfc(-x / sqrt(2)); }

static void test_planted(void) {
  enum { LEMMAS = 1000 };
  Made m = make(LEMMAS, 1, 8, 0, 1.5, 3);
  for (int method = 0; method < 3; method++) {
    AxisEvaluation e = evaluate(&m, (AxisMethod)method, 20, true, 5);
    const double auc = normal_cdf(1.5 / sqrt(2));
    double p, most;
    axis_p_values(1, &e, 20, &p, &most);
    ok(fabs(e.auc.value - auc) < 0.03 && e.auc.lo < auc && auc < e.auc.hi, "%s: AUC %.3f (%.3f to %.3f), planted %.3f",
       methods[method], e.auc.value, e.auc.lo, e.auc.hi, auc);
    ok(fabs(e.g.value - 1.5) < 0.15 && e.g.lo < 1.5 && 1.5 < e.g.hi, "%s: g %.2f (%.2f to %.2f), planted 1.5",
       methods[method], e.g.value, e.g.lo, e.g.hi);
    ok(is_close(p, 1.0 / 21, 1e-12, 0) && is_close(most, p, 1e-12, 0), "no permutation reaches it: p = 1/21");
    ok(e.random.value > 0.5 && e.random.value < 0.75 && e.random.lo < e.random.value, "random axes reach %.2f",
       e.random.value);
    axis_evaluation_clear(&e);
  }
  made_clear(&m);
}

/* The share of made data sets without an axis whose p is at most 0.1, and the mean p. */
static void run_null(size_t forms, AxisMethod method, size_t sets, double *share, double *mean, double *auc) {
  enum { B = 39 };
  *share = *mean = *auc = 0;
  for (size_t s = 0; s < sets; s++) {
    Made m = make(24, forms, 12, forms > 1 ? 0.1 : 0, 0, 1000 + s);
    AxisEvaluation e = evaluate(&m, method, B, false, s);
    double p, most;
    axis_p_values(1, &e, B, &p, &most);
    *share += (p <= 0.1) / (double)sets;
    *mean += p / (double)sets;
    *auc += e.auc.value / (double)sets;
    axis_evaluation_clear(&e);
    made_clear(&m);
  }
}

static void test_null(void) {
  for (size_t forms = 1; forms <= 4; forms += 3)
    for (int method = 0; method < 3; method++) {
      const size_t sets = method == 2 ? 100 : 400;
      double share, mean, auc;
      run_null(forms, (AxisMethod)method, sets, &share, &mean, &auc);
      const double error = sqrt(0.09 / (double)sets);
      const double drift = 3.3 * 0.29 / sqrt((double)sets);
      /* With few words a fold many labelings tie, and ties count against the axis: p is a little too large. */
      ok(share < 0.1 + 3.3 * error && share > 0.03 && mean > 0.5 - drift && mean < 0.54 + drift,
         "%s, %zu forms a lemma, nothing planted: p <= 0.1 in %.3f, mean p %.3f", methods[method], forms, share, mean);
      ok(fabs(auc - 0.5) < 0.05, "and a mean AUC of %.3f", auc);
    }
}

/* Inflections that are all but equal: by lemma there is nothing to learn, by word everything leaks. */
static void test_leak(void) {
  Made m = make(40, 4, 300, 0.1, 0, 11);
  AxisEvaluation by_lemma = evaluate(&m, AXIS_MEAN, 99, true, 1);
  double p, most;
  axis_p_values(1, &by_lemma, 99, &p, &most);
  for (size_t i = 0; i < m.n; i++) m.lemma[i] = i;
  m.n_lemmas = m.n;
  AxisEvaluation by_word = evaluate(&m, AXIS_MEAN, 0, true, 1);
  ok(by_lemma.auc.value < 0.75 && p > 0.05, "lemmas kept whole: AUC %.2f, p %.2f", by_lemma.auc.value, p);
  ok(by_word.auc.value > 0.9, "inflections in several folds would give an AUC of %.2f", by_word.auc.value);
  ok(by_lemma.auc.hi - by_lemma.auc.lo > 1.5 * (by_word.auc.hi - by_word.auc.lo), "intervals are over lemmas: wider");
  axis_evaluation_clear(&by_lemma);
  axis_evaluation_clear(&by_word);
  made_clear(&m);
}

/* --- properties --- */

static void test_design(void) {
  Made m = make(23, 3, 1, 0, 0, 7);
  AxisDesign design;
  Error err;
  ok(axis_design_init(&design, m.n, m.first, m.lemma, m.n_lemmas, 5, 9, poles, &err) == STATUS_OK, "a design");
  bool whole = true, same_counts = true, moved = false;
  for (size_t i = 0; i < m.n; i++) whole = whole && design.fold[i] == design.fold[3 * m.lemma[i]];
  ok(whole, "all words of a lemma are in one fold");
  bool *labels = axis_labelings(&design, 50, 2);
  ok(memcmp(labels, m.first, m.n) == 0, "the first labeling is the true one");
  for (size_t b = 1; b <= 50; b++) {
    size_t counts[5] = {0};
    for (size_t i = 0; i < m.n; i++) {
      whole = whole && labels[b * m.n + i] == labels[b * m.n + 3 * m.lemma[i]];
      counts[design.fold[i]] += (size_t)labels[b * m.n + i] - (size_t)m.first[i];
      moved = moved || labels[b * m.n + i] != m.first[i];
    }
    for (int f = 0; f < 5; f++) same_counts = same_counts && counts[f] == 0;
  }
  ok(whole && moved, "lemmas are exchanged whole");
  ok(same_counts, "and folds keep how many they hold of either pole");
  free(labels);
  axis_design_clear(&design);
  ok(axis_design_init(&design, m.n, m.first, m.lemma, m.n_lemmas, 12, 9, poles, &err) == STATUS_DATA &&
         strcmp(err.text, "pole agency has 11 lemmas, expected at least 12: one for each fold") == 0,
     "more folds than lemmas: %s", err.text);
  axis_design_clear(&design);
  made_clear(&m);
}

/* One permutation, refit by hand: means of rows, fold by fold, no Gram matrix. */
static double refit_by_hand(const Made *m, const AxisDesign *design, const bool *labels) {
  double *axis = mem_alloc(m->d, sizeof *axis), won = 0, pairs = 0;
  for (size_t f = 0; f < design->n_folds; f++) {
    double counts[2] = {0};
    memset(axis, 0, m->d * sizeof *axis);
    for (size_t i = 0; i < m->n; i++) counts[labels[i]] += design->fold[i] != f;
    for (size_t i = 0; i < m->n; i++)
      for (size_t j = 0; j < m->d && design->fold[i] != f; j++)
        axis[j] += (double)m->rows[i * m->d + j] * (labels[i] ? 1 / counts[1] : -1 / counts[0]);
    for (size_t i = 0; i < m->n; i++)
      for (size_t k = 0; k < m->n; k++) {
        if (!labels[i] || labels[k] || design->fold[i] != f || design->fold[k] != f) continue;
        double apart = 0;
        for (size_t j = 0; j < m->d; j++)
          apart += axis[j] * ((double)m->rows[i * m->d + j] - (double)m->rows[k * m->d + j]);
        won += apart > 0;
        pairs += 1;
      }
  }
  free(axis);
  return won / pairs;
}

static void test_refit(void) {
  Made m = make(30, 2, 7, 0.5, 0.7, 21);
  AxisDesign design;
  Error err;
  axis_design_init(&design, m.n, m.first, m.lemma, m.n_lemmas, 5, 4, poles, &err);
  bool *labels = axis_labelings(&design, 10, 4), same = true;
  AxisEvaluation e = evaluate(&m, AXIS_MEAN, 10, false, 4);
  for (size_t b = 0; b < 10; b++)
    same = same && is_close(e.permuted[b], refit_by_hand(&m, &design, labels + (b + 1) * m.n), 1e-12, 0);
  ok(same && is_close(e.auc.value, refit_by_hand(&m, &design, labels), 1e-12, 0),
     "every permutation's AUC is that of an axis refit by hand");
  ok(isnan(e.auc.lo) && isnan(e.g.hi), "intervals are made where they are asked for");
  axis_evaluation_clear(&e);
  free(labels);
  axis_design_clear(&design);
  made_clear(&m);
}

/* A covariate that is the axis: regressed out inside the folds, nothing is left. */
static void test_covariate(void) {
  Made m = make(60, 1, 5, 0, 2, 41);
  AxisDesign design;
  Error err;
  axis_design_init(&design, m.n, m.first, m.lemma, m.n_lemmas, 5, 4, poles, &err);
  bool *labels = axis_labelings(&design, 0, 4);
  double *z = mem_alloc(2 * m.n, sizeof *z);
  for (size_t i = 0; i < m.n; i++) z[2 * i] = (double)m.rows[i * m.d], z[2 * i + 1] = 7; /* and one that never varies */
  AxisProtocol protocol = {.labels = labels, .seed = 4};
  AxisEvaluation plain, without;
  axis_evaluate(&design, &protocol, 0, m.d, m.rows, &plain, &err);
  protocol.covariates = z;
  protocol.n_covariates = 2;
  ok(axis_evaluate(&design, &protocol, 0, m.d, m.rows, &without, &err) == STATUS_OK, "a constant covariate does no harm");
  ok(plain.auc.value > 0.85 && without.auc.value < 0.65, "AUC %.2f, with its cause regressed out %.2f", plain.auc.value,
     without.auc.value);
  axis_evaluation_clear(&plain);
  axis_evaluation_clear(&without);
  for (size_t i = 0; i < m.n; i++)
    for (size_t j = 0; j < m.d; j++) m.rows[i * m.d + j] = (float)((double)(j + 1) * z[2 * i]);
  ok(axis_evaluate(&design, &protocol, 0, m.d, m.rows, &without, &err) == STATUS_NUMERIC &&
         strstr(err.text, "the covariates explain the words' activations wholly"),
     "covariates that leave nothing: %s", err.text);
  free(labels);
  free(z);
  axis_design_clear(&design);
  made_clear(&m);
}

static void test_most(void) {
  double a[] = {0.4, 0.6, 0.5, 0.9}, b[] = {0.8, 0.3, 0.7, 0.2}, p[2], most[2];
  const AxisEvaluation both[] = {{.auc = {0.6, 0, 0}, .permuted = a}, {.auc = {0.85, 0, 0}, .permuted = b}};
  axis_p_values(2, both, 4, p, most);
  ok(p[0] == 3.0 / 5 && p[1] == 1.0 / 5, "p counts permutations at least as high, and the data itself");
  ok(most[0] == 1 && most[1] == 2.0 / 5, "p_max counts the largest of all sites");
  axis_p_values(2, both, 0, p, most);
  ok(isnan(p[0]) && isnan(most[1]), "no permutation, no p");
}

int main(void) {
  test_planted();
  test_null();
  test_leak();
  test_design();
  test_refit();
  test_covariate();
  test_most();
  return tap_end();
}
