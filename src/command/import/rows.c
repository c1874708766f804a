/* Which token of which sample each row is: as the arrays say, else by the only reading that the numbers allow. */
#include "base/memory.h"
#include "command/import/import.h"
#include "probes/drift/rows.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static uint64_t total_tokens(const ImportIds *ids) {
  uint64_t total = 0;
  for (size_t i = 0; i < ids->n_samples && ids->n_tokens; i++) total += ids->n_tokens[i];
  return total;
}

/* One row a sample, or every token of every sample. */
static Status spread_rows(const ArrayFile *file, ImportIds *ids, Error *err) {
  const size_t n = ids->n_rows;
  if (ids->n_samples == 0) ids->n_samples = n;
  const bool one_each = ids->n_samples == n, all = ids->n_tokens && total_tokens(ids) == n;
  if (!one_each && !all)
    return error_set(err, STATUS_DATA,
                     "%s: %zu rows of %zu samples: an array sample is needed that says of which sample each row is",
                     file->path, n, ids->n_samples);
  Status status = mem_try(n, sizeof *ids->row_sample, (void **)&ids->row_sample, err);
  for (size_t row = 0, sample = 0, in = 0; row < n && status == STATUS_OK; row++, in++) {
    while (!one_each && in >= ids->n_tokens[sample]) sample++, in = 0;
    ids->row_sample[row] = (uint32_t)(one_each ? row : sample);
  }
  return status;
}

/* Without names there are no samples but those that have a row. */
static Status count_samples(const ArrayFile *file, ImportIds *ids, Error *err) {
  uint32_t last = 0;
  for (size_t i = 0; i < ids->n_rows; i++)
    if (ids->row_sample[i] > last) last = ids->row_sample[i];
  const size_t n = (size_t)last + 1;
  if (ids->n_samples == 0 && n > ids->n_rows)
    return error_set(err, STATUS_DATA,
                     "%s: array sample goes up to %" PRIu32 ", expected samples counted from 0 with a row each",
                     file->path, last);
  if (ids->n_samples == 0) ids->n_samples = n;
  if (n <= ids->n_samples) return STATUS_OK;
  return error_set(err, STATUS_DATA, "%s: array sample goes up to %" PRIu32 ", but %s has %zu samples", file->path,
                   last, ids->counted_by, ids->n_samples);
}

static Status check_length(const ArrayFile *file, const char *key, size_t n, size_t n_rows, Error *err) {
  if (n == n_rows) return STATUS_OK;
  return error_set(err, STATUS_DATA, "%s: array %s has %zu entries, but there are %zu rows", file->path, key, n,
                   n_rows);
}

static Status place_samples(const ArrayFile *file, ImportIds *ids, Error *err) {
  size_t n;
  Status status = import_read_numbers(file, "sample", UINT32_MAX - 1, &ids->row_sample, &n, err);
  if (status == STATUS_OK && !ids->row_sample) return spread_rows(file, ids, err);
  if (status == STATUS_OK) status = check_length(file, "sample", n, ids->n_rows, err);
  if (status == STATUS_OK) status = count_samples(file, ids, err);
  RowPlan plan = {0};
  if (status == STATUS_OK) {
    status = row_plan_make(ids->n_rows, ids->row_sample, NULL, &plan, err);
    if (status != STATUS_OK) error_prefix(err, "%s: array sample", file->path);
  }
  row_plan_clear(&plan);
  return status;
}

/* Rows of one sample follow each other: each is the next token. */
static Status count_tokens(const ArrayFile *file, ImportIds *ids, const uint32_t *rows_of, Error *err) {
  for (size_t i = 0; i < ids->n_rows; i++) {
    const uint32_t sample = ids->row_sample[i];
    if (ids->n_tokens && rows_of[sample] != ids->n_tokens[sample])
      return error_set(err, STATUS_DATA,
                       "%s: sample %" PRIu32 " has %" PRIu32 " rows and %" PRIu32
                       " tokens: an array token_index is needed that says which tokens they are",
                       file->path, sample, rows_of[sample], ids->n_tokens[sample]);
    ids->row_token[i] = i > 0 && ids->row_sample[i - 1] == sample ? ids->row_token[i - 1] + 1 : 0;
  }
  ids->token_rule = "all";
  return STATUS_OK;
}

