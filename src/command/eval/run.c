/* The rewards of one model on every data set of an evaluation. */
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/rng.h"
#include "command/eval/eval.h"
#include "train/rewards.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const size_t DATA_LIMIT = (size_t)2 << 30; /* as the readers of pairs */

Status eval_files_identify(const OptionTexts *paths, EvalFile **files, Error *err) {
  Status status = STATUS_OK;
  *files = mem_alloc(paths->count, sizeof **files);
  for (size_t i = 0; i < paths->count && status == STATUS_OK; i++) {
    EvalFile *file = &(*files)[i];
    char *bytes = NULL;
    size_t size = 0;
    file->path = paths->items[i];
    if (strcmp(file->path, "-") == 0)
      return error_set(err, STATUS_USAGE, "--pairs -: a data set is read more than once, expected a file");
    status = file_read(file->path, DATA_LIMIT, &bytes, &size, err);
    if (status == STATUS_OK) digest_bytes(bytes, size, file->sha256);
    free(bytes);
    for (size_t j = 0; j < i && status == STATUS_OK; j++)
      if (strcmp((*files)[j].sha256, file->sha256) == 0)
        status = error_set(err, STATUS_USAGE, "%s and %s hold the same data, expected different data sets",
                           (*files)[j].path, file->path);
  }
  return status;
}

static void set_clear(EvalSet *set) {
  for (size_t i = 0; i < set->n; i++) {
    if (set->ids) free(set->ids[i]);
    if (set->prompts) free(set->prompts[i]);
  }
  free(set->schema);
  free(set->ids);
  free(set->prompts);
  free(set->rewards);
  free(set->lengths);
  free(set->n_tokens);
  free(set->reordered);
  for (size_t i = 0; i < EVAL_ABLATIONS; i++) free(set->ablated[i]);
  *set = (EvalSet){0};
}

void eval_run_clear(EvalRun *run) {
  for (size_t i = 0; i < run->n_sets; i++) set_clear(&run->sets[i]);
  for (size_t i = 0; i < run->n_models; i++) {
    free(run->model_paths[i]);
    free(run->model_digests[i]);
  }
  for (size_t i = 0; i < run->n_notes; i++) free(run->notes[i]);
  free(run->notes);
  free(run->sets);
  free(run->name);
  *run = (EvalRun){0};
}

/* What the pairs say of themselves; rewards come later. */
static void describe(const SampleSet *samples, EvalSet *set) {
  const size_t n = samples->count / 2;
  *set = (EvalSet){.schema = mem_copy_string(samples->schema),
                   .n = n,
                   .n_dropped = samples_dropped(samples),
                   .ids = mem_alloc(n, sizeof *set->ids),
                   .prompts = mem_alloc(n, sizeof *set->prompts),
                   .rewards = mem_alloc(2 * n, sizeof *set->rewards),
                   .lengths = mem_alloc(2 * n, sizeof *set->lengths),
                   .n_tokens = mem_alloc(2 * n, sizeof *set->n_tokens)};
  for (size_t i = 0; i < n; i++) {
    set->ids[i] = mem_copy_string(samples->items[2 * i].group);
    set->n_disfavoured += samples->pairs[i].probability < 0.5;
    set->prompts[i] = mem_format("%016" PRIx64, samples->items[2 * i].prompt_key);
  }
  for (size_t i = 0; i < 2 * n; i++) {
    set->lengths[i] = (double)samples->items[i].n_words;
    set->n_tokens[i] = (double)samples->items[i].n_tokens;
  }
}

Status eval_score(const Inputs *in, const Sample *const *list, size_t n, size_t batch_tokens, double *rewards,
                  Error *err) {
  real *computed = mem_alloc(n, sizeof *computed);
  const Status status = rewards_compute(&in->model, list, n, batch_tokens, "eval", computed, err);
  for (size_t i = 0; i < n && status == STATUS_OK; i++) rewards[i] = (double)computed[i];
  free(computed);
  return status;
}

static Status score_plain(const Inputs *in, size_t batch_tokens, EvalSet *set, Error *err) {
  const Sample **list = inputs_sample_list(in);
  const Status status = eval_score(in, list, 2 * set->n, batch_tokens, set->rewards, err);
  free(list);
  return status;
}

