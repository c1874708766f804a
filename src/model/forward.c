/* The decoder, top to bottom. Shapes: T rows of the batch, D hidden, H heads, K key/value heads, E head width, F MLP.
 * What a model does not have is skipped; every step that all have is taken once and for all of them here. */
#include "model/forward.h"

#include "model/blocks.h"
#include "model/prefix.h"
#include "num/activation.h"
#include "num/rope.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* What every step of one pass looks at. */
typedef struct Forward {
  const Model *model;
  const Batch *batch;
  Pass *pass;
  const Tap *tap;
  size_t rows;
  Prefix *keep; /* where keys and values go, too, or NULL */
} Forward;

static void tap_rows(const Forward *w, SiteKind kind, size_t layer, const real *rows, size_t stride, size_t width) {
  if (w->tap) w->tap->take(w->tap->context, kind, layer, rows, stride, width);
}

static void tap_stream(const Forward *w, SiteKind kind, size_t layer, const real *rows) {
  tap_rows(w, kind, layer, rows, w->model->config.hidden_size, w->model->config.hidden_size);
}

static void check_batch(const Model *model, const Batch *batch, Pass *pass) {
  const size_t rows = batch->offsets[batch->n_sequences], before = batch->prefix ? batch->prefix->length : 0;
  assert(rows <= pass->max_rows);
  for (size_t s = 0; s < batch->n_sequences; s++) {
    const size_t begin = batch->offsets[s], end = batch->offsets[s + 1];
    assert(end > begin && before + end - begin <= pass->longest);
    for (size_t t = begin; t < end; t++) pass->positions[t] = before + t - begin;
  }
  for (size_t t = 0; t < rows; t++) assert(batch->ids[t] >= 0 && (size_t)batch->ids[t] < model->config.vocab_size);
  for (int r = 0; r < ROPE_COUNT && model->config.rotary_dim; r++) pass_fill_ropes(pass, &model->config, r, batch);
}

static void embed(const Forward *w, real *out) {
  const ModelConfig *c = &w->model->config;
  const size_t d = c->hidden_size;
  const real scale = (real)c->embedding_scale;
#pragma omp parallel for schedule(static)
  for (size_t t = 0; t < w->rows; t++) {
    linear_row(&w->model->matrices.embed, (size_t)w->batch->ids[t], out + t * d);
    for (size_t i = 0; i < d; i++) out[t * d + i] *= scale;
  }
}

/* Learned positions; pass_init has refused what is longer than their table. */
static void add_positions(const Forward *w, real *stream) {
  const size_t d = w->model->config.hidden_size;
  const real *table = w->model->values + w->model->table.positions;
#pragma omp parallel for schedule(static)
  for (size_t t = 0; t < w->rows; t++) {
    assert(w->pass->positions[t] < w->model->config.max_positions);
    for (size_t i = 0; i < d; i++) stream[t * d + i] += table[w->pass->positions[t] * d + i];
  }
}

static void multiply(const Forward *w, const Linear *linear, const real *x, real *y) {
  linear_forward(linear, w->rows, x, linear->k, y, linear->n);
}

static void normalise_qk(const Forward *w, size_t layer) {
  const ModelConfig *c = &w->model->config;
  const LayerBuffers *b = &w->pass->layers[layer];
  const size_t stride = config_qkv_width(c), q_width = c->n_heads * c->head_dim;
  size_t n;
  const Norm q = block_qk_norm(w->model, layer, ROLE_Q_NORM, &n);
  norm_heads_forward(&q, w->rows, n, b->qkv_raw, stride, b->qkv, stride, b->q_stats);
  const Norm k = block_qk_norm(w->model, layer, ROLE_K_NORM, &n);
  norm_heads_forward(&k, w->rows, n, b->qkv_raw + q_width, stride, b->qkv + q_width, stride, b->k_stats);
}

