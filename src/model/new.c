/* Random weights. */
#include "model/new.h"

#include "base/rng.h"
#include "model/tensor_layout.h"

static void fill(const Parameter *p, double deviation, real gain, Rng *rng, real *values) {
  const size_t n = p->rows * p->columns;
  const bool is_gain = tensor_is_gain(p->role);
  for (size_t i = 0; i < n; i++)
    values[i] = !p->is_vector ? (real)(deviation * rng_normal(rng)) : is_gain ? gain : 0;
}

static Status read_deviation(const Json *config, double *deviation, Error *err) {
  *deviation = json_number(json_get(config, "initializer_range"), 0.02);
  if (*deviation > 0 && *deviation <= 1) return STATUS_OK;
  return error_set(err, STATUS_DATA, "\"initializer_range\" is %g, expected more than 0 and at most 1", *deviation);
}

Status model_new(const Json *config, size_t vocab_size, bool strict, uint64_t seed, Model *model, Error *err) {
  Json *sized = json_copy(config);
  Rng rng = rng_new(seed);
  double deviation = 0;
  *model = (Model){0};
  json_set(sized, "vocab_size", json_new_number((double)vocab_size));
  Status status = config_from_json(sized, strict, &model->config, err);
  json_free(sized);
  if (status == STATUS_OK) status = read_deviation(config, &deviation, err);
  if (status == STATUS_OK && model->config.vocab_size != vocab_size)
    status = error_set(err, STATUS_DATA, "a model inside another one (\"text_config\"): expected a language model's own settings");
  if (status != STATUS_OK) return status;
  parameters_init(&model->config, &model->table);
  status = arena_init(&model->arena, model->table.total * sizeof(real), err);
  if (status == STATUS_OK) model->values = arena_take(&model->arena, model->table.total * sizeof(real));
  for (size_t i = 0; status == STATUS_OK && i < model->table.count; i++) {
    const Parameter *p = &model->table.items[i];
    if (p->role != ROLE_SCORE)
      fill(p, deviation, (real)(1 - model->config.gain_offset), &rng, model->values + p->offset);
  }
  if (status == STATUS_OK)
    status = matrices_init(&model->config, &model->table, NULL, NULL, model->values, &model->matrices, err);
  if (status != STATUS_OK) model_close(model);
  return status;
}
