/* Reading the model and all data of a sweep, and its runs' options as train will read them, before anything is run. */
#include "base/file.h"
#include "base/memory.h"
#include "command/sweep/parts.h"
#include "train/rows.h"
#include "train/trainable.h"

#include <stdlib.h>
#include <string.h>

static Status read_split_seed(const SweepSettings *s, uint64_t *seed, Error *err) {
  *seed = s->common.seed;
  return !s->split_seed || parse_u64(s->split_seed, seed)
             ? STATUS_OK
             : error_set(err, STATUS_USAGE, "--split-seed %s: expected a whole number", s->split_seed);
}

/* held_out: the share that train will hold out; n_train becomes what is left, and *kept, where it is asked for. */
static Status read_data(const Sweep *sweep, SweepInputs *inputs, const char *path, size_t limit, double held_out,
                        SweepData *data, SampleSet *kept, Error *err) {
  const SweepSettings *s = sweep->settings;
  SampleRules rules = inputs_sample_rules(&inputs->model, &s->input);
  TokenRule rule = TOKENS_RESPONSE;
  SampleSet set = {0}, out = {0};
  uint64_t seed;
  rules.limit = limit;
  token_rule_from_name(s->anchor_tokens, &rule);
  Status status = read_split_seed(s, &seed, err);
  if (status == STATUS_OK) status = samples_read_pairs(&path, 1, &rules, &set, err);
  if (status == STATUS_OK && set.count == 0)
    status = error_set(err, STATUS_DATA, "%s: no pair is left of %zu", path, set.n_read);
  *data = (SweepData){.path = path, .n_pairs = set.count / 2};
  if (status == STATUS_OK) memcpy(data->digest, set.digest, DIGEST_TEXT);
  for (size_t i = 0; i < set.count; i++) {
    const size_t n = set.items[i].n_tokens, both = i % 2 ? n + set.items[i - 1].n_tokens : 0;
    size_t first, end;
    token_rule_range(&set.items[i], rule, &first, &end);
    data->n_tokens += n;
    data->n_rows += end - first;
    data->longest = n > data->longest ? n : data->longest;
    data->longest_pair = both > data->longest_pair ? both : data->longest_pair;
  }
  if (held_out > 0 && status == STATUS_OK) samples_split_pairs(&set, held_out, seed, &out);
  data->n_train = set.count / 2;
  if (status == STATUS_OK && data->n_train == 0)
    status = error_set(err, STATUS_DATA, "%s: no training pair is left: --eval-split %g holds out all %zu", path,
                       held_out, data->n_pairs);
  samples_clear(&out);
  *kept = set;
  return status;
}

/* One store holds the features of both, and so each id but once. */
static Status check_together(const Sweep *sweep, const SweepInputs *inputs, const SweepSource *source, Error *err) {
  const SampleRules rules = inputs_sample_rules(&inputs->model, &sweep->settings->input);
  SampleSet set = {0};
  const Status status = samples_read_pairs((const char *const[]){source->path, source->heldout}, 2, &rules, &set, err);
  samples_clear(&set);
  return status == STATUS_OK ? status : error_prefix(err, "--heldout, read behind %s", source->path);
}

/* Targets that share prompts with training data are no transfer: said, and noted in the table. */
static Status read_targets(const Sweep *sweep, SweepInputs *inputs, const SampleSet *trained, Error *err) {
  const OptionTexts *evals = &sweep->settings->eval;
  Status status = STATUS_OK;
  for (size_t i = 0; i < evals->count && status == STATUS_OK; i++) {
    SampleSet set = {0};
    status = read_data(sweep, inputs, evals->items[i], 0, 0, &inputs->evals[i], &set, err);
    for (size_t j = 0; j < i && status == STATUS_OK; j++)
      if (strcmp(inputs->evals[i].digest, inputs->evals[j].digest) == 0)
        status = error_set(err, STATUS_USAGE, "--eval %s: holds the same pairs as %s", evals->items[i], evals->items[j]);
    for (size_t j = 0; j < sweep->n_sources && status == STATUS_OK; j++) {
      if (file_is_same(evals->items[i], sweep->sources[j].path)) continue;
      char *name = mem_format("the training pairs of %s", sweep->sources[j].path);
      inputs_note_overlap(&inputs->model, &set, &trained[j], name);
      free(name);
    }
    samples_clear(&set);
  }
  return status;
}