/* Without token_index: the rule that --tokens gives, else what the numbers of rows say. */
static Status derive_tokens(const ArrayFile *file, const char *rule, ImportIds *ids, Error *err) {
  uint32_t *rows_of = mem_alloc(ids->n_samples, sizeof *rows_of), most = 0;
  for (size_t i = 0; i < ids->n_rows; i++)
    if (++rows_of[ids->row_sample[i]] > most) most = rows_of[ids->row_sample[i]];
  Status status = mem_try(ids->n_rows, sizeof *ids->row_token, (void **)&ids->row_token, err);
  if (status != STATUS_OK) {
    free(rows_of);
    return status;
  }
  if (!rule) rule = most == 1 ? "last" : "all";
  if (strcmp(rule, "all") == 0) {
    status = count_tokens(file, ids, rows_of, err);
  } else if (strcmp(rule, "response") == 0) {
    status =
        error_set(err, STATUS_DATA,
                  "%s: --tokens response: an array token_index is needed that says which tokens they are", file->path);
  } else {
    for (size_t i = 0; i < ids->n_rows; i++)
      ids->row_token[i] =
          ids->n_tokens && ids->n_tokens[ids->row_sample[i]] ? ids->n_tokens[ids->row_sample[i]] - 1 : 0;
    ids->token_rule = rule;
  }
  free(rows_of);
  return status;
}

/* A rule of one row a sample must be kept. */
static Status check_rule(const ArrayFile *file, const ImportIds *ids, Error *err) {
  if (strcmp(ids->token_rule, "last") != 0 && strcmp(ids->token_rule, "mean") != 0) return STATUS_OK;
  for (size_t i = 1; i < ids->n_rows; i++)
    if (ids->row_sample[i] == ids->row_sample[i - 1])
      return error_set(err, STATUS_DATA,
                       "%s: --tokens %s is one row a sample, but rows %zu and %zu are of sample %" PRIu32, file->path,
                       ids->token_rule, i - 1, i, ids->row_sample[i]);
  return STATUS_OK;
}

static Status place_tokens(const ArrayFile *file, const char *rule, ImportIds *ids, Error *err) {
  size_t n;
  Status status = import_read_numbers(file, "token_index", UINT32_MAX - 1, &ids->row_token, &n, err);
  if (status != STATUS_OK) return status;
  if (!ids->row_token) {
    status = derive_tokens(file, rule, ids, err);
  } else {
    ids->token_rule = rule ? rule : "";
    status = check_length(file, "token_index", n, ids->n_rows, err);
  }
  return status == STATUS_OK ? check_rule(file, ids, err) : status;
}

/* Names and lengths that nothing gave: numbers from 1 on, as record names unnamed prompts, and the last token seen. */
static Status fill_defaults(ImportIds *ids, Error *err) {
  const size_t n = ids->n_samples;
  Status status = STATUS_OK;
  if (!ids->ids) {
    status = mem_try(n, sizeof *ids->ids, (void **)&ids->ids, err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++) ids->ids[i] = mem_format("%zu", i + 1);
  }
  if (status == STATUS_OK && !ids->n_tokens) {
    status = mem_try(n, sizeof *ids->n_tokens, (void **)&ids->n_tokens, err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++) ids->n_tokens[i] = 1;
    for (size_t i = 0; i < ids->n_rows && status == STATUS_OK; i++)
      if (ids->n_tokens[ids->row_sample[i]] <= ids->row_token[i])
        ids->n_tokens[ids->row_sample[i]] = ids->row_token[i] + 1;
  }
  if (status != STATUS_OK || !ids->token_ids) return status;
  ids->offsets = mem_alloc(n + 1, sizeof *ids->offsets);
  for (size_t i = 0; i < n; i++) ids->offsets[i + 1] = ids->offsets[i] + ids->n_tokens[i];
  return STATUS_OK;
}

/* The store checks this too, but knows no array to name. */
static Status check_tokens(const ArrayFile *file, const ImportIds *ids, Error *err) {
  for (size_t i = 0; i < ids->n_rows; i++) {
    const uint32_t sample = ids->row_sample[i];
    if (ids->row_token[i] >= ids->n_tokens[sample])
      return error_set(err, STATUS_DATA, "%s: row %zu is of token %" PRIu32 ", but sample %s has %" PRIu32 " tokens",
                       file->path, i, ids->row_token[i], ids->ids[sample], ids->n_tokens[sample]);
  }
  return STATUS_OK;
}

Status import_place_rows(const ArrayFile *file, const ImportSettings *s, ImportIds *ids, Error *err) {
  Status status = place_samples(file, ids, err);
  if (status == STATUS_OK) status = place_tokens(file, s->tokens, ids, err);
  if (status == STATUS_OK) status = fill_defaults(ids, err);
  return status == STATUS_OK ? check_tokens(file, ids, err) : status;
}
