/* Intervals of value axes, which must hold what is known as often as they say, and axes of two models. */
#include "probes/drift/interval.h"
#include "probes/values/axis_compare.h"
#include "probes/values/axis_scores.h"
#include "tests/axis_made.h"
#include "tests/tap.h"

#include <stdlib.h>

static double normal_cdf(double x) { return 0.5 * erfc(-x / sqrt(2)); }

/* How often intervals hold the AUC and g of scores whose truth is known. Forms of a lemma, where there are several, share
 * half of their variance. */
static void check_coverage(size_t n_lemmas, size_t forms, double apart) {
  enum { SETS = 400 };
  const double own = forms > 1, effect = apart / sqrt(1 + own), truth = normal_cdf(effect / sqrt(2));
  double auc_in = 0, g_in = 0;
  for (uint64_t s = 0; s < SETS; s++) {
    Made m = make(n_lemmas, forms, 1, own, apart, 5000 + s);
    AxisDesign design;
    Error err;
    double *scores = mem_alloc(m.n, sizeof *scores);
    Bounded auc, g;
    axis_design_init(&design, m.n, m.first, m.lemma, m.n_lemmas, 5, s, poles, &err);
    for (size_t i = 0; i < m.n; i++) scores[i] = (double)m.rows[i];
    axis_summarise(&design, scores, true, &auc, &g);
    auc_in += (auc.lo <= truth && truth <= auc.hi) / (double)SETS;
    g_in += (g.lo <= effect && effect <= g.hi) / (double)SETS;
    free(scores);
    axis_design_clear(&design);
    made_clear(&m);
  }
  /* 95 % and three standard errors of 400 sets; forms of a lemma may make the interval of the AUC wider than it need be. */
  ok(auc_in > 0.917 && (forms > 1 || auc_in < 0.983), "%zu lemmas of %zu, AUC %.2f: held by %.1f %% of intervals", n_lemmas,
     forms, truth, 100 * auc_in);
  ok(g_in > 0.917 && g_in < 0.983, "g %.1f: by %.1f %%", effect, 100 * g_in);
}

static void test_coverage(void) {
  for (size_t n_lemmas = 20; n_lemmas <= 40; n_lemmas += 20)
    for (size_t forms = 1; forms <= 4; forms += 3)
      for (int step = 0; step < 3; step++) check_coverage(n_lemmas, forms, 1.25 * step);
}

/* Scores that tell all words apart, the bounds of which were found by hand: (1 - a)^2 = 1.96^2 * variance(a). */
static void test_ends(void) {
  enum { N = 20 };
  bool first[N];
  size_t lemma[N], fold[N];
  double scores[N];
  for (size_t i = 0; i < N; i++) {
    first[i] = i % 2;
    lemma[i] = i;
    fold[i] = i / 10;
    scores[i] = (first[i] ? 10 : -10) + (double)(i % 3);
  }
  const AxisDesign design = {.n = N, .first = first, .lemma = lemma, .n_lemmas = N, .n_folds = 2, .fold = fold};
  Bounded auc, g, none;
  axis_summarise(&design, scores, true, &auc, &g);
  ok(auc.value == 1 && auc.hi == 1 && auc.lo > 0.5 && auc.lo < 0.95, "all pairs won: an AUC of 1, %.3f to 1", auc.lo);
  const double a = auc.lo, variance = (a * (1 - a) + 4 * (a / (2 - a) - a * a) + 4 * (2 * a * a / (1 + a) - a * a)) / 50;
  ok(is_close((1 - a) * (1 - a), 1.959963984540054 * 1.959963984540054 * variance, 0, 1e-9), "where it is 1.96 standard errors away");
  ok(g.lo < g.value && g.value < g.hi && is_close(g.value - g.lo, g.hi - g.value, 1e-9, 0), "g %.1f (%.1f to %.1f)", g.value,
     g.lo, g.hi);
  for (size_t i = 0; i < N; i++) scores[i] = -scores[i];
  axis_summarise(&design, scores, true, &none, &g);
  ok(none.value == 0 && none.lo == 0 && is_close(none.hi, 1 - auc.lo, 1e-9, 0), "swapped, all is mirrored");
  axis_summarise(&design, scores, false, &none, &g);
  ok(none.value == 0 && isnan(none.lo) && isnan(none.hi) && isnan(g.lo) && isnan(g.hi), "or no intervals");
}

static void test_compare(void) {
  Made m = make(40, 2, 6, 0.3, 2, 51);
  float *turned = mem_alloc(m.n * m.d, sizeof *turned);
  const double angle = 3.14159265358979323846 / 6;
  for (size_t i = 0; i < m.n; i++) {
    const float *x = m.rows + i * m.d;
    float *y = turned + i * m.d;
    memcpy(y, x, m.d * sizeof *x);
    /* All six columns in three planes, each by 30 degrees: every direction turns by 30. */
    for (size_t j = 0; j < 6; j += 2) {
      y[j] = (float)(cos(angle) * (double)x[j] - sin(angle) * (double)x[j + 1]);
      y[j + 1] = (float)(sin(angle) * (double)x[j] + cos(angle) * (double)x[j + 1]);
    }
  }
  const AxisDesign design = {.n = m.n, .first = m.first, .lemma = m.lemma, .n_lemmas = m.n_lemmas};
  Error err;
  for (int method = 0; method < 3; method++) {
    Estimate turn, still;
    Interval bounds;
    size_t units, again;
    axis_rotation(&design, (AxisMethod)method, NULL, 0, m.d, m.rows, turned, 1, &turn, &units, &err);
    axis_rotation(&design, (AxisMethod)method, NULL, 0, m.d, m.rows, m.rows, 1, &still, &again, &err);
    intervals_bootstrap(units, 1, &turn, 100, 1, &bounds);
    ok(is_close(turn.value, 30, 0, 1e-3) && bounds.low > 29.99 && bounds.high < 30.01 && units == 40,
       "%s: rows turned by 30 degrees turn the axis by %.4f", methods[method], turn.value);
    ok(still.value == 0, "and the same rows by none");
    free(turn.pseudo);
    free(still.pseudo);
  }
  const double numbers[] = {1, 3, 10, 4, 100};
  size_t units;
  Estimate mean = axis_lemma_mean(5, numbers, (bool[]){true, true, true, true, false}, (size_t[]){0, 0, 1, 2, 2}, 3, &units);
  ok(units == 3 && is_close(mean.value, 16.0 / 3, 1e-12, 0) && is_close(mean.pseudo[1], 14.0 / 3, 1e-12, 0),
     "a mean over lemmas, each its words' mean");
  free(mean.pseudo);
  mean = axis_lemma_mean(1, numbers, (bool[]){false}, (size_t[]){0}, 1, &units);
  ok(isnan(mean.value) && units == 0, "no word, no mean");
  free(mean.pseudo);
  free(turned);
  made_clear(&m);
}

int main(void) {
  test_coverage();
  test_ends();
  test_compare();
  return tap_end();
}
