/* What fathom implicit keeps, as a result of kind "implicit". S sets of prompts ("all", and each group where there are
 * several), F forms (sum, mean, ...):
 *
 *   set/name [S]
 *   prompt/{id, group, mwlr_sum} [n]    prompt/{mass, kl} [n, 2]
 *   token/text [V]                      token/{mwlr, lo, hi, log_p_1, log_p_2} [S, V]
 *   form/name [F]
 *   word/{text, category} [W]           word/{log_ratio, lo, hi, log_p_1, log_p_2} [S, W, F]
 *   word/n_tokens [W, 2]                word/separator [2], what words stand behind in each model
 *   category/name [C]                   category/{log_ratio, lo, hi, log_p_1, log_p_2} [S, C, F]
 *   pair/id [n]                         pair/n_tokens [n, 2 sides, 2 models], pair/log_p [n, 2 sides, 2 models, F]
 *
 * kl holds KL(p2||p1) and KL(p1||p2); sides are chosen and rejected; behind the categories come the differences of
 * every two. */
#include "base/memory.h"
#include "base/utf8.h"
#include "command/implicit/implicit.h"

#include <stdlib.h>

static Status write_numbers(Result *result, const char *group, const char *name, size_t rank, const size_t *shape,
                            const double *values, Error *err) {
  char *path = mem_format("%s/%s", group, name);
  const Status status = result_write_array(result, path, rank, shape, values, err);
  free(path);
  return status;
}

static Status write_prompts(const ImplicitReport *r, Result *result, Error *err) {
  const ImplicitRun *run = r->run;
  const ImplicitTokens *t = r->tokens;
  const size_t n = run->n_samples;
  const char **ids = mem_alloc(n, sizeof *ids), **groups = mem_alloc(n, sizeof *groups);
  double *mass = mem_alloc(2 * n, sizeof *mass), *kl = mem_alloc(2 * n, sizeof *kl);
  for (size_t i = 0; i < n; i++) {
    ids[i] = run->sides[0].samples[i]->id;
    groups[i] = run->groups[run->group_of[i]];
    for (size_t k = 0; k < 2; k++) mass[2 * i + k] = t->mass[k][i];
    kl[2 * i] = t->kl_21[i];
    kl[2 * i + 1] = t->kl_12[i];
  }
  const size_t shape[] = {n, 2};
  Status status = result_write_strings(result, "prompt/id", ids, n, err);
  if (status == STATUS_OK) status = result_write_strings(result, "prompt/group", groups, n, err);
  if (status == STATUS_OK) status = write_numbers(result, "prompt", "mass", 2, shape, mass, err);
  if (status == STATUS_OK) status = write_numbers(result, "prompt", "kl", 2, shape, kl, err);
  if (status == STATUS_OK) status = write_numbers(result, "prompt", "mwlr_sum", 1, shape, t->mwlr_sum, err);
  free(ids);
  free(groups);
  free(mass);
  free(kl);
  return status;
}

static Status write_sets(const ImplicitReport *r, Result *result, Error *err) {
  const char **names = mem_alloc(r->run->n_sets, sizeof *names);
  for (size_t s = 0; s < r->run->n_sets; s++) names[s] = implicit_set_name(r->run, s);
  const Status status = result_write_strings(result, "set/name", names, r->run->n_sets, err);
  free(names);
  return status;
}

/* Numbers of all sets as group/{name, lo, hi, log_p_1, log_p_2}. Item i of `n` is at first + i * step in the means, and
 * its log-probabilities `apart` and twice `apart` behind it. shape begins with the number of sets. */
typedef struct MeansLayout {
  const char *group, *name;
  size_t rank, shape[RESULT_MAX_RANK];
  size_t n, step, apart;
} MeansLayout;

