/* The backward pass. Each step names the forward line it reverses. */
#include "model/backward.h"

#include "model/blocks.h"
#include "model/forward.h"
#include "num/activation.h"
#include "num/columns.h"
#include "num/gemm.h"
#include "num/rope.h"

#include <assert.h>
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

/* Where the gradient of the parameter at an offset goes, NULL where it is frozen or the model has none. */
static real *gradient_at(const Backward *w, size_t offset) {
  if (offset == PARAMETER_NONE || offset < w->gradients->begin) return NULL;
  return w->gradients->values + (offset - w->gradients->begin);
}

/* The same of a trained factor, by where it lies. */
static real *gradient_of(const Backward *w, const real *factor) {
  return gradient_at(w, (size_t)(factor - w->model->values));
}

/* y[T,n] = x[T,k] W[n,k]' + b:  dx = dy W (where dx is wanted),  dW = dy' x,  db = sum of the rows of dy,
 * and the gradients of LoRA factors beside W where those are trained. */
static void product_backward(const Backward *w, size_t layer, Role role, const real *x, const real *dy, real *dx) {
  const Product p = block_product(w->model, layer, role);
  real *dweight = gradient_at(w, p.weight), *dbias = gradient_at(w, p.bias);
  linear_backward(p.linear, w->rows, x, dy, dx, w->accumulate, dweight);
  if (dbias) columns_add(w->rows, p.n, dy, p.n, dbias);
  for (size_t i = 0; w->model->lora.count && i < p.linear->n_factors; i++) {
    real *da = gradient_of(w, p.linear->factors[i].a), *db = gradient_of(w, p.linear->factors[i].b);
    if (da && db) linear_backward_factors(p.linear, i, w->rows, x, dy, w->accumulate, da, db);
  }
}

/* y = norm(x): dx += . */
static void stream_norm_backward(const Backward *w, const Norm *norm, size_t gain, size_t bias, const real *x,
                                 const real *stats, const real *dy) {
  norm_backward(norm, w->rows, x, stats, dy, true, w->pass->dresid, gradient_at(w, gain), gradient_at(w, bias),
                w->pass->scratch);
}

/* r = score . final_normed[last row]  and  final_normed = norm(resid_post of the last block). */
static void head_backward(const Backward *w, const real *drewards, const real *dfinal) {
  const ParameterTable *table = &w->model->table;
  const size_t d = w->model->config.hidden_size, n_layers = w->model->config.n_layers;
  const real *score = w->model->values + table->score;
  real *dscore = gradient_at(w, table->score), *dnormed = w->pass->dnormed;
  const Norm norm = block_final_norm(w->model);
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
  stream_norm_backward(w, &norm, table->final_norm, table->final_norm_bias, w->pass->layers[n_layers - 1].resid_post,
                       w->pass->final_stats, dnormed);
}

/* sum = resid + scale raw, or resid + norm(raw): the gradient of raw, which is dresid itself where nothing is between.
 * With parallel residual both branches' is the gradient that dresid had before either added to it. */
static const real *branch_backward(const Backward *w, size_t layer, Role post_role, const real *raw,
                                   const real *stats) {
  const ModelConfig *c = &w->model->config;
  const size_t n = w->rows * c->hidden_size;
  const real scale = (real)c->residual_scale, *dresid = w->pass->dresid;
  real *dbranch = w->pass->dbranch;
  if (c->has[post_role]) {
    const Norm post = block_post_norm(w->model, layer, post_role);
    norm_backward(&post, w->rows, raw, stats, dresid, false, dbranch,
                  gradient_at(w, w->model->table.layers[layer].at[post_role]), NULL, w->pass->scratch);
  } else if (dbranch != dresid && !(c->parallel_residual && post_role == ROLE_ATTN_POST_NORM))
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n; i++) dbranch[i] = dresid[i] * scale;
  return dbranch;
}

/* dresid += the gradient of what a branch read: through its norm, or as it is. */
static void reader_backward(const Backward *w, size_t layer, Role gain, Role bias, const Norm *norm, const real *x,
                            const real *stats) {
  const size_t *at = w->model->table.layers[layer].at, n = w->rows * w->model->config.hidden_size;
  if (norm) {
    stream_norm_backward(w, norm, at[gain], at[bias], x, stats, w->pass->dnormed);
    return;
  }
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < n; i++) w->pass->dresid[i] += w->pass->dnormed[i];
}

/* mlp_raw = down(act(up(mlp_normed))). */
static void dense_backward(const Backward *w, size_t layer, const real *draw) {
  const ModelConfig *c = &w->model->config;
  const size_t f = c->intermediate_size;
  Pass *pass = w->pass;
  LayerBuffers *b = &pass->layers[layer];
  product_backward(w, layer, ROLE_DOWN, b->hidden, draw, pass->dhidden);
  if (c->gated)
    activation_gated_backward(c->activation, w->rows, f, b->gate_up, pass->dhidden);
  else
    activation_plain_backward(c->activation, w->rows, f, b->gate_up, pass->dhidden);
  product_backward(w, layer, ROLE_UP, b->mlp_normed, b->gate_up, pass->dnormed);
}

