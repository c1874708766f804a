/* Framing contrasts: how far apart two categories stand, in prompts of one kind minus prompts of the other.
 *
 *   v(m, p) = rank of the first category - rank of the second, of model m at prompt p
 *   contrast(m) = mean of v(m, p) over prompts of the first side - mean over prompts of the second
 *                 (where no prompt is on the second side: the first mean alone)
 *
 * The contrast, and its test with models as the unit, are those of "Reward Models Inherit Value Biases from
 * Pretraining" (arXiv 2601.20838); what is done with prompts as the unit is ours. Two units, two questions: models
 * would other models of these families differ so? Deals out anew which family a model is of. prompts   would other
 * prompts of these kinds show the same in these very models? Says nothing of other models. */
#ifndef FATHOM_PROBES_VALUES_CONTRAST_H
#define FATHOM_PROBES_VALUES_CONTRAST_H

#include "probes/values/permutation.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The prompts that enter a contrast. */
typedef struct PromptSides {
  size_t n;
  const size_t *prompts; /* [n], numbers of prompts */
  const bool *is_first;  /* [n] */
  size_t n_first;        /* at least 1; n where there is no second side */
} PromptSides;

/* differences[n_models, n_prompts] = v of ranks[n_models, n_prompts, n_categories]. */
void contrast_differences(size_t n_models, size_t n_prompts, size_t n_categories, const double *ranks, size_t first,
                          size_t second, double *differences);

/* The contrast of values[n_prompts]. */
double contrast_of(const PromptSides *sides, const double *values);

/* means[n_prompts] of those of n_models rows of values that are of this group. */
void contrast_group_mean(size_t n_models, size_t n_prompts, const double *values, const bool *is_member, double *means);

/* A contrast with prompts as the unit. lo and hi: 95 %, Welch's t for two sides, Student's for one; g: Hedges' g, the
 * contrast in standard deviations over prompts (pooled over the sides), corrected for few prompts. They
 * are NaN where a side has too few prompts or all its prompts agree. The test deals out the prompts' sides anew, or
 * their signs where there is one side. */
typedef struct PromptEffect {
  double lo, hi, g;
  Permutation test; /* its statistic is the contrast */
} PromptEffect;

PromptEffect contrast_over_prompts(const PromptSides *sides, const double *values, size_t limit, uint64_t seed);

#endif
