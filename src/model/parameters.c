/* The parameter table: which parameters a model has, their shapes, and where they lie. */
#include "model/parameters.h"

#include "base/memory.h"
#include "model/tensor_layout.h"

#include <stdlib.h>
#include <string.h>

/* rows 0: a vector of `columns` elements. */
static void role_shape(const ModelConfig *c, Role role, size_t *rows, size_t *columns) {
  const size_t d = c->hidden_size, q = c->n_heads * c->head_dim, kv = c->n_kv_heads * c->head_dim;
  *rows = 0;
  *columns = d;
  switch (role) {
  case ROLE_LM_HEAD:
  case ROLE_EMBED: *rows = c->vocab_size; break;
  case ROLE_POSITIONS: *rows = c->max_positions; break;
  case ROLE_Q: *rows = q; break;
  case ROLE_K:
  case ROLE_V: *rows = kv; break;
  case ROLE_Q_BIAS: *columns = q; break;
  case ROLE_K_BIAS:
  case ROLE_V_BIAS: *columns = kv; break;
  case ROLE_Q_NORM: *columns = c->qk_norm_whole ? q : c->head_dim; break;
  case ROLE_K_NORM: *columns = c->qk_norm_whole ? kv : c->head_dim; break;
  case ROLE_O: *rows = d, *columns = q; break;
  case ROLE_GATE:
  case ROLE_UP: *rows = c->intermediate_size; break;
  case ROLE_GATE_BIAS:
  case ROLE_UP_BIAS: *columns = c->intermediate_size; break;
  case ROLE_DOWN: *rows = d, *columns = c->intermediate_size; break;
  case ROLE_ROUTER: *rows = c->n_experts; break;
  case ROLE_EXPERT_GATE:
  case ROLE_EXPERT_UP: *rows = c->expert_size; break;
  case ROLE_EXPERT_DOWN: *rows = d, *columns = c->expert_size; break;
  case ROLE_SHARED_GATE:
  case ROLE_SHARED_UP: *rows = c->shared_expert_size; break;
  case ROLE_SHARED_DOWN: *rows = d, *columns = c->shared_expert_size; break;
  case ROLE_SHARED_SWITCH:
  case ROLE_SCORE: *rows = 1; break;
  default: break;
  }
}

static size_t add(const ModelConfig *c, ParameterTable *t, Role role, size_t layer, size_t expert) {
  Parameter *p = &t->items[t->count++];
  TensorPlace place;
  *p = (Parameter){.role = role, .layer = layer, .expert = expert, .offset = t->total};
  role_shape(c, role, &p->rows, &p->columns);
  p->is_vector = p->rows == 0;
  if (p->is_vector) p->rows = 1;
  tensor_place(c, p, false, &place);
  memcpy(p->name, place.name, sizeof p->name);
  t->total += p->rows * p->columns;
  return p->offset;
}

static size_t add_if(const ModelConfig *c, ParameterTable *t, Role role) {
  return c->has[role] ? add(c, t, role, 0, 0) : PARAMETER_NONE;
}

static bool layer_has(const ModelConfig *c, size_t layer, Role role) {
  const bool of_experts = role >= ROLE_ROUTER && role <= ROLE_SHARED_SWITCH,
             of_mlp = role >= ROLE_GATE && role <= ROLE_DOWN_BIAS;
  return c->has[role] && !(of_experts && !c->layers[layer].has_experts) && !(of_mlp && c->layers[layer].has_experts);
}

static void add_layer(const ModelConfig *c, ParameterTable *t, size_t layer) {
  LayerOffsets *at = &t->layers[layer];
  at->begin = t->total;
  for (Role role = 0; role < ROLE_COUNT; role++) at->at[role] = PARAMETER_NONE;
  for (Role role = ROLE_FIRST_IN_BLOCK; role <= ROLE_LAST_IN_BLOCK; role++) {
    const bool of_experts = role >= ROLE_EXPERT_GATE && role <= ROLE_EXPERT_DOWN;
    if (!layer_has(c, layer, role) || role == ROLE_EXPERT_UP) continue;
    at->at[role] = t->total;
    for (size_t x = 0; x < (of_experts ? c->n_experts : 1); x++) {
      add(c, t, role, layer, x);
      if (role == ROLE_EXPERT_GATE) add(c, t, ROLE_EXPERT_UP, layer, x);
    }
  }
  at->end = t->total;
}

void parameters_init(const ModelConfig *c, ParameterTable *t) {
  const size_t per_block = ROLE_LAST_IN_BLOCK - ROLE_FIRST_IN_BLOCK + 1 + 3 * c->n_experts;
  *t = (ParameterTable){.items = mem_alloc(ROLE_COUNT + per_block * c->n_layers, sizeof *t->items),
                        .layers = mem_alloc(c->n_layers, sizeof *t->layers)};
  t->lm_head = add_if(c, t, ROLE_LM_HEAD);
  t->embed = add(c, t, ROLE_EMBED, 0, 0);
  if (c->tied_embeddings) t->lm_head = t->embed;
  t->positions = add_if(c, t, ROLE_POSITIONS);
  for (size_t l = 0; l < c->n_layers; l++) add_layer(c, t, l);
  t->final_norm = add(c, t, ROLE_FINAL_NORM, 0, 0);
  t->final_norm_bias = add_if(c, t, ROLE_FINAL_NORM_BIAS);
  t->score = add(c, t, ROLE_SCORE, 0, 0);
}

bool parameter_is_trained(const Parameter *p, size_t begin) { return !p->in_file && p->offset >= begin; }

size_t parameters_lowest_trained(const ParameterTable *t, size_t n_layers, size_t begin) {
  size_t lowest = n_layers;
  for (size_t i = 0; i < t->count; i++) {
    const Parameter *p = &t->items[i];
    const bool is_above = p->role == ROLE_FINAL_NORM || p->role == ROLE_FINAL_NORM_BIAS || p->role == ROLE_SCORE;
    if (!is_above && parameter_is_trained(p, begin) && p->layer < lowest) lowest = p->layer;
  }
  return lowest;
}

void parameters_clear(ParameterTable *t) {
  free(t->items);
  free(t->layers);
  *t = (ParameterTable){0};
}
