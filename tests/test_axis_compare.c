/* Intervals of value axes, which must hold what is known as often as they say, and axes of two models. */
#include "probes/drift/interval.h"
#include "probes/values/axis_compare.h"
#include "probes/values/axis_scores.h"
#include "tests/axis_made.h"
#include "tests/tap.h"

#include <stdlib.h>

static double normal_cdf(double x) { return 0.5 * erfc(-x / sqrt(2)); }

/* How often intervals hold the AUC and g of scores whose truth is known; four forms a lemma, which share half of their
 * variance. */
static void test_coverage(void) {
  enum { SETS = 300, LEMMAS = 40, FORMS = 4, N = LEMMAS * FORMS };
  size_t auc_in = 0, g_in = 0;
  for (uint64_t s = 0; s < SETS; s++) {
    Made m = make(LEMMAS, FORMS, 1, 1, 1.2, 5000 + s);
    AxisDesign design;
    Error err;
    double scores[N];
    Bounded auc, g;
    axis_design_init(&design, m.n, m.first, m.lemma, m.n_lemmas, 2, s, poles, &err);
    for (size_t i = 0; i < N; i++) scores[i] = (double)m.rows[i];
    axis_summarise(&design, scores, 200, s, &auc, &g);
    const double effect = 1.2 / sqrt(2); /* the words' variance is 1 + 1 */
    auc_in += auc.lo <= normal_cdf(effect / sqrt(2)) && normal_cdf(effect / sqrt(2)) <= auc.hi;
    g_in += g.lo <= effect && effect <= g.hi;
    axis_design_clear(&design);
    made_clear(&m);
  }
  ok(auc_in >= 0.88 * SETS && g_in >= 0.88 * SETS, "95 %% intervals over 40 lemmas hold the AUC in %.1f %%, g in %.1f %%",
     100.0 * (double)auc_in / SETS, 100.0 * (double)g_in / SETS);
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
  test_compare();
  return tap_end();
}
