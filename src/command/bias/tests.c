/* Ranks of categories, their contrasts, and what would be found by chance. */
#include "base/memory.h"
#include "command/bias/bias.h"
#include "probes/values/ranks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

BiasRanks bias_ranks(const BiasScores *s) {
  const size_t n_cells = s->n_models * s->n_prompts;
  BiasRanks r = {.medians = mem_alloc(n_cells * s->n_categories, sizeof *r.medians),
                 .means = mem_alloc(n_cells * s->n_categories, sizeof *r.means)};
  double *ranks = mem_alloc(s->n_words, sizeof *ranks), *scratch = mem_alloc(s->n_words, sizeof *scratch);
  size_t *order = mem_alloc(s->n_words, sizeof *order);
  for (size_t i = 0; i < n_cells; i++) {
    ranks_from_scores(s->n_words, s->scores + i * s->n_words, ranks, order);
    ranks_by_category(s->n_words, ranks, s->category, s->n_categories, r.medians + i * s->n_categories,
                      r.means + i * s->n_categories, scratch);
  }
  free(ranks);
  free(scratch);
  free(order);
  return r;
}

void bias_ranks_clear(BiasRanks *ranks) {
  free(ranks->medians);
  free(ranks->means);
  *ranks = (BiasRanks){0};
}

/* What all tests of one run share. */
typedef struct Run {
  const BiasSettings *settings;
  const BiasScores *scores;
  const BiasGroups *groups;
  const BiasRanks *ranks;
  BiasTests *tests;
  PromptSides sides;
  const char *framings;
} Run;

typedef struct Contrast {
  BiasContrast of;
  double *differences, *mean_differences; /* [n_models, n_prompts] of median and of mean ranks */
} Contrast;

/* Positive minus negative, where there are both; else the one kind that has a framing; else all prompts. */
static void choose_sides(Run *run, size_t *prompts, bool *is_first) {
  const BiasGroups *g = run->groups;
  const size_t n_positive = g->n_framed[FRAMING_POSITIVE], n_negative = g->n_framed[FRAMING_NEGATIVE];
  const Framing first = n_positive ? FRAMING_POSITIVE : n_negative ? FRAMING_NEGATIVE : FRAMING_NONE;
  const bool both = n_positive && n_negative;
  run->framings = both ? "positive - negative" : first == FRAMING_NONE ? "all" : framing_names[first];
  run->sides = (PromptSides){.prompts = prompts, .is_first = is_first};
  for (size_t p = 0; p < run->scores->n_prompts; p++) {
    if (g->framing[p] != first && !(both && g->framing[p] == FRAMING_NEGATIVE)) continue;
    prompts[run->sides.n] = p;
    is_first[run->sides.n] = g->framing[p] == first;
    run->sides.n_first += g->framing[p] == first;
    run->sides.n++;
  }
}

static Status fill_contrast(const Run *run, Contrast *c, Error *err) {
  const BiasScores *s = run->scores;
  const size_t n = s->n_models * s->n_prompts;
  const size_t sides[] = {c->of.first, c->of.second};
  for (size_t i = 0; i < 2; i++)
    if (isnan(run->ranks->medians[sides[i]]))
      return error_set(err, STATUS_DATA, "category %.60s has no word in the tables: no contrast of it",
                       s->categories[sides[i]]);
  c->differences = mem_alloc(n, sizeof *c->differences);
  c->mean_differences = mem_alloc(n, sizeof *c->mean_differences);
  contrast_differences(s->n_models, s->n_prompts, s->n_categories, run->ranks->medians, c->of.first, c->of.second,
                       c->differences);
  contrast_differences(s->n_models, s->n_prompts, s->n_categories, run->ranks->means, c->of.first, c->of.second,
                       c->mean_differences);
  return STATUS_OK;
}

/* --- tests --- */