/* mlp_raw = experts(mlp_normed). */
static void experts_block_backward(const Backward *w, size_t layer, const real *draw) {
  const size_t *at = w->model->table.layers[layer].at;
  const LayerBuffers *b = &w->pass->layers[layer];
  const ExpertsShape shape = block_experts_shape(&w->model->config);
  const ExpertsGradients gradients = {.router = gradient_at(w, at[ROLE_ROUTER]),
                                      .gate_up = gradient_at(w, at[ROLE_EXPERT_GATE]),
                                      .down = gradient_at(w, at[ROLE_EXPERT_DOWN]),
                                      .shared_gate_up = gradient_at(w, at[ROLE_SHARED_GATE]),
                                      .shared_down = gradient_at(w, at[ROLE_SHARED_DOWN]),
                                      .shared_gate = gradient_at(w, at[ROLE_SHARED_SWITCH])};
  const Experts weights = block_experts(w->model, layer);
  experts_backward(&shape, &weights, w->rows, b->mlp_normed, b->kept, b->routes, draw, &gradients, w->accumulate,
                   w->pass->dnormed, w->pass->scratch);
}

/* resid_post = resid_mid + branch(mlp(norm(resid_mid))); with parallel residual norm(resid_pre). */
static void mlp_backward(const Backward *w, size_t layer) {
  const ModelConfig *c = &w->model->config;
  const LayerBuffers *b = &w->pass->layers[layer];
  const real *draw = branch_backward(w, layer, ROLE_MLP_POST_NORM, b->mlp_raw, b->mlp_post_stats);
  if (c->layers[layer].has_experts)
    experts_block_backward(w, layer, draw);
  else
    dense_backward(w, layer, draw);
  const Norm norm = c->has[ROLE_MLP_NORM] ? block_mlp_norm(w->model, layer) : (Norm){0};
  reader_backward(w, layer, ROLE_MLP_NORM, ROLE_MLP_NORM_BIAS, c->has[ROLE_MLP_NORM] ? &norm : NULL,
                  c->parallel_residual ? b->resid_pre : b->resid_mid, b->mlp_stats);
}

/* q, k = norm(heads of qkv_raw): dqkv is turned into the gradient of qkv_raw. */
static void qk_norm_backward(const Backward *w, size_t layer) {
  const ModelConfig *c = &w->model->config;
  const LayerBuffers *b = &w->pass->layers[layer];
  const size_t *at = w->model->table.layers[layer].at, stride = config_qkv_width(c), q_width = c->n_heads * c->head_dim;
  real *dq = w->pass->dqkv, *dk = dq + q_width, *scratch = w->pass->scratch;
  size_t n;
  const Norm q = block_qk_norm(w->model, layer, ROLE_Q_NORM, &n);
  norm_heads_backward(&q, w->rows, n, b->qkv_raw, stride, b->q_stats, dq, stride, dq, stride,
                      gradient_at(w, at[ROLE_Q_NORM]), NULL, scratch);
  const Norm k = block_qk_norm(w->model, layer, ROLE_K_NORM, &n);
  norm_heads_backward(&k, w->rows, n, b->qkv_raw + q_width, stride, b->k_stats, dk, stride, dk, stride,
                      gradient_at(w, at[ROLE_K_NORM]), NULL, scratch);
}

/* resid_mid = resid_pre + branch(o(attention(rope(qk_norm(qkv(norm(resid_pre))))))). */
static void attention_block_backward(const Backward *w, size_t layer) {
  const ModelConfig *c = &w->model->config;
  Pass *pass = w->pass;
  LayerBuffers *b = &pass->layers[layer];
  const size_t q_width = c->n_heads * c->head_dim, kv = c->n_kv_heads * c->head_dim;
  const int rope = c->layers[layer].rope;
  const real *draw = branch_backward(w, layer, ROLE_ATTN_POST_NORM, b->attn_raw, b->attn_post_stats);
  product_backward(w, layer, ROLE_O, b->z, draw, pass->dz);
  const AttentionShape shape = block_attention(w->model, layer, w->batch);
  attention_backward(&shape, b->qkv, b->qkv + q_width, b->qkv_raw + q_width + kv, b->z, b->lse, pass->dz, pass->dqkv,
                     pass->dqkv + q_width, pass->dqkv + q_width + kv, pass->scratch);
  if (rope != ROPE_NONE)
    rope_rotate(w->rows, c->n_heads + c->n_kv_heads, c->head_dim, c->rotary_dim, pass->rope_rows[rope],
                pass->cosines[rope], pass->sines[rope], true, pass->dqkv, config_qkv_width(c));
  if (c->has[ROLE_Q_NORM]) qk_norm_backward(w, layer);
  product_backward(w, layer, ROLE_Q, b->attn_normed, pass->dqkv, pass->dnormed);
  const Norm norm = c->has[ROLE_ATTN_NORM] ? block_attn_norm(w->model, layer) : (Norm){0};
  reader_backward(w, layer, ROLE_ATTN_NORM, ROLE_ATTN_NORM_BIAS, c->has[ROLE_ATTN_NORM] ? &norm : NULL, b->resid_pre,
                  b->attn_stats);
}

