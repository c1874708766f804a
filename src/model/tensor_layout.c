/* Places of parameters in tensors, all from the family's row. */
#include "model/tensor_layout.h"

#include "base/memory.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *pattern_of(const Family *family, Role role, bool in_gguf) {
  return in_gguf ? family->names[role].gguf : family->names[role].hf;
}

static bool same_tensor(const Family *family, Role a, Role b, bool in_gguf) {
  const char *x = pattern_of(family, a, in_gguf), *y = pattern_of(family, b, in_gguf);
  return x && y && strcmp(x, y) == 0;
}

/* Units that a role of a stack has; all stacked roles are among these. */
static size_t stack_units(const ModelConfig *c, Role role) {
  switch (role) {
  case ROLE_Q:
  case ROLE_Q_BIAS: return c->n_heads * c->head_dim;
  case ROLE_K:
  case ROLE_V:
  case ROLE_K_BIAS:
  case ROLE_V_BIAS: return c->n_kv_heads * c->head_dim;
  case ROLE_GATE:
  case ROLE_UP:
  case ROLE_GATE_BIAS:
  case ROLE_UP_BIAS: return c->intermediate_size;
  case ROLE_EXPERT_GATE:
  case ROLE_EXPERT_UP: return c->expert_size;
  case ROLE_SHARED_GATE:
  case ROLE_SHARED_UP: return c->shared_expert_size;
  default: assert(!"a role of a stack"); return 0;
  }
}

static size_t count_holes(const char *pattern) {
  size_t n = 0;
  for (const char *at = pattern; (at = strstr(at, "%zu")); at += 3) n++;
  return n;
}

/* Neighbouring roles of one name, one after the other: the parameter's first unit and the units of them all. */
static void find_stack(const ModelConfig *c, const Parameter *p, bool in_gguf, TensorPlace *place) {
  const Family *family = c->family;
  const size_t own = p->is_vector ? p->columns : p->rows;
  place->units = own;
  place->parts = 1;
  for (Role role = p->role; role > 0 && same_tensor(family, role - 1, p->role, in_gguf); role--) {
    place->first += stack_units(c, role - 1);
    place->units += stack_units(c, role - 1);
    place->part++;
    place->parts++;
  }
  for (Role role = p->role; role + 1 < ROLE_COUNT && same_tensor(family, role + 1, p->role, in_gguf); role++) {
    place->units += stack_units(c, role + 1);
    place->parts++;
  }
}

static bool is_qk(Role role) { return role == ROLE_Q || role == ROLE_K || role == ROLE_Q_BIAS || role == ROLE_K_BIAS; }

bool tensor_is_gain(Role role) {
  return role == ROLE_ATTN_NORM || role == ROLE_ATTN_POST_NORM || role == ROLE_MLP_NORM || role == ROLE_MLP_POST_NORM ||
         role == ROLE_Q_NORM || role == ROLE_K_NORM || role == ROLE_FINAL_NORM;
}

bool tensor_place(const ModelConfig *c, const Parameter *p, bool in_gguf, TensorPlace *place) {
  const Family *family = c->family;
  const char *pattern = pattern_of(family, p->role, in_gguf);
  const bool in_block = p->role >= ROLE_FIRST_IN_BLOCK && p->role <= ROLE_LAST_IN_BLOCK,
             of_experts = p->role >= ROLE_EXPERT_GATE && p->role <= ROLE_EXPERT_DOWN,
             is_head = p->role == ROLE_LM_HEAD || p->role == ROLE_SCORE;
  *place = (TensorPlace){.minus = in_gguf && tensor_is_gain(p->role) ? (real)c->gain_offset : 0};
  if (!pattern) return false;
  const size_t prefix = in_gguf || is_head ? 0 : strlen(family->hf_body);
  memcpy(place->name, family->hf_body, prefix);
  family_format_name(pattern, p->layer, p->expert, place->name + prefix, sizeof place->name - prefix);
  find_stack(c, p, in_gguf, place);
  if (place->parts == 1 || !family->hf_qkv_by_head || in_gguf) place->part = 0, place->parts = 1;
  place->neighbour = in_gguf && family->gguf_neighbour_rope && is_qk(p->role);
  place->transposed = !in_gguf && family->hf_transposed && in_block && !p->is_vector;
  const size_t one = place->units;
  if (of_experts && count_holes(pattern) == 1) {
    place->first += p->expert * one;
    place->units *= c->n_experts;
    place->n_dims = 3;
    place->shape[0] = c->n_experts;
    place->shape[1] = one;
    place->shape[2] = p->columns;
  } else {
    place->n_dims = p->is_vector ? 1 : 2;
    place->shape[0] = place->transposed ? p->columns : place->units;
    place->shape[1] = place->transposed ? place->units : p->columns;
  }
  return true;
}

