/* The file of a bias: ranks of every model at every prompt, and the tests. */
#include "base/memory.h"
#include "command/bias/bias.h"
#include "store/result.h"

#include <stdlib.h>

typedef const char *(*TextOf)(const BiasReport *report, size_t i);

static const char *family_of(const BiasReport *r, size_t i) { return r->groups->families[r->groups->family[i]]; }
static const char *framing_of(const BiasReport *r, size_t i) { return framing_names[r->groups->framing[i]]; }
static const char *category_of(const BiasReport *r, size_t i) { return r->scores->categories[r->scores->category[i]]; }
static const char *contrast_of_test(const BiasReport *r, size_t i) { return r->tests->items[i].contrast; }
static const char *categories_of_test(const BiasReport *r, size_t i) { return r->tests->items[i].categories; }
static const char *framings_of_test(const BiasReport *r, size_t i) { return r->tests->items[i].framings; }
static const char *unit_of_test(const BiasReport *r, size_t i) { return r->tests->items[i].unit; }

static Status write_texts(Result *result, const BiasReport *r, const char *name, size_t n, TextOf text, Error *err) {
  const char **texts = mem_alloc(n, sizeof *texts);
  for (size_t i = 0; i < n; i++) texts[i] = text(r, i);
  const Status status = result_write_strings(result, name, texts, n, err);
  free(texts);
  return status;
}

static Status write_names(Result *result, const BiasReport *r, Error *err) {
  const BiasScores *s = r->scores;
  Status status = result_write_strings(result, "model/name", (const char *const *)s->models, s->n_models, err);
  if (status == STATUS_OK) status = write_texts(result, r, "model/family", s->n_models, family_of, err);
  if (status == STATUS_OK)
    status = result_write_strings(result, "prompt/name", (const char *const *)s->prompts, s->n_prompts, err);
  if (status == STATUS_OK) status = write_texts(result, r, "prompt/framing", s->n_prompts, framing_of, err);
  if (status == STATUS_OK)
    status = result_write_strings(result, "category/name", (const char *const *)s->categories, s->n_categories, err);
  if (status == STATUS_OK)
    status = result_write_strings(result, "word/text", (const char *const *)s->words, s->n_words, err);
  return status == STATUS_OK ? write_texts(result, r, "word/category", s->n_words, category_of, err) : status;
}

static Status write_ranks(Result *result, const BiasReport *r, Error *err) {
  const size_t shape[] = {r->scores->n_models, r->scores->n_prompts, r->scores->n_categories};
  const Status status = result_write_array(result, "median_rank", 3, shape, r->ranks->medians, err);
  return status == STATUS_OK ? result_write_array(result, "mean_rank", 3, shape, r->ranks->means, err) : status;
}

/* What is told of each test in numbers. */
enum { STATISTIC, P, LEAST_P, LABELINGS, EXACT, Q, LO, HI, G, N, TEST_NUMBERS };
static const char *const number_names[TEST_NUMBERS] = {"tests/statistic", "tests/p", "tests/least_p", "tests/labelings",
                                                       "tests/exact",     "tests/q", "tests/lo",      "tests/hi",
                                                       "tests/g",         "tests/n"};

static double number_of(const BiasTest *t, int which) {
  const double numbers[TEST_NUMBERS] = {[STATISTIC] = t->test.statistic,
                                        [P] = t->test.p,
                                        [LEAST_P] = t->test.least_p,
                                        [LABELINGS] = (double)t->test.labelings,
                                        [EXACT] = t->test.is_exact,
                                        [Q] = t->q,
                                        [LO] = t->lo,
                                        [HI] = t->hi,
                                        [G] = t->g,
                                        [N] = (double)t->n};
  return numbers[which];
}

static Status write_tests(Result *result, const BiasReport *r, Error *err) {
  const size_t n = r->tests->n;
  if (n == 0) return STATUS_OK;
  Status status = write_texts(result, r, "tests/contrast", n, contrast_of_test, err);
  if (status == STATUS_OK) status = write_texts(result, r, "tests/categories", n, categories_of_test, err);
  if (status == STATUS_OK) status = write_texts(result, r, "tests/framings", n, framings_of_test, err);
  if (status == STATUS_OK) status = write_texts(result, r, "tests/unit", n, unit_of_test, err);
  double *numbers = mem_alloc(n, sizeof *numbers);
  for (int which = 0; which < TEST_NUMBERS && status == STATUS_OK; which++) {
    for (size_t i = 0; i < n; i++) numbers[i] = number_of(&r->tests->items[i], which);
    status = result_write_array(result, number_names[which], 1, &n, numbers, err);
  }
  free(numbers);
  return status;
}

static Status write_notes(Result *result, const BiasReport *r, Error *err) {
  Table *notes = table_notebook();
  bias_table_note(r, notes);
  return result_write_notes(result, notes, err);
}

Status bias_result_write(const BiasReport *r, const Provenance *from, Error *err) {
  Result *result;
  Status status = result_create(r->settings->output, "bias", from, &result, err);
  if (status != STATUS_OK) return status;
  status = write_names(result, r, err);
  if (status == STATUS_OK) status = write_ranks(result, r, err);
  if (status == STATUS_OK) status = write_tests(result, r, err);
  if (status == STATUS_OK) status = write_notes(result, r, err);
  if (status == STATUS_OK) status = result_write_attribute(result, "lexicon", r->settings->lexicon, err);
  if (status == STATUS_OK) status = result_write_attribute(result, "lexicon_sha256", r->choice->lexicon->digest, err);
  if (status == STATUS_OK) return result_finish(result, err);
  result_close(result);
  return status;
}
