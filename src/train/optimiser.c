/* AdamW over a model's parameters. */
#include "train/optimiser.h"

void optimiser_update(Model *model, const Gradients *g, const AdamwStep *step, real *first, real *second) {
  const ParameterTable *table = &model->table;
  for (size_t i = 0; i < table->count; i++) {
    const Parameter *p = &table->items[i];
    if (!parameter_is_trained(p, g->begin)) continue;
    AdamwStep own = *step;
    if (p->is_vector) own.weight_decay = 0;
    const size_t at = p->offset - g->begin;
    adamw_update(&own, p->rows * p->columns, model->values + p->offset, g->values + at, first + at, second + at);
  }
  model_renew(model, g->begin);
}
