/* Ranks of words, contrasts and permutation tests: small cases worked by hand, and random ones held to the definition. */
#include "base/rng.h"
#include "probes/values/contrast.h"
#include "probes/values/permutation.h"
#include "probes/values/ranks.h"
#include "tests/tap.h"

#include <stdlib.h>

enum { SEED = 20240611 };

static void test_known_ranks(void) {
  double ranks[5], medians[3], means[3], scratch[5];
  size_t order[5];
  ranks_from_scores(5, (double[]){3, 1, 4, 1, 5}, ranks, order);
  ok(ranks[0] == 3 && ranks[1] == 4.5 && ranks[2] == 2 && ranks[3] == 4.5 && ranks[4] == 1,
     "the highest has rank 1, two alike share the average");
  ranks_by_category(5, ranks, (size_t[]){0, 0, 1, 1, 0}, 3, medians, means, scratch);
  ok(medians[0] == 3 && is_close(means[0], 8.5 / 3, 1e-15, 0), "of three words: the middle one, and the mean");
  ok(medians[1] == 3.25 && means[1] == 3.25, "of two words: the mean of both");
  ok(isnan(medians[2]) && isnan(means[2]), "of no word: nothing");
  ranks_from_scores(4, (double[]){-2, -2, -2, -2}, ranks, order);
  ok(ranks[0] == 2.5 && ranks[3] == 2.5, "all alike");
  ranks_from_scores(3, (double[]){0.0, -0.0, -1}, ranks, order);
  ok(ranks[0] == 1.5 && ranks[1] == 1.5 && ranks[2] == 3, "zero is zero");
}

/* Rank = 1 + number above + half the number of others alike; a growing function changes nothing. */
static void test_random_ranks(void) {
  enum { MOST = 40 };
  Rng rng = rng_new(SEED);
  bool by_definition = true, by_order = true;
  for (int round = 0; round < 200; round++) {
    const size_t n = 1 + (size_t)rng_below(&rng, MOST);
    double scores[MOST], grown[MOST], ranks[MOST], again[MOST];
    size_t order[MOST];
    for (size_t i = 0; i < n; i++) {
      scores[i] = (double)rng_below(&rng, 12) - 6;
      grown[i] = exp(0.3 * scores[i]) - 100;
    }
    ranks_from_scores(n, scores, ranks, order);
    ranks_from_scores(n, grown, again, order);
    for (size_t i = 0; i < n; i++) {
      double rank = 0.5;
      for (size_t j = 0; j < n; j++) rank += scores[j] > scores[i] ? 1 : scores[j] == scores[i] ? 0.5 : 0;
      by_definition &= ranks[i] == rank;
      by_order &= again[i] == ranks[i];
    }
  }
  ok(by_definition, "200 random lists: 1 + above + half of those alike (seed %d)", SEED);
  ok(by_order, "and only the order of scores counts");
}

/* All labelings by the bits of a number. */
static double p_by_bits(size_t n, const double *values, const bool *is_first, size_t *labelings) {
  size_t k = 0, n_large = 0;
  double statistic = 0;
  *labelings = 0;
  for (size_t i = 0; i < n; i++) k += is_first[i];
  for (size_t i = 0; i < n; i++)
    statistic += is_first[i] ? values[i] / (double)k : -values[i] / (double)(n - k);
  for (size_t bits = 0; bits < (size_t)1 << n; bits++) {
    if ((size_t)__builtin_popcountll(bits) != k) continue;
    double found = 0;
    for (size_t i = 0; i < n; i++) found += bits >> i & 1 ? values[i] / (double)k : -values[i] / (double)(n - k);
    n_large += fabs(found) >= fabs(statistic) - 1e-9;
    ++*labelings;
  }
  return (double)n_large / (double)*labelings;
}

