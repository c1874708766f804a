/* Opening a model. */
#include "model/model.h"

Status model_open(const Source *source, Model *model, Error *err) {
  *model = (Model){0};
  Status status = config_read(source, &model->config, err);
  if (status != STATUS_OK) return status;
  parameters_init(&model->config, &model->table);
  const size_t bytes = model->table.total * sizeof(real);
  status = parameters_check(&model->config, &model->table, source, &model->has_score, err);
  if (status == STATUS_OK) status = arena_init(&model->arena, bytes, err);
  if (status == STATUS_OK) {
    model->values = arena_take(&model->arena, bytes);
    status = parameters_load(&model->config, &model->table, source, model->values, err);
  }
  if (status != STATUS_OK) model_close(model);
  return status;
}

void model_close(Model *model) {
  parameters_clear(&model->table);
  arena_clear(&model->arena);
  *model = (Model){0};
}
