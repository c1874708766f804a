/* Reading axis files. The file is not trusted: shapes and numbers are checked against each other. */
#include "train/axis_file.h"

#include "base/memory.h"
#include "base/names.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- words --- */

/* Numbers equal lemmas in the order they come. */
static void number_lemmas(AxisWords *w) {
  Names lemmas = {0};
  w->lemma = mem_alloc(w->n, sizeof *w->lemma);
  w->n_pole_lemmas = 0;
  for (size_t i = 0; i < w->n; i++) {
    w->lemma[i] = names_number_caseless(&lemmas, w->lemmas[i]);
    if (i < w->n_pole_words) w->n_pole_lemmas = lemmas.count;
  }
  w->n_lemmas = lemmas.count;
  names_clear(&lemmas);
}

Status axis_words_index(AxisWords *w, Error *err) {
  size_t counts[2] = {0};
  if (w->n_categories < 2) return error_set(err, STATUS_DATA, "%zu categories, expected two poles", w->n_categories);
  for (size_t i = 0; i < w->n; i++) {
    if (w->category[i] < 2 && w->n_pole_words < i)
      return error_set(err, STATUS_DATA, "word \"%.60s\" of a pole stands behind words of no pole", w->words[i]);
    if (w->category[i] < 2) counts[w->category[i]]++, w->n_pole_words++;
  }
  for (size_t c = 0; c < 2; c++)
    if (counts[c] < 2)
      return error_set(err, STATUS_DATA, "pole %.60s has %zu words, expected at least 2", w->categories[c], counts[c]);
  number_lemmas(w);
  w->first = mem_alloc(w->n_pole_words, sizeof *w->first);
  size_t *pole = mem_alloc(w->n_lemmas, sizeof *pole); /* 1 + category, 0: none yet */
  Status status = STATUS_OK;
  for (size_t i = 0; i < w->n_pole_words && status == STATUS_OK; i++) {
    w->first[i] = w->category[i] == 0;
    if (pole[w->lemma[i]] && pole[w->lemma[i]] != 1 + w->category[i])
      status = error_set(err, STATUS_DATA, "\"%.60s\" is of both poles, %.60s and %.60s", w->lemmas[i],
                         w->categories[0], w->categories[1]);
    pole[w->lemma[i]] = 1 + w->category[i];
  }
  free(pole);
  return status;
}

Status axis_words_check_fit(const AxisWords *w, Error *err) {
  size_t lemmas[2] = {0};
  bool *seen = mem_alloc(w->n_lemmas, sizeof *seen);
  for (size_t i = 0; i < w->n_pole_words; i++) {
    lemmas[w->category[i]] += !seen[w->lemma[i]];
    seen[w->lemma[i]] = true;
  }
  free(seen);
  for (size_t c = 0; c < 2; c++)
    if (lemmas[c] < 2)
      return error_set(err, STATUS_DATA, "pole %.60s has %zu lemmas, expected at least 2", w->categories[c], lemmas[c]);
  if (w->n_pole_words > AXIS_MOST_POLE_WORDS)
    return error_set(err, STATUS_DATA, "%zu words of both poles, expected at most %d: memory grows with their square",
                     w->n_pole_words, AXIS_MOST_POLE_WORDS);
  return STATUS_OK;
}

void axis_words_take(AxisWords *w, const CarriedWords *from) {
  const size_t n = from->count, n_categories = from->choice.n;
  *w = (AxisWords){.n = n,
                   .words = mem_alloc(n, sizeof *w->words),
                   .lemmas = mem_alloc(n, sizeof *w->lemmas),
                   .category = mem_alloc(n, sizeof *w->category),
                   .categories = mem_alloc(n_categories, sizeof *w->categories),
                   .n_categories = n_categories};
  for (size_t i = 0; i < n; i++) {
    w->words[i] = mem_copy_string(from->items[i].form);
    w->lemmas[i] = mem_copy_string(from->items[i].lemma);
    w->category[i] = from->items[i].category;
  }
  for (size_t c = 0; c < n_categories; c++)
    w->categories[c] = mem_copy_string(from->lexicon->categories[from->choice.categories[c]]);
}