static Status write_means(const Means *sets, const MeansLayout *layout, Result *result, Error *err) {
  const size_t n_sets = layout->shape[0], n = layout->n;
  const char *const names[] = {layout->name, "lo", "hi", "log_p_1", "log_p_2"};
  double *values[5];
  Status status = STATUS_OK;
  for (size_t j = 0; j < 5; j++) values[j] = mem_alloc(n_sets * n, sizeof(double));
  for (size_t s = 0; s < n_sets; s++)
    for (size_t i = 0; i < n; i++) {
      const size_t at = i * layout->step;
      const MeanInterval mean = means_at(&sets[s], at);
      values[0][s * n + i] = mean.mean;
      values[1][s * n + i] = mean.lo;
      values[2][s * n + i] = mean.hi;
      values[3][s * n + i] = sets[s].mean[at + layout->apart];
      values[4][s * n + i] = sets[s].mean[at + 2 * layout->apart];
    }
  for (size_t j = 0; j < 5 && status == STATUS_OK; j++)
    status = write_numbers(result, layout->group, names[j], layout->rank, layout->shape, values[j], err);
  for (size_t j = 0; j < 5; j++) free(values[j]);
  return status;
}

static Status write_tokens(const ImplicitReport *r, Result *result, Error *err) {
  const JoinedVocabulary *joined = &r->tokens->joined;
  char **shown = mem_alloc(joined->n, sizeof *shown);
  for (size_t i = 0; i < joined->n; i++) shown[i] = utf8_shown(joined->strings[i], joined->sizes[i]);
  Status status = result_write_strings(result, "token/text", (const char *const *)shown, joined->n, err);
  const MeansLayout layout = {.group = "token",
                              .name = "mwlr",
                              .rank = 2,
                              .shape = {r->run->n_sets, joined->n},
                              .n = joined->n,
                              .step = 1,
                              .apart = joined->n};
  if (status == STATUS_OK) status = write_means(r->tokens->sets, &layout, result, err);
  string_list_free(shown, joined->n);
  return status;
}

static Status write_words(const ImplicitReport *r, Result *result, Error *err) {
  const ImplicitWords *w = r->words;
  const size_t n = w->n_words, n_rows = w->n_categories + w->n_differences;
  const char **categories = mem_alloc(n, sizeof *categories);
  double *n_tokens = mem_alloc(2 * n, sizeof *n_tokens);
  for (size_t i = 0; i < n; i++) {
    categories[i] = w->categories[w->category_of[i]];
    for (size_t k = 0; k < 2; k++) n_tokens[2 * i + k] = (double)implicit_n_tokens(w, (int)k, i);
  }
  Status status = result_write_strings(result, "form/name", implicit_forms, FORM_COUNT, err);
  if (status == STATUS_OK) status = result_write_strings(result, "word/text", (const char *const *)w->words, n, err);
  if (status == STATUS_OK) status = result_write_strings(result, "word/category", categories, n, err);
  if (status == STATUS_OK)
    status = result_write_strings(result, "word/separator",
                                  (const char *[]){w->tokens[0].separator, w->tokens[1].separator}, 2, err);
  if (status == STATUS_OK) status = write_numbers(result, "word", "n_tokens", 2, (const size_t[]){n, 2}, n_tokens, err);
  if (status == STATUS_OK)
    status = result_write_strings(result, "category/name", (const char *const *)w->categories, n_rows, err);
  MeansLayout layout = {.group = "word",
                        .name = "log_ratio",
                        .rank = 3,
                        .shape = {r->run->n_sets, n, FORM_COUNT},
                        .n = n * FORM_COUNT,
                        .step = WORD_NUMBERS,
                        .apart = 1};
  if (status == STATUS_OK) status = write_means(w->word_sets, &layout, result, err);
  layout.group = "category";
  layout.shape[1] = n_rows;
  layout.n = n_rows * FORM_COUNT;
  if (status == STATUS_OK) status = write_means(w->category_sets, &layout, result, err);
  free(categories);
  free(n_tokens);
  return status;
}

