/* Laying out a pass: the same walk counts the bytes and hands out the pieces. */
#include "model/pass.h"

#include "model/blocks.h"
#include "model/prefix.h"
#include "num/rope.h"

#include <stdlib.h>

/* A piece of the arena, or only its size. */
static void *piece(Arena *arena, size_t *bytes, size_t count, size_t size) {
  *bytes += arena_need(count * size);
  return arena ? arena_take(arena, count * size) : NULL;
}

static real *reals(Arena *arena, size_t *bytes, size_t count) { return piece(arena, bytes, count, sizeof(real)); }

/* The piece where the model takes the step, else what stands in for it. */
static real *reals_if(bool is_taken, real *otherwise, Arena *arena, size_t *bytes, size_t count) {
  return is_taken ? reals(arena, bytes, count) : otherwise;
}

static void lay_out_attention(LayerBuffers *b, const ModelConfig *c, size_t t, Arena *arena, size_t *bytes) {
  const size_t d = c->hidden_size;
  const bool qk_norm = c->has[ROLE_Q_NORM], post = c->has[ROLE_ATTN_POST_NORM];
  b->attn_normed = reals_if(c->has[ROLE_ATTN_NORM], NULL, arena, bytes, t * d);
  b->attn_stats = reals(arena, bytes, t * NORM_STATS);
  b->qkv = reals(arena, bytes, t * config_qkv_width(c));
  b->qkv_raw = reals_if(qk_norm, b->qkv, arena, bytes, t * config_qkv_width(c));
  b->q_stats = reals_if(qk_norm, NULL, arena, bytes, t * c->n_heads * NORM_STATS);
  b->k_stats = reals_if(qk_norm, NULL, arena, bytes, t * c->n_kv_heads * NORM_STATS);
  b->lse = reals(arena, bytes, t * c->n_heads);
  b->z = reals(arena, bytes, t * c->n_heads * c->head_dim);
  b->resid_mid = reals(arena, bytes, t * d);
  b->attn_raw = reals_if(post, b->resid_mid, arena, bytes, t * d);
  b->attn_post_stats = reals_if(post, NULL, arena, bytes, t * NORM_STATS);
}

/* is_dense, has_experts: which of the two the blocks that use this set have. */
static void lay_out_mlp(LayerBuffers *b, const ModelConfig *c, bool is_dense, bool has_experts, size_t t, Arena *arena,
                        size_t *bytes) {
  const size_t d = c->hidden_size, f = c->intermediate_size;
  const bool post = c->has[ROLE_MLP_POST_NORM];
  b->mlp_normed = reals_if(c->has[ROLE_MLP_NORM], b->resid_mid, arena, bytes, t * d);
  b->mlp_stats = reals(arena, bytes, t * NORM_STATS);
  b->gate_up = reals_if(is_dense, NULL, arena, bytes, t * (c->gated ? 2 * f : f));
  b->hidden = reals_if(is_dense, NULL, arena, bytes, t * f);
  if (has_experts) {
    const ExpertsShape shape = block_experts_shape(c);
    b->kept = reals(arena, bytes, experts_kept(&shape, t));
    b->routes = piece(arena, bytes, experts_routes(&shape, t), sizeof *b->routes);
  }
  b->mlp_raw = reals_if(post, NULL, arena, bytes, t * d);
  b->mlp_post_stats = reals_if(post, NULL, arena, bytes, t * NORM_STATS);
}

static bool has_layer(const ModelConfig *c, bool with_experts) {
  for (size_t l = 0; l < c->n_layers; l++)
    if (c->layers[l].has_experts == with_experts) return true;
  return false;
}

static void lay_out_layers(Pass *pass, const ModelConfig *c, Arena *arena, size_t *bytes) {
  const size_t t = pass->max_rows, d = c->hidden_size;
  const bool shares = pass->keeps != KEEP_BLOCKS;
  real *stream = reals(arena, bytes, t * d);
  for (size_t l = 0; l < c->n_layers; l++) {
    LayerBuffers *b = &pass->layers[l];
    if (l == 0 || !shares) {
      lay_out_attention(b, c, t, arena, bytes);
      const bool experts = c->layers[l].has_experts;
      lay_out_mlp(b, c, shares ? has_layer(c, false) : !experts, shares ? has_layer(c, true) : experts, t, arena,
                  bytes);
    } else
      *b = pass->layers[0];
    b->resid_pre = stream;
    if (pass->keeps != KEEP_NOTHING) stream = reals(arena, bytes, t * d);
    b->resid_post = stream;
    if (!c->has[ROLE_ATTN_NORM]) b->attn_normed = b->resid_pre;
    if (!c->has[ROLE_MLP_POST_NORM]) b->mlp_raw = b->resid_post;
  }
}

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