/* resid_pre of block 0 = rows of the embedding: each thread owns some columns, so that rows of one id add in order. */
static void embed_backward(const Backward *w) {
  const size_t d = w->model->config.hidden_size, threads = (size_t)omp_get_max_threads();
  const real scale = (real)w->model->config.embedding_scale;
  real *dembed = gradient_at(w, w->model->table.embed);
  if (!dembed) return;
#pragma omp parallel for schedule(static)
  for (size_t part = 0; part < threads; part++)
    for (size_t t = 0; t < w->rows; t++)
      for (size_t i = d * part / threads; i < d * (part + 1) / threads; i++)
        dembed[(size_t)w->batch->ids[t] * d + i] += scale * w->pass->dresid[t * d + i];
}

/* The same of learned positions. */
static void positions_backward(const Backward *w) {
  const size_t d = w->model->config.hidden_size, threads = (size_t)omp_get_max_threads();
  real *dpositions = gradient_at(w, w->model->table.positions);
  if (!dpositions) return;
#pragma omp parallel for schedule(static)
  for (size_t part = 0; part < threads; part++)
    for (size_t t = 0; t < w->rows; t++)
      for (size_t i = d * part / threads; i < d * (part + 1) / threads; i++)
        dpositions[w->pass->positions[t] * d + i] += w->pass->dresid[t * d + i];
}

/* Matrices are overwritten by their product; vectors, the score and the tables of rows are added to, and start from
 * zero here. Of the embedding only the rows that the last sum touched are cleared. */
static void begin_sums(const Backward *w) {
  const ParameterTable *table = &w->model->table;
  const size_t d = w->model->config.hidden_size;
  Gradients *g = w->gradients;
  real *dembed = gradient_at(w, table->embed);
  for (size_t i = 0; !w->accumulate && i < table->count; i++) {
    const Parameter *p = &table->items[i];
    if (parameter_is_trained(p, g->begin) && (p->rows == 1 || p->role == ROLE_POSITIONS))
      memset(g->values + (p->offset - g->begin), 0, p->rows * p->columns * sizeof *g->values);
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
  assert(pass->keeps != KEEP_NOTHING && !model->packed.base && !batch->prefix);
  const Backward w = {model, batch, pass, gradients, batch->offsets[batch->n_sequences], accumulate};
  const size_t n_layers = model->config.n_layers,
               lowest = parameters_lowest_trained(&model->table, n_layers, gradients->begin);
  begin_sums(&w);
  head_backward(&w, drewards, dfinal);
  for (size_t l = n_layers; l-- > 0;) {
    if (l < lowest) return; /* nothing is left to train */
    if (injection) injection->add(injection->context, l, pass->layers[l].resid_post, pass->dresid);
    /* The last block's are the ones that the forward pass left. */
    if (pass->keeps == KEEP_INPUTS && l + 1 < n_layers) model_rerun_block(model, batch, pass, l);
    mlp_backward(&w, l);
    attention_block_backward(&w, l);
  }
  positions_backward(&w);
  embed_backward(&w);
}

void model_logits_backward(const Model *model, size_t n, const real *hidden, const real *logits, real *dlogits,
                           real *dhidden, real *dhead) {
  const ModelConfig *c = &model->config;
  const size_t v = c->vocab_size, d = c->hidden_size;
  if (c->logit_softcap > 0) softcap_backward(n * v, (real)c->logit_softcap, logits, dlogits);
  if (c->logit_scale != 1)
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n * v; i++) dlogits[i] *= (real)c->logit_scale;
  linear_backward_input(&model->matrices.lm_head, n, dlogits, false, dhidden);
  if (dhead) gemm(true, false, v, d, n, dlogits, v, hidden, d, true, dhead, d);
}

void gradients_clear_tables(const Model *model, Gradients *g) {
  const ParameterTable *table = &model->table;
  for (size_t i = 0; i < table->count; i++) {
    const Parameter *p = &table->items[i];
    if ((p->role == ROLE_LM_HEAD || p->role == ROLE_EMBED) && parameter_is_trained(p, g->begin))
      memset(g->values + (p->offset - g->begin), 0, p->rows * p->columns * sizeof *g->values);
  }
  g->n_touched = 0;
}

void gradients_clear(Gradients *g) {
  free(g->touched);
  g->touched = NULL;
  g->n_touched = 0;
}
