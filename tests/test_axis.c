/* Fits of value axes: held to scikit-learn, properties, scores with covariates taken out, refusals. */
#include "num/statistics.h"
#include "probes/values/axis_fit.h"
#include "probes/values/axis_scores.h"
#include "tests/axis_made.h"
#include "tests/fixtures/axis_oracle.h"
#include "tests/tap.h"

#include <stdlib.h>

/* --- against scikit-learn --- */

static void check_fit(const char *name, size_t n, size_t d, size_t q, const float *rows, const bool *first,
                      const double *covariates, const double *const *expected, const double *residual) {
  const AxisDesign design = {.n = n, .first = first};
  Error err;
  for (int m = 0; m < 4; m++) {
    ValueAxis axis;
    const AxisMethod method = m == 3 ? AXIS_MEAN : (AxisMethod)m;
    const double *direction = m == 3 ? residual : expected[m];
    const Status status = axis_fit(&design, method, "here", d, rows, covariates, m == 3 ? q : 0, &axis, &err);
    double worst = 0;
    for (size_t j = 0; j < d && status == STATUS_OK; j++)
      worst = fmax(worst, fabs(axis.direction[j] - direction[j]));
    ok(status == STATUS_OK && worst < (m == 2 ? 2e-5 : 1e-8), "%s: %s%s as scikit-learn has it: %.1e apart", name,
       methods[method], m == 3 ? ", covariates taken out," : "", worst);
    if (status == STATUS_OK) axis_clear(&axis);
  }
}

static void test_oracle(void) {
  check_fit("more words than columns", tall_n, tall_d, tall_q, tall_rows, tall_first, tall_covariates,
            (const double *const[]){tall_mean, tall_lda, tall_logistic}, tall_mean_residual);
  check_fit("fewer words than columns", wide_n, wide_d, wide_q, wide_rows, wide_first, wide_covariates,
            (const double *const[]){wide_mean, wide_lda, wide_logistic}, wide_mean_residual);
  const size_t n = sizeof effect_scores / sizeof effect_scores[0];
  PairCount count = {0};
  pairs_count(n, effect_scores, effect_first, &count);
  ok(is_close(hedges_g(n, effect_scores, effect_first), effect_g, 1e-12, 0), "Hedges' g %.4f", effect_g);
  ok(is_close(count.won / count.pairs, effect_auc, 1e-12, 0), "AUC %.4f, ties one half", effect_auc);
  ok(isnan(hedges_g(3, effect_scores, (bool[]){true, true, false})), "no g of a pole of one word");
}

/* --- properties --- */

static void test_swap(void) {
  Made m = make(30, 1, 9, 0, 1, 31);
  Error err;
  for (int method = 0; method < 3; method++) {
    AxisDesign design = {.n = m.n, .first = m.first};
    ValueAxis axis, swapped;
    axis_fit(&design, (AxisMethod)method, "s", m.d, m.rows, NULL, 0, &axis, &err);
    bool *other = mem_alloc(m.n, sizeof *other);
    for (size_t i = 0; i < m.n; i++) other[i] = !m.first[i];
    design.first = other;
    axis_fit(&design, (AxisMethod)method, "s", m.d, m.rows, NULL, 0, &swapped, &err);
    double worst = 0, low = 0, high = 0;
    for (size_t i = 0; i < m.n; i++) {
      const double score = axis_score(&axis, m.rows + i * m.d);
      worst = fmax(worst, fabs(score + axis_score(&swapped, m.rows + i * m.d)));
      *(m.first[i] ? &high : &low) += score / 15;
    }
    ok(worst < 1e-5, "%s: swapping the poles flips every score", methods[method]);
    ok(is_close(high, -low, 0, 1e-6) && is_close(high - low, axis.separation, 1e-6, 0),
       "the poles' means lie at equal distances of 0, %.2f apart", axis.separation);
    axis_clear(&axis);
    axis_clear(&swapped);
    free(other);
  }
  made_clear(&m);
}

