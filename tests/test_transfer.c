/* Pairwise accuracy and transfer: published Wilson intervals, made pairs with known gains, and a bootstrap held to exact
 * and to normal quantiles. */
#include "base/memory.h"
#include "base/rng.h"
#include "probes/transfer/accuracy.h"
#include "probes/transfer/gains.h"
#include "tests/tap.h"

#include <stdlib.h>

/* Newcombe 1998, Statistics in Medicine 17, 857-872, table I, method 3, to four digits. */
static void test_wilson(void) {
  static const struct {
    double successes, n, lo, hi;
  } published[] = {{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718}};
  for (size_t i = 0; i < 4; i++) {
    const Bounded b = wilson_interval(published[i].successes, published[i].n);
    ok(is_close(b.lo, published[i].lo, 0, 5e-5) && is_close(b.hi, published[i].hi, 0, 5e-5),
       "Wilson's interval of %g in %g: %.4f to %.4f", published[i].successes, published[i].n, b.lo, b.hi);
    const Bounded m = wilson_interval(published[i].n - published[i].successes, published[i].n);
    ok(is_close(m.lo, 1 - b.hi, 0, 1e-12) && is_close(m.hi, 1 - b.lo, 0, 1e-12), "and mirrored");
  }
  const Bounded half = wilson_interval(10.5, 20), one = wilson_interval(1, 1), none = wilson_interval(0, 0);
  ok(half.value == 0.525 && half.lo > wilson_interval(10, 20).lo && half.hi < wilson_interval(11, 20).hi,
     "half a success lies between its neighbours");
  ok(one.hi == 1 && one.value == 1 && is_close(one.lo, 1 / (1 + 3.841458820694124), 1e-12, 0), "one of one");
  ok(isnan(none.value) && isnan(none.lo) && isnan(none.hi), "no pair, no number");
}

static void test_lengths(void) {
  ok(pair_correct(2, 1) == 1 && pair_correct(1, 2) == 0 && pair_correct(-3, -3) == 0.5, "right, wrong, tie");
  const double lengths[] = {5, 9, 2, 7, 4, 4, 8, 1}; /* shorter, shorter, tie, longer: 1.5 of 4 for the longer answer */
  const LengthBaseline b = length_baseline(4, lengths);
  ok(b.longer == 0.375 && b.best.value == 0.625 && strcmp(b.rule, "shorter") == 0, "the shorter answer wins");
  ok(b.best.lo == wilson_interval(2.5, 4).lo && b.best.hi == wilson_interval(2.5, 4).hi, "with its interval");
  const LengthBaseline swapped = length_baseline(1, (double[]){9, 5}), even = length_baseline(2, (double[]){1, 2, 2, 1});
  ok(strcmp(swapped.rule, "longer") == 0 && swapped.best.value == 1, "the longer answer wins");
  ok(strcmp(even.rule, "tie") == 0 && even.best.value == 0.5, "neither does");
  ok(isnan(length_baseline(0, NULL).longer), "no pair, no baseline");
}

/* Ten pairs: student right in 8, reference in 5, ceiling in 9. */
static const double student[] = {1, 1, 1, 1, 1, 1, 1, 1, 0, 0}, reference[] = {1, 1, 1, 1, 1, 0, 0, 0, 0, 0},
                    ceiling[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 0}, tied[] = {1, 1, 1, 1, .5, .5, 0, 0, 0, 0};

