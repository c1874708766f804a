/* Which matrices stay in their files, and all of them as linear layers. */
#include "model/matrices.h"

#include "base/memory.h"
#include "model/tensor_layout.h"

#include <assert.h>
#include <stdlib.h>

Linear *matrices_linear(Matrices *m, const Parameter *p) {
  LayerMatrices *layer = m->layers + p->layer;
  switch (p->role) {
  case ROLE_LM_HEAD: return &m->lm_head;
  case ROLE_EMBED: return &m->embed;
  case ROLE_Q:
  case ROLE_K:
  case ROLE_V:
  case ROLE_Q_BIAS:
  case ROLE_K_BIAS:
  case ROLE_V_BIAS: return &layer->qkv;
  case ROLE_O:
  case ROLE_O_BIAS: return &layer->o;
  case ROLE_GATE:
  case ROLE_UP:
  case ROLE_GATE_BIAS:
  case ROLE_UP_BIAS: return &layer->gate_up;
  case ROLE_DOWN:
  case ROLE_DOWN_BIAS: return &layer->down;
  case ROLE_ROUTER: return &layer->router;
  case ROLE_EXPERT_GATE:
  case ROLE_EXPERT_UP: return &layer->expert_gate_up[p->expert];
  case ROLE_EXPERT_DOWN: return &layer->expert_down[p->expert];
  case ROLE_SHARED_GATE:
  case ROLE_SHARED_UP: return &layer->shared_gate_up;
  case ROLE_SHARED_DOWN: return &layer->shared_down;
  case ROLE_SHARED_SWITCH: return &layer->shared_switch;
  default: return NULL;
  }
}

/* Learned positions, trained factors and the score are values. */
static bool is_linear(const Parameter *p) {
  return !p->is_vector && p->role != ROLE_POSITIONS && p->role != ROLE_LORA_A && p->role != ROLE_LORA_B &&
         p->role != ROLE_SCORE;
}

/* What was at `*offset` before is where now? */
static void move(const ParameterTable *t, const size_t *before, size_t *offset) {
  for (size_t i = 0; i < t->count; i++)
    if (before[i] == *offset) {
      *offset = t->items[i].offset;
      return;
    }
}

static void lay_out_again(const ModelConfig *c, ParameterTable *t) {
  size_t *before = mem_alloc(t->count, sizeof *before);
  t->total = 0;
  for (size_t i = 0; i < t->count; i++) {
    Parameter *p = &t->items[i];
    before[i] = p->offset;
    p->offset = p->in_file ? PARAMETER_NONE : t->total;
    if (!p->in_file) t->total += p->rows * p->columns;
  }
  for (size_t l = 0; l < c->n_layers; l++)
    for (Role role = 0; role < ROLE_COUNT; role++) move(t, before, &t->layers[l].at[role]);
  size_t *const outside[] = {&t->lm_head, &t->embed, &t->positions, &t->final_norm, &t->final_norm_bias, &t->score};
  for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) move(t, before, outside[i]);
  free(before);
}

void matrices_leave_in_file(const ModelConfig *c, const Source *source, const Adapter *adapter, ParameterTable *t) {
  for (size_t i = 0; i < t->count; i++) {
    Parameter *p = &t->items[i];
    TensorPlace place = {0};
    /* What the files do not have (a reward model's language-model head) takes no room either. */
    const Tensor *tensor = is_linear(p) ? parameters_find(c, p, source, adapter, &place) : NULL;
    p->in_file = is_linear(p) && (!tensor || (!place.transposed && place.units <= UINT32_MAX)) &&
                 !(adapter && adapt_find(c, adapter, p));
  }
  lay_out_again(c, t);
}