/* attn_raw[T, D] from attn_normed[T, D]. */
static void attend(const Forward *w, size_t layer) {
  const ModelConfig *c = &w->model->config;
  const LayerBuffers *b = &w->pass->layers[layer];
  const size_t q_width = c->n_heads * c->head_dim, kv = c->n_kv_heads * c->head_dim, stride = config_qkv_width(c);
  const int rope = c->layers[layer].rope;
  const real *v = b->qkv_raw + q_width + kv;
  multiply(w, &w->model->matrices.layers[layer].qkv, b->attn_normed, b->qkv_raw);
  tap_rows(w, SITE_Q, layer, b->qkv_raw, stride, q_width);
  tap_rows(w, SITE_K, layer, b->qkv_raw + q_width, stride, kv);
  tap_rows(w, SITE_V, layer, v, stride, kv);
  if (c->has[ROLE_Q_NORM]) normalise_qk(w, layer);
  if (rope != ROPE_NONE) /* q and k lie side by side: one call turns the heads of both */
    rope_rotate(w->rows, c->n_heads + c->n_kv_heads, c->head_dim, c->rotary_dim, w->pass->rope_rows[rope],
                w->pass->cosines[rope], w->pass->sines[rope], false, b->qkv, stride);
  if (w->keep) prefix_keep(w->keep, layer, b->qkv + q_width, v, stride);
  const AttentionShape shape = block_attention(w->model, layer, w->batch);
  attention_forward(&shape, b->qkv, b->qkv + q_width, v, b->z, b->lse, w->pass->scratch);
  tap_rows(w, SITE_Z, layer, b->z, q_width, q_width);
  multiply(w, &w->model->matrices.layers[layer].o, b->z, b->attn_raw);
}

/* hidden[T, F] from mlp_normed[T, D]. */
static void mlp_hidden(const Forward *w, size_t layer) {
  const ModelConfig *c = &w->model->config;
  const LayerBuffers *b = &w->pass->layers[layer];
  multiply(w, &w->model->matrices.layers[layer].gate_up, b->mlp_normed, b->gate_up);
  if (c->gated)
    activation_gated_forward(c->activation, w->rows, c->intermediate_size, b->gate_up, b->hidden);
  else
    activation_plain_forward(c->activation, w->rows, c->intermediate_size, b->gate_up, b->hidden);
}

/* mlp_raw[T, D] from mlp_normed[T, D], by routed experts where the block has them. */
static void mlp(const Forward *w, size_t layer) {
  const LayerBuffers *b = &w->pass->layers[layer];
  if (!w->model->config.layers[layer].has_experts) {
    mlp_hidden(w, layer);
    multiply(w, &w->model->matrices.layers[layer].down, b->hidden, b->mlp_raw);
    return;
  }
  const ExpertsShape shape = block_experts_shape(&w->model->config);
  const Experts weights = block_experts(w->model, layer);
  experts_forward(&shape, &weights, w->rows, b->mlp_normed, b->kept, b->routes, w->pass->scratch, b->mlp_raw);
}

/* A norm that reads the stream next, and where its rows go; norm NULL for none. */
typedef struct Reader {
  const Norm *norm;
  real *y, *stats;
} Reader;

/* sum = resid + what a branch computed in raw (normalised or scaled first where the model does so), and the reader's
 * norm of sum. Norm and addition are one walk over the rows where they meet. sum may be resid or raw. */
static void add_branch(const Forward *w, size_t layer, SiteKind site, Role post_role, real *raw, real *post_stats,
                       const real *resid, real *sum, Reader reader) {
  const ModelConfig *c = &w->model->config;
  const size_t n = w->rows * c->hidden_size;
  const real scale = (real)c->residual_scale;
  if (c->has[post_role]) {
    const Norm post = block_post_norm(w->model, layer, post_role);
    norm_residual_forward(&post, w->rows, raw, resid, w->pass->delta, sum, post_stats);
    tap_stream(w, site, layer, w->pass->delta);
    if (reader.norm) norm_forward(reader.norm, w->rows, sum, reader.y, reader.stats);
    return;
  }
  if (scale != 1)
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n; i++) raw[i] *= scale;
  tap_stream(w, site, layer, raw);
  if (reader.norm)
    norm_add_forward(reader.norm, w->rows, resid, raw, sum, reader.y, reader.stats);
  else
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n; i++) sum[i] = resid[i] + raw[i];
}

/* The attention norm of the block after `layer`, or the final one. */
static Reader next_reader(const Forward *w, size_t next, Norm *norm) {
  const ModelConfig *c = &w->model->config;
  if (next == c->n_layers) {
    *norm = block_final_norm(w->model);
    return (Reader){norm, w->pass->final_normed, w->pass->final_stats};
  }
  if (!c->has[ROLE_ATTN_NORM]) return (Reader){0};
  *norm = block_attn_norm(w->model, next);
  return (Reader){norm, w->pass->layers[next].attn_normed, w->pass->layers[next].attn_stats};
}