void axis_words_clear(AxisWords *w) {
  string_list_free(w->words, w->words ? w->n : 0);
  string_list_free(w->lemmas, w->lemmas ? w->n : 0);
  string_list_free(w->categories, w->categories ? w->n_categories : 0);
  string_list_free(w->covariates, w->covariates ? w->n_covariates : 0);
  free(w->category);
  free(w->lemma);
  free(w->first);
  free(w->covariate);
  *w = (AxisWords){0};
}

/* --- reading --- */

/* More than anybody has a use for; what fathom does with them grows faster than their number. */
enum { MOST_WORDS = 100000, MOST_CATEGORIES = 1000, MOST_COVARIATES = 100, MOST_SITES = 100000, MOST_SENTENCES = 10000 };

/* An array that must have exactly this shape. */
static Status read_shaped(Result *from, const char *name, size_t rank, const size_t *shape, double **values,
                          Error *err) {
  size_t found_rank, found[RESULT_MAX_RANK];
  const Status status = result_read_array(from, name, &found_rank, found, values, err);
  if (status != STATUS_OK) return status;
  bool fits = found_rank == rank;
  for (size_t i = 0; i < rank && fits; i++) fits = found[i] == shape[i];
  if (fits) return STATUS_OK;
  free(*values);
  *values = NULL;
  return error_set(err, STATUS_DATA, "%s has %zu x %zu entries, expected %zu x %zu", name, found[0], found[1], shape[0],
                   rank > 1 ? shape[1] : 1);
}

/* A list of at most so many texts, whose number was not known. */
static Status read_list(Result *from, const char *name, size_t most, char ***texts, size_t *n, Error *err) {
  const Status status = result_read_strings(from, name, texts, n, err);
  if (status != STATUS_OK || *n <= most) return status;
  const size_t found = *n;
  string_list_free(*texts, found);
  *texts = NULL;
  *n = 0;
  return error_set(err, STATUS_DATA, "%s has %zu entries, expected at most %zu", name, found, most);
}

/* A list of exactly n texts. */
static Status read_texts(Result *from, const char *name, size_t n, char ***texts, Error *err) {
  size_t found = 0;
  const Status status = result_read_strings(from, name, texts, &found, err);
  if (status != STATUS_OK || found == n) return status;
  string_list_free(*texts, found);
  *texts = NULL;
  return error_set(err, STATUS_DATA, "%s has %zu entries, expected %zu", name, found, n);
}

static Status read_categories(Result *from, AxisWords *w, Error *err) {
  char **names = NULL;
  Status status = read_list(from, "category", MOST_CATEGORIES, &w->categories, &w->n_categories, err);
  if (status == STATUS_OK) status = read_texts(from, "words/category", w->n, &names, err);
  if (status != STATUS_OK) return status;
  w->category = mem_alloc(w->n, sizeof *w->category);
  for (size_t i = 0; i < w->n && status == STATUS_OK; i++) {
    size_t c = 0;
    while (c < w->n_categories && strcmp(w->categories[c], names[i]) != 0) c++;
    if (c == w->n_categories)
      status = error_set(err, STATUS_DATA, "words/category: \"%.60s\" is not in category", names[i]);
    w->category[i] = c;
  }
  string_list_free(names, w->n);
  return status;
}

static Status read_words(Result *from, AxisWords *w, Error *err) {
  Status status = read_list(from, "words/word", MOST_WORDS, &w->words, &w->n, err);
  if (status == STATUS_OK) status = read_texts(from, "words/lemma", w->n, &w->lemmas, err);
  if (status == STATUS_OK) status = read_categories(from, w, err);
  if (status == STATUS_OK && result_has(from, "covariate")) {
    status = read_list(from, "covariate", MOST_COVARIATES, &w->covariates, &w->n_covariates, err);
    const size_t shape[] = {w->n, w->n_covariates};
    if (status == STATUS_OK) status = read_shaped(from, "words/covariates", 2, shape, &w->covariate, err);
    for (size_t i = 0; status == STATUS_OK && i < w->n * w->n_covariates; i++)
      if (!isfinite(w->covariate[i])) status = error_set(err, STATUS_DATA, "words/covariates holds %g", w->covariate[i]);
  }
  if (status == STATUS_OK) status = axis_words_index(w, err);
  return status == STATUS_OK ? axis_words_check_fit(w, err) : status;
}

