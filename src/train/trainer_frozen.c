/* The frozen features of a run: recorded where their store does not exist yet, and opened, or for the head alone read
 * into memory. */
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "train/recorder.h"
#include "train/trainer_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool trainer_is_head_alone(const Trainer *t) { return strcmp(t->plan->parts, "head") == 0; }

/* Runs the model once over the run's samples. */
static Status record(const Trainer *t, const char *path, const char *site_names, const char *rule_name, TokenRule rule,
                     Error *err) {
  const TrainPlan *plan = t->plan;
  SiteList sites = {0};
  Status status = sites_of_selection(&t->model->config, site_names, NULL, &sites, err);
  const RecordPlan record = {.path = path,
                             .sites = &sites,
                             .samples = t->samples,
                             .n_samples = t->n_samples,
                             .rule_name = rule_name,
                             .rule = rule,
                             .dtype = STORE_F32,
                             .batch_tokens = plan->batch_tokens,
                             .label = "frozen features",
                             .about = plan->frozen_about};
  if (status == STATUS_OK) {
    RecordCost cost;
    recorder_cost(t->model, &record, &cost);
    log_note("frozen features: %zu rows of %zu sites, %.1f MiB in %s", cost.rows, sites.count,
             (double)cost.file_bytes / (1 << 20), path);
    status = recorder_run(t->model, &record, err);
  }
  sites_clear(&sites);
  return status;
}

/* Features of this model, computed as training computes? */
static Status check_store(const TrainPlan *plan, const Store *store, Error *err) {
  const StoreContents *c = store_contents(store);
  if (strcmp(c->weights_sha256, plan->frozen_about.weights_sha256) != 0)
    return error_set(err, STATUS_DATA, "%s: features of another model (weights %.12s..., this model has %.12s...)",
                     store_path(store), c->weights_sha256, plan->frozen_about.weights_sha256);
  if (strcmp(c->compute_dtype, plan->frozen_about.compute_dtype) != 0)
    return error_set(err, STATUS_DATA, "%s: features computed in %s, training computes in %s", store_path(store),
                     c->compute_dtype, plan->frozen_about.compute_dtype);
  return STATUS_OK;
}

/* resid_post of every block for the anchor and all drift; the last hidden state for runs that train a head on them. */
static Status open_blocks(Trainer *t, const char *path, Error *err) {
  const TrainPlan *plan = t->plan;
  const ModelConfig *c = &t->model->config;
  Status status = STATUS_OK;
  if (!file_exists(path)) status = record(t, path, "resid_post,ln_final", plan->token_rule_name, plan->token_rule, err);
  if (status == STATUS_OK)
    status =
        frozen_open(&t->frozen, path, plan->token_rule, c->n_layers, c->hidden_size, t->samples, t->n_samples, err);
  if (status == STATUS_OK) status = check_store(plan, t->frozen.store, err);
  if (status == STATUS_OK) status = frozen_measure_scale(&t->frozen, t->samples, t->n_train, err);
  return status;
}

/* What a head reads, of the training pairs and all that are held out. No block drifts: there is no scale to measure. */
static Status load_features(Trainer *t, const char *path, Error *err) {
  const ModelConfig *c = &t->model->config;
  Store *store = NULL;
  Status status = file_exists(path) ? STATUS_OK : record(t, path, "ln_final", "last", TOKENS_LAST, err);
  if (status == STATUS_OK) status = store_open(path, &store, err);
  if (status == STATUS_OK && (!store_is_complete(store) || store_contents(store)->dtype != STORE_F32))
    status = error_set(err, STATUS_DATA, "%s: expected a whole store of float32", path);
  if (status == STATUS_OK) status = check_store(t->plan, store, err);
  if (status == STATUS_OK)
    status = features_load(&t->features, t->model, store, t->samples, t->n_samples, t->plan->batch_tokens, err);
  store_close(store);
  if (status != STATUS_OK) return status;
  log_note("training on %zu last hidden states, %.1f MiB in memory: %zu from %s, %zu computed now", t->features.n,
           (double)(t->features.n * t->features.width * sizeof(real)) / (1 << 20), t->features.from_store, path,
           t->features.n - t->features.from_store);
  t->frozen = (Frozen){.n_layers = c->n_layers,
                       .width = c->hidden_size,
                       .rule = t->plan->token_rule,
                       .scale = mem_alloc(c->n_layers, sizeof *t->frozen.scale)};
  for (size_t l = 0; l < c->n_layers; l++) t->frozen.scale[l] = NAN;
  return STATUS_OK;
}

Status trainer_prepare_frozen(Trainer *t, Error *err) {
  const TrainPlan *plan = t->plan;
  char *path = plan->frozen_path ? mem_copy_string(plan->frozen_path) : file_join(plan->folder, "frozen.h5");
  const Status status = trainer_is_head_alone(t) ? load_features(t, path, err) : open_blocks(t, path, err);
  free(path);
  return status;
}