/* From resid_pre and attn_normed to resid_mid, and mlp_normed. */
static void attention_half(const Forward *w, size_t layer) {
  const ModelConfig *c = &w->model->config;
  LayerBuffers *b = &w->pass->layers[layer];
  Norm mlp_norm = {0};
  Reader mid = {0};
  if (c->has[ROLE_MLP_NORM]) {
    mlp_norm = block_mlp_norm(w->model, layer);
    mid = (Reader){&mlp_norm, b->mlp_normed, b->mlp_stats};
  }
  if (c->parallel_residual) { /* the MLP reads the same stream as attention */
    norm_forward(&mlp_norm, w->rows, b->resid_pre, b->mlp_normed, b->mlp_stats);
    mid = (Reader){0};
  }
  attend(w, layer);
  add_branch(w, layer, SITE_ATTN_OUT, ROLE_ATTN_POST_NORM, b->attn_raw, b->attn_post_stats, b->resid_pre, b->resid_mid,
             mid);
  if (!c->parallel_residual) tap_stream(w, SITE_RESID_MID, layer, b->resid_mid);
}

/* From there to resid_post, and what reads that. */
static void mlp_half(const Forward *w, size_t layer, Reader reader) {
  LayerBuffers *b = &w->pass->layers[layer];
  mlp(w, layer);
  add_branch(w, layer, SITE_MLP_OUT, ROLE_MLP_POST_NORM, b->mlp_raw, b->mlp_post_stats, b->resid_mid, b->resid_post,
             reader);
}

/* resid_pre and attn_normed are there; afterwards the next block's are, or final_normed. */
static void block(const Forward *w, size_t layer) {
  Norm next_norm;
  tap_stream(w, SITE_RESID_PRE, layer, w->pass->layers[layer].resid_pre);
  attention_half(w, layer);
  mlp_half(w, layer, next_reader(w, layer + 1, &next_norm));
  tap_stream(w, SITE_RESID_POST, layer, w->pass->layers[layer].resid_post);
}

/* attn_normed of a block that no other block's last step has written. */
static void read_input(const Forward *w, size_t layer) {
  const LayerBuffers *b = &w->pass->layers[layer];
  if (!w->model->config.has[ROLE_ATTN_NORM]) return;
  const Norm norm = block_attn_norm(w->model, layer);
  norm_forward(&norm, w->rows, b->resid_pre, b->attn_normed, b->attn_stats);
}

/* Where nothing is computed of the MLP's result but resid_post, which is still there, its last product is left out. */
void model_rerun_block(const Model *model, const Batch *batch, Pass *pass, size_t layer) {
  const ModelConfig *c = &model->config;
  const Forward w = {model, batch, pass, NULL, batch->offsets[batch->n_sequences], NULL};
  assert(pass->keeps == KEEP_INPUTS);
  read_input(&w, layer);
  attention_half(&w, layer);
  if (c->layers[layer].has_experts || c->has[ROLE_MLP_POST_NORM])
    mlp_half(&w, layer, (Reader){0});
  else
    mlp_hidden(&w, layer);
}

static void run(const Forward *w) {
  LayerBuffers *first = w->pass->layers;
  check_batch(w->model, w->batch, w->pass);
  embed(w, first->resid_pre);
  tap_stream(w, SITE_EMBED, 0, first->resid_pre);
  if (w->model->config.has[ROLE_POSITIONS]) add_positions(w, first->resid_pre);
  read_input(w, 0);
  for (size_t l = 0; l < w->model->config.n_layers; l++) block(w, l);
  tap_stream(w, SITE_LN_FINAL, 0, w->pass->final_normed);
}

void model_forward(const Model *model, const Batch *batch, Pass *pass, const Tap *tap) {
  run(&(Forward){model, batch, pass, tap, batch->offsets[batch->n_sequences], NULL});
}

void model_forward_keep(const Model *model, const Batch *batch, Pass *pass, Prefix *prefix) {
  assert(batch->n_sequences == 1 && !batch->prefix && prefix->length == batch->offsets[1]);
  run(&(Forward){model, batch, pass, NULL, batch->offsets[1], prefix});
}

void model_logits(const Model *model, const Pass *pass, size_t first_row, size_t n, real *logits) {
  model_logits_of(model, n, pass->final_normed + first_row * model->matrices.lm_head.k, logits);
}

void model_logits_of(const Model *model, size_t n, const real *hidden, real *logits) {
  const ModelConfig *c = &model->config;
  const Linear *head = &model->matrices.lm_head;
  assert(head->n == c->vocab_size);
  linear_forward(head, n, hidden, head->k, logits, head->n);
  if (c->logit_scale != 1)
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n * head->n; i++) logits[i] *= (real)c->logit_scale;
  if (c->logit_softcap > 0) softcap_forward(n * head->n, (real)c->logit_softcap, logits);
}

void model_rewards(const Model *model, const Batch *batch, const Pass *pass, real *rewards) {
  const size_t d = model->config.hidden_size;
  for (size_t s = 0; s < batch->n_sequences; s++)
    rewards[s] = head_reward(&model->head, model->values + model->table.score, d,
                             pass->final_normed + (batch->offsets[s + 1] - 1) * d);
}