static void test_groups(void) {
  const bool three[] = {true, true, true, false, false, false};
  const Permutation apart = permutation_of_groups(6, (double[]){1, 2, 3, 4, 5, 6}, three, 1000, 1);
  ok(apart.statistic == -3 && apart.is_exact && apart.labelings == 20 && apart.p == 2 / 20.0 && apart.least_p == 2 / 20.0,
     "three against three wholly apart: 2 of 20, the least there is");
  const bool one[] = {true, false, false};
  const Permutation single = permutation_of_groups(3, (double[]){9, 1, 2}, one, 1000, 1);
  ok(single.statistic == 7.5 && single.p == 1 / 3.0 && single.least_p == 1 / 3.0, "one against two: 1 of 3");
  const bool pairs[] = {true, false};
  ok(permutation_of_groups(2, (double[]){1, 8}, pairs, 1000, 1).p == 1, "one against one says nothing");
  const Permutation alike = permutation_of_groups(6, (double[]){.1, .2, .3, .3, .1, .2}, three, 1000, 1);
  ok(alike.p == 1 && fabs(alike.statistic) < 1e-15, "sums that differ by rounding are alike");
  ok(permutation_of_groups(6, (double[]){7, 7, 7, 7, 7, 7}, three, 1000, 1).p == 1, "all values alike");
  ok(permutation_of_groups(6, (double[]){1e6 + 1, 1e6 + 2, 1e6 + 3, 1e6 + 4, 1e6 + 5, 1e6 + 6}, three, 1000, 1).p == .1,
     "what all share changes nothing");
}

static void test_random_groups(void) {
  enum { MOST = 11 };
  Rng rng = rng_new(SEED);
  bool same = true;
  for (int round = 0; round < 60; round++) {
    const size_t n = 2 + (size_t)rng_below(&rng, MOST - 1), k = 1 + (size_t)rng_below(&rng, n - 1);
    double values[MOST];
    bool is_first[MOST] = {0};
    size_t order[MOST], labelings;
    for (size_t i = 0; i < n; i++) {
      values[i] = round % 2 ? rng_normal(&rng) : (double)rng_below(&rng, 5);
      order[i] = i;
    }
    rng_shuffle(&rng, order, n);
    for (size_t i = 0; i < k; i++) is_first[order[i]] = true;
    const double p = p_by_bits(n, values, is_first, &labelings);
    const Permutation found = permutation_of_groups(n, values, is_first, 100000, 1);
    same &= found.labelings == labelings && found.p == p && found.p >= found.least_p;
  }
  ok(same, "60 random cases: every labeling, as counted by bits (seed %d)", SEED);
}

static void test_drawn(void) {
  double values[24];
  bool is_first[24];
  Rng rng = rng_new(SEED);
  for (size_t i = 0; i < 24; i++) {
    is_first[i] = i % 2 == 0;
    values[i] = rng_normal(&rng) + (is_first[i] ? 0.6 : 0);
  }
  const Permutation exact = permutation_of_groups(24, values, is_first, 3000000, 1); /* 24 over 12 is 2704156 */
  const Permutation drawn = permutation_of_groups(24, values, is_first, 20000, 1);
  const Permutation again = permutation_of_groups(24, values, is_first, 20000, 1);
  const Permutation other = permutation_of_groups(24, values, is_first, 20000, 5);
  ok(exact.is_exact && exact.labelings == 2704156, "all 2704156 labelings within the limit");
  ok(!drawn.is_exact && drawn.labelings == 20000 && is_close(drawn.p, exact.p, 0, 4 * sqrt(exact.p / 20000)),
     "above the limit that many are drawn: p = %.4f beside %.4f (seed 1)", drawn.p, exact.p);
  ok(drawn.p == again.p && drawn.p != other.p, "the seed decides which: p = %.5f of seed 5", other.p);
  ok(is_close(drawn.p * 20001, round(drawn.p * 20001), 0, 1e-6) && drawn.least_p == 1 / 20001.0,
     "what was found is one of the labelings");
  double far[200];
  bool half[200];
  for (size_t i = 0; i < 200; i++) far[i] = (half[i] = i < 100) ? 1000 + (double)i : (double)i;
  ok(permutation_of_groups(200, far, half, 100, 1).p == 1 / 101.0, "p is never 0");
}

static void test_signs(void) {
  const Permutation all = permutation_of_signs(3, (double[]){1, 2, 3}, 1000, 1);
  ok(all.statistic == 2 && all.is_exact && all.labelings == 8 && all.p == 2 / 8.0 && all.least_p == 2 / 8.0,
     "three of one sign: 2 of 8");
  ok(permutation_of_signs(3, (double[]){1, -2, 3}, 1000, 1).p == 6 / 8.0, "by hand: +-6, +-4, +-2 of 6, 4, 2, 0");
  ok(permutation_of_signs(2, (double[]){0, 0}, 1000, 1).p == 1, "nothing but zeros");
  double many[70];
  for (size_t i = 0; i < 70; i++) many[i] = 1 + (double)i;
  const Permutation drawn = permutation_of_signs(70, many, 500, 1);
  ok(!drawn.is_exact && drawn.p == 1 / 501.0, "more signs than a word has bits, drawn");
}