/* The direction of one axis, and whether it is one. */
static Status read_direction(Result *from, ValueAxis *axis, Error *err) {
  char *name = mem_format("direction/%s", axis->site);
  size_t rank, shape[RESULT_MAX_RANK];
  double square = 0;
  Status status = result_read_array(from, name, &rank, shape, &axis->direction, err);
  if (status == STATUS_OK && rank != 1) status = error_set(err, STATUS_DATA, "%s: rank %zu, expected 1", name, rank);
  axis->width = shape[0];
  for (size_t j = 0; status == STATUS_OK && j < axis->width; j++) square += axis->direction[j] * axis->direction[j];
  if (status == STATUS_OK && !(fabs(square - 1) <= 1e-6))
    status = error_set(err, STATUS_DATA, "%s: its length is %g, expected 1", name, sqrt(square));
  if (status == STATUS_OK && (!isfinite(axis->midpoint) || !isfinite(axis->scale) || !(axis->scale > 0)))
    status = error_set(err, STATUS_DATA, "%s: midpoint %g and scale %g, expected finite numbers and a scale above 0",
                       axis->site, axis->midpoint, axis->scale);
  free(name);
  return status;
}

static Status read_axes(AxisFile *file, Error *err) {
  static const char *const names[] = {"midpoint", "scale", "separation"};
  double *numbers[3] = {0};
  char **sites = NULL;
  Names seen = {0};
  Status status = read_list(file->result, "site", MOST_SITES, &sites, &file->n_axes, err);
  if (status == STATUS_OK && file->n_axes == 0) status = error_set(err, STATUS_DATA, "site: no axis in it");
  for (size_t k = 0; k < 3 && status == STATUS_OK; k++)
    status = read_shaped(file->result, names[k], 1, &file->n_axes, &numbers[k], err);
  file->axes = mem_alloc(file->n_axes, sizeof *file->axes);
  for (size_t s = 0; s < file->n_axes && status == STATUS_OK; s++) {
    if (!names_add(&seen, sites[s])) {
      status = error_set(err, STATUS_DATA, "site: %.60s is there twice", sites[s]);
      break;
    }
    file->axes[s] = (ValueAxis){.site = mem_copy_string(sites[s]),
                                .midpoint = numbers[0][s],
                                .scale = numbers[1][s],
                                .separation = numbers[2][s]};
    status = read_direction(file->result, &file->axes[s], err);
  }
  for (size_t k = 0; k < 3; k++) free(numbers[k]);
  names_clear(&seen);
  string_list_free(sites, file->n_axes);
  return status;
}

static Status read_method(AxisFile *file, Error *err) {
  const Status status = result_read_attribute(file->result, "method", &file->method_name, err);
  if (status != STATUS_OK || axis_method_from_name(file->method_name, &file->method)) return status;
  return error_set(err, STATUS_DATA, "attribute method is \"%.60s\", which this fathom does not know",
                   file->method_name);
}

static Status read_carriers(Result *from, CarrierSet *set, Error *err) {
  static const char *const names[] = {"sentences/id", "sentences/pos", "sentences/before", "sentences/after"};
  char **texts[4] = {0};
  size_t n = 0;
  if (!result_has(from, names[0])) return STATUS_OK;
  Status status = read_list(from, names[0], MOST_SENTENCES, &texts[0], &n, err);
  for (size_t k = 1; k < 4 && status == STATUS_OK; k++) status = read_texts(from, names[k], n, &texts[k], err);
  if (status == STATUS_OK) {
    *set = (CarrierSet){mem_alloc(n, sizeof *set->items), n};
    for (size_t i = 0; i < n; i++) {
      set->items[i] = (Carrier){texts[0][i], texts[1][i], texts[2][i], texts[3][i]};
      for (size_t k = 0; k < 4; k++) texts[k][i] = NULL;
    }
  }
  for (size_t k = 0; k < 4; k++) string_list_free(texts[k], texts[k] ? n : 0);
  return status;
}

