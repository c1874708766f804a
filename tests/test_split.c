/* Where a change lies: parts of a plan, shares and rank correlations with their intervals, and what a part's estimate is
 * among all samples. */
#include "base/memory.h"
#include "base/rng.h"
#include "probes/drift/drift.h"
#include "probes/drift/interval.h"
#include "probes/drift/spearman.h"
#include "probes/drift/split.h"
#include "tests/tap.h"

#include <stdlib.h>

static void test_parts_of_plans(void) {
  static const uint32_t sample[] = {0, 0, 1, 1, 1, 2, 3, 3};
  static const bool kept[] = {true, true, true, true, true, true, false, true}, odd[] = {false, true, false, false, false, true, true};
  RowPlan plan, part;
  size_t *at;
  Error err;
  if (!ok(row_plan_make(8, sample, kept, &plan, &err) == STATUS_OK, "a plan")) return;
  row_plan_part(&plan, odd, &part, &at);
  ok(part.n_rows == 3 && part.rows[0] == 1 && part.rows[1] == 5 && part.rows[2] == 7, "the marked rows, by their numbers at the source");
  ok(part.n_samples == 3 && at[0] == 0 && at[1] == 2 && at[2] == 3 && part.samples[1] == 2 && part.samples[2] == 3, "their samples");
  ok(part.begin[0] == 0 && part.begin[1] == 1 && part.begin[2] == 2 && part.begin[3] == 3 && part.longest == 1, "and where each begins");
  row_plan_clear(&part);
  row_plan_clear(&plan);
  free(at);
}

enum { WIDTH = 3, ROWS = 6 };

static Status read_rows(void *context, size_t first, size_t n, float *rows, Error *err) {
  (void)err;
  memcpy(rows, (const float *)context + first * WIDTH, n * WIDTH * sizeof *rows);
  return STATUS_OK;
}

/* Row i is moved by i along one axis. */
static void test_row_changes(void) {
  static const uint32_t sample[ROWS] = {0, 0, 1, 1, 2, 2};
  float x[ROWS * WIDTH], y[ROWS * WIDTH];
  double change[ROWS], spread[ROWS], total = 0;
  for (size_t i = 0; i < ROWS * WIDTH; i++) y[i] = x[i] = (float)(i % 7);
  for (size_t i = 0; i < ROWS; i++) y[i * WIDTH + 1] += (float)i;
  const RowSource source = {{WIDTH, read_rows, x, "x", "rows", NULL, NULL, NULL}, {WIDTH, read_rows, y, "y", "rows", NULL, NULL, NULL}};
  RowPlan plan;
  Error err;
  bool right = true;
  if (row_plan_make(ROWS, sample, NULL, &plan, &err) != STATUS_OK ||
      !ok(row_changes_read(&source, &plan, change, spread, &err) == STATUS_OK, "changes of rows are read"))
    return;
  for (size_t i = 0; i < ROWS; i++) right = right && change[i] == (double)(i * i), total += spread[i];
  ok(right, "each is its own");
  double value, sum = 0;
  for (size_t i = 0; i < ROWS; i++) sum += change[i];
  const bool measured = drift_measure_rows(&measure_relative_l2, ROWS, WIDTH, x, WIDTH, y, sample, &value, &err) == STATUS_OK;
  ok(measured && is_close(sqrt(sum / total), value, 1e-6, 0), "together they are the relative change");
  y[4] = NAN;
  ok(row_changes_read(&source, &plan, change, spread, &err) == STATUS_DATA && strstr(err.text, "sample 0 (row 1)"), "NaN is refused: %s", err.text);
  row_plan_clear(&plan);
}

static void test_shares(void) {
  static const double part[] = {1, 0, 2, 1}, total[] = {2, 1, 3, 2}, none[] = {0, 0, 0, 0};
  Estimate e = share_estimate(4, part, total, true);
  ok(e.value == 0.5 && e.centre == 0.5 && e.scale == SCALE_RAW, "a share is a ratio of sums");
  double sum = 0;
  for (size_t s = 0; s < 4; s++) sum += e.pseudo[s];
  ok(fabs(sum) < 1e-15 && is_close(e.pseudo[2], 4 * (2 - 0.5 * 3) / 8, 1e-15, 0), "what each sample owes to it");
  estimates_clear(&e, 1);
  e = share_estimate(4, none, none, true);
  ok(isnan(e.value) && !e.pseudo, "nothing has changed: undefined");
}

