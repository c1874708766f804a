/* What instruments are calibrated on: texts of the made world, models pretrained on them, edited models, recordings and reward
 * models, all in one folder. */
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "command/calibrate/calibrate.h"
#include "command/inputs.h"
#include "model/new.h"
#include "text/samples/documents.h"
#include "text/grammar/grammar.h"
#include "train/lm_trainer.h"
#include "train/recorder.h"
#include "train/save.h"
#include "train/trainer.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { SEQUENCE = 128, BATCH_TOKENS = CALIBRATE_BATCH_TOKENS };
static const char IDENTITY[] = "calibrate"; /* of runs, which are never resumed */

void calibrate_say(const Calibration *c, const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  log_set_quiet(c->settings->common.quiet);
  log_note("%6.1f s  %s", clock_seconds() - c->started, text);
  log_set_quiet(true); /* what each step says of itself */
}

char *calibrate_path(const Calibration *c, const char *name) { return file_join(c->folder, name); }

Status calibrate_texts(const Calibration *c, const char *name, const char *rule, size_t count, uint64_t seed,
                       const WorldWeight *weights, Error *err) {
  char *path = calibrate_path(c, name), *from = file_join(c->world, CALIBRATE_GRAMMAR);
  Grammar *grammar = NULL;
  FileWriter writer = {0};
  Status status = grammar_open(from, &grammar, err);
  for (; weights && weights->name && status == STATUS_OK; weights++)
    status = grammar_set(grammar, weights->name, weights->value, err);
  if (status == STATUS_OK) status = file_writer_open(&writer, path, err);
  if (status == STATUS_OK) status = grammar_write(grammar, rule, seed, count, writer.stream, err);
  if (status == STATUS_OK) status = file_writer_commit(&writer, err);
  file_writer_discard(&writer);
  grammar_close(grammar);
  free(path);
  free(from);
  return status;
}

static Status pretrain(Calibration *c, const char *folder, const char *text, Model *model, LmSummary *summary, Error *err) {
  static const double HELD_OUT = 0.01;
  const uint64_t seed = c->settings->common.seed;
  const SampleRules rules = {.tokenizer = c->tokenizer, .max_length = SEQUENCE};
  const Provenance from = invocation_provenance(c->call, "calibrate", &c->settings->common);
  SampleSet train = {0}, heldout = {0};
  const LmPlan plan = {.folder = folder,
                       .train = &train,
                       .heldout = &heldout,
                       .parts = "all",
                       .base = folder,
                       .steps = c->size->steps,
                       .batch_sequences = c->size->sequences,
                       .batch_tokens = BATCH_TOKENS,
                       .learning_rate = c->size->learning_rate,
                       .warmup = 0.1,
                       .clip = 1,
                       .seed = seed,
                       .identity = IDENTITY};
  Status status = samples_read_texts(&text, 1, &rules, &train, err);
  if (status == STATUS_OK) samples_split_texts(&train, HELD_OUT, seed, &heldout);
  if (status == STATUS_OK)
    status = model_new(c->config, tokenizer_vocab_size(c->tokenizer), true, seed, model, err);
  if (status == STATUS_OK) status = file_make_directory(folder, err);
  if (status == STATUS_OK) status = lm_trainer_run(model, c->tokenizer, &plan, &from, summary, err);
  samples_clear(&train);
  samples_clear(&heldout);
  return status;
}

Status calibrate_pretrain(Calibration *c, const char *name, uint64_t text_seed, const WorldWeight *weights, Error *err) {
  char *text_name = mem_format("%s.txt", name), *text = calibrate_path(c, text_name), *folder = calibrate_path(c, name);
  Model model = {0};
  LmSummary summary = {0};
  Status status = calibrate_texts(c, text_name, "text", c->size->texts, text_seed, weights, err);
  if (status == STATUS_OK) status = pretrain(c, folder, text, &model, &summary, err);
  if (status == STATUS_OK)
    calibrate_say(c, "%s: %zu parameters pretrained, %zu updates of %zu sequences, held-out loss %.3g to %.3g nats", name,
                  summary.trained_parameters, summary.steps, c->size->sequences, summary.first_heldout_loss,
                  summary.heldout_loss);
  else
    error_prefix(err, "calibrate: %s", name);
  model_close(&model);
  free(text_name);
  free(text);
  free(folder);
  return status;
}

Status calibrate_edit(Calibration *c, const char *name, CalibrateEdit *edit, double size, Error *err) {
  char *base = calibrate_path(c, "base"), *folder = calibrate_path(c, name);
  Source *source = NULL;
  Model model = {0};
  Status status = source_open(base, &source, err);
  if (status == STATUS_OK) status = model_open(source, (ModelOptions){.strict = true}, &model, err);
  if (status == STATUS_OK) {
    edit(&model, c->layer, size, c->settings->common.seed, model.values);
    memcpy(c->base_sha256, source_digest(source), DIGEST_TEXT);
    status = file_make_directory(folder, err);
  }
  if (status == STATUS_OK) status = save_language_model(&model, c->tokenizer, folder, err);
  model_close(&model);
  source_close(source);
  free(base);
  free(folder);
  return status;
}

