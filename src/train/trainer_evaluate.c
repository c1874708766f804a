/* How a run does on held-out pairs, and how far it has drifted on the probe set. */
#include "base/memory.h"
#include "train/rewards.h"
#include "train/runlog.h"
#include "train/trainer_parts.h"

#include <stdlib.h>

Status trainer_evaluate(Trainer *t, Error *err) {
  const SampleSet *set = t->plan->heldout;
  PairSums sums = {0};
  const Sample **list = mem_alloc(set->count, sizeof *list);
  real *rewards = mem_alloc(set->count, sizeof *rewards);
  for (size_t i = 0; i < set->count; i++) list[i] = &set->items[i];
  Status status = rewards_run(t->model, &t->pass, list, set->count, 2, t->plan->batch_tokens, NULL, rewards, err);
  if (status == STATUS_OK) loss_bradley_terry(set->count / 2, rewards, t->plan->centring, 0, &sums, NULL);
  free(list);
  free(rewards);
  const double n = (double)set->count / 2;
  if (status == STATUS_OK) status = probe_measure(&t->probe, t->model, &t->pass, &t->frozen, err);
  if (status != STATUS_OK) error_prefix(err, "after step %zu", t->step);
  const EvalRecord record = {t->step, sums.correct / n, sums.margin / n, sums.loss / n};
  if (status == STATUS_OK && n > 0) status = runlog_eval(t->run, &record, err);
  if (status == STATUS_OK)
    status = runlog_drift(t->run, t->step, t->probe.names, t->probe.values, t->probe.n_names, t->probe.n_layers, err);
  return status == STATUS_OK ? result_flush(t->run, err) : status;
}
