/* A result of `fathom scan` as a scan table: words or tokens, prompts with their groups, rewards. */
#include "base/file.h"
#include "base/memory.h"
#include "command/bias/bias.h"
#include "store/result.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static Status open_scan(const char *path, Result **result, Error *err) {
  char *kind = NULL;
  Status status = h5_file_kind(path, &kind, err);
  if (status == STATUS_OK && strcmp(kind, "scan") != 0)
    status = error_set(err, STATUS_DATA, "%s: holds %s, expected a result of fathom scan%s", path, kind,
                       strcmp(kind, "implicit") == 0 ? ": of fathom implicit, the tables of --csv are read" : "");
  free(kind);
  return status == STATUS_OK ? result_open(path, result, err) : status;
}

static Status read_names(Result *result, ScanTable *t, Error *err) {
  char *answers = NULL;
  size_t n_groups = 0;
  Status status = result_read_attribute(result, "answers", &answers, err);
  if (status == STATUS_OK) t->layout = strcmp(answers, "tokens") == 0 ? "tokens" : "words";
  free(answers);
  if (status == STATUS_OK) status = result_read_strings(result, "answers/text", &t->words, &t->n_words, err);
  if (status == STATUS_OK) status = result_read_strings(result, "prompts/id", &t->prompts, &t->n_prompts, err);
  if (status == STATUS_OK) status = result_read_strings(result, "prompts/group", &t->groups, &n_groups, err);
  if (status != STATUS_OK || n_groups == t->n_prompts) return status;
  string_list_free(t->groups, n_groups);
  t->groups = NULL;
  return error_set(err, STATUS_DATA, "%s: prompts/group has %zu entries, expected %zu", t->path, n_groups, t->n_prompts);
}

/* rewards[prompt, answer] turned into scores[word, prompt]. */
static Status take_scores(ScanTable *t, const double *rewards, Error *err) {
  t->scores = mem_alloc(t->n_words * t->n_prompts, sizeof *t->scores);
  for (size_t p = 0; p < t->n_prompts; p++)
    for (size_t w = 0; w < t->n_words; w++) {
      const double reward = rewards[p * t->n_words + w];
      if (!isfinite(reward))
        return error_set(err, STATUS_DATA, "%s: answer \"%.60s\", prompt \"%.200s\": found %g, expected a finite number",
                         t->path, t->words[w], t->prompts[p], reward);
      t->scores[w * t->n_prompts + p] = reward;
    }
  return STATUS_OK;
}

static Status read_rewards(Result *result, ScanTable *t, Error *err) {
  size_t rank = 2, shape[RESULT_MAX_RANK] = {0, t->n_words};
  double *rewards = NULL;
  Status status = STATUS_OK;
  if (result_has(result, "rewards")) status = result_read_array(result, "rewards", &rank, shape, &rewards, err);
  if (status != STATUS_OK) return status;
  if (rank != 2 || shape[1] != t->n_words || shape[0] > t->n_prompts)
    status = error_set(err, STATUS_DATA, "%s: rewards is of %zu x %zu, expected %zu prompts x %zu answers", t->path, shape[0],
                       rank == 2 ? shape[1] : 0, t->n_prompts, t->n_words);
  else if (shape[0] < t->n_prompts)
    status = error_set(err, STATUS_DATA, "%s: has the rewards of %zu of %zu prompts: fathom scan --resume goes on with it",
                       t->path, shape[0], t->n_prompts);
  else
    status = take_scores(t, rewards, err);
  free(rewards);
  return status;
}

static Status digest_file(ScanTable *t, Error *err) {
  char *bytes;
  size_t size;
  const Status status = file_read(t->path, (size_t)8 << 30, &bytes, &size, err);
  if (status != STATUS_OK) return status;
  digest_bytes(bytes, size, t->sha256);
  free(bytes);
  return STATUS_OK;
}

Status bias_scan_file_read(const char *path, ScanTable *t, Error *err) {
  Result *result = NULL;
  *t = (ScanTable){.path = mem_copy_string(path)};
  Status status = open_scan(path, &result, err);
  if (status == STATUS_OK) status = digest_file(t, err);
  if (status == STATUS_OK) status = read_names(result, t, err);
  if (status == STATUS_OK) status = scan_table_check_prompts(t, err);
  if (status == STATUS_OK) status = read_rewards(result, t, err);
  if (status == STATUS_OK) {
    t->places = mem_alloc(t->n_words, sizeof *t->places);
    for (size_t i = 0; i < t->n_words; i++) t->places[i] = i + 1;
  }
  result_close(result);
  if (status != STATUS_OK) scan_table_clear(t);
  return status;
}
