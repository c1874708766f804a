/* How a run does on held-out pairs, and how far it has drifted on the probe set. */
#include "base/log.h"
#include "base/memory.h"
#include "train/rewards.h"
#include "train/runlog.h"
#include "train/trainer_parts.h"
#include "train/values_log.h"

#include <math.h>
#include <stdlib.h>

static Status look_at_values(Trainer *t, Error *err) {
  Values *values = t->plan->values;
  const double begun = clock_seconds();
  Status status = values_measure(values, t->model, !trainer_is_head_alone(t), err);
  if (status != STATUS_OK) return error_prefix(err, "after step %zu", t->step);
  status = values_log_add(t->run, t->step, values, err);
  t->value_looks++;
  t->value_seconds += clock_seconds() - begun;
  return status;
}

Status trainer_evaluate(Trainer *t, Error *err) {
  const SampleSet *set = t->plan->heldout;
  PairSums sums = {0};
  const Sample **list = mem_alloc(set->count, sizeof *list);
  real *rewards = mem_alloc(set->count, sizeof *rewards);
  for (size_t i = 0; i < set->count; i++) list[i] = &set->items[i];
  Status status = STATUS_OK;
  if (t->features.n)
    features_rewards(&t->features, t->model, NULL, t->n_train, set->count, rewards);
  else
    status = rewards_run(t->model, &t->pass, list, set->count, 2, t->plan->batch_tokens, NULL, rewards, err);
  if (status == STATUS_OK) loss_bradley_terry(set->count / 2, rewards, set->pairs, t->plan->centring, 0, &sums, NULL);
  if (status == STATUS_OK && !isfinite(sums.loss))
    status = error_set(err, STATUS_NUMERIC, "the loss of a held-out pair is not finite");
  free(list);
  free(rewards);
  const double n = (double)set->count / 2;
  if (status == STATUS_OK && t->probe.n_samples) status = probe_measure(&t->probe, t->model, &t->pass, &t->frozen, err);
  if (status != STATUS_OK) error_prefix(err, "after step %zu", t->step);
  const EvalRecord record = {t->step, sums.correct / n, sums.margin / n, sums.loss / n};
  if (status == STATUS_OK && n > 0) status = runlog_eval(t->run, &record, err);
  if (status == STATUS_OK) status = runlog_probe(t->run, t->step, t->probe.mean_drift, err);
  if (status == STATUS_OK && t->probe.n_samples)
    status = runlog_drift(t->run, t->step, t->probe.names, t->probe.values, t->probe.n_names, t->probe.n_layers, err);
  if (status == STATUS_OK && t->plan->values) status = look_at_values(t, err);
  return status == STATUS_OK ? result_flush(t->run, err) : status;
}

/* The drift of the step's batch is there for nothing, but of other samples every time and of before the update; so it
 * says when to run the model over the probe set, and the probe set decides. */
Status trainer_look(Trainer *t, Error *err) {
  const double limit = t->plan->stop_at_drift;
  bool is_due = is_log_spaced(t->step, t->n_steps);
  Status status = STATUS_OK;
  if (!is_due && limit > 0 && anchor_mean_drift(&t->anchor) >= limit / 2) {
    status = probe_drift(&t->probe, t->model, &t->pass, &t->frozen, err);
    if (status != STATUS_OK) return error_prefix(err, "after step %zu", t->step);
    is_due = t->probe.mean_drift >= limit;
    if (!is_due) return runlog_probe(t->run, t->step, t->probe.mean_drift, err);
  }
  if (is_due) status = trainer_evaluate(t, err);
  t->stopped = is_due && limit > 0 && t->probe.mean_drift >= limit;
  return status;
}
