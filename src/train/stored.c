/* Samples of a store, sorted by a hash of their tokens. */
#include "train/stored.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* FNV-1a over the ids. */
static uint64_t hash_ids(const int32_t *ids, size_t n) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < n; i++) hash = (hash ^ (uint32_t)ids[i]) * UINT64_C(0x100000001b3);
  return hash;
}

static int compare_hashes(const void *a, const void *b) {
  const StoredSample *x = a, *y = b;
  return x->hash != y->hash ? (x->hash < y->hash ? -1 : 1) : (x->sample > y->sample) - (x->sample < y->sample);
}

void stored_init(StoredSamples *stored, const StoreContents *c) {
  *stored = (StoredSamples){c, mem_alloc(c->n_samples, sizeof *stored->items)};
  for (size_t s = 0; s < c->n_samples; s++) {
    const size_t begin = (size_t)c->token_offsets[s], end = (size_t)c->token_offsets[s + 1];
    stored->items[s] = (StoredSample){.hash = hash_ids(c->token_ids + begin, end - begin), .sample = s};
  }
  for (size_t row = 0; row < c->n_rows; row++) {
    StoredSample *of = &stored->items[c->row_sample[row]];
    if (of->n_rows++ == 0) of->first_row = row;
  }
  qsort(stored->items, c->n_samples, sizeof *stored->items, compare_hashes);
}

void stored_clear(StoredSamples *stored) {
  free(stored->items);
  *stored = (StoredSamples){0};
}

/* The first item from `at` on that has the tokens. */
static const StoredSample *first_from(const StoredSamples *stored, size_t at, uint64_t hash, const Sample *sample) {
  const StoreContents *c = stored->contents;
  for (; at < c->n_samples && stored->items[at].hash == hash; at++) {
    const size_t s = stored->items[at].sample, begin = (size_t)c->token_offsets[s];
    if ((size_t)c->token_offsets[s + 1] - begin == sample->n_tokens &&
        memcmp(c->token_ids + begin, sample->ids, sample->n_tokens * sizeof *sample->ids) == 0)
      return &stored->items[at];
  }
  return NULL;
}

const StoredSample *stored_find(const StoredSamples *stored, const Sample *sample) {
  const uint64_t hash = hash_ids(sample->ids, sample->n_tokens);
  size_t low = 0, high = stored->contents->n_samples;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (stored->items[middle].hash < hash)
      low = middle + 1;
    else
      high = middle;
  }
  return first_from(stored, low, hash, sample);
}

const StoredSample *stored_next(const StoredSamples *stored, const StoredSample *at, const Sample *sample) {
  return first_from(stored, (size_t)(at - stored->items) + 1, at->hash, sample);
}
