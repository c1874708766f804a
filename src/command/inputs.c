/* Opening models and reading samples for the commands that run a model. */
#include "command/inputs.h"

#include "base/log.h"
#include "base/memory.h"
#include "config.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

Status inputs_open_model(Inputs *in, const char *path, const char *chat_template, Error *err) {
  Status status = source_open(path, &in->source, err);
  if (status == STATUS_OK) status = tokenizer_open(in->source, &in->tokenizer, err);
  if (status == STATUS_OK) status = chat_open(chat_template, in->tokenizer, &in->chat, err);
  if (status == STATUS_OK) status = model_open(in->source, &in->model, err);
  if (status != STATUS_OK) return status;
  const size_t vocab = tokenizer_vocab_size(in->tokenizer);
  if (vocab > in->model.config.vocab_size)
    return error_set(err, STATUS_DATA, "%s: the tokenizer has %zu tokens, the embedding only %zu rows", path, vocab,
                     in->model.config.vocab_size);
  tokenizer_digest(in->tokenizer, in->tokenizer_sha256);
  chat_digest(in->chat, in->chat_sha256);
  Json *config = config_to_json(&in->model.config, in->model.has_score, tokenizer_bos(in->tokenizer),
                                tokenizer_eos(in->tokenizer), tokenizer_pad(in->tokenizer));
  in->config = json_print(config, false);
  json_free(config);
  return STATUS_OK;
}

void inputs_say_left_out(const SampleSet *set, const char *what, size_t max_length) {
  log_note("%s: %zu read, %zu used%s", set->schema, set->n_read, set->n_read - set->n_too_long - set->n_equal,
           set->n_too_long || set->n_equal ? "" : ", none left out");
  if (set->n_too_long) log_warn("%zu %s of more than %zu tokens left out", set->n_too_long, what, max_length);
  if (set->n_equal) log_warn("%zu pairs with equal sides left out", set->n_equal);
}

size_t inputs_max_length(const Inputs *in, const InputSettings *settings) {
  const size_t context = in->model.config.max_positions;
  if (settings->max_length > context)
    log_warn("--max-length %zu is beyond the model's context of %zu tokens", settings->max_length, context);
  return settings->max_length ? settings->max_length : context;
}

Status inputs_read_samples(Inputs *in, const InputSettings *settings, Error *err) {
  const size_t n_kinds = (settings->prompts.count > 0) + (settings->pairs.count > 0) + (settings->text != NULL);
  if (n_kinds != 1) return error_set(err, STATUS_USAGE, "one of --prompts, --pairs and --text is needed");
  const SampleRules rules = {.tokenizer = in->tokenizer,
                             .chat = in->chat,
                             .max_length = inputs_max_length(in, settings),
                             .limit = settings->limit};
  in->are_pairs = settings->pairs.count > 0;
  Status status;
  if (in->are_pairs)
    status = samples_read_pairs(settings->pairs.items, settings->pairs.count, &rules, &in->samples, err);
  else if (settings->text)
    status = samples_from_text(settings->text, &rules, &in->samples, err);
  else
    status = samples_read_prompts(settings->prompts.items, settings->prompts.count, &rules, &in->samples, err);
  if (status != STATUS_OK) return status;
  if (in->samples.count == 0)
    return error_set(err, STATUS_DATA, "nothing is left of %zu %s: %zu are over %zu tokens, %zu have equal sides",
                     in->samples.n_read, in->are_pairs ? "pairs" : "prompts", in->samples.n_too_long, rules.max_length,
                     in->samples.n_equal);
  inputs_say_left_out(&in->samples, in->are_pairs ? "pairs" : "prompts", rules.max_length);
  return STATUS_OK;
}

const Sample **inputs_sample_list(const Inputs *in) {
  const Sample **list = mem_alloc(in->samples.count, sizeof *list);
  for (size_t i = 0; i < in->samples.count; i++) list[i] = &in->samples.items[i];
  return list;
}

void inputs_add_provenance(Inputs *in, Provenance *provenance) {
  provenance->models[provenance->n_models].path = source_path(in->source);
  provenance->models[provenance->n_models++].sha256 = source_digest(in->source);
}

StoreContents inputs_store_provenance(Inputs *in, const CommonSettings *common, const char *line) {
  return (StoreContents){.command_line = line,
                         .model = source_path(in->source),
                         .weights_sha256 = source_digest(in->source),
                         .config = in->config,
                         .tokenizer_sha256 = in->tokenizer_sha256,
                         .chat_template_sha256 = in->chat_sha256,
                         .data_sha256 = in->samples.digest,
                         .compute_dtype = "float32",
                         .tool_version = PACKAGE_VERSION,
                         .seed = common->seed,
                         .threads = (uint64_t)omp_get_max_threads()};
}

char *inputs_command_line(const Invocation *call) {
  char **words = mem_alloc((size_t)call->argc, sizeof *words);
  int n = 0;
  for (int i = 0; i < call->argc; i++)
    if (strcmp(call->argv[i], "--resume") != 0) words[n++] = call->argv[i];
  char *line = command_line(n, words);
  free(words);
  return line;
}

void inputs_close(Inputs *in) {
  samples_clear(&in->samples);
  model_close(&in->model);
  chat_close(in->chat);
  tokenizer_close(in->tokenizer);
  source_close(in->source);
  free(in->config);
  *in = (Inputs){0};
}
