/* A tokenizer made of a text: its most frequent words are tokens, everything else is spelt in bytes. */
#ifndef FATHOM_TEXT_TOKENIZER_WORDS_H
#define FATHOM_TEXT_TOKENIZER_WORDS_H

#include "text/tokenizer/tokenizer.h"

/* The fewest tokens there can be: the special ones and 256 bytes. */
enum { WORDS_SPECIAL = 2, WORDS_FEWEST = WORDS_SPECIAL + 256 };

typedef struct WordCounts {
  size_t pieces, whole; /* pieces of the texts, and those of them that are one token */
} WordCounts;

/* Of at most `most` tokens (WORDS_FEWEST or more): "<|end|>" (0), which ends a text and is what texts spell it as, "<|pad|>"
 * (1), the bytes, then the most frequent pieces that GPT-2's pattern cuts the texts into (a word with the blank before it,
 * a run of digits, of signs or of blanks) of those that come twice or more; among equally frequent ones the first in the
 * order of bytes. A kind of our own, in the terms of byte-level BPE: no merges, and "ignore_merges" makes a piece that is
 * a token that token, so that Hugging Face's tokenizers reads it to the same ids. Turns of a chat become one line each. */
Status tokenizer_from_texts(const char *const *texts, const size_t *sizes, size_t n, size_t most, Tokenizer **out,
                            WordCounts *counts, Error *err);

#endif
