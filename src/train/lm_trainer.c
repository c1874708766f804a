/* The loop of language-model training, from the first step to the saved model. */
#include "train/lm_trainer.h"

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "train/checkpoint.h"
#include "train/lm.h"
#include "train/order.h"
#include "train/runlog.h"
#include "train/save.h"
#include "train/trainable.h"

#include <math.h>
#include <stdlib.h>

/* Everything a run holds; clear accepts it half built. */
typedef struct LmTrainer {
  const LmPlan *plan;
  Model *model;
  const Sample **train, **heldout; /* [count of each set] */
  size_t n_steps, step;            /* step: updates made */
  Order order;                     /* of the training sequences */
  Arena arena;                     /* gradients and moments */
  Pass pass;
  LmStepper stepper;
  Result *run;
} LmTrainer;

static void clear(LmTrainer *t) {
  result_close(t->run);
  lm_stepper_clear(&t->stepper);
  pass_clear(&t->pass);
  arena_clear(&t->arena);
  order_clear(&t->order);
  free(t->heldout);
  free(t->train);
}

static const Sample **list_of(const SampleSet *set) {
  const Sample **list = mem_alloc(set->count, sizeof *list);
  for (size_t i = 0; i < set->count; i++) list[i] = &set->items[i];
  return list;
}

/* The largest batch of any kind. */
static void batch_extent(const LmTrainer *t, size_t *longest, size_t *most_rows) {
  const LmPlan *plan = t->plan;
  size_t n = plan->batch_sequences > plan->heldout->count ? plan->batch_sequences : plan->heldout->count;
  *longest = 0;
  for (size_t i = 0; i < plan->train->count; i++)
    if (t->train[i]->n_tokens > *longest) *longest = t->train[i]->n_tokens;
  for (size_t i = 0; i < plan->heldout->count; i++)
    if (t->heldout[i]->n_tokens > *longest) *longest = t->heldout[i]->n_tokens;
  *most_rows = plan->batch_tokens / *longest < n ? plan->batch_tokens : n * *longest;
  if (*most_rows < *longest) *most_rows = *longest;
}

/* Where what is trained begins: a language-model head of its own lies before the embedding. */
static Status trained_from(const LmTrainer *t, size_t *begin, Error *err) {
  const ParameterTable *table = &t->model->table;
  const Status status = trainable_from(t->model, t->plan->parts, begin, err);
  if (status == STATUS_OK && *begin == table->embed && table->lm_head < *begin) *begin = table->lm_head;
  return status;
}

/* The reward head, which is the last of the parameters, has a gradient of zeros, and is not saved. */
static Status prepare_memory(LmTrainer *t, size_t *n_parameters, Error *err) {
  const LmPlan *plan = t->plan;
  const ModelConfig *c = &t->model->config;
  const size_t chunk = token_loss_chunk(c->vocab_size);
  size_t begin, longest, most_rows;
  Status status = trained_from(t, &begin, err);
  if (status != STATUS_OK) return status;
  const size_t n = t->model->table.total - begin, bytes = n * sizeof(real);
  const PassKeeps keeps = plan->recompute ? KEEP_INPUTS : KEEP_BLOCKS;
  *n_parameters = n - c->hidden_size;
  batch_extent(t, &longest, &most_rows);
  const double mib = 1 << 20;
  log_note("training %zu parameters: %.1f MiB of gradients and moments, %.1f MiB of activations of at most %zu tokens at a "
           "time",
           *n_parameters, 3.0 * (double)bytes / mib,
           (double)(pass_bytes(c, most_rows, longest, keeps) + token_loss_bytes(c, chunk, most_rows)) / mib, most_rows);
  status = arena_init(&t->arena, 3 * arena_need(bytes), err);
  if (status == STATUS_OK) status = pass_init(&t->pass, c, most_rows, longest, keeps, err);
  if (status != STATUS_OK) return status;
  t->stepper = (LmStepper){.model = t->model,
                           .pass = &t->pass,
                           .gradients = {.values = arena_take(&t->arena, bytes), .begin = begin},
                           .first = arena_take(&t->arena, bytes),
                           .second = arena_take(&t->arena, bytes),
                           .n_trained = n,
                           .clip = plan->clip,
                           .weight_decay = plan->weight_decay,
                           .batch_tokens = plan->batch_tokens};
  return token_loss_init(&t->stepper.tokens, c, chunk, most_rows, err);
}

static CheckpointState checkpoint_state(const LmTrainer *t) {
  return (CheckpointState){.step = t->step,
                           .n = t->stepper.n_trained,
                           .values = t->model->values + t->stepper.gradients.begin,
                           .first = t->stepper.first,
                           .second = t->stepper.second,
                           .settings_sha256 = t->plan->identity};
}

static Status go_on(LmTrainer *t, bool *resumed, Error *err) {
  CheckpointState state = checkpoint_state(t);
  const Status status = checkpoint_read_newest(t->plan->folder, &state, resumed, err);
  if (status != STATUS_OK) return status;
  if (!*resumed) {
    log_note("no checkpoint in %s: starting anew", t->plan->folder);
    return STATUS_OK;
  }
  model_renew(t->model, t->stepper.gradients.begin);
  t->step = state.step;
  log_note("going on after step %zu", t->step);
  return STATUS_OK;
}