size_t tensor_place_unit(const ModelConfig *c, const TensorPlace *place, size_t u) {
  const size_t e = c->head_dim, in_head = u % e, half = e / 2;
  if (place->parts > 1) return (u / e * place->parts + place->part) * e + in_head;
  if (place->neighbour) return place->first + u - in_head + in_head % half * 2 + in_head / half;
  return place->first + u;
}

bool tensor_other_name(const ModelConfig *c, Role role, const char *name, size_t i, char other[TENSOR_NAME]) {
  static const char *const bodies[] = {"", "model.", "language_model.model.", "model.language_model."};
  const bool is_head = role == ROLE_LM_HEAD || role == ROLE_SCORE;
  if (i >= (is_head ? 1 : sizeof bodies / sizeof bodies[0])) return false;
  snprintf(other, TENSOR_NAME, "%s%s", is_head ? "language_model." : bodies[i],
           is_head ? name : name + strlen(c->family->hf_body));
  return true;
}

const Tensor *tensor_find(const ModelConfig *c, const Parameter *p, const Source *source, const char *name) {
  const Weights *weights = source_weights(source);
  const Tensor *tensor = weights_find(weights, name);
  char other[TENSOR_NAME];
  for (size_t i = 0; !tensor && !source_gguf(source) && tensor_other_name(c, p->role, name, i, other); i++)
    tensor = weights_find(weights, other);
  return tensor;
}

const SkippedTensor *tensor_find_skipped(const ModelConfig *c, const Parameter *p, const Source *source,
                                         const char *name) {
  const Weights *weights = source_weights(source);
  const SkippedTensor *tensor = weights_skipped_find(weights, name);
  char other[TENSOR_NAME];
  for (size_t i = 0; !tensor && !source_gguf(source) && tensor_other_name(c, p->role, name, i, other); i++)
    tensor = weights_skipped_find(weights, other);
  return tensor;
}

FileTensor *tensor_layout_all(const ModelConfig *c, const ParameterTable *t, size_t *n) {
  FileTensor *tensors = mem_alloc(t->count, sizeof *tensors);
  *n = 0;
  for (size_t i = 0; i < t->count; i++) {
    FileTensor *last = *n ? &tensors[*n - 1] : NULL;
    if (last && strcmp(t->items[last->first].name, t->items[i].name) == 0) {
      last->n++;
      continue;
    }
    FileTensor *tensor = &tensors[(*n)++];
    *tensor = (FileTensor){.first = i, .n = 1};
    tensor_place(c, &t->items[i], false, &tensor->place);
    tensor->count = 1;
    for (size_t k = 0; k < tensor->place.n_dims; k++) tensor->count *= tensor->place.shape[k];
  }
  return tensors;
}

void tensor_layout_gather(const ModelConfig *c, const ParameterTable *t, const FileTensor *tensor, const real *values,
                          size_t begin, real *out) {
  for (size_t i = tensor->first; i < tensor->first + tensor->n; i++) {
    const Parameter *p = &t->items[i];
    const real *from = values + (p->offset - begin);
    TensorPlace place;
    tensor_place(c, p, false, &place);
    const size_t units = p->is_vector ? p->columns : p->rows, width = p->is_vector ? 1 : p->columns;
#pragma omp parallel for schedule(static)
    for (size_t u = 0; u < units; u++) {
      const size_t to = tensor_place_unit(c, &place, u);
      for (size_t j = 0; j < width; j++)
        out[place.transposed ? j * place.units + to : to * width + j] = from[u * width + j];
    }
  }
}
