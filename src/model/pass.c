/* Laying out a pass: the same walk counts the bytes and hands out the pieces. */
#include "model/pass.h"

#include "num/attention.h"
#include "num/norm.h"
#include "num/rope.h"

#include <stdlib.h>

/* A piece of the arena, or only its size. */
static void *piece(Arena *arena, size_t *bytes, size_t count, size_t size) {
  *bytes += arena_need(count * size);
  return arena ? arena_take(arena, count * size) : NULL;
}

static real *reals(Arena *arena, size_t *bytes, size_t count) { return piece(arena, bytes, count, sizeof(real)); }

static void lay_out_layer(LayerBuffers *b, const ModelConfig *c, size_t t, Arena *arena, size_t *bytes) {
  const size_t d = c->hidden_size, heads = c->n_heads * c->head_dim;
  b->attn_normed = reals(arena, bytes, t * d);
  b->attn_stats = reals(arena, bytes, t * NORM_STATS);
  b->qkv = reals(arena, bytes, t * (c->n_heads + 2 * c->n_kv_heads) * c->head_dim);
  b->lse = reals(arena, bytes, t * c->n_heads);
  b->z = reals(arena, bytes, t * heads);
  b->resid_mid = reals(arena, bytes, t * d);
  b->mlp_normed = reals(arena, bytes, t * d);
  b->mlp_stats = reals(arena, bytes, t * NORM_STATS);
  b->gate_up = reals(arena, bytes, t * 2 * c->intermediate_size);
  b->hidden = reals(arena, bytes, t * c->intermediate_size);
}

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

/* Fills pass (whose layers array exists) from the arena, or with arena NULL only counts. */
static size_t lay_out(Pass *pass, const ModelConfig *c, Arena *arena) {
  const size_t t = pass->max_rows, d = c->hidden_size, longest = pass->longest;
  size_t bytes = 0, scratch = attention_scratch(longest);
  real *stream = reals(arena, &bytes, t * d);
  for (size_t l = 0; l < c->n_layers; l++) {
    LayerBuffers *b = &pass->layers[l];
    if (l == 0 || pass->keeps)
      lay_out_layer(b, c, t, arena, &bytes);
    else
      *b = pass->layers[0];
    b->resid_pre = stream;
    if (pass->keeps) stream = reals(arena, &bytes, t * d);
    b->resid_post = stream;
  }
  pass->final_normed = reals(arena, &bytes, t * d);
  pass->final_stats = reals(arena, &bytes, t * NORM_STATS);
  pass->cosines = reals(arena, &bytes, longest * c->head_dim / 2);
  pass->sines = reals(arena, &bytes, longest * c->head_dim / 2);
  pass->positions = piece(arena, &bytes, t, sizeof *pass->positions);
  if (pass->keeps) {
    pass->dresid = reals(arena, &bytes, t * d);
    pass->dnormed = reals(arena, &bytes, t * d);
    pass->dqkv = reals(arena, &bytes, t * (c->n_heads + 2 * c->n_kv_heads) * c->head_dim);
    pass->dz = reals(arena, &bytes, t * c->n_heads * c->head_dim);
    pass->dhidden = reals(arena, &bytes, t * c->intermediate_size);
    scratch = larger(scratch, attention_backward_scratch(t, longest, c->n_heads, c->head_dim));
    scratch = larger(scratch, norm_backward_scratch(d));
  }
  pass->scratch = reals(arena, &bytes, scratch);
  return bytes;
}

size_t pass_bytes(const ModelConfig *config, size_t max_rows, size_t longest, bool keeps) {
  Pass pass = {.max_rows = max_rows, .longest = longest, .keeps = keeps};
  pass.layers = mem_alloc(config->n_layers, sizeof *pass.layers);
  const size_t bytes = lay_out(&pass, config, NULL);
  free(pass.layers);
  return bytes;
}

Status pass_init(Pass *pass, const ModelConfig *config, size_t max_rows, size_t longest, bool keeps, Error *err) {
  *pass = (Pass){.max_rows = max_rows, .longest = longest, .keeps = keeps};
  const Status status = arena_init(&pass->arena, pass_bytes(config, max_rows, longest, keeps), err);
  if (status != STATUS_OK) return status;
  pass->layers = mem_alloc(config->n_layers, sizeof *pass->layers);
  lay_out(pass, config, &pass->arena);
  const Rope rope = {.rotary_dim = config->head_dim, .theta = config->rope_theta};
  rope_table(&rope, longest, longest, pass->cosines, pass->sines);
  return STATUS_OK;
}

void pass_clear(Pass *pass) {
  free(pass->layers);
  arena_clear(&pass->arena);
  *pass = (Pass){0};
}
