/* Merge rules and their hash. */
#include "text/tokenizer/merges.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

void merges_clear(Merges *merges) {
  free(merges->items);
  free(merges->slots);
  *merges = (Merges){0};
}

static void append(Merges *merges, Merge merge) {
  if (merges->count == merges->room) {
    merges->room = 2 * merges->room + 1024;
    merges->items = mem_resize(merges->items, merges->room, sizeof *merges->items);
  }
  merges->items[merges->count++] = merge;
}

typedef struct Part {
  const char *text;
  size_t size;
} Part;

Status merges_add(Merges *merges, Vocabulary *v, const char *left, size_t left_size, const char *right,
                  size_t right_size, Error *err) {
  enum { ON_STACK = 256 };
  char small[ON_STACK], *whole = small;
  if (left_size > TOKEN_MAX_BYTES || right_size > TOKEN_MAX_BYTES)
    return error_set(err, STATUS_DATA, "a merge of more than %d bytes", TOKEN_MAX_BYTES);
  if (left_size + right_size > ON_STACK) whole = mem_alloc(left_size + right_size, 1);
  if (left_size) memcpy(whole, left, left_size);
  if (right_size) memcpy(whole + left_size, right, right_size);
  const Part parts[] = {{left, left_size}, {right, right_size}, {whole, left_size + right_size}};
  int32_t ids[3];
  Status status = STATUS_OK;
  for (size_t i = 0; i < 3 && status == STATUS_OK; i++) {
    ids[i] = vocabulary_find(v, parts[i].text, parts[i].size);
    if (ids[i] >= 0) continue;
    ids[i] = vocabulary_find_other(v, parts[i].text, parts[i].size);
    if (ids[i] >= 0)
      vocabulary_make_piece(v, ids[i]);
    else
      status = error_set(err, STATUS_DATA, "a merge names \"%.*s\", which is not in the vocabulary",
                         parts[i].size < 100 ? (int)parts[i].size : 100, parts[i].text);
  }
  if (status == STATUS_OK) append(merges, (Merge){ids[0], ids[1], ids[2]});
  if (whole != small) free(whole);
  return status;
}

Status merges_index(Merges *merges, Error *err) {
  size_t n_slots = 16;
  while (n_slots < 2 * merges->count) n_slots *= 2;
  free(merges->slots);
  merges->slots = mem_resize(NULL, n_slots, sizeof *merges->slots);
  merges->mask = n_slots - 1;
  for (size_t i = 0; i < n_slots; i++) merges->slots[i].id = -1;
  for (size_t rank = 0; rank < merges->count; rank++) {
    const Merge *m = &merges->items[rank];
    const MergeSlot *same = merges_find(merges, m->left, m->right);
    if (same)
      return error_set(err, STATUS_DATA, "merges %u and %zu are the same pair of tokens, %d and %d", same->rank, rank,
                       m->left, m->right);
    const uint64_t pair = (uint64_t)(uint32_t)m->left << 32 | (uint32_t)m->right;
    size_t slot = (size_t)(pair * 0x9e3779b97f4a7c15u >> 20) & merges->mask;
    while (merges->slots[slot].id >= 0) slot = (slot + 1) & merges->mask;
    merges->slots[slot] = (MergeSlot){pair, (uint32_t)rank, m->id};
  }
  return STATUS_OK;
}

typedef struct Scored {
  Merge merge;
  float score;
  uint32_t left_size;
} Scored;

static int by_score(const void *a, const void *b) {
  const Scored *x = a, *y = b;
  if (x->score != y->score) return x->score > y->score ? -1 : 1;
  if (x->merge.id != y->merge.id) return x->merge.id < y->merge.id ? -1 : 1;
  return (x->left_size < y->left_size) - (x->left_size > y->left_size);
}

void merges_from_scores(Merges *merges, const Vocabulary *v, const float *scores) {
  Scored *found = NULL;
  size_t n = 0, room = 0;
  for (size_t id = 0; id < v->count; id++) {
    if (vocabulary_kind(v, (int32_t)id) != TOKEN_NORMAL) continue;
    const char *text = vocabulary_text(v, (int32_t)id);
    const size_t size = vocabulary_size(v, (int32_t)id);
    for (size_t cut = 1; cut < size; cut++) {
      if ((text[cut] & 0xc0) == 0x80) continue; /* inside a character */
      const int32_t left = vocabulary_find(v, text, cut), right = vocabulary_find(v, text + cut, size - cut);
      if (left < 0 || right < 0) continue;
      if (n == room) found = mem_resize(found, room = 2 * room + 4096, sizeof *found);
      found[n++] = (Scored){{left, right, (int32_t)id}, scores[id], (uint32_t)cut};
    }
  }
  if (n) qsort(found, n, sizeof *found, by_score);
  for (size_t i = 0; i < n; i++) append(merges, found[i].merge);
  free(found);
}