static void test_known_gains(void) {
  const TransferSet sets[] = {{10, reference, student, NULL, NULL, 0, true}, /* the source: -30 points */
                              {10, student, reference, NULL, NULL, 0, false}, /* +30 */
                              {10, tied, student, NULL, NULL, 0, false}};     /* -30 */
  TransferGain gains[3];
  TransferSummary s;
  transfer_gains(sets, 3, 1, 500, 1, gains, &s);
  ok(is_close(gains[0].gain.value, -30, 1e-12, 0) && is_close(gains[1].gain.value, 30, 1e-12, 0) &&
         is_close(gains[2].gain.value, -30, 1e-12, 0),
     "gains in points, ties one half");
  ok(fabs(s.aog.value) < 1e-12 && is_close(s.nts.value, -30, 1e-12, 0), "AOG leaves the source out, NTS takes its loss off");
  ok(s.worst == 2, "the worst target is not the source");
  ok(s.aog.lo < 0 && s.aog.hi > 0 && s.nts.lo < -30 && s.nts.hi > -30, "both with intervals around them");
  transfer_gains(sets, 3, 0.5, 0, 1, gains, &s);
  ok(is_close(s.nts.value, -15, 1e-12, 0) && isnan(s.nts.lo) && isnan(gains[1].gain.hi), "g weighs the loss; no resamples, no interval");
  transfer_gains(sets + 1, 2, 1, 0, 1, gains, &s);
  ok(isnan(s.nts.value) && fabs(s.aog.value) < 1e-12, "no source, no NTS");
  transfer_gains(sets, 1, 1, 100, 1, gains, &s);
  ok(isnan(s.aog.value) && isnan(s.nts.value) && s.worst == 1, "no target, no AOG");
  const TransferSet won = {10, student, reference, NULL, NULL, 0, true}, both[] = {won, sets[2]};
  transfer_gains(both, 2, 1, 0, 1, gains, &s);
  ok(is_close(s.nts.value, -30, 1e-12, 0), "a gain on the source is not counted");
  const TransferSet with_empty[] = {sets[1], {0, NULL, NULL, NULL, NULL, 0, false}};
  transfer_gains(with_empty, 2, 1, 50, 1, gains, &s);
  ok(isnan(gains[1].gain.value) && isnan(s.aog.value) && s.worst == 0, "a data set without pairs has no gain");
}

static void test_recovered_gap(void) {
  TransferGain gain;
  TransferSummary s;
  double many[3][500];
  for (size_t i = 0; i < 500; i++) {
    many[0][i] = reference[i % 10];
    many[1][i] = student[i % 10];
    many[2][i] = ceiling[i % 10];
  }
  TransferSet set = {500, many[1], many[0], many[2], NULL, 0, false};
  transfer_gains(&set, 1, 1, 1000, 7, &gain, &s);
  ok(is_close(gain.gap.value, 40, 1e-12, 0) && gain.gap.lo > 0, "the ceiling is 40 points above the weak model");
  ok(is_close(gain.pgr.value, 0.75, 1e-12, 0) && gain.pgr.lo < 0.75 && gain.pgr.hi > 0.75 && gain.pgr.lo > 0.65 &&
         gain.pgr.hi < 0.85,
     "PGR = 30 / 40, within %.3f to %.3f", gain.pgr.lo, gain.pgr.hi);
  set.ceiling = many[0];
  transfer_gains(&set, 1, 1, 1000, 7, &gain, &s);
  ok(gain.gap.value == 0 && isnan(gain.pgr.value), "no gap, no PGR");
  set.n_pairs = 10;
  for (size_t i = 0; i < 10; i++) many[2][i] = reference[i];
  many[2][9] = 1;
  set.ceiling = many[2];
  transfer_gains(&set, 1, 1, 1000, 7, &gain, &s);
  ok(is_close(gain.gap.value, 10, 1e-12, 0) && gain.gap.lo == 0 && isnan(gain.pgr.value),
     "a gap within its interval: no PGR");
  set.ceiling = NULL;
  transfer_gains(&set, 1, 1, 10, 7, &gain, &s);
  ok(isnan(gain.gap.value) && isnan(gain.pgr.value), "no ceiling, no PGR");
}

