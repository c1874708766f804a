/* Norms and matrices of a block. */
#include "model/blocks.h"

#include "model/prefix.h"

#include <assert.h>

Product block_product(const Model *model, size_t layer, Role role) {
  const ModelConfig *c = &model->config;
  const LayerMatrices *m = &model->matrices.layers[layer];
  const size_t *at = model->table.layers[layer].at, d = c->hidden_size, heads = c->n_heads * c->head_dim,
               f = c->intermediate_size;
  switch (role) {
  case ROLE_Q: return (Product){config_qkv_width(c), d, at[ROLE_Q], at[ROLE_Q_BIAS], &m->qkv};
  case ROLE_O: return (Product){d, heads, at[ROLE_O], at[ROLE_O_BIAS], &m->o};
  case ROLE_UP:
    return c->gated ? (Product){2 * f, d, at[ROLE_GATE], at[ROLE_GATE_BIAS], &m->gate_up}
                    : (Product){f, d, at[ROLE_UP], at[ROLE_UP_BIAS], &m->gate_up};
  case ROLE_DOWN: return (Product){d, f, at[ROLE_DOWN], at[ROLE_DOWN_BIAS], &m->down};
  default: assert(!"a product of its own"); return (Product){0};
  }
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

Experts block_experts(const Model *model, size_t layer) {
  const LayerMatrices *m = &model->matrices.layers[layer];
  return (Experts){.router = &m->router,
                   .gate_up = m->expert_gate_up,
                   .down = m->expert_down,
                   .shared_gate_up = &m->shared_gate_up,
                   .shared_down = &m->shared_down,
                   .shared_gate = &m->shared_switch};
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
                          .softcap = (real)c->attention_softcap,
                          .prefix = batch->prefix ? prefix_attention(batch->prefix, layer) : (AttentionPrefix){0}};
}
