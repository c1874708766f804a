/* `fathom train --objective lm`: reads the texts, runs the trainer, prints what came of it. */
#include "command/train/lm.h"

#include "base/log.h"
#include "base/memory.h"
#include "config.h"
#include "text/samples/documents.h"
#include "train/lm_trainer.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_LENGTH = 512 };

static Status check_options(const TrainSettings *s, Error *err) {
  if (!s->texts.count) return error_set(err, STATUS_USAGE, "train --objective lm: --text FILE is needed");
  if (strcmp(s->parts, "head") == 0)
    return error_set(err, STATUS_USAGE, "--train head: the reward head has no part in --objective lm");
  if (s->input.max_length == 1)
    return error_set(err, STATUS_USAGE, "--max-length 1: a sequence of one token predicts nothing, expected 2 or more");
  return train_check_options(s, err);
}

static Status check_model(const Inputs *in, const TrainSettings *s, Error *err) {
  if (!model_has_lm_head(&in->model, in->source, in->adapter))
    return error_set(err, STATUS_DATA, "%s: the model has no language-model head, expected one for --objective lm",
                     in->model_name);
  if (in->model.has_score && strcmp(s->parts, "lora") != 0)
    log_warn("%s: has a reward head, which the language model is saved without", in->model_name);
  return STATUS_OK;
}

/* Training and held-out sequences. */
static Status read_texts(Inputs *in, const TrainSettings *s, SampleSet *heldout, Error *err) {
  SampleRules rules = inputs_sample_rules(in, &s->input);
  uint64_t split_seed;
  Status status = train_split_seed(s, &split_seed, err);
  if (!s->input.max_length && rules.max_length > DEFAULT_LENGTH) rules.max_length = DEFAULT_LENGTH;
  if (status == STATUS_OK) status = samples_read_texts(s->texts.items, s->texts.count, &rules, &in->samples, err);
  if (status != STATUS_OK) return status;
  rules.limit = 0;
  if (s->eval.count)
    status = samples_read_texts(s->eval.items, s->eval.count, &rules, heldout, err);
  else
    samples_split_texts(&in->samples, s->eval_split, split_seed, heldout);
  if (status != STATUS_OK) return error_prefix(err, "--eval");
  inputs_note(in, false, "text: %zu sequences of at most %zu tokens, %zu tokens in all; held out %zu, %zu tokens",
              in->samples.count, rules.max_length, samples_count_tokens(&in->samples), heldout->count,
              samples_count_tokens(heldout));
  if (heldout->count == 0) log_warn("no text is held out: what the model has learnt by heart looks like what it knows");
  return STATUS_OK;
}

/* A digest of everything that decides the numbers of a run. */
static void identify(Inputs *in, const TrainSettings *s, const SampleSet *heldout, char text[DIGEST_TEXT]) {
  const LoraSettings l = train_lora(s);
  char *settings = mem_format("lm %s %s %s, %d threads, %zu steps or %.17g epochs, %zu %zu, %.17g %.17g %.17g %.17g, LoRA %zu "
                              "%.17g %d %s, seed %llu",
                              PACKAGE_VERSION, s->parts, s->input.dtype, omp_get_max_threads(), s->steps, s->epochs,
                              s->batch_size, s->input.batch_tokens, s->lr, s->warmup, s->weight_decay, s->clip, l.rank,
                              l.alpha, l.rslora, l.targets, (unsigned long long)s->common.seed);
  const char *const parts[] = {inputs_weights_digest(in), in->tokenizer_sha256, in->samples.digest, heldout->digest,
                               settings};
  Digest *digest = digest_new();
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) digest_add_string(digest, parts[i]);
  digest_finish(digest, text);
  free(settings);
}

static Status print_summary(const TrainSettings *s, const Inputs *in, const LmSummary *r, const Provenance *from,
                            Error *err) {
  static const char *const columns[] = {"run",          "steps",        "trained_parameters",
                                        "loss",         "heldout_loss_before", "heldout_loss",
                                        "heldout_perplexity", "tokens_per_second"};
  Table *table = table_begin(stdout, s->common.json, from, columns, sizeof columns / sizeof columns[0]);
  table_note(table, "losses: nats a token, all but the first of each sequence; loss is that of the last step's batch before its "
                    "update; perplexity: e to the loss");
  table_note(table, "tokens_per_second: of the updates, without looks at held-out text");
  inputs_add_notes(in, table);
  table_string(table, s->output);
  table_count(table, r->steps);
  table_count(table, r->trained_parameters);
  table_number(table, r->loss);
  table_number(table, r->first_heldout_loss);
  table_number(table, r->heldout_loss);
  table_number(table, exp(r->heldout_loss));
  table_number(table, r->step_seconds > 0 ? (double)r->tokens / r->step_seconds : 0);
  return table_end(table, err);
}

static Status train_texts(const Invocation *call, const TrainSettings *s, Inputs *in, const SampleSet *heldout,
                          Error *err) {
  char identity[DIGEST_TEXT];
  Provenance from = invocation_provenance(call, "train", &s->common);
  inputs_add_provenance(in, &from);
  identify(in, s, heldout, identity);
  const LmPlan plan = {.folder = s->output,
                       .train = &in->samples,
                       .heldout = heldout,
                       .parts = s->parts,
                       .base = call->args[0],
                       .steps = s->steps,
                       .epochs = s->epochs,
                       .batch_sequences = s->batch_size,
                       .batch_tokens = s->input.batch_tokens,
                       .recompute = s->recompute,
                       .learning_rate = s->lr,
                       .warmup = s->warmup,
                       .weight_decay = s->weight_decay,
                       .clip = s->clip,
                       .checkpoint_every = s->checkpoint_every,
                       .resume = s->resume,
                       .seed = s->common.seed,
                       .identity = identity};
  LmSummary summary;
  const Status status = lm_trainer_run(&in->model, in->tokenizer, &plan, &from, &summary, err);
  if (status != STATUS_OK) return status;
  log_note("%s: %zu steps in %.1f s, %.3g s a step; peak memory %.0f MiB", s->output, summary.steps_made, summary.seconds,
           summary.step_seconds / (summary.steps_made ? (double)summary.steps_made : 1),
           (double)mem_peak() / (1 << 20));
  return print_summary(s, in, &summary, &from, err);
}

Status train_lm_run(const Invocation *call, const TrainSettings *s, Error *err) {
  Inputs in = {0};
  SampleSet heldout = {0};
  InputSettings input = s->input;
  const LoraSettings lora = train_lora(s);
  if (strcmp(s->parts, "lora") == 0)
    input.lora = &lora;
  else
    input.widen = true; /* a whole model is saved, and most of it trained */
  Status status = check_options(s, err);
  if (status == STATUS_OK) status = inputs_open_model(&in, call->args[0], &input, err);
  if (status == STATUS_OK) status = check_model(&in, s, err);
  if (status == STATUS_OK) train_warn_of_dropout(&in);
  if (status == STATUS_OK) status = read_texts(&in, s, &heldout, err);
  if (status == STATUS_OK) status = train_check_folder(s, err);
  if (status == STATUS_OK) status = train_open_folder(call, s, err);
  if (status == STATUS_OK) status = train_texts(call, s, &in, &heldout, err);
  samples_clear(&heldout);
  inputs_close(&in);
  return status;
}
