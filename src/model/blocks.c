/* Norms and matrices of a block. */
#include "model/blocks.h"

#include <assert.h>

Product block_product(const Model *model, size_t layer, Role role) {
  const ModelConfig *c = &model->config;
  const size_t *at = model->table.layers[layer].at, d = c->hidden_size, heads = c->n_heads * c->head_dim,
               f = c->intermediate_size;
  switch (role) {
  case ROLE_Q: return (Product){config_qkv_width(c), d, at[ROLE_Q], at[ROLE_Q_BIAS]};
  case ROLE_O: return (Product){d, heads, at[ROLE_O], at[ROLE_O_BIAS]};
  case ROLE_UP:
    return c->gated ? (Product){2 * f, d, at[ROLE_GATE], at[ROLE_GATE_BIAS]}
                    : (Product){f, d, at[ROLE_UP], at[ROLE_UP_BIAS]};
  case ROLE_DOWN: return (Product){d, f, at[ROLE_DOWN], at[ROLE_DOWN_BIAS]};
  case ROLE_ROUTER: return (Product){c->n_experts, d, at[ROLE_ROUTER], PARAMETER_NONE};
  case ROLE_SHARED_UP: return (Product){2 * c->shared_expert_size, d, at[ROLE_SHARED_GATE], PARAMETER_NONE};
  case ROLE_SHARED_DOWN: return (Product){d, c->shared_expert_size, at[ROLE_SHARED_DOWN], PARAMETER_NONE};
  case ROLE_SHARED_SWITCH: return (Product){1, d, at[ROLE_SHARED_SWITCH], PARAMETER_NONE};
  default: assert(!"a product of its own"); return (Product){0};
  }
}

Linear block_linear(const Model *model, const Product *p) {
  return (Linear){.n = p->n,
                  .k = p->k,
                  .n_parts = 1,
                  .parts = {{.rows = p->n, .values = model->values + p->weight}},
                  .bias = p->bias == PARAMETER_NONE ? NULL : model->values + p->bias};
}

ExpertsShape block_experts_shape(const ModelConfig *c) {
  return (ExpertsShape){.hidden_size = c->hidden_size,
                        .n_experts = c->n_experts,
                        .top_k = c->n_experts_used,
                        .expert_width = c->expert_size,
                        .shared_width = c->has[ROLE_SHARED_UP] ? c->shared_expert_size : 0,
                        .renormalise = c->renormalise,
                        .activation = c->activation};
}

static Linear linear_of(const Model *model, size_t layer, Role role) {
  const Product product = block_product(model, layer, role);
  return block_linear(model, &product);
}

void block_experts(const Model *model, size_t layer, Linear *each, BlockExperts *out) {
  const ModelConfig *c = &model->config;
  const size_t *at = model->table.layers[layer].at, d = c->hidden_size, m = c->expert_size;
  *out = (BlockExperts){.router = linear_of(model, layer, ROLE_ROUTER)};
  out->experts = (Experts){.router = &out->router, .gate_up = each, .down = each + c->n_experts};
  for (size_t x = 0; x < c->n_experts; x++) {
    const Product gate_up = {2 * m, d, at[ROLE_EXPERT_GATE] + x * 2 * m * d, PARAMETER_NONE},
                  down = {d, m, at[ROLE_EXPERT_DOWN] + x * d * m, PARAMETER_NONE};
    each[x] = block_linear(model, &gate_up);
    each[c->n_experts + x] = block_linear(model, &down);
  }
  if (!c->has[ROLE_SHARED_UP]) return;
  out->shared_gate_up = linear_of(model, layer, ROLE_SHARED_UP);
  out->shared_down = linear_of(model, layer, ROLE_SHARED_DOWN);
  out->shared_gate = linear_of(model, layer, ROLE_SHARED_SWITCH);
  out->experts.shared_gate_up = &out->shared_gate_up;
  out->experts.shared_down = &out->shared_down;
  out->experts.shared_gate = &out->shared_gate;
}

Norm block_norm(const Model *model, size_t width, size_t gain, size_t bias) {
  const ModelConfig *c = &model->config;
  return (Norm){.kind = c->norm,
                .width = width,
                .gain = model->values + gain,
                .bias = bias == PARAMETER_NONE ? NULL : model->values + bias,
                .gain_offset = (real)c->gain_offset,
                .eps = (real)c->norm_eps};
}

Norm block_attn_norm(const Model *model, size_t layer) {
  const size_t *at = model->table.layers[layer].at;
  return block_norm(model, model->config.hidden_size, at[ROLE_ATTN_NORM], at[ROLE_ATTN_NORM_BIAS]);
}
Norm block_mlp_norm(const Model *model, size_t layer) {
  const size_t *at = model->table.layers[layer].at;
  return block_norm(model, model->config.hidden_size, at[ROLE_MLP_NORM], at[ROLE_MLP_NORM_BIAS]);
}
Norm block_final_norm(const Model *model) {
  return block_norm(model, model->config.hidden_size, model->table.final_norm, model->table.final_norm_bias);
}
Norm block_post_norm(const Model *model, size_t layer, Role role) {
  return block_norm(model, model->config.hidden_size, model->table.layers[layer].at[role], PARAMETER_NONE);
}

Norm block_qk_norm(const Model *model, size_t layer, Role role, size_t *n_groups) {
  const ModelConfig *c = &model->config;
  const size_t heads = role == ROLE_Q_NORM ? c->n_heads : c->n_kv_heads;
  *n_groups = c->qk_norm_whole ? 1 : heads;
  return block_norm(model, heads * c->head_dim / *n_groups, model->table.layers[layer].at[role], PARAMETER_NONE);
}

AttentionShape block_attention(const Model *model, size_t layer, const Batch *batch) {
  const ModelConfig *c = &model->config;
  return (AttentionShape){.n_sequences = batch->n_sequences,
                          .offsets = batch->offsets,
                          .n_heads = c->n_heads,
                          .n_kv_heads = c->n_kv_heads,
                          .head_dim = c->head_dim,
                          .stride = config_qkv_width(c),
                          .scale = (real)c->layers[layer].attention_scale,
                          .window = c->layers[layer].window,
                          .softcap = (real)c->attention_softcap};
}
