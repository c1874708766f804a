/* The backward pass. Each step names the forward line it reverses. */
#include "model/backward.h"

#include "num/activation.h"
#include "num/attention.h"
#include "num/gemm.h"
#include "num/norm.h"
#include "num/rope.h"

#include <assert.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

typedef struct Backward {
  const Model *model;
  const Batch *batch;
  Pass *pass;
  Gradients *gradients;
  size_t rows;
  bool accumulate;
} Backward;

/* Where the gradient of the parameter at an offset goes, NULL where it is frozen. */
static real *gradient_at(const Backward *w, size_t offset) {
  return offset >= w->gradients->begin ? w->gradients->values + (offset - w->gradients->begin) : NULL;
}

/* y[T,n] = x[T,k] W[n,k]':  dx = dy W (where dx is wanted),  dW = dy' x. */
static void linear_backward(const Backward *w, size_t n, size_t k, const real *x, size_t weight, const real *dy,
                            real *dx) {
  real *dweight = gradient_at(w, weight);
  if (dx) gemm(false, false, w->rows, k, n, dy, n, w->model->values + weight, k, false, dx, k);
  if (dweight) gemm(true, false, n, k, w->rows, dy, n, x, k, w->accumulate, dweight, k);
}

static void add_norm_backward(const Backward *w, size_t gain, const real *x, const real *stats, const real *dy) {
  const ModelConfig *c = &w->model->config;
  const Norm norm = {
      .kind = NORM_RMS, .width = c->hidden_size, .gain = w->model->values + gain, .eps = (real)c->rms_norm_eps};
  norm_backward(&norm, w->rows, x, stats, dy, true, w->pass->dresid, gradient_at(w, gain), NULL, w->pass->scratch);
}

/* r = score . final_normed[last row]  and  final_normed = norm(resid_post of the last block). */
static void head_backward(const Backward *w, const real *drewards, const real *dfinal) {
  const size_t d = w->model->config.hidden_size, n_layers = w->model->config.n_layers;
  const real *score = w->model->values + w->model->table.score;
  real *dscore = gradient_at(w, w->model->table.score), *dnormed = w->pass->dnormed;
  if (dfinal)
    memcpy(dnormed, dfinal, w->rows * d * sizeof *dnormed);
  else
    memset(dnormed, 0, w->rows * d * sizeof *dnormed);
  for (size_t s = 0; drewards && s < w->batch->n_sequences; s++) {
    const size_t last = (w->batch->offsets[s + 1] - 1) * d;
    for (size_t i = 0; i < d; i++) dnormed[last + i] += drewards[s] * score[i];
    for (size_t i = 0; dscore && i < d; i++) dscore[i] += drewards[s] * w->pass->final_normed[last + i];
  }
  memset(w->pass->dresid, 0, w->rows * d * sizeof *dnormed);
  add_norm_backward(w, w->model->table.final_norm, w->pass->layers[n_layers - 1].resid_post, w->pass->final_stats,
                    dnormed);
}

/* resid_post = resid_mid + down(swiglu(gate_up(norm(resid_mid)))). */
static void mlp_backward(const Backward *w, size_t layer) {
  const size_t d = w->model->config.hidden_size, f = w->model->config.intermediate_size;
  const LayerOffsets *at = &w->model->table.layers[layer];
  Pass *pass = w->pass;
  LayerBuffers *b = &pass->layers[layer];
  linear_backward(w, d, f, b->hidden, at->down, pass->dresid, pass->dhidden);
  activation_gated_backward(ACTIVATION_SILU, w->rows, f, b->gate_up, pass->dhidden);
  linear_backward(w, 2 * f, d, b->mlp_normed, at->gate_up, b->gate_up, pass->dnormed);
  add_norm_backward(w, at->mlp_norm, b->resid_mid, b->mlp_stats, pass->dnormed);
}

