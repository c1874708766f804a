/* Rewards of an evaluation in a result file, so that a comparison needs no second pass. */
#include "base/memory.h"
#include "command/eval/eval.h"
#include "command/info/info.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static Status add_numbers(Result *result, size_t set, const char *name, size_t n, const double *values, Error *err) {
  char *path = mem_format("pairs/%zu/%s", set, name);
  const Status status = result_write_array(result, path, 2, (const size_t[]){n, 2}, values, err);
  free(path);
  return status;
}

static Status add_texts(Result *result, size_t set, const char *name, size_t n, char *const *values, Error *err) {
  char *path = mem_format("pairs/%zu/%s", set, name);
  const Status status = result_write_strings(result, path, (const char *const *)values, n, err);
  free(path);
  return status;
}

static Status add_set(Result *result, size_t number, const EvalSet *set, Error *err) {
  Status status = add_texts(result, number, "id", set->n, set->ids, err);
  if (status == STATUS_OK) status = add_texts(result, number, "prompt", set->n, set->prompts, err);
  if (status == STATUS_OK) status = add_numbers(result, number, "rewards", set->n, set->rewards, err);
  if (status == STATUS_OK) status = add_numbers(result, number, "lengths", set->n, set->lengths, err);
  if (status == STATUS_OK && set->n_tokens) status = add_numbers(result, number, "n_tokens", set->n, set->n_tokens, err);
  if (status == STATUS_OK && set->reordered)
    status = add_numbers(result, number, "reordered", set->n, set->reordered, err);
  static const char *const names[EVAL_ABLATIONS] = {"no_prompt", "shuffled"};
  for (size_t i = 0; i < EVAL_ABLATIONS && status == STATUS_OK; i++)
    if (set->ablated[i]) status = add_numbers(result, number, names[i], set->n, set->ablated[i], err);
  return status;
}

Status eval_result_add_run(Result *result, const EvalRun *run, const EvalFile *files, Error *err) {
  const char **texts = mem_alloc(run->n_sets, sizeof *texts);
  for (size_t i = 0; i < run->n_sets; i++) texts[i] = files[i].sha256;
  Status status = result_write_strings(result, "data/sha256", texts, run->n_sets, err);
  for (size_t i = 0; i < run->n_sets && status == STATUS_OK; i++) status = add_set(result, i, &run->sets[i], err);
  free(texts);
  return status;
}

/* Two finite numbers for each id of the set. */
static Status read_numbers(Result *result, size_t number, const char *name, size_t n, double **values, Error *err) {
  size_t rank, shape[RESULT_MAX_RANK];
  char *path = mem_format("pairs/%zu/%s", number, name);
  Status status = result_read_array(result, path, &rank, shape, values, err);
  if (status == STATUS_OK && (rank != 2 || shape[0] != n || shape[1] != 2)) {
    char *found = info_shape(shape, rank);
    status = error_set(err, STATUS_DATA, "%s is %s, expected [%zu, 2], two for each id", path, found, n);
    free(found);
  }
  for (size_t i = 0; status == STATUS_OK && i < 2 * n; i++)
    if (!isfinite((*values)[i])) status = error_set(err, STATUS_DATA, "%s holds a number that is not finite", path);
  free(path);
  return status;
}

static Status read_set(Result *result, size_t number, EvalSet *set, Error *err) {
  char *path = mem_format("pairs/%zu/id", number);
  Status status = result_read_strings(result, path, &set->ids, &set->n, err);
  free(path);
  size_t n_prompts = 0;
  path = mem_format("pairs/%zu/prompt", number);
  if (status == STATUS_OK) status = result_read_strings(result, path, &set->prompts, &n_prompts, err);
  if (status == STATUS_OK && n_prompts != set->n) {
    string_list_free(set->prompts, n_prompts);
    set->prompts = NULL;
    status = error_set(err, STATUS_DATA, "%s has %zu entries, expected %zu, one for each id", path, n_prompts, set->n);
  }
  free(path);
  if (status == STATUS_OK) status = read_numbers(result, number, "rewards", set->n, &set->rewards, err);
  path = mem_format("pairs/%zu/n_tokens", number); /* results of earlier versions have none */
  if (status == STATUS_OK && result_has(result, path)) status = read_numbers(result, number, "n_tokens", set->n, &set->n_tokens, err);
  free(path);
  return status;
}

