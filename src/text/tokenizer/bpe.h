/* Byte pair encoding of one piece of text: the best merge anywhere goes first, among equals the leftmost. */
#ifndef FATHOM_TEXT_TOKENIZER_BPE_H
#define FATHOM_TEXT_TOKENIZER_BPE_H

#include "text/tokenizer/merges.h"
#include "text/tokenizer/vocabulary.h"

typedef struct Bpe {
  const Vocabulary *vocabulary;
  const Merges *merges; /* NULL: two tokens merge where their text is a token, the best score first (SentencePiece) */
  const float *scores;  /* [count]; used without merges */
  bool by_characters;   /* start from UTF-8 characters, unknown ones from BYTE tokens; else from bytes */
  bool whole_first;     /* a piece that is a token is that token, whatever the merges say */
} Bpe;

/* Scratch and a cache of short pieces, for one thread and one Bpe. */
typedef struct BpeWork BpeWork;

BpeWork *bpe_work_new(void);
void bpe_work_free(BpeWork *work); /* NULL is fine */

/* One element of the result: an id, or -n for n bytes that no token covers. */
typedef struct BpeResult {
  const int32_t *items;
  size_t count;
} BpeResult;

/* Valid until the next call with this work. O(n log n) in the size of the piece, which must be below 2^31. */
BpeResult bpe_encode(const Bpe *bpe, BpeWork *work, const char *piece, size_t size);

#endif