static size_t lay_out_backward(Pass *pass, const ModelConfig *c, Arena *arena, size_t *bytes) {
  const size_t t = pass->max_rows, d = c->hidden_size;
  const bool has_post = c->has[ROLE_ATTN_POST_NORM] || c->has[ROLE_MLP_POST_NORM];
  pass->dresid = reals(arena, bytes, t * d);
  pass->dbranch =
      reals_if(has_post || c->parallel_residual || c->residual_scale != 1, pass->dresid, arena, bytes, t * d);
  pass->dnormed = reals(arena, bytes, t * d);
  pass->dqkv = reals(arena, bytes, t * config_qkv_width(c));
  pass->dz = reals(arena, bytes, t * c->n_heads * c->head_dim);
  pass->dhidden = reals(arena, bytes, t * c->intermediate_size);
  const ExpertsShape experts = block_experts_shape(c);
  size_t scratch = c->n_experts ? experts_backward_scratch(&experts, t) : 0;
  scratch = larger(scratch, attention_backward_scratch(t, pass->longest, c->n_heads, c->head_dim));
  scratch = larger(scratch, norm_backward_scratch(c->qk_norm_whole ? larger(d, c->n_heads * c->head_dim) : d));
  return larger(scratch, norm_backward_scratch(c->head_dim));
}

/* Fills pass (whose layers array exists) from the arena, or with arena NULL only counts. */
static size_t lay_out(Pass *pass, const ModelConfig *c, Arena *arena) {
  const size_t t = pass->max_rows, d = c->hidden_size, longest = pass->longest;
  const ExpertsShape experts = block_experts_shape(c);
  size_t bytes = 0, scratch = larger(attention_scratch(longest), c->n_experts ? experts_scratch(&experts, t) : 0);
  lay_out_layers(pass, c, arena, &bytes);
  pass->delta = reals_if(c->has[ROLE_ATTN_POST_NORM] || c->has[ROLE_MLP_POST_NORM], NULL, arena, &bytes, t * d);
  pass->final_normed = reals(arena, &bytes, t * d);
  pass->final_stats = reals(arena, &bytes, t * NORM_STATS);
  pass->positions = piece(arena, &bytes, t, sizeof *pass->positions);
  pass->own_rows = piece(arena, &bytes, t, sizeof *pass->own_rows);
  for (int r = 0; r < ROPE_COUNT; r++) {
    const bool by_row = rope_depends_on_length(&c->ropes[r]);
    pass->cosines[r] = reals(arena, &bytes, (by_row ? t : longest) * c->rotary_dim / 2);
    pass->sines[r] = reals(arena, &bytes, (by_row ? t : longest) * c->rotary_dim / 2);
    pass->rope_rows[r] = by_row ? pass->own_rows : pass->positions;
  }
  if (pass->keeps != KEEP_NOTHING) scratch = larger(scratch, lay_out_backward(pass, c, arena, &bytes));
  pass->scratch = reals(arena, &bytes, scratch);
  return bytes;
}

size_t pass_bytes(const ModelConfig *config, size_t max_rows, size_t longest, PassKeeps keeps) {
  Pass pass = {.max_rows = max_rows, .longest = longest, .keeps = keeps};
  pass.layers = mem_alloc(config->n_layers, sizeof *pass.layers);
  const size_t bytes = lay_out(&pass, config, NULL);
  free(pass.layers);
  return bytes;
}

static bool uses_rope(const ModelConfig *c, int rope) {
  for (size_t l = 0; l < c->n_layers; l++)
    if (c->layers[l].rope == rope) return true;
  return false;
}

Status pass_init(Pass *pass, const ModelConfig *config, size_t max_rows, size_t longest, PassKeeps keeps, Error *err) {
  *pass = (Pass){.max_rows = max_rows, .longest = longest, .keeps = keeps};
  if (config->has[ROLE_POSITIONS] && longest > config->max_positions)
    return error_set(err, STATUS_DATA, "a sequence of %zu tokens, but the model has learned %zu positions", longest,
                     config->max_positions);
  const Status status = arena_init(&pass->arena, pass_bytes(config, max_rows, longest, keeps), err);
  if (status != STATUS_OK) return status;
  pass->layers = mem_alloc(config->n_layers, sizeof *pass->layers);
  lay_out(pass, config, &pass->arena);
  for (size_t t = 0; t < max_rows; t++) pass->own_rows[t] = t;
  for (int r = 0; r < ROPE_COUNT && config->rotary_dim; r++)
    if (uses_rope(config, r) && pass->rope_rows[r] == pass->positions)
      rope_table(&config->ropes[r], 0, 0, longest, pass->cosines[r], pass->sines[r]);
  return STATUS_OK;
}

void pass_fill_ropes(Pass *pass, const ModelConfig *config, int rope, const Batch *batch) {
  if (pass->rope_rows[rope] == pass->positions || !uses_rope(config, rope)) return;
  const size_t before = batch->prefix ? batch->prefix->length : 0;
  for (size_t s = 0; s < batch->n_sequences; s++) {
    const size_t length = batch->offsets[s + 1] - batch->offsets[s], at = batch->offsets[s] * config->rotary_dim / 2;
    rope_table(&config->ropes[rope], before + length, before, length, pass->cosines[rope] + at, pass->sines[rope] + at);
  }
}

void pass_clear(Pass *pass) {
  free(pass->layers);
  arena_clear(&pass->arena);
  *pass = (Pass){0};
}
