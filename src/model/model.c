/* Opening a model. */
#include "model/model.h"

#include "model/adapt.h"

static Status load(const Source *source, const Adapter *adapter, const HeadTensors *head, Model *model, Error *err) {
  const size_t bytes = model->table.total * sizeof(real), width = model->config.hidden_size;
  Status status = arena_init(&model->arena, bytes, err);
  if (status != STATUS_OK) return status;
  model->values = arena_take(&model->arena, bytes);
  real *score = model->values + model->table.score;
  status = parameters_load(&model->config, &model->table, source, adapter, model->values, err);
  if (status == STATUS_OK) status = head_load(source, head, width, score, &model->head, err);
  if (status == STATUS_OK && adapter)
    status = adapt_merge(&model->config, adapter, &model->table.items[model->table.count - 1], score, err);
  return status;
}

Status model_open(const Source *source, ModelOptions options, Model *model, Error *err) {
  const Adapter *adapter = options.adapter;
  HeadTensors head;
  *model = (Model){0};
  Status status = config_read(source, options.strict, &model->config, err);
  if (status != STATUS_OK) return status;
  if (adapter && adapt_unties(&model->config, adapter)) config_untie(&model->config);
  parameters_init(&model->config, &model->table);
  status = head_find(source, adapter, &head, err);
  model->has_score = head.n > 0;
  if (status == STATUS_OK && adapter)
    status = adapt_check(&model->config, &model->table, adapter, model->has_score ? head.prefix : NULL, err);
  if (status == STATUS_OK)
    status = parameters_check(&model->config, &model->table, source, adapter, model->has_score, err);
  if (status == STATUS_OK && options.in_file) matrices_leave_in_file(&model->config, source, adapter, &model->table);
  if (status == STATUS_OK) status = load(source, adapter, &head, model, err);
  if (status == STATUS_OK)
    status = matrices_init(&model->config, &model->table, source, adapter, model->values, &model->matrices, err);
  if (status != STATUS_OK) model_close(model);
  return status;
}

void model_close(Model *model) {
  matrices_clear(&model->matrices);
  parameters_clear(&model->table);
  head_clear(&model->head);
  config_clear(&model->config);
  arena_clear(&model->arena);
  arena_clear(&model->packed);
  *model = (Model){0};
}
