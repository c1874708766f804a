/* Reward margins of a store's pairs, wherever they are. */
#include "command/margins.h"

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "command/eval/eval.h"
#include "command/info/info.h"
#include "command/inputs.h"
#include "text/score_table.h"
#include "train/rewards.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The pairs that are asked for. */
typedef struct Asked {
  const Store *store;
  size_t n;
  const uint32_t *chosen;
} Asked;

static const char *pair_id(const Asked *a, size_t i) { return store_contents(a->store)->groups[a->chosen[i]]; }

static bool fits(const Asked *a, size_t i, const ScoredPair *pair) {
  const uint32_t *n_tokens = store_contents(a->store)->n_tokens + a->chosen[i];
  for (size_t side = 0; side < 2; side++)
    if (pair->n_tokens[side] && pair->n_tokens[side] != n_tokens[side]) return false;
  return true;
}

static Status take_margins(const char *path, const ScoreTable *table, const Asked *a, double *margins, Error *err) {
  for (size_t i = 0; i < a->n; i++) {
    const ScoredPair *pair = score_table_find(table, pair_id(a, i));
    const uint32_t *recorded = store_contents(a->store)->n_tokens + a->chosen[i];
    margins[i] = pair ? pair->chosen - pair->rejected : NAN;
    if (pair && !isfinite(margins[i]))
      return error_set(err, STATUS_DATA, "%s: pair %.200s: rewards %g and %g have no finite margin", path, pair->id, pair->chosen,
                       pair->rejected);
    if (pair && !fits(a, i, pair))
      return error_set(err, STATUS_DATA, "%s: pair %.200s has %zu and %zu tokens, in %s %u and %u: rewards of other texts", path,
                       pair->id, pair->n_tokens[0], pair->n_tokens[1], store_path(a->store), recorded[0], recorded[1]);
  }
  return STATUS_OK;
}

static Status read_table(const char *path, const Asked *a, double *margins, Error *err) {
  ScoreTable table;
  Status status = score_table_read(path, &table, err);
  if (status == STATUS_OK) status = take_margins(path, &table, a, margins, err);
  score_table_clear(&table);
  return status;
}

/* A data set of an evaluation as a table. */
static Status table_of_set(const char *path, const EvalSet *set, ScoreTable *table, Error *err) {
  *table = (ScoreTable){mem_alloc(set->n, sizeof *table->pairs), set->n};
  for (size_t i = 0; i < set->n; i++) {
    ScoredPair *pair = &table->pairs[i];
    *pair = (ScoredPair){mem_copy_string(set->ids[i]), set->rewards[2 * i], set->rewards[2 * i + 1], {0, 0}};
    for (size_t side = 0; side < 2 && set->n_tokens; side++) {
      const double n_tokens = set->n_tokens[2 * i + side];
      if (!(n_tokens >= 1 && n_tokens <= UINT32_MAX))
        return error_set(err, STATUS_DATA, "%s: pair %.200s: n_tokens is %g, expected a number of tokens", path, pair->id, n_tokens);
      pair->n_tokens[side] = (size_t)n_tokens;
    }
  }
  const char *twice = score_table_sort(table);
  return twice ? error_set(err, STATUS_DATA, "%s: pair %.200s is there twice", path, twice) : STATUS_OK;
}

static size_t count_fitting(const Asked *a, const ScoreTable *table) {
  size_t n = 0;
  for (size_t i = 0; i < a->n; i++) {
    const ScoredPair *pair = score_table_find(table, pair_id(a, i));
    n += pair && fits(a, i, pair);
  }
  return n;
}

/* Of several data sets the one that holds these pairs: ids may be line numbers, which all of them have. */
static Status choose_set(const char *path, const Asked *a, const ScoreTable *sets, size_t n_sets, size_t *best, Error *err) {
  size_t most = 0, n_most = 0;
  *best = 0;
  for (size_t k = 0; k < n_sets; k++) {
    const size_t n = count_fitting(a, &sets[k]);
    if (n > most) *best = k, most = n, n_most = 0;
    n_most += n == most && n > 0;
  }
  if (n_most < 2) return STATUS_OK;
  return error_set(err, STATUS_DATA, "%s: %zu of its data sets hold the same number of these pairs (%zu): expected fathom eval of one",
                   path, n_most, most);
}

