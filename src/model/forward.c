/* The decoder, top to bottom. Shapes: T rows of the batch, D hidden, H heads, K key/value heads, E head width, F MLP.
 */
#include "model/forward.h"

#include "num/activation.h"
#include "num/attention.h"
#include "num/gemm.h"
#include "num/norm.h"
#include "num/rope.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static void tap_rows(const Tap *tap, SiteKind kind, size_t layer, const real *rows, size_t stride, size_t width) {
  if (tap) tap->take(tap->context, kind, layer, rows, stride, width);
}

static void check_batch(const Model *model, const Batch *batch, const Pass *pass) {
  const size_t rows = batch->offsets[batch->n_sequences];
  assert(rows <= pass->max_rows);
  for (size_t s = 0; s < batch->n_sequences; s++) {
    assert(batch->offsets[s + 1] > batch->offsets[s] && batch->offsets[s + 1] - batch->offsets[s] <= pass->longest);
    for (size_t t = batch->offsets[s]; t < batch->offsets[s + 1]; t++) pass->positions[t] = t - batch->offsets[s];
  }
  for (size_t t = 0; t < rows; t++) assert(batch->ids[t] >= 0 && (size_t)batch->ids[t] < model->config.vocab_size);
}

static void embed(const Model *model, const Batch *batch, real *out) {
  const size_t rows = batch->offsets[batch->n_sequences], d = model->config.hidden_size;
#pragma omp parallel for schedule(static)
  for (size_t t = 0; t < rows; t++)
    memcpy(out + t * d, model->values + model->table.embed + (size_t)batch->ids[t] * d, d * sizeof *out);
}

static Norm norm_at(const Model *model, size_t gain) {
  return (Norm){.kind = NORM_RMS,
                .width = model->config.hidden_size,
                .gain = model->values + gain,
                .eps = (real)model->config.rms_norm_eps};
}

/* z[T, H E] from attn_normed[T, D]. */
static void attend(const Model *model, const Batch *batch, Pass *pass, size_t layer, const Tap *tap) {
  const ModelConfig *c = &model->config;
  const LayerBuffers *b = &pass->layers[layer];
  const size_t rows = batch->offsets[batch->n_sequences], e = c->head_dim, q_width = c->n_heads * e,
               kv = c->n_kv_heads * e;
  const size_t stride = q_width + 2 * kv;
  real *q = b->qkv, *k = q + q_width, *v = k + kv;
  gemm(false, true, rows, stride, c->hidden_size, b->attn_normed, c->hidden_size,
       model->values + model->table.layers[layer].qkv, c->hidden_size, false, b->qkv, stride);
  tap_rows(tap, SITE_Q, layer, q, stride, q_width);
  tap_rows(tap, SITE_K, layer, k, stride, kv);
  tap_rows(tap, SITE_V, layer, v, stride, kv);
  /* q and k lie side by side: one call turns the heads of both. */
  rope_rotate(rows, c->n_heads + c->n_kv_heads, e, e, pass->positions, pass->cosines, pass->sines, false, q, stride);
  const AttentionShape shape = {.n_sequences = batch->n_sequences,
                                .offsets = batch->offsets,
                                .n_heads = c->n_heads,
                                .n_kv_heads = c->n_kv_heads,
                                .head_dim = e,
                                .stride = stride,
                                .scale = 1 / (real)sqrt((double)e)};
  attention_forward(&shape, q, k, v, b->z, b->lse, pass->scratch);
  tap_rows(tap, SITE_Z, layer, b->z, q_width, q_width);
}

/* out[T, D] from mlp_normed[T, D]. */
static void mlp(const Model *model, size_t rows, Pass *pass, size_t layer, real *out) {
  const size_t d = model->config.hidden_size, f = model->config.intermediate_size;
  const LayerBuffers *b = &pass->layers[layer];
  const LayerOffsets *w = &model->table.layers[layer];
  gemm(false, true, rows, 2 * f, d, b->mlp_normed, d, model->values + w->gate_up, d, false, b->gate_up, 2 * f);
  activation_gated_forward(ACTIVATION_SILU, rows, f, b->gate_up, b->hidden);
  gemm(false, true, rows, d, f, b->hidden, f, model->values + w->down, f, false, out, d);
}

void model_forward(const Model *model, const Batch *batch, Pass *pass, const Tap *tap) {
  const ModelConfig *c = &model->config;
  const ParameterTable *table = &model->table;
  const size_t rows = batch->offsets[batch->n_sequences], d = c->hidden_size, heads = c->n_heads * c->head_dim;
  const real *values = model->values;
  check_batch(model, batch, pass);
  LayerBuffers *b = pass->layers;
  embed(model, batch, b->resid_pre);
  tap_rows(tap, SITE_EMBED, 0, b->resid_pre, d, d);
  const Norm first = norm_at(model, table->layers[0].attn_norm);
  norm_forward(&first, rows, b->resid_pre, b->attn_normed, b->attn_stats);
  for (size_t l = 0; l < c->n_layers; l++, b++) {
    const LayerOffsets *w = &table->layers[l];
    tap_rows(tap, SITE_RESID_PRE, l, b->resid_pre, d, d);
    attend(model, batch, pass, l, tap);
    gemm(false, true, rows, d, heads, b->z, heads, values + w->o, heads, false, b->resid_mid, d);
    tap_rows(tap, SITE_ATTN_OUT, l, b->resid_mid, d, d);
    const Norm mlp_norm = norm_at(model, w->mlp_norm);
    norm_add_forward(&mlp_norm, rows, b->resid_pre, b->resid_mid, b->resid_mid, b->mlp_normed, b->mlp_stats);
    tap_rows(tap, SITE_RESID_MID, l, b->resid_mid, d, d);
    mlp(model, rows, pass, l, b->resid_post);
    tap_rows(tap, SITE_MLP_OUT, l, b->resid_post, d, d);
    /* The residual addition is folded into the norm that reads it: the next block's, or the final one. */
    const bool is_last = l + 1 == c->n_layers;
    const Norm next = norm_at(model, is_last ? table->final_norm : w[1].attn_norm);
    norm_add_forward(&next, rows, b->resid_mid, b->resid_post, b->resid_post,
                     is_last ? pass->final_normed : b[1].attn_normed, is_last ? pass->final_stats : b[1].attn_stats);
    tap_rows(tap, SITE_RESID_POST, l, b->resid_post, d, d);
  }
  tap_rows(tap, SITE_LN_FINAL, 0, pass->final_normed, d, d);
}

void model_logits(const Model *model, const Pass *pass, size_t first_row, size_t n, real *logits) {
  const size_t d = model->config.hidden_size, v = model->config.vocab_size;
  gemm(false, true, n, v, d, pass->final_normed + first_row * d, d, model->values + model->table.lm_head, d, false,
       logits, v);
}

void model_rewards(const Model *model, const Batch *batch, const Pass *pass, real *rewards) {
  const size_t d = model->config.hidden_size;
  for (size_t s = 0; s < batch->n_sequences; s++)
    rewards[s] = head_reward(&model->head, model->values + model->table.score, d,
                             pass->final_normed + (batch->offsets[s + 1] - 1) * d);
}
