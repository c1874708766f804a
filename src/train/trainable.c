/* What is trained, by its name on the command line. */
#include "train/trainable.h"

#include "base/memory.h"
#include "base/options.h"
#include "train/anchor.h"

#include <stdlib.h>
#include <string.h>

Status trainable_from(const Model *model, const char *parts, size_t *begin, Error *err) {
  const ParameterTable *table = &model->table;
  const size_t n_layers = model->config.n_layers;
  size_t k;
  if (strcmp(parts, "all") == 0)
    *begin = table->embed;
  else if (strcmp(parts, "head") == 0)
    *begin = table->score;
  else if (strcmp(parts, "lora") == 0 && model->lora.count)
    *begin = table->items[model->lora.modules[0].a].offset;
  else if (strncmp(parts, "last:", 5) == 0 && parse_size(parts + 5, &k) && k >= 1 && k <= n_layers)
    *begin = table->layers[n_layers - k].begin;
  else
    return error_set(err, STATUS_USAGE, "--train %s: expected all, lora, head or last:K with K from 1 to %zu", parts,
                     n_layers);
  return STATUS_OK;
}

Status trainable_check(const Model *model, const char *parts, const char *anchor_layers, double lambda, Error *err) {
  const size_t n_layers = model->config.n_layers;
  size_t begin = 0;
  if (!head_is_plain(&model->head))
    return error_set(err, STATUS_DATA,
                     "the reward head %s has a bias, several layers or a mean: only plain linear heads can be trained",
                     model->head.prefix);
  bool *anchored = mem_alloc(n_layers, sizeof *anchored), pulls = lambda == 0;
  Status status = trainable_from(model, parts, &begin, err);
  if (status == STATUS_OK) status = anchor_choose_layers(anchor_layers, n_layers, anchored, err);
  const size_t lowest = status == STATUS_OK ? parameters_lowest_trained(&model->table, n_layers, begin) : n_layers;
  for (size_t l = lowest; l < n_layers; l++) pulls = pulls || anchored[l];
  if (status == STATUS_OK && !pulls)
    status = error_set(err, STATUS_USAGE, "--anchor %g on blocks %s: --train %s leaves them all frozen", lambda,
                       anchor_layers, parts);
  free(anchored);
  return status;
}

Status trainable_check_controls(const Model *model, const char *parts, double sft, double l2_sp, double stop_at_drift,
                                bool has_lm_head, Error *err) {
  size_t begin = 0;
  const Status status = trainable_from(model, parts, &begin, err);
  if (status != STATUS_OK) return status;
  const bool head_alone = begin == model->table.score;
  if (sft > 0 && !has_lm_head)
    return error_set(err, STATUS_DATA, "--sft %g: the model has no language-model head", sft);
  if (sft > 0 && head_alone)
    return error_set(err, STATUS_USAGE, "--sft %g: --train %s leaves frozen all that its loss could train", sft, parts);
  if (l2_sp > 0 && head_alone && !model->has_score)
    return error_set(err, STATUS_USAGE, "--l2-sp %g: --train %s trains a new head alone, which has no start", l2_sp,
                     parts);
  if (stop_at_drift > 0 && head_alone)
    return error_set(err, STATUS_USAGE, "--stop-at-drift %g: --train %s lets no block drift", stop_at_drift, parts);
  return STATUS_OK;
}