static Status read_evaluation(const char *path, const Asked *a, double *margins, Error *err) {
  EvalRun run = {0};
  Status status = eval_result_read_all(path, &run, err);
  ScoreTable *sets = mem_alloc(run.n_sets, sizeof *sets);
  size_t best = 0;
  for (size_t k = 0; k < run.n_sets && status == STATUS_OK; k++) status = table_of_set(path, &run.sets[k], &sets[k], err);
  if (status == STATUS_OK) status = choose_set(path, a, sets, run.n_sets, &best, err);
  if (status == STATUS_OK && run.n_sets) status = take_margins(path, &sets[best], a, margins, err);
  for (size_t k = 0; k < run.n_sets; k++) score_table_clear(&sets[k]);
  free(sets);
  eval_run_clear(&run);
  return status;
}

/* Can the model read the recorded tokens? */
static Status check_tokens(const char *path, const Asked *a, const Inputs *in, Error *err) {
  const StoreContents *c = store_contents(a->store);
  const size_t vocab = in->model.config.vocab_size;
  if (c->token_offsets[c->n_samples] == 0)
    return error_set(err, STATUS_DATA, "%s: holds no token ids (/tokens/ids) that %s could score", store_path(a->store), path);
  if (c->tokenizer_sha256 && c->tokenizer_sha256[0] && strcmp(c->tokenizer_sha256, in->tokenizer_sha256) != 0)
    return error_set(err, STATUS_DATA, "%s: tokenizer %.12s..., the ids of %s are of %.12s...", path, in->tokenizer_sha256,
                     store_path(a->store), c->tokenizer_sha256);
  for (uint64_t t = 0; t < c->token_offsets[c->n_samples]; t++)
    if (c->token_ids[t] < 0 || (size_t)c->token_ids[t] >= vocab)
      return error_set(err, STATUS_DATA, "%s: token id %d, but %s has %zu", store_path(a->store), c->token_ids[t], path, vocab);
  return STATUS_OK;
}

/* Both sides of every pair, in the model's words; ids are the store's. */
static Status score(const char *path, const Asked *a, const Inputs *in, double *margins, Error *err) {
  enum { BATCH_TOKENS = 1024 };
  const StoreContents *c = store_contents(a->store);
  Sample *samples = mem_alloc(2 * a->n, sizeof *samples);
  const Sample **list = mem_alloc(2 * a->n, sizeof *list);
  real *rewards = mem_alloc(2 * a->n, sizeof *rewards);
  for (size_t i = 0; i < 2 * a->n; i++) {
    const size_t at = (size_t)a->chosen[i / 2] + i % 2;
    samples[i] = (Sample){.id = (char *)c->sample_ids[at], .ids = (int32_t *)c->token_ids + c->token_offsets[at], .n_tokens = c->n_tokens[at]};
    list[i] = &samples[i];
  }
  log_note("%s scores the %zu recorded pairs of %s", path, a->n, store_path(a->store));
  const Status status = rewards_compute(&in->model, list, 2 * a->n, BATCH_TOKENS, "score", rewards, err);
  for (size_t i = 0; i < a->n && status == STATUS_OK; i++) margins[i] = (double)rewards[2 * i] - (double)rewards[2 * i + 1];
  free(samples);
  free(list);
  free(rewards);
  return status;
}

/* An adapter does not say for sure where its base model is. */
static Status refuse_adapter(const char *path, Error *err) {
  char *config = file_join(path, "adapter_config.json"), *model = file_join(path, "config.json");
  const bool is_adapter = file_exists(config) && !file_exists(model);
  free(config);
  free(model);
  return is_adapter ? error_set(err, STATUS_DATA, "%s: holds an adapter, not a model: expected a table of fathom score BASE --adapter %s", path, path)
                    : STATUS_OK;
}

static Status run_model(const char *path, const Asked *a, double *margins, Error *err) {
  Inputs in = {0};
  Status status = refuse_adapter(path, err);
  if (status == STATUS_OK) status = inputs_open_model(&in, path, &(InputSettings){.dtype = "float32", .chat_template = "auto"}, err);
  if (status == STATUS_OK) status = rewards_check_head(&in.model, in.model_name, err);
  if (status == STATUS_OK) status = check_tokens(path, a, &in, err);
  if (status == STATUS_OK) status = score(path, a, &in, margins, err);
  inputs_close(&in);
  return status;
}

Status margins_read(const char *path, const Store *store, size_t n, const uint32_t *chosen, double *margins, Error *err) {
  const Asked asked = {store, n, chosen};
  if (info_is_h5(path)) return read_evaluation(path, &asked, margins, err);
  if (file_is_directory(path) || file_has_suffix(path, ".gguf")) return run_model(path, &asked, margins, err);
  return read_table(path, &asked, margins, err);
}
