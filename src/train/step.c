/* A training step. */
#include "train/step.h"

#include "base/memory.h"
#include "model/forward.h"

#include <math.h>
#include <stdlib.h>

/* Forward, loss, backward of samples [first, first + count) of the step. */
static Status micro_batch(Stepper *s, const Sample *const *samples, const size_t *indices, size_t count, size_t n_pairs,
                          bool accumulate, PairSums *sums, Error *err) {
  sample_batch_fill(&s->batch, samples, count);
  const Status status = anchor_load(s->anchor, s->frozen, &s->batch, indices, err);
  if (status != STATUS_OK) return status;
  real *rewards = mem_alloc(2 * count, sizeof *rewards), *drewards = rewards + count;
  const Injection injection = anchor_injection(s->anchor);
  model_forward(s->model, &s->batch.batch, s->pass, NULL);
  model_rewards(s->model, &s->batch.batch, s->pass, rewards);
  loss_bradley_terry(count / 2, rewards, s->centring, 1 / (double)n_pairs, sums, drewards);
  model_backward(s->model, &s->batch.batch, s->pass, drewards, NULL, &injection, accumulate, &s->gradients);
  free(rewards);
  return STATUS_OK;
}

/* Weight decay is for matrices; gains and biases are left alone. */
static void update(Stepper *s, const AdamwStep *step) {
  const ParameterTable *table = &s->model->table;
  for (size_t i = 0; i < table->count; i++) {
    const Parameter *p = &table->items[i];
    if (!parameter_is_trained(p, s->gradients.begin)) continue;
    AdamwStep own = *step;
    if (p->is_vector) own.weight_decay = 0;
    const size_t at = p->offset - s->gradients.begin;
    adamw_update(&own, p->rows * p->columns, s->model->values + p->offset, s->gradients.values + at, s->first + at,
                 s->second + at);
  }
}

static size_t counted_rows(const Frozen *frozen, const Sample *const *samples, size_t n) {
  size_t rows = 0;
  for (size_t i = 0; i < n; i++) rows += frozen_rows(frozen, samples[i]);
  return rows;
}

Status step_run(Stepper *s, const Sample *const *samples, const size_t *indices, size_t n_pairs, double learning_rate,
                size_t update_number, StepResult *result, Error *err) {
  const size_t n = 2 * n_pairs;
  *result = (StepResult){0};
  anchor_begin_step(s->anchor, counted_rows(s->frozen, samples, n));
  for (size_t first = 0, count; first < n; first += count) {
    count = sample_batch_count(samples, n, first, 2, s->batch_tokens);
    const Status status =
        micro_batch(s, samples + first, indices + first, count, n_pairs, first > 0, &result->pairs, err);
    if (status != STATUS_OK) return status;
    result->tokens += s->batch.offsets[count];
  }
  result->anchor = anchor_value(s->anchor);
  result->grad_norm = sqrt(sum_of_squares(s->n_trained, s->gradients.values));
  if (!isfinite(result->pairs.loss) || !isfinite(result->anchor) || !isfinite(result->grad_norm))
    return error_set(err, STATUS_NUMERIC, "step %zu: the %s is not finite: try a lower --lr or --clip", update_number,
                     isfinite(result->pairs.loss) ? isfinite(result->anchor) ? "gradient" : "anchor" : "loss");
  const double scale = s->clip > 0 && result->grad_norm > s->clip ? s->clip / result->grad_norm : 1;
  const AdamwStep step = {learning_rate, 0.9, 0.999, 1e-8, s->weight_decay, update_number, scale};
  update(s, &step);
  return STATUS_OK;
}
