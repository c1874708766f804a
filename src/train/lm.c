/* Language modelling: loss, gradient, step. */
#include "train/lm.h"

#include "base/memory.h"
#include "model/forward.h"
#include "train/logprobs.h"

#include <math.h>
#include <stdlib.h>

void lm_stepper_clear(LmStepper *s) {
  token_loss_clear(&s->tokens);
  gradients_clear(&s->gradients);
  sample_batch_clear(&s->batch);
  *s = (LmStepper){0};
}

static size_t count_predicted(const Sample *const *samples, size_t n) {
  size_t predicted = 0;
  for (size_t i = 0; i < n; i++) predicted += samples[i]->n_tokens - 1;
  return predicted;
}

/* Row t of a sequence predicts the token behind it; scale is what each token counts. */
static void micro_batch(LmStepper *s, double scale, bool accumulate) {
  const Batch *batch = &s->batch.batch;
  const size_t *offsets = s->batch.offsets, n_rows = offsets[batch->n_sequences];
  model_forward(s->model, batch, s->pass, NULL);
  token_loss_begin(&s->tokens, &s->model->config, n_rows);
  for (size_t sequence = 0; sequence < batch->n_sequences; sequence++)
    for (size_t row = offsets[sequence]; row + 1 < offsets[sequence + 1]; row++)
      token_loss_add(&s->tokens, s->model, s->pass, row, batch->ids[row + 1], scale, &s->gradients);
  token_loss_flush(&s->tokens, s->model, s->pass, &s->gradients);
  model_backward(s->model, batch, s->pass, NULL, s->tokens.dfinal, NULL, accumulate, &s->gradients);
}

void lm_gradient(LmStepper *s, const Sample *const *samples, size_t n, LmStepResult *result) {
  const double scale = 1 / (double)count_predicted(samples, n);
  *result = (LmStepResult){0};
  s->tokens.sum = 0;
  gradients_clear_tables(s->model, &s->gradients);
  for (size_t first = 0, count; first < n; first += count) {
    count = sample_batch_count(samples, n, first, 1, s->batch_tokens);
    sample_batch_fill(&s->batch, samples + first, count);
    micro_batch(s, scale, first > 0);
    result->tokens += s->batch.offsets[count];
    result->micro_batches++;
  }
  result->loss = s->tokens.sum;
  result->grad_norm = sqrt(sum_of_squares(s->n_trained, s->gradients.values));
}

Status lm_step(LmStepper *s, const Sample *const *samples, size_t n, double learning_rate, size_t update,
               LmStepResult *result, Error *err) {
  lm_gradient(s, samples, n, result);
  if (!isfinite(result->loss) || !isfinite(result->grad_norm))
    return error_set(err, STATUS_NUMERIC, "step %zu: the %s is not finite: try a lower --lr or --clip", update,
                     isfinite(result->loss) ? "gradient" : "loss");
  const double scale = s->clip > 0 && result->grad_norm > s->clip ? s->clip / result->grad_norm : 1;
  const AdamwStep adamw = {learning_rate, 0.9, 0.999, 1e-8, s->weight_decay, update, scale};
  optimiser_update(s->model, &s->gradients, &adamw, s->first, s->second);
  return STATUS_OK;
}

/* Sum of log p over what a batch predicts; names the sample where that is not finite. */
static Status add_batch(const SampleBatch *batch, const Pass *pass, Logprobs *logprobs, double *log_p, double *sum,
                        Error *err) {
  const size_t d = logprobs->model->config.hidden_size, *offsets = batch->offsets;
  const size_t n = batch->batch.n_sequences;
  for (size_t s = 0; s < n; s++)
    for (size_t row = offsets[s]; row + 1 < offsets[s + 1]; row++)
      logprobs_add(logprobs, pass->final_normed + row * d, batch->ids[row + 1], &log_p[row]);
  logprobs_flush(logprobs);
  for (size_t s = 0; s < n; s++)
    for (size_t row = offsets[s]; row + 1 < offsets[s + 1]; row++) {
      if (!isfinite(log_p[row]))
        return error_set(err, STATUS_NUMERIC, "a log-probability in sample \"%s\" is not finite", batch->samples[s]->id);
      *sum += log_p[row];
    }
  return STATUS_OK;
}

Status lm_loss(const Model *model, Pass *pass, const Sample *const *samples, size_t n, size_t batch_tokens, double *loss,
               Error *err) {
  SampleBatch batch = {0};
  Logprobs logprobs = {0};
  double *log_p = mem_alloc(pass->max_rows, sizeof *log_p), sum = 0;
  Status status = logprobs_init(&logprobs, model, err);
  for (size_t first = 0, count; status == STATUS_OK && first < n; first += count) {
    count = sample_batch_count(samples, n, first, 1, batch_tokens);
    sample_batch_fill(&batch, samples + first, count);
    model_forward(model, &batch.batch, pass, NULL);
    status = add_batch(&batch, pass, &logprobs, log_p, &sum, err);
  }
  const size_t predicted = count_predicted(samples, n);
  *loss = predicted ? -sum / (double)predicted : NAN;
  sample_batch_clear(&batch);
  logprobs_clear(&logprobs);
  free(log_p);
  return status;
}
