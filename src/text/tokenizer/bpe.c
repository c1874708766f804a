/* Byte pair encoding with a heap of candidate merges over a linked list of symbols. */
#include "text/tokenizer/bpe.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef struct Symbol {
  uint32_t begin, size; /* in the piece; size 0: merged into its left neighbour */
  int32_t id;           /* -1: no token */
  int32_t previous, next;
} Symbol;

/* Two neighbours that may merge. It is stale where their sizes no longer add up: both only ever grow or vanish. */
typedef struct Candidate {
  uint64_t order; /* cost << 32 | index of the left symbol: the smallest goes first */
  uint32_t size;  /* of both symbols together */
  int32_t right, id;
} Candidate;

enum { CACHE_TEXT = 34, CACHE_IDS = 7, CACHE_SLOTS = 8192 };

typedef struct CacheSlot { /* 64 bytes */
  uint8_t size, count;     /* size 0: empty */
  char text[CACHE_TEXT];
  int32_t items[CACHE_IDS];
} CacheSlot;

struct BpeWork {
  Symbol *symbols;
  size_t symbols_room;
  Candidate *heap;
  size_t heap_count, heap_room;
  int32_t *items;
  size_t count, room;
  CacheSlot *cache; /* [CACHE_SLOTS] */
};

BpeWork *bpe_work_new(void) {
  BpeWork *work = mem_alloc(1, sizeof *work);
  work->cache = mem_alloc(CACHE_SLOTS, sizeof *work->cache);
  return work;
}

void bpe_work_free(BpeWork *work) {
  if (!work) return;
  free(work->symbols);
  free(work->heap);
  free(work->items);
  free(work->cache);
  free(work);
}

static void heap_push(BpeWork *work, Candidate c) {
  if (work->heap_count == work->heap_room)
    work->heap = mem_resize(work->heap, work->heap_room = 2 * work->heap_room + 64, sizeof *work->heap);
  size_t at = work->heap_count++;
  for (; at > 0; at = (at - 1) / 2) {
    const size_t parent = (at - 1) / 2;
    if (work->heap[parent].order <= c.order) break;
    work->heap[at] = work->heap[parent];
  }
  work->heap[at] = c;
}

static Candidate heap_pop(BpeWork *work) {
  Candidate *heap = work->heap;
  const Candidate top = heap[0], last = heap[--work->heap_count];
  const size_t n = work->heap_count;
  size_t at = 0;
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= n) break;
    if (child + 1 < n && heap[child + 1].order < heap[child].order) child++;
    if (last.order <= heap[child].order) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = last;
  return top;
}

/* Scores as costs: an unsigned number that falls as the score rises. */
static uint32_t cost_of_score(float score) {
  uint32_t bits;
  score += 0.0f; /* -0 and 0 are one score */
  memcpy(&bits, &score, sizeof bits);
  return bits & 0x80000000u ? bits : 0x7fffffffu - bits;
}

static void consider(const Bpe *bpe, BpeWork *work, const char *piece, int32_t left, int32_t right) {
  if (left < 0 || right < 0) return;
  const Symbol *a = &work->symbols[left], *b = &work->symbols[right];
  const uint32_t size = a->size + b->size;
  uint32_t cost;
  int32_t id;
  if (bpe->merges) {
    if (a->id < 0 || b->id < 0) return;
    const MergeSlot *found = merges_find(bpe->merges, a->id, b->id);
    if (!found) return;
    cost = found->rank;
    id = found->id;
  } else {
    id = vocabulary_find(bpe->vocabulary, piece + a->begin, size);
    if (id < 0) return;
    cost = cost_of_score(bpe->scores[id]);
  }
  heap_push(work, (Candidate){(uint64_t)cost << 32 | (uint32_t)left, size, right, id});
}