/* The same texts in another order: pairs shuffled, their sides swapped, and so in other batches. */
static Status score_reordered(const Inputs *in, size_t batch_tokens, uint64_t seed, EvalSet *set, Error *err) {
  const size_t n = set->n;
  size_t *order = mem_alloc(n, sizeof *order);
  const Sample **list = mem_alloc(2 * n, sizeof *list);
  double *rewards = mem_alloc(2 * n, sizeof *rewards);
  Rng rng = rng_new(seed);
  for (size_t i = 0; i < n; i++) order[i] = i;
  rng_shuffle(&rng, order, n);
  for (size_t i = 0; i < 2 * n; i++) list[i] = &in->samples.items[2 * order[i / 2] + 1 - i % 2];
  const Status status = eval_score(in, list, 2 * n, batch_tokens, rewards, err);
  set->reordered = mem_alloc(2 * n, sizeof *set->reordered);
  for (size_t i = 0; i < 2 * n; i++) set->reordered[2 * order[i / 2] + 1 - i % 2] = rewards[i];
  free(order);
  free(list);
  free(rewards);
  return status;
}

static Status run_set(Inputs *in, const InputSettings *settings, const EvalTasks *tasks, const EvalFile *file,
                      EvalSet *set, Error *err) {
  const OptionTexts one = {.items = (const char *[]){file->path}, .count = 1};
  SampleRules rules = inputs_sample_rules(in, settings);
  for (size_t i = 0; i < EVAL_ABLATIONS; i++) rules.keep_turns = rules.keep_turns || tasks->ablate[i];
  samples_clear(&in->samples);
  Status status = inputs_read_pairs(in, &one, &rules, &in->samples, err);
  if (status != STATUS_OK) return strstr(err->text, file->path) ? status : error_prefix(err, "%s", file->path);
  describe(&in->samples, set);
  status = score_plain(in, settings->batch_tokens, set, err);
  if (status == STATUS_OK && tasks->reorder)
    status = score_reordered(in, settings->batch_tokens, tasks->seed, set, err);
  for (size_t i = 0; i < EVAL_ABLATIONS && status == STATUS_OK; i++)
    if (tasks->ablate[i]) status = eval_ablate(in, &rules, i, settings->batch_tokens, tasks->seed, set, err);
  return status == STATUS_OK ? status : error_prefix(err, "%s", file->path);
}

Status eval_run_model(const char *path, const InputSettings *settings, const EvalTasks *tasks, const EvalFile *files,
                      size_t n_files, EvalRun *run, Error *err) {
  Inputs in = {0};
  *run = (EvalRun){0};
  Status status = inputs_open_model(&in, path, settings, err);
  if (status == STATUS_OK) status = rewards_check_head(&in.model, in.model_name, err);
  if (status == STATUS_OK) {
    char *parameters = inputs_parameter_memory(&in);
    log_note("%s: %s", in.model_name, parameters);
    free(parameters);
    run->name = mem_copy_string(in.model_name);
    run->sets = mem_alloc(n_files, sizeof *run->sets);
  }
  for (size_t i = 0; i < n_files && status == STATUS_OK; i++) {
    status = run_set(&in, settings, tasks, &files[i], &run->sets[i], err);
    run->n_sets = i + 1;
  }
  if (status == STATUS_OK) {
    Provenance from = {0};
    run->notes = mem_alloc(in.n_notes, sizeof *run->notes);
    for (; run->n_notes < in.n_notes; run->n_notes++)
      run->notes[run->n_notes] = mem_copy_string(in.notes[run->n_notes]);
    inputs_add_provenance(&in, &from);
    for (run->n_models = 0; run->n_models < from.n_models; run->n_models++) {
      run->model_paths[run->n_models] = mem_copy_string(from.models[run->n_models].path);
      run->model_digests[run->n_models] = mem_copy_string(from.models[run->n_models].sha256);
    }
  } else {
    eval_run_clear(run);
  }
  inputs_close(&in);
  return status;
}

void eval_add_models(const EvalRun *run, Provenance *from) {
  for (size_t i = 0; i < run->n_models && from->n_models < PROVENANCE_MODELS; i++) {
    from->models[from->n_models].path = run->model_paths[i];
    from->models[from->n_models++].sha256 = run->model_digests[i];
  }
}
