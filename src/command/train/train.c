/* fathom train: a reward model from preference pairs, anchored to the frozen model; --objective lm is lm.c. */
#include "base/log.h"
#include "base/memory.h"
#include "command/train/lm.h"
#include "command/train/options.h"
#include "command/train/weak.h"
#include "train/trainable.h"
#include "train/trainer.h"

#include <stdlib.h>
#include <string.h>

/* Training and held-out pairs. */
static Status read_pairs(Inputs *in, const TrainSettings *s, SampleSet *heldout, Error *err) {
  uint64_t split_seed;
  Status status = train_split_seed(s, &split_seed, err);
  if (status == STATUS_OK) status = inputs_read_samples(in, &s->input, err);
  if (status != STATUS_OK) return status;
  if (s->eval.count) {
    SampleRules rules = inputs_sample_rules(in, &s->input);
    rules.limit = 0;
    status = inputs_read_pairs(in, &s->eval, &rules, heldout, err);
    if (status == STATUS_OK) inputs_note_overlap(in, heldout, &in->samples, "the training pairs");
    if (status != STATUS_OK) error_prefix(err, "--eval");
  } else if (s->eval_split > 0) {
    samples_split_pairs(&in->samples, s->eval_split, split_seed, heldout);
  }
  if (status == STATUS_OK && s->train_pairs > in->samples.count / 2)
    status = error_set(err, STATUS_DATA, "--train-pairs %zu: there are %zu training pairs", s->train_pairs,
                       in->samples.count / 2);
  if (status == STATUS_OK && s->train_pairs) samples_draw_pairs(&in->samples, s->train_pairs, split_seed);
  if (status == STATUS_OK && in->samples.count == 0)
    status = error_set(err, STATUS_DATA, "no training pair is left: --eval-split %g holds out all %zu", s->eval_split,
                       heldout->count / 2);
  if (status != STATUS_OK) return status;
  log_note("%zu training pairs, %zu held out", in->samples.count / 2, heldout->count / 2);
  if (heldout->count == 0) log_warn("no pair is held out: drift is probed on training pairs");
  return status;
}

static Status print_summary(const TrainSettings *s, const Inputs *in, const TrainSummary *r, const WeakToStrong *weak,
                            Provenance from, Error *err) {
  static const char *const own_columns[] = {"run",
                                            "steps",
                                            "trained_parameters",
                                            "anchor_strength",
                                            "bt_loss",
                                            "accuracy",
                                            "anchor",
                                            "heldout_accuracy_before",
                                            "heldout_accuracy",
                                            "probe_drift",
                                            "sft_loss",
                                            "l2_sp",
                                            "end",
                                            "tokens_per_second"};
  enum { N_OWN = sizeof own_columns / sizeof own_columns[0] };
  const char *columns[N_OWN + WEAK_COLUMNS];
  size_t n_columns = N_OWN;
  memcpy(columns, own_columns, sizeof own_columns);
  weak_add_columns(weak, columns, &n_columns);
  weak_add_provenance(weak, &from);
  Table *table = table_begin(stdout, s->common.json, &from, columns, n_columns);
  table_note(table,
             "bt_loss, accuracy, anchor (R in its norm, mean over the anchored blocks) and sft_loss are those of "
             "the last step's batch, l2_sp = |w - w0|^2 before its update");
  table_note(table,
             "probe_drift: relative squared drift of the result on the probe set, mean over all blocks; end: what "
             "ended the run, steps or drift (--stop-at-drift)");
  inputs_add_notes(in, table);
  weak_print_notes(weak, s, table);
  table_string(table, s->output);
  table_count(table, r->steps);
  table_count(table, r->trained_parameters);
  table_number(table, s->anchor);
  table_number(table, r->bt_loss);
  table_number(table, r->accuracy);
  table_number(table, r->anchor);
  table_number(table, r->first_heldout_accuracy);
  table_number(table, r->heldout_accuracy);
  table_number(table, r->probe_drift);
  table_number(table, r->sft_loss);
  table_number(table, r->l2_sp);
  table_string(table, r->end);
  table_number(table, r->seconds > 0 ? (double)r->tokens / r->seconds : 0);
  weak_print_cells(weak, table);
  return table_end(table, err);
}

static Status train_pairs(const Invocation *call, const TrainSettings *s, Inputs *in, const SampleSet *heldout,
                          WeakToStrong *weak, Values *values, Error *err) {
  char *line = inputs_command_line(call), identity_text[DIGEST_TEXT];
  Provenance from = invocation_provenance(call, "train", &s->common);
  inputs_add_provenance(in, &from);
  train_identity(in, s, heldout, inputs_weights_digest(in),
                 s->value_axis ? values->digest : NULL, identity_text);
  TrainPlan plan = {.folder = s->output,
                    .train = &in->samples,
                    .heldout = heldout,
                    .parts = s->parts,
                    .base = call->args[0],
                    .steps = s->steps,
                    .epochs = s->epochs,
                    .batch_pairs = s->batch_size,
                    .batch_tokens = s->input.batch_tokens,
                    .recompute = s->recompute,
                    .learning_rate = s->lr,
                    .warmup = s->warmup,
                    .weight_decay = s->weight_decay,
                    .clip = s->clip,
                    .centring = s->centring,
                    .lambda = s->anchor,
                    .anchor_layers = s->anchor_layers,
                    .sft = s->sft,
                    .l2_sp = s->l2_sp,
                    .stop_at_drift = s->stop_at_drift,
                    .source = in->source,
                    .adapter = in->adapter,
                    .token_rule_name = s->anchor_tokens,
                    .probe_pairs = s->probe_pairs,
                    .checkpoint_every = s->checkpoint_every,
                    .resume = s->resume,
                    .seed = s->common.seed,
                    .frozen_path = s->frozen,
                    .frozen_about = inputs_store_provenance(in, &s->common, line),
                    .values = s->value_axis ? values : NULL,
                    .identity = identity_text};
  token_rule_from_name(s->anchor_tokens, &plan.token_rule);
  anchor_norm_from_name(s->anchor_norm, &plan.anchor_norm);
  TrainSummary summary;
  Status status = trainer_run(&in->model, in->tokenizer, &plan, &from, &summary, err);
  if (status == STATUS_OK) {
    const double made = summary.steps_made ? (double)summary.steps_made : 1;
    log_note("%s: %zu steps in %.1f s, %.3g s a step, each the sum of %.3g micro-batches of at most %zu tokens%s; peak "
             "memory %.0f MiB",
             s->output, summary.steps_made, summary.seconds, summary.step_seconds / made,
             (double)summary.micro_batches / made, s->input.batch_tokens, s->recompute ? ", recomputed" : "",
             (double)mem_peak() / (1 << 20));
    if (s->value_axis)
      log_note("%s: %zu looks at value words took %.1f s of them", s->output, summary.value_looks, summary.value_seconds);
    if (weak->is_on) status = weak_measure(weak, in, heldout, s, err);
    if (status == STATUS_OK) status = print_summary(s, in, &summary, weak, from, err);
  }
  free(line);
  return status;
}

