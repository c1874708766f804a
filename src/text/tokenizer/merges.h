/* Merge rules: which two neighbouring tokens become one, and which rule goes first. */
#ifndef FATHOM_TEXT_TOKENIZER_MERGES_H
#define FATHOM_TEXT_TOKENIZER_MERGES_H

#include "text/tokenizer/vocabulary.h"

typedef struct Merge {
  int32_t left, right, id; /* id = the token of both texts together */
} Merge;

typedef struct MergeSlot {
  uint64_t pair; /* left << 32 | right */
  uint32_t rank; /* 0 goes first */
  int32_t id;    /* -1: the slot is free */
} MergeSlot;

typedef struct Merges {
  Merge *items; /* [count], by rank */
  size_t count, room;
  MergeSlot *slots; /* open addressing over the pairs */
  size_t mask;
} Merges;

void merges_clear(Merges *merges); /* all zeros is fine */

/* Appends the next rule. Both parts and what they make must be tokens (STATUS_DATA otherwise). Special and added tokens
 * that a rule names become pieces, which is what they are in HF's vocabulary. */
Status merges_add(Merges *merges, Vocabulary *v, const char *left, size_t left_size, const char *right,
                  size_t right_size, Error *err);

/* After the last merges_add. One pair twice is STATUS_DATA. */
Status merges_index(Merges *merges, Error *err);

/* NULL where the two do not merge. */
static inline const MergeSlot *merges_find(const Merges *merges, int32_t left, int32_t right) {
  const uint64_t pair = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
  size_t slot = (size_t)(pair * 0x9e3779b97f4a7c15u >> 20) & merges->mask;
  for (; merges->slots[slot].id >= 0; slot = (slot + 1) & merges->mask)
    if (merges->slots[slot].pair == pair) return &merges->slots[slot];
  return NULL;
}

/* The rules that a SentencePiece vocabulary implies: every way to make a NORMAL token of two others, best score first;
 * among equal scores longer left parts first, as transformers' conversion orders them. scores: [count of v]. */
void merges_from_scores(Merges *merges, const Vocabulary *v, const float *scores);

#endif
