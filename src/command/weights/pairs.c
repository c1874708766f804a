/* Which weight of one model is compared with which of the other, under what name. */
#include "base/memory.h"
#include "command/weights/weights.h"
#include "model/adapt.h"

#include <stdio.h>
#include <string.h>

static const char *const kinds[ROLE_COUNT] = {
    [ROLE_LM_HEAD] = "lm_head",
    [ROLE_EMBED] = "embed",
    [ROLE_POSITIONS] = "positions",
    [ROLE_ATTN_NORM] = "attn_norm",
    [ROLE_ATTN_NORM_BIAS] = "attn_norm_bias",
    [ROLE_Q] = "q",
    [ROLE_K] = "k",
    [ROLE_V] = "v",
    [ROLE_Q_BIAS] = "q_bias",
    [ROLE_K_BIAS] = "k_bias",
    [ROLE_V_BIAS] = "v_bias",
    [ROLE_Q_NORM] = "q_norm",
    [ROLE_K_NORM] = "k_norm",
    [ROLE_O] = "o",
    [ROLE_O_BIAS] = "o_bias",
    [ROLE_ATTN_POST_NORM] = "attn_post_norm",
    [ROLE_MLP_NORM] = "mlp_norm",
    [ROLE_MLP_NORM_BIAS] = "mlp_norm_bias",
    [ROLE_GATE] = "gate",
    [ROLE_UP] = "up",
    [ROLE_GATE_BIAS] = "gate_bias",
    [ROLE_UP_BIAS] = "up_bias",
    [ROLE_DOWN] = "down",
    [ROLE_DOWN_BIAS] = "down_bias",
    [ROLE_ROUTER] = "router",
    [ROLE_EXPERT_GATE] = "expert_gate",
    [ROLE_EXPERT_UP] = "expert_up",
    [ROLE_EXPERT_DOWN] = "expert_down",
    [ROLE_SHARED_GATE] = "shared_gate",
    [ROLE_SHARED_UP] = "shared_up",
    [ROLE_SHARED_DOWN] = "shared_down",
    [ROLE_SHARED_SWITCH] = "shared_switch",
    [ROLE_MLP_POST_NORM] = "mlp_post_norm",
    [ROLE_FINAL_NORM] = "final_norm",
    [ROLE_FINAL_NORM_BIAS] = "final_norm_bias",
    [ROLE_SCORE] = "score",
};

static bool in_block(const Parameter *p) { return p->role >= ROLE_FIRST_IN_BLOCK && p->role <= ROLE_LAST_IN_BLOCK; }

/* Heads have rules of their own. */
static bool is_chosen(const WeightsRun *run, const Parameter *p) {
  if (p->role == ROLE_LM_HEAD || p->role == ROLE_SCORE) return false;
  return !run->chosen || (in_block(p) && run->chosen[p->layer]);
}

/* NULL where there is none; looked for from *at on, since two tables are nearly always in step. */
static const Parameter *find(const ParameterTable *t, Role role, size_t layer, size_t expert, size_t *at) {
  for (size_t i = 0; i < t->count; i++) {
    const Parameter *p = &t->items[(*at + i) % t->count];
    if (p->role != role || p->layer != layer || p->expert != expert) continue;
    *at = (*at + i + 1) % t->count;
    return p;
  }
  return NULL;
}

static WeightSource source_of(const WeightsSide *side, const Parameter *p) {
  WeightSource source = {.config = &side->model.config, .parameter = *p};
  source.tensor = parameters_find(source.config, p, side->source, side->adapter, &source.place);
  return source;
}

static WeightPair *new_pair(WeightsRun *run, const WeightSource *w0, const WeightSource *w1) {
  WeightPair *pair = &run->pairs[run->n_pairs++];
  const Parameter *p = &w1->parameter;
  *pair = (WeightPair){.kind = kinds[p->role],
                       .layer = in_block(p) ? p->layer : SIZE_MAX,
                       .rows = p->rows,
                       .columns = p->columns,
                       .is_vector = p->is_vector,
                       .w0 = *w0,
                       .w1 = *w1};
  pair->tensor = pair->w1.parameter.name;
  const WeightsSide *side = &run->sides[1];
  pair->has_factors = side->adapter && adapt_module(&side->model.config, side->adapter, &pair->w1.parameter) != NULL;
  return pair;
}

static Status check_shape(const WeightsRun *run, const Parameter *a, const Parameter *b, Error *err) {
  if (a->rows == b->rows && a->columns == b->columns) return STATUS_OK;
  return error_set(err, STATUS_DATA, "%s: tensor %s has shape [%zu, %zu], expected [%zu, %zu] as in %s%s",
                   run->sides[1].path, b->name, b->rows, b->columns, a->rows, a->columns, run->sides[0].path,
                   in_block(b) ? "" : " (--layers compares blocks alone)");
}

static Status lacking(const WeightsSide *side, const Parameter *p, const WeightsSide *other, Error *err) {
  return error_set(err, STATUS_DATA, "%s: tensor %s is missing, expected as in %s", side->path, p->name, other->path);
}

static Status pair_parameters(WeightsRun *run, Error *err) {
  const ParameterTable *a = &run->sides[0].model.table, *b = &run->sides[1].model.table;
  size_t at = 0;
  for (size_t i = 0; i < b->count; i++) {
    const Parameter *p = &b->items[i], *q;
    if (!is_chosen(run, p)) continue;
    q = find(a, p->role, p->layer, p->expert, &at);
    if (!q) return lacking(&run->sides[0], p, &run->sides[1], err);
    const Status status = check_shape(run, q, p, err);
    if (status != STATUS_OK) return status;
    const WeightSource w0 = source_of(&run->sides[0], q), w1 = source_of(&run->sides[1], p);
    new_pair(run, &w0, &w1);
  }
  at = 0;
  for (size_t i = 0; i < a->count; i++) {
    const Parameter *p = &a->items[i];
    if (is_chosen(run, p) && !find(b, p->role, p->layer, p->expert, &at))
      return lacking(&run->sides[1], p, &run->sides[0], err);
  }
  return STATUS_OK;
}