/* The part that a parameter's tensor is, its rows in the tensor's order. */
static LinearPart part_in_file(const ModelConfig *c, const Parameter *p, const Source *source, const Adapter *adapter,
                               Matrices *m) {
  TensorPlace place;
  const Tensor *tensor = parameters_find(c, p, source, adapter, &place);
  const DtypeInfo *info = dtype_info(tensor->dtype);
  LinearPart part = {.rows = p->rows,
                     .bytes = tensor->bytes,
                     .block = info->block,
                     .block_bytes = info->bytes,
                     .widen = dtype_widener(tensor->dtype)};
  m->bytes_in_file += p->rows * (p->columns / info->block) * info->bytes;
  uint32_t *order = mem_alloc(p->rows, sizeof *order);
  bool in_order = true;
  const size_t first = tensor_place_unit(c, &place, 0);
  for (size_t r = 0; r < p->rows; r++) {
    order[r] = (uint32_t)tensor_place_unit(c, &place, r);
    in_order = in_order && order[r] == first + r;
  }
  if (in_order) {
    part.bytes += first * (p->columns / info->block * info->bytes);
    free(order);
  } else {
    part.order = m->orders[m->n_orders++] = order;
  }
  return part;
}

/* Values that lie one after the other are one part. */
static void add_part(Linear *w, size_t k, LinearPart part) {
  LinearPart *last = w->n_parts ? &w->parts[w->n_parts - 1] : NULL;
  w->k = k;
  w->n += part.rows;
  if (last && last->values && part.values == last->values + last->rows * k) {
    last->rows += part.rows;
    return;
  }
  assert(w->n_parts < LINEAR_PARTS);
  w->parts[w->n_parts++] = part;
}

/* What was merged into the values is not added again. */
static Status add_factors(const ModelConfig *c, const Parameter *p, const Adapter *adapter, Linear *w, Matrices *m,
                          Error *err) {
  AdaptFactors *f = &m->factors[m->n_factors];
  const Status status = adapt_factors(c, adapter, p, f, err);
  if (status != STATUS_OK || f->rank == 0) return status;
  assert(w->n_factors < LINEAR_PARTS);
  w->factors[w->n_factors++] = (LinearFactors){w->n, p->rows, f->rank, (real)f->scale, f->a, f->b};
  m->n_factors++;
  m->factor_bytes += f->rank * (p->rows + p->columns) * sizeof(real);
  return STATUS_OK;
}

static Status add_parameter(const ModelConfig *c, const Parameter *p, const Source *source, const Adapter *adapter,
                            const real *values, Matrices *m, Error *err) {
  TensorPlace place;
  Status status = STATUS_OK;
  Linear *w = matrices_linear(m, p);
  if (!w || (p->in_file && !parameters_find(c, p, source, adapter, &place))) return STATUS_OK;
  if (p->is_vector) {
    if (!w->bias) w->bias = values + p->offset; /* the biases of one layer lie side by side */
  } else if (p->in_file) {
    if (adapter) status = add_factors(c, p, adapter, w, m, err);
    add_part(w, p->columns, part_in_file(c, p, source, adapter, m));
  } else {
    add_part(w, p->columns, (LinearPart){.rows = p->rows, .values = values + p->offset});
  }
  return status;
}

Status matrices_init(const ModelConfig *c, const ParameterTable *t, const Source *source, const Adapter *adapter,
                     const real *values, Matrices *m, Error *err) {
  Status status = STATUS_OK;
  *m = (Matrices){.layers = mem_alloc(c->n_layers, sizeof *m->layers),
                  .n_layers = c->n_layers,
                  .orders = mem_alloc(t->count, sizeof *m->orders),
                  .factors = mem_alloc(adapter ? t->count : 0, sizeof *m->factors)};
  for (size_t l = 0; l < c->n_layers; l++)
    if (c->layers[l].has_experts) {
      m->layers[l].expert_gate_up = mem_alloc(c->n_experts, sizeof(Linear));
      m->layers[l].expert_down = mem_alloc(c->n_experts, sizeof(Linear));
    }
  for (size_t i = 0; i < t->count && status == STATUS_OK; i++)
    status = add_parameter(c, &t->items[i], source, adapter, values, m, err);
  if (c->tied_embeddings) m->lm_head = m->embed;
  if (status != STATUS_OK) matrices_clear(m);
  return status;
}

void matrices_clear(Matrices *m) {
  for (size_t i = 0; i < m->n_orders; i++) free(m->orders[i]);
  for (size_t i = 0; i < m->n_factors; i++) adapt_factors_clear(&m->factors[i]);
  for (size_t l = 0; l < m->n_layers; l++) {
    free(m->layers[l].expert_gate_up);
    free(m->layers[l].expert_down);
  }
  free(m->orders);
  free(m->factors);
  free(m->layers);
  *m = (Matrices){0};
}
