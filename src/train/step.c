/* A training step. */
#include "train/step.h"

#include "base/memory.h"
#include "model/forward.h"
#include "train/optimiser.h"

#include <math.h>
#include <stdlib.h>

/* What all micro-batches of a step share. */
typedef struct Step {
  Stepper *s;
  size_t n_pairs;
  StepResult *result;
} Step;

/* The head alone, on hidden states that are known. */
static void head_batch(const Step *step, const size_t *indices, const PairLabel *labels, size_t count,
                       bool accumulate) {
  Stepper *s = step->s;
  real *rewards = mem_alloc(2 * count, sizeof *rewards), *drewards = rewards + count;
  features_rewards(s->features, s->model, indices, 0, count, rewards);
  loss_bradley_terry(count / 2, rewards, labels, s->centring, 1 / (double)step->n_pairs, &step->result->pairs,
                     drewards);
  features_backward(s->features, indices, count, drewards, accumulate, &s->gradients);
  free(rewards);
}

/* Forward, loss, backward of the step's samples [first, first + count). */
static Status micro_batch(const Step *step, const Sample *const *samples, const size_t *indices,
                          const PairLabel *labels, size_t count, bool accumulate, Error *err) {
  Stepper *s = step->s;
  for (size_t i = 0; i < count; i++) step->result->tokens += samples[i]->n_tokens;
  if (s->features) {
    head_batch(step, indices, labels, count, accumulate);
    return STATUS_OK;
  }
  sample_batch_fill(&s->batch, samples, count);
  const Status status = anchor_load(s->anchor, s->frozen, &s->batch, indices, err);
  if (status != STATUS_OK) return status;
  real *rewards = mem_alloc(2 * count, sizeof *rewards), *drewards = rewards + count, *dfinal = NULL;
  const Injection injection = anchor_injection(s->anchor);
  model_forward(s->model, &s->batch.batch, s->pass, NULL);
  model_rewards(s->model, &s->batch.batch, s->pass, rewards);
  loss_bradley_terry(count / 2, rewards, labels, s->centring, (1 - s->sft.share) / (double)step->n_pairs,
                     &step->result->pairs, drewards);
  if (s->sft.share > 0) {
    sft_add(&s->sft, s->model, &s->batch, labels, s->pass, &s->gradients);
    dfinal = s->sft.tokens.dfinal;
  }
  model_backward(s->model, &s->batch.batch, s->pass, drewards, dfinal, &injection, accumulate, &s->gradients);
  free(rewards);
  return STATUS_OK;
}

static size_t counted_rows(const Frozen *frozen, const Sample *const *samples, size_t n) {
  size_t rows = 0;
  for (size_t i = 0; i < n; i++) rows += frozen_rows(frozen, samples[i]);
  return rows;
}

static void begin_step(Stepper *s, const Sample *const *samples, const PairLabel *labels, size_t n_pairs) {
  anchor_begin_step(s->anchor, counted_rows(s->frozen, samples, 2 * n_pairs));
  if (s->sft.share > 0) sft_begin_step(&s->sft, samples, labels, n_pairs);
  if (s->sft.share > 0 || s->l2sp.strength > 0) gradients_clear_tables(s->model, &s->gradients);
}

/* After the last micro-batch: the terms of the loss, and L2-SP's gradient. */
static void finish_loss(const Step *step) {
  Stepper *s = step->s;
  LossParts *loss = &step->result->loss;
  loss->bt = step->result->pairs.loss / (double)step->n_pairs;
  loss->centring = step->result->pairs.centring / (double)step->n_pairs;
  loss->anchor = anchor_value(s->anchor);
  loss->sft = sft_value(&s->sft);
  loss->l2_sp = s->l2sp.strength > 0 ? l2sp_add(&s->l2sp, s->model, &s->gradients) : 0;
  loss->total = (1 - s->sft.share) * (loss->bt + s->centring * loss->centring) + s->sft.share * loss->sft +
                s->anchor->lambda * loss->anchor + s->l2sp.strength * loss->l2_sp;
}

static Status check_finite(const StepResult *r, size_t update_number, Error *err) {
  const struct {
    const char *what;
    double value;
  } parts[] = {{"loss", r->loss.bt},      {"loss", r->loss.centring},       {"anchor", r->loss.anchor},
               {"SFT loss", r->loss.sft}, {"L2-SP penalty", r->loss.l2_sp}, {"loss", r->loss.total},
               {"gradient", r->grad_norm}};
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
    if (!isfinite(parts[i].value))
      return error_set(err, STATUS_NUMERIC, "step %zu: the %s is not finite: try a lower --lr or --clip", update_number,
                       parts[i].what);
  return STATUS_OK;
}

Status step_run(Stepper *s, const Sample *const *samples, const size_t *indices, const PairLabel *labels,
                size_t n_pairs, double learning_rate, size_t update_number, StepResult *result, Error *err) {
  const size_t n = 2 * n_pairs;
  const Step step = {s, n_pairs, result};
  *result = (StepResult){0};
  begin_step(s, samples, labels, n_pairs);
  for (size_t first = 0, count; first < n; first += count) {
    count = sample_batch_count(samples, n, first, 2, s->batch_tokens);
    const Status status =
        micro_batch(&step, samples + first, indices + first, labels ? labels + first / 2 : NULL, count, first > 0, err);
    if (status != STATUS_OK) return status;
    result->micro_batches++;
  }
  finish_loss(&step);
  result->grad_norm = sqrt(sum_of_squares(s->n_trained, s->gradients.values));
  const Status status = check_finite(result, update_number, err);
  if (status != STATUS_OK) return status;
  const double scale = s->clip > 0 && result->grad_norm > s->clip ? s->clip / result->grad_norm : 1;
  const AdamwStep adamw = {learning_rate, 0.9, 0.999, 1e-8, s->weight_decay, update_number, scale};
  optimiser_update(s->model, &s->gradients, &adamw, s->first, s->second);
  return STATUS_OK;
}