static BiasTest *add_test(Run *run, const Contrast *c, char *name) {
  BiasTests *t = run->tests;
  if (t->n == t->room) t->items = mem_resize(t->items, t->room = 2 * t->room + 8, sizeof *t->items);
  t->items[t->n] = (BiasTest){
      .contrast = name,
      .categories = mem_format("%s - %s", run->scores->categories[c->of.first], run->scores->categories[c->of.second]),
      .framings = run->framings,
      .lo = NAN,
      .hi = NAN,
      .g = NAN,
      .q = NAN};
  return &t->items[t->n++];
}

/* The contrasts of two families' models, one left out or none (left_out = n_models). */
static Permutation permute_models(const Run *run, const double *differences, size_t a, size_t b, size_t left_out) {
  const BiasScores *s = run->scores;
  double *values = mem_alloc(s->n_models, sizeof *values);
  bool *is_first = mem_alloc(s->n_models, sizeof *is_first);
  size_t n = 0;
  for (size_t m = 0; m < s->n_models; m++) {
    if (m == left_out || (run->groups->family[m] != a && run->groups->family[m] != b)) continue;
    values[n] = contrast_of(&run->sides, differences + m * s->n_prompts);
    is_first[n++] = run->groups->family[m] == a;
  }
  const Permutation found =
      permutation_of_groups(n, values, is_first, run->settings->permutations, run->settings->common.seed);
  free(values);
  free(is_first);
  return found;
}

static size_t family_size(const Run *run, size_t family) {
  size_t n = 0;
  for (size_t m = 0; m < run->scores->n_models; m++) n += run->groups->family[m] == family;
  return n;
}

/* With mean ranks, and with one model left out after the other. */
static char *sensitivity(const Run *run, const Contrast *c, size_t a, size_t b) {
  const BiasScores *s = run->scores;
  const Permutation means = permute_models(run, c->mean_differences, a, b, s->n_models);
  char *text = mem_format("mean ranks in place of medians: T = %.4g, p = %.3g", means.statistic, means.p);
  size_t least = 0, most = 0, n = 0;
  Permutation low = {0}, high = {0};
  for (size_t m = 0; m < s->n_models; m++) {
    const size_t family = run->groups->family[m];
    if ((family != a && family != b) || family_size(run, family) < 2) continue;
    const Permutation without = permute_models(run, c->differences, a, b, m);
    if (n == 0 || without.p < low.p) low = without, least = m;
    if (n == 0 || without.p > high.p) high = without, most = m;
    n++;
  }
  if (n == 0) return text;
  char *longer = mem_format("%s; one model left out: p from %.3g (T = %.4g, without %.100s) to %.3g (T = %.4g, without "
                            "%.100s)",
                            text, low.p, low.statistic, s->models[least], high.p, high.statistic, s->models[most]);
  free(text);
  return longer;
}

static char *pair_name(const Run *run, size_t a, size_t b) {
  return mem_format("%s - %s", run->groups->families[a], run->groups->families[b]);
}

static void test_models(Run *run, const Contrast *c, size_t a, size_t b) {
  BiasTest *test = add_test(run, c, pair_name(run, a, b));
  test->unit = "models";
  test->n = family_size(run, a) + family_size(run, b);
  test->test = permute_models(run, c->differences, a, b, run->scores->n_models);
  test->sensitivity = sensitivity(run, c, a, b);
}

static void test_prompts(Run *run, const Contrast *c, const double *values, char *name) {
  BiasTest *test = add_test(run, c, name);
  const PromptEffect effect =
      contrast_over_prompts(&run->sides, values, run->settings->permutations, run->settings->common.seed);
  test->unit = "prompts";
  test->n = run->sides.n;
  test->lo = effect.lo;
  test->hi = effect.hi;
  test->g = effect.g;
  test->test = effect.test;
}