static void test_bootstrap(void) {
  TransferGain a, b;
  TransferSummary s;
  /* Two pairs, one of them gained: draws are 0, 50, 50, 100 points with equal chance. */
  const TransferSet two = {2, (double[]){1, 0}, (double[]){0, 0}, NULL, NULL, 0, false};
  transfer_gains(&two, 1, 1, 1000, 3, &a, &s);
  ok(a.gain.value == 50 && a.gain.lo == 0 && a.gain.hi == 100, "the exact quantiles of two pairs");
  const TransferSet same = {10, student, student, NULL, NULL, 0, false};
  transfer_gains(&same, 1, 1, 1000, 3, &a, &s);
  ok(a.gain.value == 0 && a.gain.lo == 0 && a.gain.hi == 0, "a model gains nothing over itself, in no draw");

  enum { N = 1600, SEED = 20261121 };
  double *x = mem_alloc(N, sizeof *x), *y = mem_alloc(N, sizeof *y);
  Rng rng = rng_new(SEED);
  double mean = 0, square = 0;
  for (size_t i = 0; i < N; i++) {
    x[i] = rng_uniform(&rng) < 0.7;
    y[i] = rng_uniform(&rng) < 0.2 ? rng_uniform(&rng) < 0.5 : x[i]; /* mostly right where x is: paired */
    mean += (x[i] - y[i]) / N;
    square += (x[i] - y[i]) * (x[i] - y[i]) / N;
  }
  const double sd = 100 * sqrt((square - mean * mean) / N);
  const TransferSet set = {N, x, y, NULL, NULL, 0, false};
  transfer_gains(&set, 1, 1, 4000, SEED, &a, &s);
  ok(is_close(a.gain.value - a.gain.lo, 1.96 * sd, 0.08, 0) && is_close(a.gain.hi - a.gain.value, 1.96 * sd, 0.08, 0),
     "paired interval %.3f to %.3f beside normal %.3f +- %.3f (seed %d)", a.gain.lo, a.gain.hi, 100 * mean, 1.96 * sd, SEED);
  transfer_gains(&set, 1, 1, 4000, SEED, &b, &s);
  ok(b.gain.lo == a.gain.lo && b.gain.hi == a.gain.hi, "the same seed, the same interval");
  size_t n_other = 0;
  for (uint64_t seed = 0; seed < 5; seed++) {
    transfer_gains(&set, 1, 1, 200, seed, &b, &s);
    n_other += b.gain.lo != a.gain.lo || b.gain.hi != a.gain.hi;
  }
  ok(n_other > 0, "other seeds, other intervals");

  /* Every pair four times over, drawn as one: nothing is learned from the copies. */
  double *x4 = mem_alloc(4 * N, sizeof *x4), *y4 = mem_alloc(4 * N, sizeof *y4);
  size_t *cluster = mem_alloc(4 * N, sizeof *cluster);
  for (size_t i = 0; i < 4 * N; i++) {
    cluster[i] = i % N;
    x4[i] = x[i % N];
    y4[i] = y[i % N];
  }
  TransferSet copies = {4 * N, x4, y4, NULL, cluster, N, false};
  transfer_gains(&copies, 1, 1, 4000, SEED, &b, &s);
  ok(is_close(b.gain.lo, a.gain.lo, 1e-9, 0) && is_close(b.gain.hi, a.gain.hi, 1e-9, 0), "copies drawn together add nothing");
  copies.cluster = NULL;
  transfer_gains(&copies, 1, 1, 1000, SEED, &b, &s);
  ok(is_close(b.gain.hi - b.gain.lo, (a.gain.hi - a.gain.lo) / 2, 0.15, 0), "drawn by themselves they would halve the interval");

  /* Two data sets of equal pairs are still drawn apart: the mean's interval is narrower by the root of two. */
  const TransferSet twice[] = {set, set};
  TransferGain gains[2];
  transfer_gains(twice, 2, 1, 4000, SEED, gains, &s);
  ok(is_close(s.aog.hi - s.aog.lo, (a.gain.hi - a.gain.lo) / sqrt(2), 0.08, 0), "data sets are drawn independently");
  free(x);
  free(y);
  free(x4);
  free(y4);
  free(cluster);
}

int main(void) {
  test_wilson();
  test_lengths();
  test_known_gains();
  test_recovered_gap();
  test_bootstrap();
  return tap_end();
}