/* The matrix that gives logits: its own, or the embedding. */
static const Parameter *lm_head(const WeightsSide *side) {
  size_t at = 0;
  const ParameterTable *t = &side->model.table;
  return find(t, side->model.config.tied_embeddings ? ROLE_EMBED : ROLE_LM_HEAD, 0, 0, &at);
}

static Status pair_lm_heads(WeightsRun *run, Error *err) {
  const WeightsSide *sides = run->sides;
  const bool tied[2] = {sides[0].model.config.tied_embeddings, sides[1].model.config.tied_embeddings};
  if (tied[0] && tied[1]) {
    weights_note(run, "embed is also the language-model head (tied) in both models");
    return STATUS_OK;
  }
  const Parameter *a = lm_head(&sides[0]), *b = lm_head(&sides[1]);
  WeightSource w0 = source_of(&sides[0], a), w1 = source_of(&sides[1], b);
  if (!w0.tensor || !w1.tensor) {
    weights_note(run, "no language-model head in %s: none is compared", sides[w0.tensor ? 1 : 0].name);
    return STATUS_OK;
  }
  if (tied[0] != tied[1])
    weights_note(run, "embed is also the language-model head (tied) in %s alone: lm_head compares it with that of %s",
                 sides[tied[0] ? 0 : 1].name, sides[tied[0] ? 1 : 0].name);
  else
    weights_note(run, "embed and lm_head are two matrices (not tied) in both models");
  const Status status = check_shape(run, a, b, err);
  if (status != STATUS_OK) return status;
  WeightPair *pair = new_pair(run, &w0, &w1);
  pair->kind = kinds[ROLE_LM_HEAD];
  if (tied[1]) pair->tensor = pair->w0.parameter.name;
  return STATUS_OK;
}

/* A tensor of a reward head as it lies in the file; like is the other side's where this one has none. */
static WeightSource head_source(const WeightsSide *side, const Tensor *tensor, const Tensor *like, const char *name) {
  const Tensor *shape = tensor ? tensor : like;
  const bool is_vector = shape->n_dims < 2;
  WeightSource source = {.config = &side->model.config,
                         .tensor = tensor,
                         .parameter = {.role = ROLE_SCORE,
                                       .is_vector = is_vector,
                                       .rows = is_vector ? 1 : shape->shape[0],
                                       .columns = is_vector ? shape->count : shape->shape[1]}};
  source.place = (TensorPlace){.parts = 1, .units = is_vector ? shape->count : shape->shape[0]};
  snprintf(source.parameter.name, sizeof source.parameter.name, "%s", name);
  return source;
}

static bool same_tensor_shape(const Tensor *a, const Tensor *b) {
  return a->count > 0 && a->n_dims == b->n_dims && memcmp(a->shape, b->shape, sizeof a->shape) == 0;
}

/* A bias that one side lacks counts as zeros. */
static bool same_biases(const Tensor *a, const Tensor *b) {
  return a && b ? same_tensor_shape(a, b) : a ? a->count > 0 : !b || b->count > 0;
}

static bool same_heads(const HeadTensors *a, const HeadTensors *b) {
  bool same = a->n == b->n;
  for (size_t i = 0; i < a->n && same; i++)
    same = a->weights[i]->n_dims == 2 && same_tensor_shape(a->weights[i], b->weights[i]) &&
           same_biases(a->biases[i], b->biases[i]);
  return same;
}

static void pair_head_tensors(WeightsRun *run, const Tensor *a, const Tensor *b, const char *name) {
  const WeightSource w0 = head_source(&run->sides[0], a, b, name), w1 = head_source(&run->sides[1], b, a, name);
  WeightPair *pair = new_pair(run, &w0, &w1);
  if (pair->is_vector) pair->kind = "score_bias";
}

static void pair_reward_heads(WeightsRun *run) {
  const HeadTensors *a = &run->sides[0].head, *b = &run->sides[1].head;
  if (!a->n && !b->n) return;
  if (!a->n || !b->n) {
    weights_note(run, "a reward head in %s alone: it is not compared", run->sides[a->n ? 0 : 1].name);
    return;
  }
  if (!same_heads(a, b)) {
    weights_note(run, "reward heads of different layers: they are not compared");
    return;
  }
  for (size_t i = 0; i < a->n; i++) {
    char name[PARAMETER_NAME], layer[32] = "";
    if (a->n > 1) snprintf(layer, sizeof layer, "%zu.", 2 * i);
    snprintf(name, sizeof name, "%s.%sweight", b->prefix, layer);
    pair_head_tensors(run, a->weights[i], b->weights[i], name);
    snprintf(name, sizeof name, "%s.%sbias", b->prefix, layer);
    if (a->biases[i] || b->biases[i]) pair_head_tensors(run, a->biases[i], b->biases[i], name);
  }
}

Status weights_pair(WeightsRun *run, Error *err) {
  const size_t most = run->sides[1].model.table.count + 1 + 2 * HEAD_LAYERS;
  run->pairs = mem_alloc(most, sizeof *run->pairs);
  Status status = run->chosen ? STATUS_OK : pair_lm_heads(run, err);
  if (status == STATUS_OK) status = pair_parameters(run, err);
  if (status == STATUS_OK && !run->chosen) pair_reward_heads(run);
  return status;
}
