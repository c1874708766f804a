/* What a file of arrays, or the file of --samples beside it, says of the samples. */
#include "base/memory.h"
#include "command/import/import.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void free_texts(char **texts, size_t n) {
  for (size_t i = 0; texts && i < n; i++) free(texts[i]);
  free(texts);
}

void import_ids_clear(ImportIds *ids) {
  free_texts(ids->ids, ids->n_samples);
  free_texts(ids->digests, ids->n_samples);
  free_texts(ids->groups, ids->n_samples);
  free_texts(ids->labels, ids->n_samples);
  free(ids->n_tokens);
  free(ids->token_ids);
  free(ids->offsets);
  free(ids->row_sample);
  free(ids->row_token);
  *ids = (ImportIds){0};
}

Status import_read_numbers(const ArrayFile *file, const char *key, int64_t most, uint32_t **values, size_t *n,
                           Error *err) {
  const Array *array = arrays_find(file, key);
  int64_t *wide = NULL;
  *values = NULL;
  *n = 0;
  if (file->is_npy || !array) return STATUS_OK;
  if (!array_is_integer(array))
    return error_set(err, STATUS_DATA, "%s: array %s is of type %s, expected integers", file->path, key,
                     array->type_name);
  Status status = array_read_integers(file, array, &wide, err);
  if (status == STATUS_OK) status = mem_try(array->count, sizeof **values, (void **)values, err);
  for (size_t i = 0; i < array->count && status == STATUS_OK; i++) {
    if (wide[i] < 0 || wide[i] > most)
      status = error_set(err, STATUS_DATA, "%s: array %s: entry %zu is %" PRId64 ", expected 0 to %" PRId64, file->path,
                         key, i, wide[i], most);
    else
      (*values)[i] = (uint32_t)wide[i];
  }
  free(wide);
  if (status == STATUS_OK) {
    *n = array->count;
  } else {
    free(*values);
    *values = NULL;
  }
  return status;
}

/* Integers as their digits, where they stand for texts. */
static Status read_words(const ArrayFile *file, const Array *array, char ***texts, Error *err) {
  int64_t *numbers;
  if (array_is_text(array)) return array_read_texts(file, array, texts, err);
  if (!array_is_integer(array))
    return error_set(err, STATUS_DATA, "%s: array %s is of type %s, expected texts", file->path, array->name,
                     array->type_name);
  Status status = array_read_integers(file, array, &numbers, err);
  if (status != STATUS_OK) return status;
  status = mem_try(array->count, sizeof **texts, (void **)texts, err);
  for (size_t i = 0; i < array->count && status == STATUS_OK; i++) (*texts)[i] = mem_format("%" PRId64, numbers[i]);
  free(numbers);
  return status;
}

/* The first to say how many samples there are sets their number; name stays valid. */
static Status count_samples(const ArrayFile *file, ImportIds *ids, size_t n, const char *name, Error *err) {
  if (n == 0) return error_set(err, STATUS_DATA, "%s: %s names no sample", file->path, name);
  if (ids->n_samples && ids->n_samples != n)
    return error_set(err, STATUS_DATA, "%s: %s has %zu samples, but %s has %zu", file->path, name, n, ids->counted_by,
                     ids->n_samples);
  ids->n_samples = n;
  ids->counted_by = name;
  return STATUS_OK;
}

static Status read_texts(const ArrayFile *file, ImportIds *ids, const char *key, char ***member, Error *err) {
  const Array *array = file->is_npy ? NULL : arrays_find(file, key);
  char **texts;
  if (!array) return STATUS_OK;
  if (*member)
    return error_set(err, STATUS_DATA, "%s: array %s: --samples says this too, expected one of them", file->path, key);
  Status status = read_words(file, array, &texts, err);
  if (status != STATUS_OK) return status;
  status = count_samples(file, ids, array->count, key, err);
  if (status == STATUS_OK)
    *member = texts;
  else
    free_texts(texts, array->count);
  return status;
}

static Status read_counts(const ArrayFile *file, ImportIds *ids, Error *err) {
  uint32_t *counts;
  size_t n;
  Status status = import_read_numbers(file, "n_tokens", UINT32_MAX, &counts, &n, err);
  if (status != STATUS_OK || !counts) return status;
  if (ids->n_tokens)
    status =
        error_set(err, STATUS_DATA, "%s: array n_tokens: --samples says this too, expected one of them", file->path);
  if (status == STATUS_OK) status = count_samples(file, ids, n, "n_tokens", err);
  if (status == STATUS_OK)
    ids->n_tokens = counts;
  else
    free(counts);
  return status;
}

