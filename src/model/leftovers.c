/* Accounting for every tensor of a model's files. */
#include "model/leftovers.h"

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "model/tensor_layout.h"

#include <stdlib.h>
#include <string.h>

/* Buffers that transformers once saved beside the weights, and tables that GGUF files have for rotary positions. */
static const char *const harmless_ends[] = {
    ".attn.bias",           ".attn.masked_bias", ".attention.bias",           ".attention.masked_bias",
    ".rotary_emb.inv_freq", "rope_freqs.weight", "rope_factors_short.weight", "rope_factors_long.weight"};

static const char *const harmless_parts[] = {"vision_tower.", "multi_modal_projector."};

static bool is_harmless(const char *name) {
  for (size_t i = 0; i < sizeof harmless_ends / sizeof harmless_ends[0]; i++)
    if (file_has_suffix(name, harmless_ends[i])) return true;
  for (size_t i = 0; i < sizeof harmless_parts / sizeof harmless_parts[0]; i++)
    if (strstr(name, harmless_parts[i])) return true;
  return false;
}

static void mark(const Weights *weights, const Tensor *tensor, bool *used) {
  if (tensor) used[tensor - weights_at(weights, 0)] = true;
}

/* The base's own tensors, also those that an adapter replaces. */
static void mark_all(const ModelConfig *c, const ParameterTable *t, const Source *source, bool *used) {
  const Weights *weights = source_weights(source);
  const Parameter lm_head = {.role = ROLE_LM_HEAD};
  TensorPlace place;
  for (size_t i = 0; i < t->count; i++)
    if (t->items[i].role != ROLE_SCORE) mark(weights, parameters_find(c, &t->items[i], source, NULL, &place), used);
  if (tensor_place(c, &lm_head, source_gguf(source) != NULL, &place)) /* where tied, a copy of the embedding */
    mark(weights, tensor_find(c, &lm_head, source, place.name), used);
}

/* Also of the base's head of that name, where an adapter brings one. */
static bool is_of_head(const HeadTensors *head, const char *name) {
  const size_t size = strlen(head->prefix);
  return head->n && strncmp(name, head->prefix, size) == 0 && name[size] == '.';
}

Status leftovers_check(const ModelConfig *c, const ParameterTable *t, const Source *source, const HeadTensors *head,
                       bool strict, Error *err) {
  const Weights *weights = source_weights(source);
  const size_t n = weights_count(weights);
  bool *used = mem_alloc(n, sizeof *used);
  const char *first = NULL;
  size_t n_left = 0;
  mark_all(c, t, source, used);
  for (size_t i = 0; i < n; i++) {
    const char *name = weights_at(weights, i)->name;
    if (used[i] || is_of_head(head, name) || is_harmless(name)) continue;
    if (!first) first = name;
    n_left++;
  }
  for (size_t i = 0; i < weights_skipped_count(weights); i++) {
    const char *name = weights_skipped_at(weights, i)->name;
    if (is_harmless(name)) continue;
    if (!first) first = name;
    n_left++;
  }
  free(used);
  if (!first) return STATUS_OK;
  if (strict)
    return error_set(err, STATUS_DATA, "%s: tensor %s is no part of this model (%zu such)", source_path(source), first,
                     n_left);
  log_warn("%s: tensor %s is no part of this model, %zu such are left out of account (--strict refuses them)",
           source_path(source), first, n_left);
  return STATUS_OK;
}
