/* The matrices of a model's blocks in bfloat16: packed in their place, or copied beside them. */
#include "base/file.h"
#include "model/model.h"

#include <stdlib.h>

/* The layers of a block that are worth packing; list NULL: only how many. Routers and the switch of a shared expert
 * choose and weigh: they stay exact. */
static size_t layers_of_block(const ModelConfig *c, size_t layer, LayerMatrices *m, Linear **list) {
  Linear *const always[] = {&m->qkv, &m->o}, *const plain[] = {&m->gate_up, &m->down},
                *const shared[] = {&m->shared_gate_up, &m->shared_down};
  const bool has_experts = c->layers[layer].has_experts;
  size_t n = 0;
  for (size_t i = 0; i < 2; i++, n++)
    if (list) list[n] = always[i];
  for (size_t i = 0; i < 2 && !has_experts; i++, n++)
    if (list) list[n] = plain[i];
  for (size_t i = 0; i < 2 && has_experts && c->has[ROLE_SHARED_UP]; i++, n++)
    if (list) list[n] = shared[i];
  for (size_t x = 0; x < c->n_experts && has_experts; x++, n += 2)
    if (list) list[n] = &m->expert_gate_up[x], list[n + 1] = &m->expert_down[x];
  return n;
}

static Linear **all_layers(Model *model, size_t *n) {
  const ModelConfig *c = &model->config;
  LayerMatrices *m = model->matrices.layers;
  *n = 0;
  for (size_t l = 0; l < c->n_layers; l++) *n += layers_of_block(c, l, &m[l], NULL);
  Linear **list = mem_alloc(*n, sizeof *list);
  for (size_t l = 0, at = 0; l < c->n_layers; l++) at += layers_of_block(c, l, &m[l], list + at);
  return list;
}

static Status sum_bytes(Linear *const *list, size_t n, Onednn *onednn, size_t *sum, Error *err) {
  Status status = STATUS_OK;
  *sum = 0;
  for (size_t i = 0; i < n && status == STATUS_OK; i++) {
    size_t bytes = 0;
    status = linear_packed_bytes(list[i], onednn, &bytes, err);
    *sum += arena_need(bytes);
  }
  return status;
}

/* What W was packed from is not read again: memory is given back, pages of files are forgotten. What an adapter adds
 * stays beside the product. */
static void let_go(Model *model, Linear *w) {
  for (size_t i = 0; i < w->n_parts; i++) {
    LinearPart *part = &w->parts[i];
    if (part->values) {
      const size_t bytes = part->rows * w->k * sizeof(real);
      arena_drop(&model->arena, (real *)part->values, bytes);
      model->bytes_dropped += bytes;
      part->values = NULL;
      continue;
    }
    const size_t row = w->k / part->block * part->block_bytes;
    size_t stored = part->rows;
    for (size_t r = 0; part->order && r < part->rows; r++)
      stored = part->order[r] >= stored ? part->order[r] + 1 : stored;
    file_forget(part->bytes, stored * row);
    model->matrices.bytes_in_file -= part->rows * row;
    part->bytes = NULL;
  }
}

static Status pack(Model *model, Linear *w, Onednn *onednn, Error *err) {
  size_t bytes;
  Status status = linear_packed_bytes(w, onednn, &bytes, err);
  if (status == STATUS_OK) status = linear_pack(w, onednn, arena_take(&model->packed, bytes), err);
  if (status != STATUS_OK) return status;
  model->packed_inputs = w->k > model->packed_inputs ? w->k : model->packed_inputs;
  let_go(model, w);
  return STATUS_OK;
}

Status model_pack(Model *model, Onednn *onednn, Error *err) {
  size_t n, bytes;
  Linear **list = all_layers(model, &n);
  Status status = sum_bytes(list, n, onednn, &bytes, err);
  if (status == STATUS_OK) status = arena_init(&model->packed, bytes, err);
  for (size_t i = 0; i < n && status == STATUS_OK; i++) status = pack(model, list[i], onednn, err);
  free(list);
  return status;
}

Status model_narrow(Model *model, Onednn *onednn, Error *err) {
  size_t n, bytes = 0;
  Linear **list = all_layers(model, &n);
  for (size_t i = 0; i < n; i++) bytes += arena_need(list[i]->n * list[i]->k * sizeof(uint16_t));
  const Status status = arena_init(&model->narrow, bytes, err);
  for (size_t i = 0; i < n && status == STATUS_OK; i++)
    linear_narrow(list[i], onednn, arena_take(&model->narrow, list[i]->n * list[i]->k * sizeof(uint16_t)));
  free(list);
  return status;
}

void model_renew(Model *model, size_t begin) {
  size_t n;
  if (!model->narrow.base) return;
  Linear **list = all_layers(model, &n);
  for (size_t i = 0; i < n; i++)
    if (list[i]->parts[0].values && list[i]->parts[0].values >= model->values + begin)
      linear_narrow(list[i], list[i]->onednn, list[i]->narrow);
  free(list);
}