/* Freed by the caller. */
static char *site_list(const Calibration *c) {
  const size_t n = (size_t)json_number(json_get(c->config, "num_hidden_layers"), 0);
  char *list = mem_format("blocks.%zu.attn.hook_v,blocks.%zu.hook_attn_out,blocks.%zu.hook_mlp_out", c->layer, c->layer, c->layer);
  for (size_t l = 0; l < n; l++) {
    char *longer = mem_format("%s,blocks.%zu.hook_resid_post", list, l);
    free(list);
    list = longer;
  }
  return list;
}

Status calibrate_record(const Calibration *c, const char *model, const char *name, size_t batch_tokens, Error *err) {
  char *folder = calibrate_path(c, model), *prompts = calibrate_path(c, CALIBRATE_PROMPTS), *file = mem_format("%s.h5", name),
       *store = calibrate_path(c, file), *line = inputs_command_line(c->call), *sites = site_list(c);
  const char *files[] = {prompts};
  const InputSettings input = {
      .prompts = {files, 1}, .dtype = "float32", .chat_template = "auto", .batch_tokens = batch_tokens};
  Inputs in = {0};
  SiteList list = {0};
  const Sample **samples = NULL;
  Status status = inputs_open_model(&in, folder, &input, err);
  if (status == STATUS_OK) status = sites_of_selection(&in.model.config, sites, NULL, &list, err);
  if (status == STATUS_OK) status = inputs_read_samples(&in, &input, err);
  if (status == STATUS_OK) {
    samples = inputs_sample_list(&in);
    const RecordPlan plan = {.path = store,
                             .sites = &list,
                             .samples = samples,
                             .n_samples = in.samples.count,
                             .rule_name = "all",
                             .rule = TOKENS_ALL,
                             .dtype = STORE_F32,
                             .batch_tokens = batch_tokens,
                             .label = "record",
                             .about = inputs_store_provenance(&in, &c->settings->common, line)};
    status = recorder_run(&in.model, &plan, err);
  }
  free(samples);
  sites_clear(&list);
  inputs_close(&in);
  free(folder);
  free(prompts);
  free(file);
  free(store);
  free(line);
  free(sites);
  return status;
}

static Status train_reward(Calibration *c, Inputs *in, const char *folder, uint64_t seed, TrainSummary *summary, Error *err) {
  char *line = inputs_command_line(c->call);
  const SampleSet none = {0};
  const Provenance from = invocation_provenance(c->call, "calibrate", &c->settings->common);
  TrainPlan plan = {.folder = folder,
                    .train = &in->samples,
                    .heldout = &none,
                    .parts = "all",
                    .base = in->model_name,
                    .epochs = 2,
                    .batch_pairs = 8,
                    .batch_tokens = BATCH_TOKENS,
                    .learning_rate = c->size->reward_learning_rate,
                    .warmup = 0.1,
                    .clip = 1,
                    .anchor_layers = "all",
                    .token_rule_name = "response",
                    .token_rule = TOKENS_RESPONSE,
                    .probe_pairs = 4,
                    .seed = seed,
                    .frozen_about = inputs_store_provenance(in, &c->settings->common, line),
                    .identity = IDENTITY};
  anchor_norm_from_name("relative", &plan.anchor_norm);
  Status status = file_make_directory(folder, err);
  if (status == STATUS_OK) status = trainer_run(&in->model, in->tokenizer, &plan, &from, summary, err);
  free(line);
  return status;
}

Status calibrate_train_reward(Calibration *c, const char *name, const char *pairs, uint64_t seed, Error *err) {
  char *base = calibrate_path(c, "base"), *folder = calibrate_path(c, name), *file = calibrate_path(c, pairs);
  const char *files[] = {file};
  const InputSettings input = {.pairs = {files, 1},
                               .dtype = "float32",
                               .chat_template = "auto",
                               .batch_tokens = BATCH_TOKENS,
                               .widen = true,
                               .trains = true};
  Inputs in = {0};
  TrainSummary summary;
  Status status = inputs_open_model(&in, base, &input, err);
  if (status == STATUS_OK) status = inputs_read_samples(&in, &input, err);
  if (status == STATUS_OK) status = train_reward(c, &in, folder, seed, &summary, err);
  if (status == STATUS_OK)
    calibrate_say(c, "%s: a reward model from %zu pairs, loss %.3g", name, in.samples.count / 2, summary.bt_loss);
  else
    error_prefix(err, "calibrate: %s", name);
  inputs_close(&in);
  free(base);
  free(folder);
  free(file);
  return status;
}