/* The mean of ten samples of a hundred, put among all of them. */
static void test_estimates_of_parts(void) {
  enum { ALL = 100, PART = 10, RESAMPLES = 4000 };
  Rng rng = rng_new(5);
  size_t at[PART];
  Estimate both[2] = {{.value = 0, .scale = SCALE_RAW, .pseudo = mem_alloc(PART, sizeof(double))},
                      {.value = 0, .scale = SCALE_RAW, .pseudo = mem_alloc(PART, sizeof(double))}};
  double mean = 0;
  for (size_t i = 0; i < PART; i++) at[i] = 7 * i + 3, mean += both[0].pseudo[i] = rng_normal(&rng);
  for (size_t i = 0; i < PART; i++) both[0].pseudo[i] -= mean / PART, both[1].pseudo[i] = both[0].pseudo[i];
  Interval alone, among[2];
  double *resampled = mem_alloc(2 * RESAMPLES, sizeof *resampled), *second = resampled + RESAMPLES;
  intervals_bootstrap(PART, 1, &both[0], RESAMPLES, 1, &alone);
  estimate_of_part(&both[0], PART, at, ALL);
  estimate_of_part(&both[1], PART, at, ALL);
  intervals_resample(ALL, 2, both, RESAMPLES, 1, among, resampled);
  ok(both[0].pseudo[3] != 0 && both[0].pseudo[4] == 0 && both[0].n_samples == PART, "pseudo-values stand where their samples are");
  ok(is_close(among[0].high - among[0].low, alone.high - alone.low, 0.1, 0), "the interval is as wide as of the part alone: %g, %g",
     among[0].high - among[0].low, alone.high - alone.low);
  const Interval zero = interval_of_difference(RESAMPLES, resampled, second);
  ok(zero.low == 0 && zero.high == 0, "the difference of two that are one is exactly 0: resamples are paired");
  for (size_t i = 0; i < ALL; i++) both[1].pseudo[i] = -both[0].pseudo[i];
  intervals_resample(ALL, 2, both, RESAMPLES, 1, among, resampled);
  const Interval twice = interval_of_difference(RESAMPLES, resampled, second);
  ok(is_close(twice.high - twice.low, 2 * (among[0].high - among[0].low), 1e-9, 0), "of opposite ones it is twice as wide");
  const Interval none = interval_of_difference(0, NULL, NULL);
  ok(isnan(none.low) && isnan(none.high), "no resamples, no interval");
  free(resampled);
  estimates_clear(both, 2);
}

static void test_spearman(void) {
  static const double x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, y[] = {5, 6, 7, 8, 7, 7, 3, 12, 4, 11, 10, 8}, same[12] = {0};
  Estimate e = spearman_estimate(5, x, y, false);
  ok(is_close(e.value, 0.8207826816681233, 1e-14, 0), "Spearman's correlation with a tie: %.16g", e.value);
  e = spearman_estimate(12, x, y, true);
  bool right = e.pseudo != NULL;
  double without[12], mean = 0;
  for (size_t i = 0; i < 12; i++) {
    double a[11], b[11];
    for (size_t j = 0; j < 11; j++) a[j] = x[j + (j >= i)], b[j] = y[j + (j >= i)];
    without[i] = atanh(spearman_estimate(11, a, b, false).value);
    mean += without[i] / 12;
  }
  for (size_t i = 0; i < 12 && right; i++) right = is_close(e.pseudo[i], 11 * (mean - without[i]), 1e-9, 1e-9);
  ok(right, "pseudo-values are what is right without each item");
  estimates_clear(&e, 1);
  ok(isnan(spearman_estimate(12, x, same, true).value), "of what is all the same it is undefined");
  Interval one;
  e = spearman_estimate(12, x, x, true);
  intervals_bootstrap(12, 1, &e, 100, 1, &one);
  ok(e.value == 1 && isnan(one.low) && isnan(one.high), "with itself it is 1, of which twelve items are not certain: no interval");
  estimates_clear(&e, 1);
  e = spearman_estimate(9, x, y, true);
  ok(e.scale == SCALE_NONE && !e.pseudo, "fewer than ten items: no interval");
}

/* 95 % intervals over pairs of normal numbers, whose rank correlation is 6/pi asin(rho/2). */
static void test_spearman_coverage(double rho, size_t n) {
  enum { DRAWS = 1000, RESAMPLES = 400 };
  const double truth = 6 / 3.14159265358979323846 * asin(rho / 2);
  double *x = mem_alloc(n, sizeof *x), *y = mem_alloc(n, sizeof *y);
  size_t held = 0;
  for (uint64_t draw = 0; draw < DRAWS; draw++) {
    Rng rng = rng_new(1000 + draw);
    Interval interval;
    for (size_t i = 0; i < n; i++) x[i] = rng_normal(&rng), y[i] = rho * x[i] + sqrt(1 - rho * rho) * rng_normal(&rng);
    Estimate e = spearman_estimate(n, x, y, true);
    intervals_bootstrap(n, 1, &e, RESAMPLES, draw, &interval);
    held += interval.low <= truth && truth <= interval.high;
    estimates_clear(&e, 1);
  }
  ok(held >= 0.93 * DRAWS && held <= 0.97 * DRAWS, "rank correlation %.2f of %zu pairs: %zu of %d intervals hold it", truth, n, held, DRAWS);
  free(x);
  free(y);
}

int main(void) {
  test_parts_of_plans();
  test_row_changes();
  test_shares();
  test_estimates_of_parts();
  test_spearman();
  test_spearman_coverage(0.9, 24);
  test_spearman_coverage(0, 50);
  test_spearman_coverage(0.6, 80);
  return tap_end();
}
