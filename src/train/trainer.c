/* The training loop. */
#include "train/trainer.h"

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/rng.h"
#include "model/forward.h"
#include "train/checkpoint.h"
#include "train/probe.h"
#include "train/recorder.h"
#include "train/runlog.h"
#include "train/save.h"
#include "train/step.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Everything a run holds; trainer_clear accepts it half built. */
typedef struct Trainer {
  const TrainPlan *plan;
  Model *model;
  const Sample **samples; /* training pairs, then the probe set */
  size_t n_train, n_samples, n_pairs, n_steps;
  size_t *order, order_epoch; /* [n_pairs]: the pairs of an epoch, shuffled */
  Arena arena;                /* gradients and moments */
  Pass pass;
  Frozen frozen;
  Anchor anchor;
  Probe probe;
  Stepper stepper;
  Result *run;
  size_t step; /* updates made */
} Trainer;

static void trainer_clear(Trainer *t) {
  result_close(t->run);
  probe_clear(&t->probe);
  anchor_clear(&t->anchor);
  frozen_close(&t->frozen);
  gradients_clear(&t->stepper.gradients);
  sample_batch_clear(&t->stepper.batch);
  pass_clear(&t->pass);
  arena_clear(&t->arena);
  free(t->order);
  free(t->samples);
}

/* The offset from which parameters are trained. */
static Status first_trained(const Model *model, const char *parts, size_t *begin, Error *err) {
  const ParameterTable *table = &model->table;
  const size_t n_layers = model->config.n_layers;
  size_t k;
  if (strcmp(parts, "all") == 0)
    *begin = table->embed;
  else if (strcmp(parts, "head") == 0)
    *begin = table->score;
  else if (strncmp(parts, "last:", 5) == 0 && parse_size(parts + 5, &k) && k >= 1 && k <= n_layers)
    *begin = table->layers[n_layers - k].begin;
  else
    return error_set(err, STATUS_USAGE, "--train %s: expected all, head or last:K with K from 1 to %zu", parts,
                     n_layers);
  return STATUS_OK;
}

Status trainer_check(const Model *model, const char *parts, const char *anchor_layers, double lambda, Error *err) {
  const size_t n_layers = model->config.n_layers;
  size_t begin = 0;
  if (!head_is_plain(&model->head))
    return error_set(err, STATUS_DATA,
                     "the reward head %s has a bias, several layers or a mean: only plain linear heads can be trained",
                     model->head.prefix);
  bool *anchored = mem_alloc(n_layers, sizeof *anchored), pulls = lambda == 0;
  Status status = first_trained(model, parts, &begin, err);
  if (status == STATUS_OK) status = anchor_choose_layers(anchor_layers, n_layers, anchored, err);
  for (size_t l = 0; status == STATUS_OK && l < n_layers; l++)
    pulls = pulls || (anchored[l] && model->table.layers[l].end > begin);
  if (status == STATUS_OK && !pulls)
    status = error_set(err, STATUS_USAGE, "--anchor %g on blocks %s: --train %s leaves them all frozen", lambda,
                       anchor_layers, parts);
  free(anchored);
  return status;
}

/* Training samples and, behind them, the probe set where it is held out. */
static void collect_samples(Trainer *t) {
  const TrainPlan *plan = t->plan;
  const bool held_out = plan->heldout->count > 0;
  const SampleSet *from = held_out ? plan->heldout : plan->train;
  const size_t n_probe = from->count < 2 * plan->probe_pairs ? from->count : 2 * plan->probe_pairs;
  t->n_train = plan->train->count;
  t->n_pairs = t->n_train / 2;
  t->samples = mem_alloc(t->n_train + n_probe, sizeof *t->samples);
  for (size_t i = 0; i < t->n_train; i++) t->samples[i] = &plan->train->items[i];
  for (size_t i = 0; held_out && i < n_probe; i++) t->samples[t->n_train + i] = &from->items[i];
  t->n_samples = t->n_train + (held_out ? n_probe : 0);
  t->probe.n_samples = n_probe;
  t->probe.first_index = held_out ? t->n_train : 0;
}