static void test_adjusted(void) {
  double q[6];
  adjust_benjamini_hochberg(6, (double[]){0.01, NAN, 0.04, 0.03, 0.005, NAN}, q);
  ok(q[0] == 0.02 && q[2] == 0.04 && q[3] == 0.04 && q[4] == 0.02, "four tests, by hand");
  ok(isnan(q[1]) && isnan(q[5]), "what is no test stays none, and is not counted");
  adjust_benjamini_hochberg(3, (double[]){0.9, 0.8, 1}, q);
  ok(q[0] == 1 && q[1] == 1 && q[2] == 1, "never above 1");
}

static void test_contrast(void) {
  /* Two models, three prompts, two categories. */
  const double ranks[] = {1, 4, 2, 2, 5, 1, 3, 9, 0, 1, 7, 7};
  double differences[6], swapped[6];
  contrast_differences(2, 3, 2, ranks, 0, 1, differences);
  ok(differences[0] == -3 && differences[1] == 0 && differences[2] == 4 && differences[3] == -6 && differences[5] == 0,
     "first category - second, of every model and prompt");
  contrast_differences(2, 3, 2, ranks, 1, 0, swapped);
  bool turned = true;
  for (size_t i = 0; i < 6; i++) turned &= swapped[i] == -differences[i];
  ok(turned, "swapping the poles turns the sign");
}

static void test_contrast_of(void) {
  const double values[] = {100, 1, 2, 3, 4, 2, 4, 9};
  const PromptSides both = {7, (size_t[]){1, 2, 3, 4, 5, 6, 7}, (bool[]){1, 1, 1, 1, 0, 0, 0}, 4};
  ok(contrast_of(&both, values) == -2.5, "mean of the first side - mean of the second; the prompt on no side is not in it");
  const PromptEffect effect = contrast_over_prompts(&both, values, 1000, 1);
  /* Worked by hand: variances 5/3 and 13, standard error sqrt(5/12 + 13/3) = sqrt(4.75), pooled variance
   * 31/5, df 2.388385. */
  ok(is_close(effect.test.statistic, -2.5, 1e-14, 0) && effect.test.labelings == 35 && effect.test.is_exact, "35 ways to deal out 4 of 7");
  ok(is_close(effect.g, -2.5 / sqrt(31 / 5.0) * 0.8407486825, 1e-9, 0), "Hedges' g of two sides");
  ok(is_close(effect.lo + effect.hi, -5, 1e-12, 0) && is_close(effect.hi + 2.5, 3.69705452 * sqrt(4.75), 1e-8, 0),
     "Welch's interval: t(.975, 2.388) standard errors");
  const PromptSides one = {4, (size_t[]){1, 2, 3, 4}, (bool[]){1, 1, 1, 1}, 4};
  const PromptEffect alone = contrast_over_prompts(&one, values, 1000, 1);
  ok(alone.test.statistic == 2.5 && alone.test.labelings == 16 && alone.test.p == 2 / 16.0, "one side: signs");
  ok(is_close(alone.g, 2.5 / sqrt(5 / 3.0) * 0.7236012546, 1e-9, 0), "g of one side");
  ok(is_close(alone.hi - 2.5, 3.182446305 * sqrt(5 / 12.0), 1e-8, 0) && is_close(alone.lo + alone.hi, 5, 1e-12, 0),
     "Student's interval, 3 degrees of freedom");
  const PromptSides few = {2, (size_t[]){1, 2}, (bool[]){1, 0}, 1};
  const PromptEffect none = contrast_over_prompts(&few, values, 1000, 1);
  ok(none.test.statistic == -1 && isnan(none.lo) && isnan(none.hi) && isnan(none.g) && none.test.p == 1,
     "one prompt a side: a contrast without interval or effect size");
  const PromptEffect flat = contrast_over_prompts(&one, (double[]){0, 3, 3, 3, 3}, 1000, 1);
  ok(flat.test.statistic == 3 && isnan(flat.g) && isnan(flat.lo), "prompts that all agree have no spread to measure by");
}

static void test_group_mean(void) {
  double means[2];
  contrast_group_mean(3, 2, (double[]){1, 2, 10, 20, 3, 6}, (bool[]){1, 0, 1}, means);
  ok(means[0] == 2 && means[1] == 4, "mean of the group's models at every prompt");
}

int main(void) {
  test_known_ranks();
  test_random_ranks();
  test_groups();
  test_random_groups();
  test_drawn();
  test_signs();
  test_adjusted();
  test_contrast();
  test_contrast_of();
  test_group_mean();
  return tap_end();
}