Status sweep_read_inputs(Sweep *sweep, SweepInputs *inputs, Error *err) {
  const SweepSettings *s = sweep->settings;
  *inputs = (SweepInputs){0};
  Status status = inputs_open_model(&inputs->model, sweep->model, &s->input, err);
  if (status != STATUS_OK) return status;
  inputs->model_sha256 = inputs_weights_digest(&inputs->model);
  inputs->widened = inputs->model.model;
  inputs->widened.table = (ParameterTable){0};
  parameters_init(&inputs->widened.config, &inputs->widened.table);
  inputs->sources = mem_alloc(sweep->n_sources, sizeof *inputs->sources);
  inputs->heldout = mem_alloc(s->heldout.count, sizeof *inputs->heldout);
  inputs->evals = mem_alloc(s->eval.count, sizeof *inputs->evals);
  SampleSet *trained = mem_alloc(sweep->n_sources, sizeof *trained), heldout = {0};
  for (size_t i = 0; i < sweep->n_sources && status == STATUS_OK; i++)
    status = read_data(sweep, inputs, sweep->sources[i].path, s->input.limit, s->heldout.count ? 0 : s->eval_split,
                       &inputs->sources[i], &trained[i], err);
  for (size_t i = 0; i < s->heldout.count && status == STATUS_OK; i++) {
    status = read_data(sweep, inputs, s->heldout.items[i], 0, 0, &inputs->heldout[i], &heldout, err);
    samples_clear(&heldout);
    if (status == STATUS_OK) status = check_together(sweep, inputs, &sweep->sources[i], err);
  }
  if (status == STATUS_OK) status = read_targets(sweep, inputs, trained, err);
  for (size_t i = 0; i < sweep->n_sources; i++) samples_clear(&trained[i]);
  free(trained);
  for (size_t i = 0; i < sweep->n_sources && status == STATUS_OK; i++)
    sweep->sources[i].n_train = inputs->sources[i].n_train;
  return status;
}

void sweep_inputs_clear(SweepInputs *inputs) {
  parameters_clear(&inputs->widened.table);
  inputs_close(&inputs->model);
  free(inputs->sources);
  free(inputs->heldout);
  free(inputs->evals);
  *inputs = (SweepInputs){0};
}

/* --- the runs' options --- */

/* The common ones that a sweep gives to its runs. */
static const Option given_options[] = {
    {"seed", 0, OPTION_U64, offsetof(CommonSettings, seed), 0, 0, "N", "", NULL},
    {"threads", 0, OPTION_SIZE, offsetof(CommonSettings, threads), 1, 1024, "N", "", NULL},
    {0}};
static const Option *const train_tables[] = {train_options, given_options, NULL};

Status sweep_train_settings(const Words *words, TrainSettings *settings, Error *err) {
  const char **args = mem_alloc(words->n, sizeof *args);
  size_t n_args = 0;
  *settings = train_defaults;
  Status status =
      options_parse(train_tables, settings, (int)words->n - 1, words->items + 1, args, &n_args, err);
  if (status == STATUS_OK && n_args != 1)
    status = error_set(err, STATUS_USAGE, "unexpected word %s: only options of train may follow --", args[1]);
  free(args);
  return status;
}

void sweep_train_settings_free(TrainSettings *settings) { options_free(train_tables, settings); }

bool sweep_run_is_adapter(const Sweep *sweep, const SweepRun *run) {
  Words words = sweep_train_words(sweep, run);
  TrainSettings settings;
  const bool is = sweep_train_settings(&words, &settings, NULL) == STATUS_OK && strcmp(settings.parts, "lora") == 0;
  sweep_train_settings_free(&settings);
  words_free(&words);
  return is;
}

/* What train checks before it begins. A drift to match is not there yet: any other will do. Nor are LoRA's factors:
 * train itself checks what depends on them. */
static Status check_settings(const SweepInputs *inputs, const SweepRun *run, TrainSettings *s, Error *err) {
  const Inputs *in = &inputs->model;
  if (run->matched != SWEEP_NONE) s->stop_at = "1";
  Status status = train_check_options(s, err);
  if (status == STATUS_OK) status = train_read_stop(s, err);
  if (status != STATUS_OK || strcmp(s->parts, "lora") == 0) return status;
  status = trainable_check(&inputs->widened, s->parts, s->anchor_layers, s->anchor, err);
  return status == STATUS_OK ? trainable_check_controls(&inputs->widened, s->parts, s->sft, s->l2_sp, s->stop_at_drift,
                                                        model_has_lm_head(&in->model, in->source, in->adapter), err)
                             : status;
}

/* Axes, words and prompts, which are the same for all runs. */
static Status check_values(SweepInputs *inputs, const TrainSettings *s, Error *err) {
  Values values = {0};
  const Status status = train_open_values(&inputs->model, s, &values, err);
  memcpy(inputs->values, values.digest, DIGEST_TEXT);
  values_close(&values);
  return status;
}

static Status check_run(const Sweep *sweep, SweepInputs *inputs, const SweepRun *run, Error *err) {
  Words words = sweep_train_words(sweep, run);
  TrainSettings settings;
  Status status = sweep_train_settings(&words, &settings, err);
  if (status == STATUS_OK) status = check_settings(inputs, run, &settings, err);
  if (status == STATUS_OK && run == &sweep->runs[0]) status = check_values(inputs, &settings, err);
  if (status == STATUS_OK && run->quantity->number > (double)inputs->sources[run->source].n_train)
    status = error_set(err, STATUS_USAGE, "--train-pairs %s: %s has %zu to train on", run->quantity->text,
                       sweep->sources[run->source].path, inputs->sources[run->source].n_train);
  if (status != STATUS_OK && run->control) error_prefix(err, "--control \"%s\"", run->control->text);
  sweep_train_settings_free(&settings);
  words_free(&words);
  return status;
}

Status sweep_check_runs(const Sweep *sweep, SweepInputs *inputs, Error *err) {
  Status status = STATUS_OK;
  for (size_t i = 0; i < sweep->n_runs && status == STATUS_OK; i++)
    status = check_run(sweep, inputs, &sweep->runs[i], err);
  return status;
}
