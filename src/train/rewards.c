/* Rewards of samples. */
#include "train/rewards.h"

#include "model/forward.h"

#include <math.h>

Status rewards_check_head(const Model *model, const char *name, Error *err) {
  if (!model->has_score)
    return error_set(
        err, STATUS_DATA,
        "%s: no reward head (tensors score, value_head, v_head.summary, v_head or regression_head): fathom "
        "train makes a reward model of it",
        name);
  if (head_is_zero(&model->head, model->values + model->table.score, model->config.hidden_size))
    return error_set(err, STATUS_DATA, "%s: the reward head %s holds only zeros: it was never trained", name,
                     model->head.prefix);
  return STATUS_OK;
}

Status rewards_run(const Model *model, Pass *pass, const Sample *const *samples, size_t n, size_t unit,
                   size_t batch_tokens, Progress *progress, real *rewards, Error *err) {
  Status status = STATUS_OK;
  SampleBatch batch = {0};
  for (size_t first = 0, count; status == STATUS_OK && first < n; first += count) {
    count = sample_batch_count(samples, n, first, unit, batch_tokens);
    sample_batch_fill(&batch, samples + first, count);
    model_forward(model, &batch.batch, pass, NULL);
    model_rewards(model, &batch.batch, pass, rewards + first);
    for (size_t i = first; status == STATUS_OK && i < first + count; i++)
      if (!isfinite(rewards[i]))
        status = error_set(err, STATUS_NUMERIC, "the reward of sample \"%s\" is not finite", samples[i]->id);
    if (progress) progress_show(progress, first + count);
  }
  sample_batch_clear(&batch);
  return status;
}

Status rewards_compute(const Model *model, const Sample *const *samples, size_t n, size_t batch_tokens,
                       const char *label, real *rewards, Error *err) {
  Pass pass = {0};
  size_t longest, most;
  sample_batch_extent(samples, n, 1, batch_tokens, &longest, &most);
  Status status = pass_init(&pass, &model->config, most, longest, KEEP_NOTHING, err);
  Progress progress = progress_begin(label, "samples", n);
  if (status == STATUS_OK) status = rewards_run(model, &pass, samples, n, 1, batch_tokens, &progress, rewards, err);
  progress_end(&progress);
  pass_clear(&pass);
  return status;
}
