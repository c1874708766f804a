/* The training loop, from the first step to the saved model. */
#include "train/trainer.h"

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "train/runlog.h"
#include "train/save.h"
#include "train/trainer_parts.h"

#include <math.h>
#include <stdlib.h>

static Status one_step(Trainer *t, StepResult *result, Error *err) {
  const TrainPlan *plan = t->plan;
  const size_t n = plan->batch_pairs;
  const Sample **samples = mem_alloc(2 * n, sizeof *samples);
  size_t *indices = mem_alloc(2 * n, sizeof *indices);
  PairLabel *labels = mem_alloc(n, sizeof *labels);
  for (size_t i = 0; i < n; i++) {
    const size_t pair = order_at(&t->order, t->step * n + i);
    labels[i] = plan->train->pairs[pair];
    for (size_t side = 0; side < 2; side++) {
      indices[2 * i + side] = 2 * pair + side;
      samples[2 * i + side] = t->samples[2 * pair + side];
    }
  }
  const size_t warmup = (size_t)ceil(plan->warmup * (double)t->n_steps);
  const double rate = learning_rate_at(t->step, t->n_steps, warmup, plan->learning_rate);
  Status status = step_run(&t->stepper, samples, indices, labels, n, rate, t->step + 1, result, err);
  free(samples);
  free(indices);
  free(labels);
  if (status != STATUS_OK) return status;
  t->step++;
  const StepRecord record = {.step = t->step,
                             .loss = result->loss,
                             .has_centring = plan->centring > 0,
                             .has_sft = plan->sft > 0,
                             .has_l2_sp = plan->l2_sp > 0,
                             .accuracy = result->pairs.correct / (double)n,
                             .margin = result->pairs.margin / (double)n,
                             .reward_mean = result->pairs.reward / (double)n,
                             .grad_norm = result->grad_norm,
                             .learning_rate = rate,
                             .tokens = (double)result->tokens,
                             .drift = t->anchor.drift};
  return runlog_step(t->run, &record, t->anchor.n_layers, err);
}

static Status write_checkpoint(Trainer *t, Error *err) {
  const CheckpointState state = trainer_checkpoint_state(t);
  Status status = checkpoint_check(&state, err);
  if (status == STATUS_OK) status = result_flush(t->run, err);
  return status == STATUS_OK ? checkpoint_write(t->plan->folder, &state, err) : status;
}

/* What is due after a step. A run that has stopped makes no checkpoint: from the one before it stops again here. */
static Status after_step(Trainer *t, Error *err) {
  const size_t every = t->plan->checkpoint_every;
  const Status status = trainer_look(t, err);
  const bool is_due = every && t->step % every == 0 && !t->stopped;
  return status == STATUS_OK && is_due ? write_checkpoint(t, err) : status;
}

static Status loop(Trainer *t, TrainSummary *summary, Error *err) {
  Status status = STATUS_OK;
  Progress progress = progress_begin("train", "steps", t->n_steps);
  const double started = clock_seconds();
  if (t->step == 0) status = trainer_evaluate(t, err);
  while (status == STATUS_OK && t->step < t->n_steps && !t->stopped) {
    StepResult result;
    const double begun = clock_seconds();
    status = one_step(t, &result, err);
    summary->step_seconds += clock_seconds() - begun;
    if (status == STATUS_OK) status = after_step(t, err);
    summary->tokens += result.tokens;
    summary->micro_batches += result.micro_batches;
    summary->steps_made++;
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
                {"train/sft_loss", true, &s->sft_loss},
                {"train/l2_sp", true, &s->l2_sp},
                {"probe/drift", true, &s->probe_drift},
                {"eval/accuracy", false, &s->first_heldout_accuracy},
                {"eval/accuracy", true, &s->heldout_accuracy}};
  Status status = STATUS_OK;
  for (size_t i = 0; i < sizeof wanted / sizeof wanted[0] && status == STATUS_OK; i++)
    status = runlog_value(t->run, wanted[i].name, wanted[i].last, wanted[i].value, err);
  s->steps = t->step;
  s->end = t->stopped ? "drift" : "steps";
  s->trained_parameters = t->stepper.n_trained;
  s->value_looks = t->value_looks;
  s->value_seconds = t->value_seconds;
  return status == STATUS_OK ? runlog_end(t->run, s->end, t->step, s->probe_drift, t->plan->token_rule_name, err) : status;
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

static Status save(const Trainer *t, const Tokenizer *tokenizer, Error *err) {
  const TrainPlan *plan = t->plan;
  const int32_t pad = choose_pad(t, tokenizer);
  return t->model->lora.count
             ? save_adapter(t->model, SAVED_AS_REWARD_MODEL, tokenizer, pad, plan->base, plan->folder, err)
             : save_reward_model(t->model, tokenizer, pad, plan->folder, err);
}

Status trainer_run(Model *model, const Tokenizer *tokenizer, const TrainPlan *plan, const Provenance *from,
                   TrainSummary *summary, Error *err) {
  Trainer t = {.plan = plan, .model = model};
  *summary = (TrainSummary){0};
  Status status = trainer_prepare(&t, from, err);
  if (status == STATUS_OK) status = loop(&t, summary, err);
  const CheckpointState result = trainer_checkpoint_state(&t);
  if (status == STATUS_OK) status = checkpoint_check(&result, err);
  if (status == STATUS_OK) status = summarise(&t, summary, err);
  if (status == STATUS_OK) {
    status = result_finish(t.run, err);
    t.run = NULL;
  }
  if (status == STATUS_OK) status = save(&t, tokenizer, err);
  trainer_clear(&t);
  if (status == STATUS_NUMERIC) checkpoint_name_newest(plan->folder, err);
  return status;
}