/* Words beside the poles that only a covariate tells apart from the first pole's: with it taken out they lie where these do. */
static void test_others(void) {
  enum { POLES = 80, ALL = 160, D = 6 };
  Made m = make(ALL, 1, D, 0, 0, 71);
  const AxisDesign design = {.n = POLES, .first = m.first};
  Error err;
  double covariate[ALL], plain[ALL], without[ALL], by_hand[ALL];
  for (size_t i = 0; i < ALL; i++) {
    covariate[i] = (double)(i * 7 % 11) + (i < POLES ? 0 : 20);
    for (size_t j = 0; j < D; j++) m.rows[i * D + j] += (float)(0.5 * covariate[i]);
    if (i < POLES ? m.first[i] : i < ALL) m.rows[i * D] += 2;
  }
  ValueAxis axis;
  axis_fit(&design, AXIS_MEAN, "here", D, m.rows, covariate, 1, &axis, &err);
  ok(axis_score_words(&design, &axis, ALL, m.rows, NULL, 0, plain, &err) == STATUS_OK &&
         is_close(plain[ALL - 1], axis_score(&axis, m.rows + (ALL - 1) * D), 1e-12, 0),
     "without covariates a word's score is that of its row");
  ok(axis_score_words(&design, &axis, ALL, m.rows, covariate, 1, without, &err) == STATUS_OK, "and with them");
  /* By hand: a line through the poles' words, their midpoint and standard deviation. */
  double means[2] = {0}, xx = 0, xy = 0, sides[2] = {0}, square = 0, high = 0, beside = 0, raw = 0;
  for (size_t i = 0; i < ALL; i++) by_hand[i] = axis_project(&axis, m.rows + i * D);
  for (size_t i = 0; i < POLES; i++) means[0] += covariate[i] / POLES, means[1] += by_hand[i] / POLES;
  for (size_t i = 0; i < POLES; i++) {
    xx += (covariate[i] - means[0]) * (covariate[i] - means[0]);
    xy += (covariate[i] - means[0]) * (by_hand[i] - means[1]);
  }
  for (size_t i = 0; i < ALL; i++) by_hand[i] -= means[1] + xy / xx * (covariate[i] - means[0]);
  for (size_t i = 0; i < POLES; i++) sides[m.first[i]] += by_hand[i] / (POLES / 2), square += by_hand[i] * by_hand[i];
  bool same = true;
  for (size_t i = 0; i < ALL; i++)
    same = same && is_close(without[i], (by_hand[i] - 0.5 * (sides[0] + sides[1])) / sqrt(square / (POLES - 1)), 1e-9, 1e-9);
  ok(same, "which are taken out by the line through the words of the poles");
  for (size_t i = 0; i < ALL; i++) {
    if (i < POLES && m.first[i]) high += without[i] / (POLES / 2);
    if (i >= POLES) beside += without[i] / (ALL - POLES), raw += plain[i] / (ALL - POLES);
  }
  ok(fabs(beside - high) < 0.4 && raw - high > 2, "beside the first pole (%.2f): %.2f, with the covariate in it %.2f", high,
     beside, raw);
  axis_clear(&axis);
  made_clear(&m);
}

static void test_refused(void) {
  Made m = make(20, 1, 4, 0, 1, 61);
  const AxisDesign design = {.n = m.n, .first = m.first};
  ValueAxis axis;
  Error err;
  m.rows[5 * m.d + 1] = NAN;
  ok(axis_fit(&design, AXIS_MEAN, "here", m.d, m.rows, NULL, 0, &axis, &err) == STATUS_NUMERIC &&
         strcmp(err.text, "here: row 5 holds a NaN or an infinity") == 0,
     "NaN: %s", err.text);
  for (size_t i = 0; i < m.n * m.d; i++) m.rows[i] = 2.5F;
  for (int method = 0; method < 3; method++)
    ok(axis_fit(&design, (AxisMethod)method, "here", m.d, m.rows, NULL, 0, &axis, &err) == STATUS_NUMERIC &&
           strstr(err.text, "here: the words of both poles have the same mean"),
       "%s of equal rows: %s", methods[method], err.text);
  for (size_t i = 0; i < m.n * m.d; i++) m.rows[i] = 0.1F; /* whose mean is not exact */
  ok(axis_fit(&design, AXIS_MEAN, "here", m.d, m.rows, NULL, 0, &axis, &err) == STATUS_NUMERIC, "rounding is no axis");
  for (size_t i = 0; i < m.n * m.d; i++) m.rows[i] = m.first[i / m.d] ? 0.1F : 0.7F;
  ok(axis_fit(&design, AXIS_LDA, "here", m.d, m.rows, NULL, 0, &axis, &err) == STATUS_NUMERIC &&
         strcmp(err.text, "here: all words of a pole have the same activations: lda goes by how they differ within the "
                          "poles, the method mean does not") == 0,
     "lda of poles without spread: %s", err.text);
  ok(axis_fit(&design, AXIS_MEAN, "here", m.d, m.rows, NULL, 0, &axis, &err) == STATUS_OK &&
         is_close(axis.separation, 2 * sqrt(19.0 / 20), 1e-6, 0),
     "which the difference of means takes");
  axis_clear(&axis);
  double covariate[20];
  for (size_t i = 0; i < m.n; i++) covariate[i] = m.first[i];
  ok(axis_fit(&design, AXIS_MEAN, "here", m.d, m.rows, covariate, 1, &axis, &err) == STATUS_NUMERIC &&
         strstr(err.text, "here: the covariates explain the words' activations wholly"),
     "covariates that leave nothing: %s", err.text);
  AxisMethod method;
  ok(!axis_method_from_name("svm", &method) && axis_method_from_name("lda", &method) && method == AXIS_LDA, "names");
  made_clear(&m);
}

int main(void) {
  test_oracle();
  test_swap();
  test_others();
  test_refused();
  return tap_end();
}