/* The frozen features: recorded where their file does not exist yet. */
static Status prepare_frozen(Trainer *t, Error *err) {
  const TrainPlan *plan = t->plan;
  const ModelConfig *c = &t->model->config;
  char *path = plan->frozen_path ? mem_copy_string(plan->frozen_path) : file_join(plan->folder, "frozen.h5");
  Status status = STATUS_OK;
  if (!file_exists(path)) {
    SiteList sites = {0};
    status = sites_of_selection(c, "resid_post", NULL, &sites, err);
    const RecordPlan record = {.path = path,
                               .sites = &sites,
                               .samples = t->samples,
                               .n_samples = t->n_samples,
                               .rule_name = plan->token_rule_name,
                               .rule = plan->token_rule,
                               .dtype = STORE_F32,
                               .batch_tokens = plan->batch_tokens,
                               .label = "frozen features",
                               .about = plan->frozen_about};
    if (status == STATUS_OK) {
      RecordCost cost;
      recorder_cost(t->model, &record, &cost);
      log_note("frozen features: %zu rows of %zu blocks, %.1f MiB in %s", cost.rows, sites.count,
               (double)cost.file_bytes / (1 << 20), path);
      status = recorder_run(t->model, &record, err);
    }
    sites_clear(&sites);
  }
  if (status == STATUS_OK)
    status =
        frozen_open(&t->frozen, path, plan->token_rule, c->n_layers, c->hidden_size, t->samples, t->n_samples, err);
  if (status == STATUS_OK &&
      strcmp(store_contents(t->frozen.store)->weights_sha256, plan->frozen_about.weights_sha256) != 0)
    status = error_set(err, STATUS_DATA, "%s: features of another model (weights %.12s..., this model has %.12s...)",
                       path, store_contents(t->frozen.store)->weights_sha256, plan->frozen_about.weights_sha256);
  if (status == STATUS_OK &&
      strcmp(store_contents(t->frozen.store)->compute_dtype, plan->frozen_about.compute_dtype) != 0)
    status = error_set(err, STATUS_DATA, "%s: features computed in %s, training computes in %s", path,
                       store_contents(t->frozen.store)->compute_dtype, plan->frozen_about.compute_dtype);
  if (status == STATUS_OK) status = frozen_measure_scale(&t->frozen, t->samples, t->n_train, err);
  free(path);
  return status;
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

/* Gradients, moments and the pass. */
static Status prepare_memory(Trainer *t, Error *err) {
  size_t begin, longest, most_rows;
  Status status = first_trained(t->model, t->plan->parts, &begin, err);
  if (status != STATUS_OK) return status;
  const size_t n = t->model->table.total - begin, bytes = n * sizeof(real);
  batch_extent(t, &longest, &most_rows);
  log_note("training %zu of %zu parameters: %.1f MiB of parameters, %.1f MiB of gradients and moments, %.1f MiB of "
           "activations",
           n, t->model->table.total, (double)t->model->arena.size / (1 << 20), 3.0 * (double)bytes / (1 << 20),
           (double)pass_bytes(&t->model->config, most_rows, longest, true) / (1 << 20));
  status = arena_init(&t->arena, 3 * arena_need(bytes), err);
  if (status == STATUS_OK) status = pass_init(&t->pass, &t->model->config, most_rows, longest, true, err);
  if (status != STATUS_OK) return status;
  t->stepper = (Stepper){.model = t->model,
                         .pass = &t->pass,
                         .frozen = &t->frozen,
                         .anchor = &t->anchor,
                         .gradients = {.values = arena_take(&t->arena, bytes), .begin = begin},
                         .first = arena_take(&t->arena, bytes),
                         .second = arena_take(&t->arena, bytes),
                         .n_trained = n,
                         .centring = t->plan->centring,
                         .clip = t->plan->clip,
                         .weight_decay = t->plan->weight_decay,
                         .batch_tokens = t->plan->batch_tokens};
  return STATUS_OK;
}

/* A new head's weights are normal with Hugging Face's default deviation, .02. */
static void init_score(Trainer *t) {
  if (t->model->has_score) return;
  Rng rng = rng_new(t->plan->seed);
  for (size_t i = 0; i < t->model->config.hidden_size; i++)
    t->model->values[t->model->table.score + i] = (real)(0.02 * rng_normal(&rng));
  t->model->has_score = true;
}

static CheckpointState checkpoint_state(Trainer *t) {
  return (CheckpointState){.step = t->step,
                           .n = t->stepper.n_trained,
                           .values = t->model->values + t->stepper.gradients.begin,
                           .first = t->stepper.first,
                           .second = t->stepper.second,
                           .settings_sha256 = t->plan->identity};
}

static Status prepare(Trainer *t, const Provenance *from, Error *err) {
  const TrainPlan *plan = t->plan;
  const ModelConfig *c = &t->model->config;
  bool resumed = false;
  collect_samples(t);
  t->n_steps = plan->steps ? plan->steps : (size_t)ceil(plan->epochs * (double)t->n_pairs / (double)plan->batch_pairs);
  t->order = mem_alloc(t->n_pairs, sizeof *t->order);
  t->order_epoch = SIZE_MAX;
  Status status = prepare_frozen(t, err);
  if (status == STATUS_OK) status = prepare_memory(t, err);
  if (status != STATUS_OK) return status;
  status =
      anchor_init(&t->anchor, plan->lambda, plan->anchor_layers, c->n_layers, c->hidden_size, t->frozen.scale, err);
  if (status != STATUS_OK) return status;
  const size_t n_probe = t->probe.n_samples, first_index = t->probe.first_index;
  probe_init(&t->probe, &t->frozen, t->samples + first_index, n_probe, first_index, plan->batch_tokens);
  init_score(t);
  if (plan->resume) {
    CheckpointState state = checkpoint_state(t);
    status = checkpoint_read_newest(plan->folder, &state, &resumed, err);
    if (status == STATUS_OK && !resumed) log_note("no checkpoint in %s: starting anew", plan->folder);
    if (status == STATUS_OK && resumed) log_note("going on after step %zu", t->step = state.step);
  }
  char *path = file_join(plan->folder, "run.h5");
  if (status == STATUS_OK) status = runlog_open(path, from, resumed, t->step, &t->anchor, &t->run, err);
  free(path);
  return status;
}

/* Held-out accuracy, and the full drift measures on the probe set. */
static Status evaluate(Trainer *t, Error *err) {
  const SampleSet *set = t->plan->heldout;
  PairSums sums = {0};
  SampleBatch batch = {0};
  const Sample **list = mem_alloc(set->count, sizeof *list);
  real *rewards = mem_alloc(set->count, sizeof *rewards);
  for (size_t i = 0; i < set->count; i++) list[i] = &set->items[i];
  for (size_t first = 0, count; first < set->count; first += count) {
    count = sample_batch_count(list, set->count, first, 2, t->plan->batch_tokens);
    sample_batch_fill(&batch, list + first, count);
    model_forward(t->model, &batch.batch, &t->pass, NULL);
    model_rewards(t->model, &batch.batch, &t->pass, rewards + first);
  }
  loss_bradley_terry(set->count / 2, rewards, t->plan->centring, 0, &sums, NULL);
  sample_batch_clear(&batch);
  free(list);
  free(rewards);
  const double n = (double)set->count / 2;
  if (!isfinite(sums.loss))
    return error_set(err, STATUS_NUMERIC, "after step %zu: the loss of a held-out pair is not finite", t->step);
  Status status = probe_measure(&t->probe, t->model, &t->pass, &t->frozen, err);
  if (status != STATUS_OK) error_prefix(err, "after step %zu", t->step);
  const EvalRecord record = {t->step, sums.correct / n, sums.margin / n, sums.loss / n};
  if (status == STATUS_OK && n > 0) status = runlog_eval(t->run, &record, err);
  if (status == STATUS_OK)
    status = runlog_drift(t->run, t->step, t->probe.names, t->probe.values, t->probe.n_names, t->probe.n_layers, err);
  return status == STATUS_OK ? result_flush(t->run, err) : status;
}

/* The pair at a place of the endless sequence of shuffled epochs: a function of seed and place alone, so that a resumed
 * run sees the same pairs. */
static size_t pair_at(Trainer *t, size_t place) {
  const size_t epoch = place / t->n_pairs;
  if (epoch != t->order_epoch) {
    Rng rng = rng_new(t->plan->seed ^ (UINT64_C(0x9e3779b97f4a7c15) * (epoch + 1)));
    for (size_t i = 0; i < t->n_pairs; i++) t->order[i] = i;
    rng_shuffle(&rng, t->order, t->n_pairs);
    t->order_epoch = epoch;
  }
  return t->order[place % t->n_pairs];
}

static Status one_step(Trainer *t, StepResult *result, Error *err) {
  const TrainPlan *plan = t->plan;
  const size_t n = plan->batch_pairs;
  const Sample **samples = mem_alloc(2 * n, sizeof *samples);
  size_t *indices = mem_alloc(2 * n, sizeof *indices);
  for (size_t i = 0; i < n; i++) {
    const size_t pair = pair_at(t, t->step * n + i);
    for (size_t side = 0; side < 2; side++) {
      indices[2 * i + side] = 2 * pair + side;
      samples[2 * i + side] = t->samples[2 * pair + side];
    }
  }
  const size_t warmup = (size_t)ceil(plan->warmup * (double)t->n_steps);
  const double rate = learning_rate_at(t->step, t->n_steps, warmup, plan->learning_rate);
  Status status = step_run(&t->stepper, samples, indices, n, rate, t->step + 1, result, err);
  free(samples);
  free(indices);
  if (status != STATUS_OK) return status;
  t->step++;
  const StepRecord record = {.step = t->step,
                             .bt_loss = result->pairs.loss / (double)n,
                             .loss = result->pairs.loss / (double)n + plan->lambda * result->anchor,
                             .anchor = result->anchor,
                             .accuracy = result->pairs.correct / (double)n,
                             .margin = result->pairs.margin / (double)n,
                             .reward_mean = result->pairs.reward / (double)n,
                             .grad_norm = result->grad_norm,
                             .learning_rate = rate,
                             .tokens = (double)result->tokens,
                             .drift = t->anchor.drift};
  return runlog_step(t->run, &record, t->anchor.n_layers, err);
}

/* What is due after a step. */
static Status after_step(Trainer *t, Error *err) {
  Status status = STATUS_OK;
  if (is_log_spaced(t->step, t->n_steps)) status = evaluate(t, err);
  if (status == STATUS_OK && t->plan->checkpoint_every && t->step % t->plan->checkpoint_every == 0) {
    const CheckpointState state = checkpoint_state(t);
    status = result_flush(t->run, err);
    if (status == STATUS_OK) status = checkpoint_write(t->plan->folder, &state, err);
  }
  return status;
}

static Status loop(Trainer *t, TrainSummary *summary, Error *err) {
  Status status = STATUS_OK;
  Progress progress = progress_begin("train", "steps", t->n_steps);
  const double started = clock_seconds();
  if (t->step == 0) status = evaluate(t, err);
  while (status == STATUS_OK && t->step < t->n_steps) {
    StepResult result;
    status = one_step(t, &result, err);
    if (status == STATUS_OK) status = after_step(t, err);
    summary->tokens += result.tokens;
    progress_show(&progress, t->step);
  }
  progress_end(&progress);
  summary->seconds = clock_seconds() - started;
  return status;
}

/* From the log, so that a resumed run says the same as an uninterrupted one. */
static Status summarise(Trainer *t, TrainSummary *s, Error *err) {
  const struct {
    const char *name;
    bool last;
    double *value;
  } wanted[] = {{"train/bt_loss", true, &s->bt_loss},
                {"train/accuracy", true, &s->accuracy},
                {"train/anchor", true, &s->anchor},
                {"eval/accuracy", false, &s->first_heldout_accuracy},
                {"eval/accuracy", true, &s->heldout_accuracy}};
  Status status = STATUS_OK;
  for (size_t i = 0; i < sizeof wanted / sizeof wanted[0] && status == STATUS_OK; i++)
    status = runlog_value(t->run, wanted[i].name, wanted[i].last, wanted[i].value, err);
  s->steps = t->n_steps;
  s->trained_parameters = t->stepper.n_trained;
  return status;
}

/* Every sample that a reward is taken of. */
static int32_t choose_pad(const Trainer *t, const Tokenizer *tokenizer) {
  const SampleSet *train = t->plan->train, *heldout = t->plan->heldout;
  const Sample **all = mem_alloc(train->count + heldout->count, sizeof *all);
  for (size_t i = 0; i < train->count; i++) all[i] = &train->items[i];
  for (size_t i = 0; i < heldout->count; i++) all[train->count + i] = &heldout->items[i];
  const int32_t pad = save_choose_pad(tokenizer, all, train->count + heldout->count);
  free(all);
  return pad;
}

Status trainer_run(Model *model, const Tokenizer *tokenizer, const TrainPlan *plan, const Provenance *from,
                   TrainSummary *summary, Error *err) {
  Trainer t = {.plan = plan, .model = model};
  *summary = (TrainSummary){0};
  Status status = prepare(&t, from, err);
  if (status == STATUS_OK) status = loop(&t, summary, err);
  if (status == STATUS_OK) status = summarise(&t, summary, err);
  if (status == STATUS_OK) {
    status = result_finish(t.run, err);
    t.run = NULL;
  }
  if (status == STATUS_OK) status = save_reward_model(model, tokenizer, choose_pad(&t, tokenizer), plan->folder, err);
  trainer_clear(&t);
  return status;
}