static Status find_set(char *const *digests, size_t n, const EvalFile *file, size_t *number, Error *err) {
  for (*number = 0; *number < n; ++*number)
    if (strcmp(digests[*number], file->sha256) == 0) return STATUS_OK;
  return error_set(err, STATUS_DATA,
                   "holds no rewards of %s (SHA-256 of its text %.12s...), of %zu data sets that it has", file->path,
                   file->sha256, n);
}

/* files NULL: every data set that there is. */
static Status read_run(Result *result, const EvalFile *files, size_t n_files, EvalRun *run, Error *err) {
  char **digests = NULL, **schemas = NULL;
  size_t n_digests = 0, n_schemas = 0;
  if (strcmp(result_kind(result), "eval") != 0)
    return error_set(err, STATUS_DATA, "a result of kind %s, expected one of fathom eval", result_kind(result));
  Status status = result_read_strings(result, "data/sha256", &digests, &n_digests, err);
  if (status == STATUS_OK) status = result_read_strings(result, "data/schema", &schemas, &n_schemas, err);
  if (status == STATUS_OK && n_schemas != n_digests)
    status =
        error_set(err, STATUS_DATA, "data/schema has %zu entries, expected %zu as data/sha256", n_schemas, n_digests);
  const size_t n = files ? n_files : n_digests;
  run->sets = mem_alloc(n, sizeof *run->sets);
  for (size_t i = 0; i < n && status == STATUS_OK; i++) {
    size_t number = i;
    run->n_sets = i + 1;
    if (files) status = find_set(digests, n_digests, &files[i], &number, err);
    if (status == STATUS_OK) status = read_set(result, number, &run->sets[i], err);
    if (status == STATUS_OK) run->sets[i].schema = mem_copy_string(schemas[number]);
  }
  string_list_free(schemas, n_schemas);
  string_list_free(digests, n_digests);
  return status;
}

/* The models that made the rewards. */
static Status read_models(Result *result, EvalRun *run, Error *err) {
  char **paths = NULL, **digests = NULL;
  size_t n_paths = 0, n_digests = 0;
  Status status = result_read_strings(result, "models/path", &paths, &n_paths, err);
  if (status == STATUS_OK) status = result_read_strings(result, "models/sha256", &digests, &n_digests, err);
  for (size_t i = 0; status == STATUS_OK && i < n_paths && i < n_digests && i < EVAL_MODELS; i++) {
    run->model_paths[run->n_models] = mem_copy_string(paths[i]);
    run->model_digests[run->n_models++] = mem_copy_string(digests[i]);
  }
  string_list_free(paths, n_paths);
  string_list_free(digests, n_digests);
  return status;
}

Status eval_result_read_all(const char *path, EvalRun *run, Error *err) { return eval_result_read(path, NULL, 0, run, err); }

Status eval_result_read(const char *path, const EvalFile *files, size_t n_files, EvalRun *run, Error *err) {
  Result *result = NULL;
  *run = (EvalRun){.name = mem_copy_string(path)};
  Status status = result_open(path, &result, err);
  if (status == STATUS_OK) {
    status = read_run(result, files, n_files, run, err);
    if (status == STATUS_OK) status = read_models(result, run, err);
    if (status != STATUS_OK && !strstr(err->text, path)) error_prefix(err, "%s", path);
  }
  result_close(result);
  if (status != STATUS_OK) eval_run_clear(run);
  return status;
}