/* What rows were read off, and of which words, where the file says it. */
static Status read_texts_rule(AxisFile *file, Error *err) {
  static const char *const names[] = {"texts/rule", "texts/sha256", "words/only_pos"};
  char **to[] = {&file->rule, &file->texts_sha256, &file->only_pos};
  Status status = STATUS_OK;
  for (size_t k = 0; k < 3 && status == STATUS_OK; k++) {
    char **texts = NULL;
    if (result_has(file->result, names[k])) status = read_texts(file->result, names[k], 1, &texts, err);
    *to[k] = mem_copy_string(texts ? texts[0] : "");
    string_list_free(texts, texts ? 1 : 0);
  }
  return status;
}

Status axis_file_open(const char *path, AxisFile *file, Error *err) {
  *file = (AxisFile){.path = mem_copy_string(path)};
  Status status = result_open(path, &file->result, err);
  if (status == STATUS_OK && strcmp(result_kind(file->result), "axis") != 0)
    status = error_set(err, STATUS_DATA, "%s: holds a result of kind %s, expected axis (fathom axis makes one)", path,
                       result_kind(file->result));
  if (status == STATUS_OK) {
    status = read_method(file, err);
    if (status == STATUS_OK) status = read_axes(file, err);
    if (status == STATUS_OK) status = read_words(file->result, &file->words, err);
    if (status == STATUS_OK) status = read_carriers(file->result, &file->carriers, err);
    if (status == STATUS_OK) status = read_texts_rule(file, err);
    if (status != STATUS_OK && strncmp(err->text, path, strlen(path)) != 0) error_prefix(err, "%s", path);
  }
  if (status != STATUS_OK) axis_file_close(file);
  return status;
}

void axis_file_close(AxisFile *file) {
  result_close(file->result);
  for (size_t s = 0; s < file->n_axes && file->axes; s++) axis_clear(&file->axes[s]);
  free(file->axes);
  axis_words_clear(&file->words);
  carriers_clear(&file->carriers);
  free(file->method_name);
  free(file->rule);
  free(file->texts_sha256);
  free(file->only_pos);
  free(file->path);
  *file = (AxisFile){0};
}

Status axis_file_rows(const AxisFile *file, size_t axis, float **rows, Error *err) {
  const ValueAxis *a = &file->axes[axis];
  const size_t shape[] = {file->words.n, a->width};
  char *name = mem_format("rows/%s", a->site);
  double *values = NULL;
  *rows = NULL;
  Status status = read_shaped(file->result, name, 2, shape, &values, err);
  if (status == STATUS_OK) status = mem_try(shape[0] * shape[1], sizeof **rows, (void **)rows, err);
  for (size_t i = 0; status == STATUS_OK && i < shape[0] * shape[1]; i++) {
    (*rows)[i] = (float)values[i];
    if (!isfinite((*rows)[i]))
      status = error_set(err, STATUS_DATA, "%s: row %zu holds %g", name, i / a->width, values[i]);
  }
  free(values);
  free(name);
  if (status != STATUS_OK) {
    free(*rows);
    *rows = NULL;
  }
  if (status != STATUS_OK && strncmp(err->text, file->path, strlen(file->path)) != 0) error_prefix(err, "%s", file->path);
  return status;
}

bool axis_file_find(const AxisFile *file, const char *site, size_t *axis) {
  for (*axis = 0; *axis < file->n_axes; ++*axis)
    if (strcmp(file->axes[*axis].site, site) == 0) return true;
  return false;
}
