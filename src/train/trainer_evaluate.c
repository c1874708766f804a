/* How a run does on held-out pairs, and how far it has drifted on the probe set. */
#include "base/memory.h"
#include "model/forward.h"
#include "train/runlog.h"
#include "train/trainer_parts.h"

#include <math.h>
#include <stdlib.h>

Status trainer_evaluate(Trainer *t, Error *err) {
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