static Status write_pairs(const ImplicitReport *r, Result *result, Error *err) {
  const ImplicitPairs *p = r->pairs;
  const size_t n = r->run->n_samples;
  const char **ids = mem_alloc(n / 2, sizeof *ids);
  double *n_tokens = mem_alloc(2 * n, sizeof *n_tokens), *log_p = mem_alloc(2 * n * FORM_COUNT, sizeof *log_p);
  for (size_t i = 0; i < n; i++) {
    ids[i / 2] = r->run->sides[0].samples[i]->group;
    for (size_t k = 0; k < 2; k++) {
      n_tokens[2 * i + k] = (double)p->n_tokens[k][i];
      for (size_t f = 0; f < FORM_COUNT; f++) log_p[(2 * i + k) * FORM_COUNT + f] = p->forms[k][i * FORM_COUNT + f];
    }
  }
  const size_t shape[] = {n / 2, 2, 2, FORM_COUNT};
  Status status = result_write_strings(result, "form/name", implicit_forms, FORM_COUNT, err);
  if (status == STATUS_OK) status = result_write_strings(result, "pair/id", ids, n / 2, err);
  if (status == STATUS_OK) status = write_numbers(result, "pair", "n_tokens", 3, shape, n_tokens, err);
  if (status == STATUS_OK) status = write_numbers(result, "pair", "log_p", 4, shape, log_p, err);
  free(ids);
  free(n_tokens);
  free(log_p);
  return status;
}

/* Which answers the implicit reward prefers, a row a form as in the table. */
static Status write_accuracies(const ImplicitReport *r, Result *result, Error *err) {
  enum { N = FORM_COUNT - 1, NUMBERS = 8 };
  static const char *const names[NUMBERS] = {"n", "accuracy", "lo", "hi", "ties", "margin", "accuracy_1", "accuracy_2"};
  const char *forms[N];
  double numbers[NUMBERS][N];
  size_t n = 0;
  for (size_t form = 0; form < FORM_COUNT; form++) {
    if (form == FORM_FIRST) continue;
    const ImplicitAccuracy a = implicit_accuracy(r->pairs, r->run->n_samples / 2, form);
    const double of_form[NUMBERS] = {(double)a.n, a.accuracy.value, a.accuracy.lo, a.accuracy.hi,
                                     a.ties,      a.margin,         a.alone[0],    a.alone[1]};
    for (size_t k = 0; k < NUMBERS; k++) numbers[k][n] = of_form[k];
    forms[n++] = implicit_forms[form];
  }
  Status status = result_write_strings(result, "accuracy/form", forms, n, err);
  for (size_t k = 0; k < NUMBERS && status == STATUS_OK; k++)
    status = write_numbers(result, "accuracy", names[k], 1, &n, numbers[k], err);
  return status;
}

static Status write_notes(const ImplicitReport *r, Result *result, Error *err) {
  Table *notes = table_notebook();
  implicit_note(r, notes);
  return result_write_notes(result, notes, err);
}

Status implicit_write(const ImplicitReport *r, const Provenance *from, Error *err) {
  const ImplicitSettings *s = r->run->settings;
  Result *result;
  Status status = result_create(s->output, "implicit", from, &result, err);
  if (status != STATUS_OK) return status;
  status = result_write_attribute(result, "compute_dtype", s->input.dtype, err);
  if (status == STATUS_OK && !r->pairs)
    status = result_write_attribute(result, "interval", "95 % over prompts (Student's t)", err);
  if (status == STATUS_OK) status = write_notes(r, result, err);
  if (status == STATUS_OK && r->tokens) status = write_sets(r, result, err);
  if (status == STATUS_OK && r->tokens) status = write_prompts(r, result, err);
  if (status == STATUS_OK && r->tokens) status = write_tokens(r, result, err);
  if (status == STATUS_OK && r->words) status = write_words(r, result, err);
  if (status == STATUS_OK && r->pairs) status = write_pairs(r, result, err);
  if (status == STATUS_OK && r->pairs) status = write_accuracies(r, result, err);
  if (status == STATUS_OK) return result_finish(result, err);
  result_close(result);
  return status;
}