/* The piece as single bytes or characters; a byte that is no UTF-8 is a character of its own. */
static size_t begin_symbols(const Bpe *bpe, BpeWork *work, const char *piece, size_t size) {
  if (size > work->symbols_room) {
    free(work->symbols);
    work->symbols_room = size + size / 2;
    work->symbols = mem_resize(NULL, work->symbols_room, sizeof *work->symbols);
  }
  size_t n = 0;
  for (size_t at = 0; at < size; n++) {
    uint32_t code;
    const size_t length = bpe->by_characters ? utf8_decode(piece + at, size - at, &code) : 1;
    const size_t step = length ? length : 1;
    work->symbols[n] = (Symbol){(uint32_t)at, (uint32_t)step, vocabulary_find(bpe->vocabulary, piece + at, step),
                                (int32_t)n - 1, (int32_t)n + 1};
    at += step;
  }
  work->symbols[n - 1].next = -1;
  return n;
}

static void emit(BpeWork *work, int32_t item) {
  if (work->count == work->room)
    work->items = mem_resize(work->items, work->room = 2 * work->room + 64, sizeof *work->items);
  work->items[work->count++] = item;
}

/* A character without a token: its bytes' tokens where all of them exist. */
static void emit_unknown(const Bpe *bpe, BpeWork *work, const char *bytes, size_t size) {
  bool all = bpe->by_characters;
  for (size_t i = 0; i < size && all; i++) all = bpe->vocabulary->byte_ids[(uint8_t)bytes[i]] >= 0;
  if (!all) {
    emit(work, -(int32_t)size);
    return;
  }
  for (size_t i = 0; i < size; i++) emit(work, bpe->vocabulary->byte_ids[(uint8_t)bytes[i]]);
}

static void merge_piece(const Bpe *bpe, BpeWork *work, const char *piece, size_t size) {
  const size_t n = begin_symbols(bpe, work, piece, size);
  Symbol *symbols = work->symbols;
  work->heap_count = 0;
  for (size_t i = 0; i + 1 < n; i++) consider(bpe, work, piece, (int32_t)i, (int32_t)i + 1);
  while (work->heap_count > 0) {
    const Candidate c = heap_pop(work);
    const int32_t left = (int32_t)(uint32_t)c.order;
    Symbol *a = &symbols[left], *b = &symbols[c.right];
    if (a->size == 0 || b->size == 0 || a->size + b->size != c.size) continue;
    a->size = c.size;
    a->id = c.id;
    a->next = b->next;
    b->size = 0;
    if (a->next >= 0) symbols[a->next].previous = left;
    consider(bpe, work, piece, a->previous, left);
    consider(bpe, work, piece, left, a->next);
  }
  for (int32_t i = 0; i >= 0; i = symbols[i].next) {
    if (symbols[i].id >= 0)
      emit(work, symbols[i].id);
    else
      emit_unknown(bpe, work, piece + symbols[i].begin, symbols[i].size);
  }
}

BpeResult bpe_encode(const Bpe *bpe, BpeWork *work, const char *piece, size_t size) {
  assert(size <= INT32_MAX);
  if (size == 0) return (BpeResult){NULL, 0};
  CacheSlot *slot = NULL;
  if (size <= CACHE_TEXT) {
    slot = &work->cache[bytes_hash(piece, size) % CACHE_SLOTS];
    if (slot->size == size && memcmp(slot->text, piece, size) == 0) return (BpeResult){slot->items, slot->count};
  }
  work->count = 0;
  const int32_t whole = bpe->whole_first ? vocabulary_find(bpe->vocabulary, piece, size) : -1;
  if (whole >= 0)
    emit(work, whole);
  else
    merge_piece(bpe, work, piece, size);
  if (slot && work->count <= CACHE_IDS) {
    slot->size = (uint8_t)size;
    slot->count = (uint8_t)work->count;
    memcpy(slot->text, piece, size);
    memcpy(slot->items, work->items, work->count * sizeof *work->items);
  }
  return (BpeResult){work->items, work->count};
}