/* resid_mid = resid_pre + o(attention(rope(qkv(norm(resid_pre))))). */
static void attention_block_backward(const Backward *w, size_t layer) {
  const ModelConfig *c = &w->model->config;
  const LayerOffsets *at = &w->model->table.layers[layer];
  Pass *pass = w->pass;
  LayerBuffers *b = &pass->layers[layer];
  const size_t d = c->hidden_size, e = c->head_dim, q_width = c->n_heads * e, kv = c->n_kv_heads * e,
               stride = q_width + 2 * kv;
  linear_backward(w, d, q_width, b->z, at->o, pass->dresid, pass->dz);
  const AttentionShape shape = {.n_sequences = w->batch->n_sequences,
                                .offsets = w->batch->offsets,
                                .n_heads = c->n_heads,
                                .n_kv_heads = c->n_kv_heads,
                                .head_dim = e,
                                .stride = stride,
                                .scale = 1 / (real)sqrt((double)e)};
  attention_backward(&shape, b->qkv, b->qkv + q_width, b->qkv + q_width + kv, b->z, b->lse, pass->dz, pass->dqkv,
                     pass->dqkv + q_width, pass->dqkv + q_width + kv, pass->scratch);
  rope_rotate(w->rows, c->n_heads + c->n_kv_heads, e, e, pass->positions, pass->cosines, pass->sines, true, pass->dqkv,
              stride);
  linear_backward(w, stride, d, b->attn_normed, at->qkv, pass->dqkv, pass->dnormed);
  add_norm_backward(w, at->attn_norm, b->resid_pre, b->attn_stats, pass->dnormed);
}

/* resid_pre of block 0 = rows of the embedding: each thread owns some columns, so that rows of one id add in order. */
static void embed_backward(const Backward *w) {
  const size_t d = w->model->config.hidden_size, threads = (size_t)omp_get_max_threads();
  real *dembed = gradient_at(w, w->model->table.embed);
  if (!dembed) return;
#pragma omp parallel for schedule(static)
  for (size_t part = 0; part < threads; part++)
    for (size_t t = 0; t < w->rows; t++)
      for (size_t i = d * part / threads; i < d * (part + 1) / threads; i++)
        dembed[(size_t)w->batch->ids[t] * d + i] += w->pass->dresid[t * d + i];
}

/* Matrices are overwritten by their product; gains, the score and the embedding are added to, and start from zero here.
 * Of the embedding only the rows that the last sum touched are cleared. */
static void begin_sums(const Backward *w) {
  const ParameterTable *table = &w->model->table;
  const size_t d = w->model->config.hidden_size;
  Gradients *g = w->gradients;
  real *dembed = table->embed >= g->begin ? g->values + (table->embed - g->begin) : NULL;
  for (size_t i = 0; !w->accumulate && i < table->count; i++) {
    const Parameter *p = &table->items[i];
    if (p->offset >= g->begin && p->rows == 1)
      memset(g->values + (p->offset - g->begin), 0, p->columns * sizeof *g->values);
  }
  for (size_t i = 0; !w->accumulate && dembed && i < g->n_touched; i++)
    memset(dembed + (size_t)g->touched[i] * d, 0, d * sizeof *dembed);
  if (!w->accumulate) g->n_touched = 0;
  if (!dembed) return;
  g->touched = mem_resize(g->touched, g->n_touched + w->rows, sizeof *g->touched);
  memcpy(g->touched + g->n_touched, w->batch->ids, w->rows * sizeof *g->touched);
  g->n_touched += w->rows;
}

void model_backward(const Model *model, const Batch *batch, Pass *pass, const real *drewards, const real *dfinal,
                    const Injection *injection, bool accumulate, Gradients *gradients) {
  assert(pass->keeps);
  const Backward w = {model, batch, pass, gradients, batch->offsets[batch->n_sequences], accumulate};
  begin_sums(&w);
  head_backward(&w, drewards, dfinal);
  for (size_t l = model->config.n_layers; l-- > 0;) {
    /* A block's last parameter is its down projection: below `begin` nothing is left to train. */
    if (model->table.layers[l].down < gradients->begin) return;
    if (injection) injection->add(injection->context, l, pass->layers[l].resid_post, pass->dresid);
    mlp_backward(&w, l);
    attention_block_backward(&w, l);
  }
  embed_backward(&w);
}

void gradients_clear(Gradients *g) {
  free(g->touched);
  g->touched = NULL;
  g->n_touched = 0;
}