static Status read_token_ids(const ArrayFile *file, ImportIds *ids, Error *err) {
  uint32_t *tokens;
  size_t n;
  Status status = import_read_numbers(file, "token_ids", INT32_MAX, &tokens, &n, err);
  if (status != STATUS_OK || !tokens) return status;
  uint64_t total = 0;
  for (size_t i = 0; i < ids->n_samples && ids->n_tokens; i++) total += ids->n_tokens[i];
  if (ids->token_ids)
    status =
        error_set(err, STATUS_DATA, "%s: array token_ids: --samples says this too, expected one of them", file->path);
  else if (!ids->n_tokens)
    status =
        error_set(err, STATUS_DATA, "%s: array token_ids: n_tokens is missing, which says whose they are", file->path);
  else if (total != n)
    status = error_set(err, STATUS_DATA, "%s: array token_ids has %zu entries, but n_tokens adds up to %" PRIu64,
                       file->path, n, total);
  if (status != STATUS_OK) {
    free(tokens);
    return status;
  }
  ids->token_ids = mem_alloc(n, sizeof *ids->token_ids);
  for (size_t i = 0; i < n; i++) ids->token_ids[i] = (int32_t)tokens[i];
  free(tokens);
  return STATUS_OK;
}

/* Texts that no sample has are not known. */
static void take_text(ImportIds *ids, char ***member, size_t i, const char *text) {
  if (!*member && !text[0]) return;
  if (!*member) *member = mem_alloc(ids->n_samples, sizeof **member);
  (*member)[i] = mem_copy_string(text);
}

static Status read_described(const ArrayFile *file, const char *path, ImportIds *ids, Error *err) {
  SampleSet set;
  bool counted, has_ids;
  Status status = samples_read_described(path, &set, &counted, &has_ids, err);
  if (status != STATUS_OK) return status;
  status = count_samples(file, ids, set.count, "--samples", err);
  uint64_t total = 0;
  for (size_t i = 0; i < set.count; i++) total += set.items[i].n_tokens;
  if (counted) ids->n_tokens = mem_alloc(set.count, sizeof *ids->n_tokens);
  if (has_ids) ids->token_ids = mem_alloc(total, sizeof *ids->token_ids);
  uint64_t at = 0;
  for (size_t i = 0; i < set.count; i++) {
    const Sample *sample = &set.items[i];
    take_text(ids, &ids->ids, i, sample->id);
    take_text(ids, &ids->digests, i, sample->text_digest);
    take_text(ids, &ids->groups, i, sample->group);
    take_text(ids, &ids->labels, i, sample->label);
    if (counted) ids->n_tokens[i] = (uint32_t)sample->n_tokens;
    if (has_ids) memcpy(ids->token_ids + at, sample->ids, sample->n_tokens * sizeof *sample->ids);
    at += sample->n_tokens;
  }
  memcpy(ids->data_digest, set.digest, sizeof ids->data_digest);
  samples_clear(&set);
  return status;
}

/* Equal texts side by side, each with its later one behind it: they point into one list. */
static int by_text(const void *a, const void *b) {
  char *const *x = *(char **const *)a, *const *y = *(char **const *)b;
  const int order = strcmp(*x, *y);
  return order ? order : (x > y) - (x < y);
}

/* An id is what a sample is found by. */
static Status check_ids(const ArrayFile *file, const ImportIds *ids, Error *err) {
  char ***sorted;
  if (!ids->ids) return STATUS_OK;
  Status status = mem_try(ids->n_samples, sizeof *sorted, (void **)&sorted, err);
  if (status != STATUS_OK) return status;
  for (size_t i = 0; i < ids->n_samples; i++) sorted[i] = &ids->ids[i];
  qsort(sorted, ids->n_samples, sizeof *sorted, by_text);
  for (size_t i = 1; i < ids->n_samples && status == STATUS_OK; i++)
    if (strcmp(*sorted[i - 1], *sorted[i]) == 0)
      status = error_set(err, STATUS_DATA, "%s: array id: entries %zu and %zu are both \"%.200s\", expected each once",
                         file->path, (size_t)(sorted[i - 1] - ids->ids), (size_t)(sorted[i] - ids->ids), *sorted[i]);
  free(sorted);
  return status;
}

Status import_read_samples(const ArrayFile *file, const ImportSettings *s, ImportIds *ids, Error *err) {
  Status status = s->samples ? read_described(file, s->samples, ids, err) : STATUS_OK;
  if (status == STATUS_OK) status = read_texts(file, ids, "id", &ids->ids, err);
  if (status == STATUS_OK) status = check_ids(file, ids, err);
  if (status == STATUS_OK) status = read_texts(file, ids, "text_digest", &ids->digests, err);
  if (status == STATUS_OK) status = read_texts(file, ids, "group", &ids->groups, err);
  if (status == STATUS_OK) status = read_texts(file, ids, "label", &ids->labels, err);
  if (status == STATUS_OK) status = read_counts(file, ids, err);
  return status == STATUS_OK ? read_token_ids(file, ids, err) : status;
}
