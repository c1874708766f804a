/* Sets a run up: samples, frozen features, memory, the new head, and where a checkpoint lets it go on. */
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/rng.h"
#include "train/runlog.h"
#include "train/trainable.h"
#include "train/trainer_parts.h"
#include "train/values_log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void trainer_clear(Trainer *t) {
  result_close(t->run);
  probe_clear(&t->probe);
  anchor_clear(&t->anchor);
  sft_clear(&t->stepper.sft);
  l2sp_clear(&t->stepper.l2sp);
  frozen_close(&t->frozen);
  features_clear(&t->features);
  gradients_clear(&t->stepper.gradients);
  sample_batch_clear(&t->stepper.batch);
  pass_clear(&t->pass);
  arena_clear(&t->arena);
  order_clear(&t->order);
  free(t->samples);
}

/* Training samples and, behind them, the probe set where it is held out; for the head alone all held-out samples, and
 * no probe set, since nothing drifts. */
static void collect_samples(Trainer *t) {
  const TrainPlan *plan = t->plan;
  const bool held_out = plan->heldout->count > 0, head_alone = trainer_is_head_alone(t);
  const SampleSet *from = held_out ? plan->heldout : plan->train;
  const size_t n_probe = from->count < 2 * plan->probe_pairs || head_alone ? from->count : 2 * plan->probe_pairs;
  t->n_train = plan->train->count;
  t->n_pairs = t->n_train / 2;
  t->samples = mem_alloc(t->n_train + n_probe, sizeof *t->samples);
  for (size_t i = 0; i < t->n_train; i++) t->samples[i] = &plan->train->items[i];
  for (size_t i = 0; held_out && i < n_probe; i++) t->samples[t->n_train + i] = &from->items[i];
  t->n_samples = t->n_train + (held_out ? n_probe : 0);
  t->probe.n_samples = head_alone ? 0 : n_probe;
  t->probe.first_index = held_out ? t->n_train : 0;
}

/* The largest batch of any kind: micro-batches of pairs, and batches of single samples. */
static void batch_extent(const Trainer *t, size_t *longest, size_t *most_rows) {
  size_t longest_pair = 0;
  *longest = 0;
  for (int part = 0; part < 2; part++) {
    const SampleSet *set = part ? t->plan->heldout : t->plan->train;
    for (size_t i = 0; i + 1 < set->count; i += 2) {
      const size_t a = set->items[i].n_tokens, b = set->items[i + 1].n_tokens;
      longest_pair = a + b > longest_pair ? a + b : longest_pair;
      *longest = a > *longest ? a : *longest;
      *longest = b > *longest ? b : *longest;
    }
  }
  /* No batch is larger than all samples of a step, all that are held out, or the probe set. */
  const size_t counts[] = {2 * t->plan->batch_pairs, t->plan->heldout->count, t->probe.n_samples};
  size_t most = 0;
  for (size_t i = 0; i < 3; i++) most = counts[i] * *longest > most ? counts[i] * *longest : most;
  *most_rows = t->plan->batch_tokens < most ? t->plan->batch_tokens : most;
  if (*most_rows < longest_pair) *most_rows = longest_pair;
}

/* Those that stay in their file, too. */
static size_t count_parameters(const ParameterTable *table) {
  size_t n = 0;
  for (size_t i = 0; i < table->count; i++) n += table->items[i].rows * table->items[i].columns;
  return n;
}

static void say_activations(const Trainer *t, size_t most_rows, size_t longest, size_t sft) {
  const ModelConfig *c = &t->model->config;
  const bool recompute = t->plan->recompute;
  const double mib = 1 << 20, blocks = (double)(pass_bytes(c, most_rows, longest, KEEP_BLOCKS) + sft) / mib,
               inputs = (double)(pass_bytes(c, most_rows, longest, KEEP_INPUTS) + sft) / mib;
  log_note("beside them %.1f MiB of activations of at most %zu tokens at a time (%s --recompute %.1f MiB)",
           recompute ? inputs : blocks, most_rows, recompute ? "without" : "with", recompute ? blocks : inputs);
}

/* Gradients, moments and the pass, which the head alone does without. */
static Status prepare_memory(Trainer *t, Error *err) {
  size_t begin, longest, most_rows;
  Status status = trainable_from(t->model, t->plan->parts, &begin, err);
  if (status != STATUS_OK) return status;
  const ParameterTable *table = &t->model->table;
  const size_t chunk = token_loss_chunk(t->model->config.vocab_size);
  if (t->plan->sft > 0 && begin == table->embed && table->lm_head < begin) begin = table->lm_head;
  const size_t n = table->total - begin, bytes = n * sizeof(real);
  const bool runs_model = t->features.n == 0;
  batch_extent(t, &longest, &most_rows);
  const PassKeeps keeps = t->plan->recompute ? KEEP_INPUTS : KEEP_BLOCKS;
  log_note("training %zu of %zu parameters: %.1f MiB of parameters, %.1f MiB of gradients and moments", n,
           count_parameters(table),
           (double)(t->model->arena.size + t->model->narrow.size + t->model->matrices.bytes_in_file) / (1 << 20),
           3.0 * (double)bytes / (1 << 20));
  if (runs_model) say_activations(t, most_rows, longest, sft_bytes(&t->model->config, t->plan->sft, chunk, most_rows));
  status = arena_init(&t->arena, 3 * arena_need(bytes), err);
  if (status == STATUS_OK && runs_model)
    status = pass_init(&t->pass, &t->model->config, most_rows, longest, keeps, err);
  if (status != STATUS_OK) return status;
  t->stepper = (Stepper){.model = t->model,
                         .pass = &t->pass,
                         .frozen = &t->frozen,
                         .anchor = &t->anchor,
                         .features = runs_model ? NULL : &t->features,
                         .gradients = {.values = arena_take(&t->arena, bytes), .begin = begin},
                         .first = arena_take(&t->arena, bytes),
                         .second = arena_take(&t->arena, bytes),
                         .n_trained = n,
                         .centring = t->plan->centring,
                         .clip = t->plan->clip,
                         .weight_decay = t->plan->weight_decay,
                         .batch_tokens = t->plan->batch_tokens};
  return sft_init(&t->stepper.sft, &t->model->config, t->plan->sft, chunk, most_rows, err);
}

