/* Keeping a prompt's keys and values, and running continuations in batches. The pass itself is forward.c's. */
#include "model/prefix.h"

#include "model/forward.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

Status prefix_init(Prefix *prefix, const Model *model, const int32_t *ids, size_t length, Error *err) {
  const ModelConfig *c = &model->config;
  assert(length > 0);
  *prefix = (Prefix){.length = length, .kv_width = c->n_kv_heads * c->head_dim};
  const size_t bytes = c->n_layers * length * prefix->kv_width * sizeof(real), d = c->hidden_size;
  Pass pass = {0};
  Status status = pass_init(&pass, c, length, length, KEEP_NOTHING, err);
  if (status == STATUS_OK)
    status = arena_init(&prefix->arena, 2 * arena_need(bytes) + arena_need(d * sizeof(real)), err);
  if (status == STATUS_OK) {
    prefix->keys = arena_take(&prefix->arena, bytes);
    prefix->values = arena_take(&prefix->arena, bytes);
    prefix->hidden = arena_take(&prefix->arena, d * sizeof(real));
    const size_t offsets[] = {0, length};
    model_forward_keep(model, &(Batch){.n_sequences = 1, .offsets = offsets, .ids = ids}, &pass, prefix);
    memcpy(prefix->hidden, pass.final_normed + (length - 1) * d, d * sizeof(real));
  }
  pass_clear(&pass);
  if (status != STATUS_OK) prefix_clear(prefix);
  return status;
}

void prefix_clear(Prefix *prefix) {
  arena_clear(&prefix->arena);
  *prefix = (Prefix){0};
}

AttentionPrefix prefix_attention(const Prefix *prefix, size_t layer) {
  const size_t at = layer * prefix->length * prefix->kv_width;
  return (AttentionPrefix){prefix->length, prefix->kv_width, prefix->keys + at, prefix->values + at};
}

void prefix_keep(Prefix *prefix, size_t layer, const real *k, const real *v, size_t stride) {
  const size_t width = prefix->kv_width, at = layer * prefix->length * width;
  for (size_t t = 0; t < prefix->length; t++) {
    memcpy(prefix->keys + at + t * width, k + t * stride, width * sizeof *k);
    memcpy(prefix->values + at + t * width, v + t * stride, width * sizeof *v);
  }
}

bool prefix_fits(const ModelConfig *c, size_t length, size_t longest) {
  for (size_t l = 0; l < c->n_layers; l++)
    if (c->layers[l].rope != ROPE_NONE && !rope_lengths_agree(&c->ropes[c->layers[l].rope], length, longest))
      return false;
  return true;
}

/* How many sequences from `first` on make the next batch. */
static size_t count_next(const Batch *all, size_t first, size_t batch_tokens) {
  size_t n = 1;
  while (first + n < all->n_sequences && all->offsets[first + n + 1] - all->offsets[first] <= batch_tokens) n++;
  return n;
}

/* Rows of the largest batch and of the longest sequence, and sequences of the fullest batch. */
typedef struct Extent {
  size_t rows, longest, sequences;
} Extent;

static Extent measure(const Batch *all, size_t batch_tokens) {
  Extent extent = {0};
  for (size_t first = 0, n; first < all->n_sequences; first += n) {
    n = count_next(all, first, batch_tokens);
    const size_t rows = all->offsets[first + n] - all->offsets[first];
    if (rows > extent.rows) extent.rows = rows;
    if (n > extent.sequences) extent.sequences = n;
    for (size_t s = first; s < first + n; s++)
      if (all->offsets[s + 1] - all->offsets[s] > extent.longest) extent.longest = all->offsets[s + 1] - all->offsets[s];
  }
  return extent;
}

Status prefix_run_tapped(const Model *model, const Prefix *prefix, const Batch *all, size_t batch_tokens,
                         PrefixTake *begin, const Tap *tap, PrefixTake *take, void *context, Error *err) {
  if (all->n_sequences == 0) return STATUS_OK;
  const Extent extent = measure(all, batch_tokens);
  const size_t length = prefix ? prefix->length : 0, longest = length + extent.longest;
  size_t *offsets = mem_alloc(extent.sequences + 1, sizeof *offsets);
  Pass pass = {0};
  Status status = STATUS_OK;
  if (prefix && !prefix_fits(&model->config, length, longest))
    status = error_set(err, STATUS_DATA,
                       "texts of %zu tokens that begin with the same %zu: the model's rotary positions change with the "
                       "length of a text, so that the beginning cannot be shared",
                       longest, length);
  if (status == STATUS_OK) status = pass_init(&pass, &model->config, extent.rows, longest, KEEP_NOTHING, err);
  for (size_t first = 0, n; first < all->n_sequences && status == STATUS_OK; first += n) {
    n = count_next(all, first, batch_tokens);
    for (size_t i = 0; i <= n; i++) offsets[i] = all->offsets[first + i] - all->offsets[first];
    const Batch batch = {.n_sequences = n, .offsets = offsets, .ids = all->ids + all->offsets[first], .prefix = prefix};
    if (begin) status = begin(context, first, &batch, &pass, err);
    if (status == STATUS_OK) model_forward(model, &batch, &pass, tap);
    if (status == STATUS_OK && take) status = take(context, first, &batch, &pass, err);
  }
  pass_clear(&pass);
  free(offsets);
  return status;
}

Status prefix_run(const Model *model, const Prefix *prefix, const Batch *all, size_t batch_tokens, PrefixTake *take,
                  void *context, Error *err) {
  return prefix_run_tapped(model, prefix, all, batch_tokens, NULL, NULL, take, context, err);
}