static Status prepare(LmTrainer *t, const Provenance *from, LmSummary *summary, Error *err) {
  const LmPlan *plan = t->plan;
  const size_t n = plan->train->count;
  bool resumed = false;
  t->train = list_of(plan->train);
  t->heldout = list_of(plan->heldout);
  t->n_steps = plan->steps ? plan->steps : (size_t)ceil(plan->epochs * (double)n / (double)plan->batch_sequences);
  order_init(&t->order, n, plan->seed);
  Status status = prepare_memory(t, &summary->trained_parameters, err);
  if (status == STATUS_OK && plan->resume) status = go_on(t, &resumed, err);
  char *path = file_join(plan->folder, "run.h5");
  if (status == STATUS_OK) status = runlog_open(path, from, resumed, t->step, NULL, &t->run, err);
  free(path);
  return status;
}

static Status one_step(LmTrainer *t, LmStepResult *result, Error *err) {
  const LmPlan *plan = t->plan;
  const size_t n = plan->batch_sequences, warmup = (size_t)ceil(plan->warmup * (double)t->n_steps);
  const double rate = learning_rate_at(t->step, t->n_steps, warmup, plan->learning_rate);
  const Sample **samples = mem_alloc(n, sizeof *samples);
  for (size_t i = 0; i < n; i++) samples[i] = t->train[order_at(&t->order, t->step * n + i)];
  const Status status = lm_step(&t->stepper, samples, n, rate, t->step + 1, result, err);
  free(samples);
  if (status != STATUS_OK) return status;
  t->step++;
  const LmStepRecord record = {t->step, result->loss, result->grad_norm, rate, (double)result->tokens};
  return runlog_lm_step(t->run, &record, err);
}

static Status evaluate(LmTrainer *t, Error *err) {
  double loss;
  const size_t n = t->plan->heldout->count;
  if (n == 0) return result_flush(t->run, err);
  Status status = lm_loss(t->model, &t->pass, t->heldout, n, t->plan->batch_tokens, &loss, err);
  if (status != STATUS_OK) return error_prefix(err, "after step %zu: held-out text", t->step);
  status = runlog_lm_eval(t->run, t->step, loss, err);
  return status == STATUS_OK ? result_flush(t->run, err) : status;
}

/* What is due after a step: a look at the held-out text at log-spaced steps, and a checkpoint. */
static Status after_step(LmTrainer *t, Error *err) {
  const size_t every = t->plan->checkpoint_every;
  Status status = is_log_spaced(t->step, t->n_steps) ? evaluate(t, err) : STATUS_OK;
  if (status != STATUS_OK || !every || t->step % every != 0) return status;
  const CheckpointState state = checkpoint_state(t);
  status = checkpoint_check(&state, err);
  if (status == STATUS_OK) status = result_flush(t->run, err);
  return status == STATUS_OK ? checkpoint_write(t->plan->folder, &state, err) : status;
}

static Status loop(LmTrainer *t, LmSummary *summary, Error *err) {
  Status status = t->step == 0 ? evaluate(t, err) : STATUS_OK;
  Progress progress = progress_begin("train", "steps", t->n_steps);
  const double started = clock_seconds();
  while (status == STATUS_OK && t->step < t->n_steps) {
    LmStepResult result;
    const double begun = clock_seconds();
    status = one_step(t, &result, err);
    summary->step_seconds += clock_seconds() - begun;
    summary->tokens += result.tokens;
    summary->steps_made++;
    if (status == STATUS_OK) status = after_step(t, err);
    progress_show(&progress, t->step);
  }
  progress_end(&progress);
  summary->seconds = clock_seconds() - started;
  return status;
}

/* From the log, so that a resumed run says the same as an uninterrupted one. */
static Status summarise(LmTrainer *t, LmSummary *s, Error *err) {
  s->steps = t->step;
  Status status = runlog_value(t->run, "train/loss", true, &s->loss, err);
  if (status == STATUS_OK) status = runlog_value(t->run, "eval/loss", false, &s->first_heldout_loss, err);
  if (status == STATUS_OK) status = runlog_value(t->run, "eval/loss", true, &s->heldout_loss, err);
  return status == STATUS_OK ? runlog_end(t->run, "steps", t->step, NAN, NULL, err) : status;
}

static Status save(const LmTrainer *t, const Tokenizer *tokenizer, Error *err) {
  const LmPlan *plan = t->plan;
  return t->model->lora.count
             ? save_adapter(t->model, SAVED_AS_LANGUAGE_MODEL, tokenizer, -1, plan->base, plan->folder, err)
             : save_language_model(t->model, tokenizer, plan->folder, err);
}

Status lm_trainer_run(Model *model, const Tokenizer *tokenizer, const LmPlan *plan, const Provenance *from,
                      LmSummary *summary, Error *err) {
  LmTrainer t = {.plan = plan, .model = model};
  *summary = (LmSummary){0};
  Status status = prepare(&t, from, summary, err);
  if (status == STATUS_OK) status = loop(&t, summary, err);
  const CheckpointState result = checkpoint_state(&t);
  if (status == STATUS_OK) status = checkpoint_check(&result, err);
  if (status == STATUS_OK) status = summarise(&t, summary, err);
  if (status == STATUS_OK) {
    status = result_finish(t.run, err);
    t.run = NULL;
  }
  if (status == STATUS_OK) status = save(&t, tokenizer, err);
  clear(&t);
  if (status == STATUS_NUMERIC) checkpoint_name_newest(plan->folder, err);
  return status;
}