/* A new head's weights are normal with Hugging Face's default deviation, .02. */
static void init_score(Trainer *t) {
  if (t->model->has_score) return;
  Rng rng = rng_new(t->plan->seed);
  for (size_t i = 0; i < t->model->config.hidden_size; i++)
    t->model->values[t->model->table.score + i] = (real)(0.02 * rng_normal(&rng));
  t->model->has_score = true;
}

/* Before a new head has its weights, and before a checkpoint is read. */
static void prepare_l2sp(Trainer *t) {
  const TrainPlan *plan = t->plan;
  l2sp_init(&t->stepper.l2sp, plan->l2_sp, t->model, t->stepper.gradients.begin, t->model->has_score, plan->source,
            plan->adapter);
  log_note("L2-SP: %.1f MiB of the start's weights are kept in memory, the rest is read from the model's files",
           (double)t->stepper.l2sp.copied / (1 << 20));
}

CheckpointState trainer_checkpoint_state(Trainer *t) {
  return (CheckpointState){.step = t->step,
                           .n = t->stepper.n_trained,
                           .values = t->model->values + t->stepper.gradients.begin,
                           .first = t->stepper.first,
                           .second = t->stepper.second,
                           .settings_sha256 = t->plan->identity};
}

/* A step's tokens go forward and backward, which is about three times forward; those of --train head do not go at all. */
static void say_values(const Trainer *t) {
  const Values *v = t->plan->values;
  double tokens = 0, looks = 2; /* the first and the last */
  for (size_t step = 1; step < t->n_steps; step *= 2) looks++;
  for (size_t i = 0; i < t->n_train; i++) tokens += (double)t->samples[i]->n_tokens;
  const double of_steps = 3 * tokens / (double)t->n_pairs * (double)t->plan->batch_pairs * (double)t->n_steps;
  char *share = trainer_is_head_alone(t) ? mem_copy_string("")
                                         : mem_format(", about %.2g %% of what the updates take",
                                                      100 * looks * (double)v->tokens / of_steps);
  log_note("values: %zu words in %zu sentences and as answers to %zu prompts: %zu tokens forward at each of %.0f steps%s",
           v->index.n, v->words.carriers.count, v->prompts.count, v->tokens, looks, share);
  free(share);
}

Status trainer_prepare(Trainer *t, const Provenance *from, Error *err) {
  const TrainPlan *plan = t->plan;
  const ModelConfig *c = &t->model->config;
  bool resumed = false;
  collect_samples(t);
  t->n_steps = plan->steps ? plan->steps : (size_t)ceil(plan->epochs * (double)t->n_pairs / (double)plan->batch_pairs);
  order_init(&t->order, t->n_pairs, plan->seed);
  Status status = trainer_prepare_frozen(t, err);
  if (status == STATUS_OK) status = prepare_memory(t, err);
  if (status != STATUS_OK) return status;
  status = anchor_init(&t->anchor, plan->lambda, plan->anchor_norm, plan->anchor_layers, c->n_layers, c->hidden_size,
                       t->frozen.scale, err);
  if (status != STATUS_OK) return status;
  const size_t n_probe = t->probe.n_samples, first_index = t->probe.first_index;
  probe_init(&t->probe, &t->frozen, t->samples + first_index, n_probe, first_index, plan->batch_tokens);
  if (plan->l2_sp > 0) prepare_l2sp(t);
  init_score(t);
  if (plan->resume) {
    CheckpointState state = trainer_checkpoint_state(t);
    status = checkpoint_read_newest(plan->folder, &state, &resumed, err);
    if (status == STATUS_OK && !resumed) log_note("no checkpoint in %s: starting anew", plan->folder);
    if (status == STATUS_OK && resumed) model_renew(t->model, t->stepper.gradients.begin);
    if (status == STATUS_OK && resumed) log_note("going on after step %zu", t->step = state.step);
  }
  char *path = file_join(plan->folder, "run.h5");
  if (status == STATUS_OK) status = runlog_open(path, from, resumed, t->step, &t->anchor, &t->run, err);
  free(path);
  if (status == STATUS_OK && plan->values)
    status = resumed ? values_log_resume(t->run, plan->values, err) : values_log_begin(t->run, plan->values, err);
  if (status == STATUS_OK && plan->values) say_values(t);
  return status;
}
