/* Contrasts, and their effects over prompts. */
#include "probes/values/contrast.h"

#include "base/memory.h"
#include "num/statistics.h"
#include "probes/values/axis_scores.h"

#include <math.h>
#include <stdlib.h>

void contrast_differences(size_t n_models, size_t n_prompts, size_t n_categories, const double *ranks, size_t first,
                          size_t second, double *differences) {
  for (size_t i = 0; i < n_models * n_prompts; i++)
    differences[i] = ranks[i * n_categories + first] - ranks[i * n_categories + second];
}

/* Mean and variance of one side of values, which are one a listed prompt. */
typedef struct Side {
  double n, mean, variance; /* variance NaN of fewer than two */
} Side;

static Side side_of(const PromptSides *sides, const double *values, bool first) {
  Side side = {0};
  double squares = 0;
  for (size_t i = 0; i < sides->n; i++)
    if (sides->is_first[i] == first) side.mean += values[i], side.n++;
  side.mean = side.n > 0 ? side.mean / side.n : 0;
  for (size_t i = 0; i < sides->n; i++)
    if (sides->is_first[i] == first) squares += (values[i] - side.mean) * (values[i] - side.mean);
  side.variance = side.n > 1 ? squares / (side.n - 1) : NAN;
  return side;
}

static double *listed(const PromptSides *sides, const double *values) {
  double *list = mem_alloc(sides->n, sizeof *list);
  for (size_t i = 0; i < sides->n; i++) list[i] = values[sides->prompts[i]];
  return list;
}

double contrast_of(const PromptSides *sides, const double *values) {
  double *list = listed(sides, values);
  const double contrast = side_of(sides, list, true).mean - side_of(sides, list, false).mean;
  free(list);
  return contrast;
}

void contrast_group_mean(size_t n_models, size_t n_prompts, const double *values, const bool *is_member,
                         double *means) {
  double n = 0;
  for (size_t p = 0; p < n_prompts; p++) means[p] = 0;
  for (size_t m = 0; m < n_models; m++) {
    n += is_member[m];
    for (size_t p = 0; p < n_prompts && is_member[m]; p++) means[p] += values[m * n_prompts + p];
  }
  for (size_t p = 0; p < n_prompts; p++) means[p] /= n;
}

PromptEffect contrast_over_prompts(const PromptSides *sides, const double *values, size_t limit, uint64_t seed) {
  double *list = listed(sides, values);
  const Side a = side_of(sides, list, true), b = side_of(sides, list, false);
  const bool one_side = sides->n_first == sides->n;
  PromptEffect effect = {.test = one_side ? permutation_of_signs(sides->n, list, limit, seed)
                                          : permutation_of_groups(sides->n, list, sides->is_first, limit, seed)};
  const double of_a = a.variance / a.n, of_b = one_side ? 0 : b.variance / b.n, error = sqrt(of_a + of_b);
  const double welch_df =
      (of_a + of_b) * (of_a + of_b) / (of_a * of_a / (a.n - 1) + (one_side ? 0 : of_b * of_b / (b.n - 1)));
  const bool exists = error > 0; /* not where a variance is NaN */
  const double half = exists ? student_quantile(0.975, welch_df) * error : NAN;
  effect.lo = effect.test.statistic - half;
  effect.hi = effect.test.statistic + half;
  effect.g = !one_side           ? hedges_g(sides->n, list, sides->is_first)
             : exists && a.n > 2 ? effect.test.statistic / sqrt(a.variance) * hedges_correction(a.n - 1)
                                 : NAN;
  free(list);
  return effect;
}
