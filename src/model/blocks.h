/* What the forward and the backward pass share: the norms and matrices of a block as the kernels take them. */
#ifndef FATHOM_MODEL_BLOCKS_H
#define FATHOM_MODEL_BLOCKS_H

#include "model/experts.h"
#include "model/model.h"
#include "model/pass.h"
#include "num/attention.h"
#include "num/norm.h"

/* A product y[T, n] = x[T, k] W' + bias of parameters that lie side by side. */
typedef struct Product {
  size_t n, k;
  size_t weight, bias; /* offsets; PARAMETER_NONE for a weight that stays in its file, and where there is no bias */
  const Linear *linear;
} Product;

/* By its first role: ROLE_Q is q, k and v; ROLE_UP is gate and up where there is a gate. Not of experts. */
Product block_product(const Model *model, size_t layer, Role role);

/* The norm whose gain lies at this offset, bias PARAMETER_NONE for none. */
Norm block_norm(const Model *model, size_t width, size_t gain, size_t bias);

/* The norms before attention and before the MLP, and of single heads (or all): which must exist. */
Norm block_attn_norm(const Model *model, size_t layer);
Norm block_mlp_norm(const Model *model, size_t layer);
Norm block_final_norm(const Model *model);
Norm block_post_norm(const Model *model, size_t layer, Role role);
Norm block_qk_norm(const Model *model, size_t layer, Role role, size_t *n_groups);

ExpertsShape block_experts_shape(const ModelConfig *config);

/* The matrices of a block's experts. */
Experts block_experts(const Model *model, size_t layer);

AttentionShape block_attention(const Model *model, size_t layer, const Batch *batch);

#endif
