/* Opening a model. */
#include "model/model.h"

#include "model/adapt.h"
#include "model/leftovers.h"
#include "model/tensor_layout.h"

/* adapter: what is merged, or put beside matrices in their file; NULL where its factors are trained. */
static Status load(const Source *source, ModelOptions options, const Adapter *adapter, const HeadTensors *head,
                   Model *model, Error *err) {
  const size_t bytes = model->table.total * sizeof(real), width = model->config.hidden_size;
  Status status = arena_init(&model->arena, bytes, err);
  if (status != STATUS_OK) return status;
  model->values = arena_take(&model->arena, bytes);
  real *score = model->values + model->table.score;
  status = parameters_load(&model->config, &model->table, source, adapter, model->values, err);
  if (status == STATUS_OK) status = head_load(source, head, width, score, &model->head, err);
  if (status == STATUS_OK && adapter)
    status = adapt_merge(&model->config, adapter, &model->table.items[model->table.count - 1], score, err);
  if (status == STATUS_OK)
    status = matrices_init(&model->config, &model->table, source, adapter, model->values, &model->matrices, err);
  if (status == STATUS_OK && options.lora)
    status = lora_begin(&model->config, &model->table, &model->lora, options.lora->seed, options.adapter, model->values,
                        err);
  if (status == STATUS_OK) lora_attach(&model->table, &model->lora, model->values, &model->matrices);
  return status;
}

/* All that can be said before memory is asked for. Where it fails the model is still to be closed. */
static Status check(const Source *source, ModelOptions options, Model *model, HeadTensors *head, Error *err) {
  const Adapter *adapter = options.lora ? NULL : options.adapter;
  *model = (Model){0};
  Status status = config_read(source, options.strict, &model->config, err);
  if (status != STATUS_OK) return status;
  if (adapter && adapt_unties(&model->config, adapter)) config_untie(&model->config);
  parameters_init(&model->config, &model->table);
  status = head_find(source, options.adapter, head, err);
  model->has_score = head->n > 0;
  const char *prefix = model->has_score ? head->prefix : NULL;
  if (status == STATUS_OK && options.adapter)
    status = adapt_check(&model->config, &model->table, options.adapter, prefix, err);
  if (status == STATUS_OK && options.lora)
    status = lora_init(&model->config, options.lora, options.adapter, prefix, &model->table, &model->lora, err);
  if (status == STATUS_OK)
    status = parameters_check(&model->config, &model->table, source, adapter, model->has_score, err);
  if (status == STATUS_OK) status = leftovers_check(&model->config, &model->table, source, head, options.strict, err);
  return status;
}

Status model_check(const Source *source, ModelOptions options, Model *model, HeadTensors *head, Error *err) {
  const Status status = check(source, options, model, head, err);
  if (status != STATUS_OK) model_close(model);
  return status;
}

Status model_open(const Source *source, ModelOptions options, Model *model, Error *err) {
  const Adapter *adapter = options.lora ? NULL : options.adapter;
  HeadTensors head;
  Status status = check(source, options, model, &head, err);
  if (status == STATUS_OK && options.in_file) matrices_leave_in_file(&model->config, source, adapter, &model->table);
  if (status == STATUS_OK) status = load(source, options, adapter, &head, model, err);
  if (status != STATUS_OK) model_close(model);
  return status;
}

bool model_has_lm_head(const Model *model, const Source *source, const Adapter *adapter) {
  const ParameterTable *table = &model->table;
  TensorPlace place;
  for (size_t i = 0; i < table->count; i++)
    if (table->items[i].role == ROLE_LM_HEAD)
      return parameters_find(&model->config, &table->items[i], source, adapter, &place) != NULL;
  return true;
}

void model_close(Model *model) {
  matrices_clear(&model->matrices);
  lora_clear(&model->lora);
  parameters_clear(&model->table);
  head_clear(&model->head);
  config_clear(&model->config);
  arena_clear(&model->arena);
  arena_clear(&model->narrow);
  arena_clear(&model->packed);
  *model = (Model){0};
}