/* Of the means of two families at each prompt. */
static void test_family_prompts(Run *run, const Contrast *c, size_t a, size_t b) {
  const BiasScores *s = run->scores;
  double *of_a = mem_alloc(s->n_prompts, sizeof *of_a), *of_b = mem_alloc(s->n_prompts, sizeof *of_b);
  bool *is_a = mem_alloc(s->n_models, sizeof *is_a), *is_b = mem_alloc(s->n_models, sizeof *is_b);
  for (size_t m = 0; m < s->n_models; m++) {
    is_a[m] = run->groups->family[m] == a;
    is_b[m] = run->groups->family[m] == b;
  }
  contrast_group_mean(s->n_models, s->n_prompts, c->differences, is_a, of_a);
  contrast_group_mean(s->n_models, s->n_prompts, c->differences, is_b, of_b);
  for (size_t p = 0; p < s->n_prompts; p++) of_a[p] -= of_b[p];
  test_prompts(run, c, of_a, pair_name(run, a, b));
  free(of_a);
  free(of_b);
  free(is_a);
  free(is_b);
}

static void adjust(BiasTests *t) {
  double *p = mem_alloc(t->n, sizeof *p), *q = mem_alloc(t->n, sizeof *q);
  for (size_t i = 0; i < t->n; i++) p[i] = strcmp(t->items[i].unit, "models") == 0 ? t->items[i].test.p : NAN;
  adjust_benjamini_hochberg(t->n, p, q);
  for (size_t i = 0; i < t->n; i++) t->items[i].q = q[i];
  free(p);
  free(q);
}

/* Tests over models, those of families over prompts, then each model's own: one after the other. */
static void test_all(Run *run, const Contrast *contrasts, size_t n) {
  const size_t n_families = run->groups->n_families;
  for (int over_prompts = 0; over_prompts < 2; over_prompts++)
    for (size_t i = 0; i < n; i++)
      for (size_t a = 0; a < n_families; a++)
        for (size_t b = a + 1; b < n_families; b++)
          over_prompts ? test_family_prompts(run, &contrasts[i], a, b) : test_models(run, &contrasts[i], a, b);
  for (size_t i = 0; i < n; i++)
    for (size_t m = 0; m < run->scores->n_models; m++)
      test_prompts(run, &contrasts[i], contrasts[i].differences + m * run->scores->n_prompts,
                   mem_copy_string(run->scores->models[m]));
  adjust(run->tests);
}

static char *why_no_test(const Run *run, size_t n_contrasts) {
  if (n_contrasts == 0)
    return mem_format("no contrast: %zu categories, and no --contrast FIRST,SECOND", run->scores->n_categories);
  if (run->scores->n_models == 1) return mem_copy_string("no test of families: one model says nothing of others");
  if (run->groups->n_families == 1)
    return mem_copy_string("no test of families: there is one (--family NAME=SUBSTRING names them)");
  return NULL;
}

Status bias_tests_run(const BiasSettings *settings, const BiasScores *s, const BiasGroups *groups,
                      const BiasRanks *ranks, const BiasContrast *chosen, size_t n, BiasTests *tests, Error *err) {
  Run run = {.settings = settings, .scores = s, .groups = groups, .ranks = ranks, .tests = tests};
  size_t *prompts = mem_alloc(s->n_prompts, sizeof *prompts);
  bool *is_first = mem_alloc(s->n_prompts, sizeof *is_first);
  Contrast *contrasts = mem_alloc(n, sizeof *contrasts);
  Status status = STATUS_OK;
  *tests = (BiasTests){0};
  choose_sides(&run, prompts, is_first);
  for (size_t i = 0; i < n && status == STATUS_OK; i++) {
    contrasts[i].of = chosen[i];
    status = fill_contrast(&run, &contrasts[i], err);
  }
  if (status == STATUS_OK) {
    test_all(&run, contrasts, n);
    tests->without = why_no_test(&run, n);
  }
  for (size_t i = 0; i < n; i++) {
    free(contrasts[i].differences);
    free(contrasts[i].mean_differences);
  }
  free(contrasts);
  free(prompts);
  free(is_first);
  return status;
}

void bias_tests_clear(BiasTests *t) {
  for (size_t i = 0; i < t->n; i++) {
    free(t->items[i].contrast);
    free(t->items[i].categories);
    free(t->items[i].sensitivity);
  }
  free(t->items);
  free(t->without);
  *t = (BiasTests){0};
}