static Status train_run(const Invocation *call, const void *given, Error *err) {
  TrainSettings settings = *(const TrainSettings *)given;
  const TrainSettings *s = &settings;
  Inputs in = {0};
  SampleSet heldout = {0};
  WeakToStrong weak = {0};
  Values values = {0};
  if (!s->output) return error_set(err, STATUS_USAGE, "train: -o RUN is needed: the folder of the run");
  if (strcmp(s->objective, "lm") == 0) return train_lm_run(call, s, err);
  if (s->texts.count) return error_set(err, STATUS_USAGE, "--text is for --objective lm");
  if (!s->input.pairs.count) return error_set(err, STATUS_USAGE, "train: --pairs FILE is needed");
  InputSettings input = s->input;
  const LoraSettings lora = train_lora(s);
  if (strcmp(s->parts, "lora") == 0)
    input.lora = &lora;
  else
    input.widen = true; /* a whole model is saved, and most of it trained */
  Status status = train_check_options(s, err);
  if (status == STATUS_OK) status = train_read_stop(&settings, err);
  if (status == STATUS_OK) status = inputs_open_model(&in, call->args[0], &input, err);
  if (status == STATUS_OK) status = trainable_check(&in.model, s->parts, s->anchor_layers, s->anchor, err);
  if (status == STATUS_OK)
    status = trainable_check_controls(&in.model, s->parts, s->sft, s->l2_sp, s->stop_at_drift,
                                      model_has_lm_head(&in.model, in.source, in.adapter), err);
  if (status == STATUS_OK) train_warn_of_dropout(&in);
  if (status == STATUS_OK) status = read_pairs(&in, s, &heldout, err);
  if (status == STATUS_OK) status = train_open_values(&in, s, &values, err);
  if (status == STATUS_OK) status = train_check_folder(s, err);
  if (status == STATUS_OK) status = weak_open(s, &in.samples, &heldout, &weak, err);
  if (status == STATUS_OK && weak.is_on) status = weak_label(&weak, &in.samples, err);
  if (status == STATUS_OK) status = train_open_folder(call, s, err);
  if (status == STATUS_OK && weak.is_on) status = weak_write_labels(&weak, &in.samples, s->output, err);
  if (status == STATUS_OK) status = train_pairs(call, s, &in, &heldout, &weak, &values, err);
  weak_close(&weak);
  values_close(&values);
  samples_clear(&heldout);
  inputs_close(&in);
  return status;
}

const Command command_train = {
    .name = "train",
    .arguments = "MODEL --pairs F|--objective lm --text F -o RUN",
    .summary = "train a reward model with an anchor, drift tracked at every step; or a language model",
    .details = "Bradley-Terry loss on preference pairs plus lambda times the anchor R (ours): the mean over anchored "
               "blocks and tokens\n"
               "of |h - h0|^2 / s^2, h0 the frozen model's features and s^2 their mean squared distance from their "
               "mean. RUN gets\n"
               "config.json, model.safetensors and the tokenizer (a Hugging Face reward model; with --train lora an "
               "adapter in "
               "PEFT's layout),\n"
               "run.h5 (every step; fathom plot draws it), frozen.h5 (the frozen features), checkpoint-STEP and "
               "command.txt. The frozen\n"
               "model is MODEL as the run begins: with --adapter, MODEL and the adapter.\n"
               "--labels-from: soft labels p = sigmoid(r_chosen - r_rejected) of a weak reward model take the place of the "
               "file's (and\n"
               "of its margins), and RUN gets them as labels.jsonl. The table then has, on the held-out pairs and by their "
               "true labels,\n"
               "weak model, student, gain, ceiling and the performance gap recovered.\n"
               "--objective lm: a language model from text files, by the mean -log p of every token but a sequence's first. RUN "
               "then holds\n"
               "a Hugging Face language model (or its adapter), run.h5 with the loss of every step and, at steps 0, 1, 2, 4, "
               "8, ..., loss\n"
               "and perplexity of held-out text; there is no anchor and no drift: fathom record and drift compare models "
               "afterwards.",
    .example = "fathom train models/SmolLM2-135M-Instruct.Q4_1.gguf --pairs pairs.jsonl --anchor 10 -o RUN",
    .options = train_options,
    .defaults = &train_defaults,
    .settings_size = sizeof(TrainSettings),
    .min_args = 1,
    .max_args = 1,
    .run = train_run,
};
