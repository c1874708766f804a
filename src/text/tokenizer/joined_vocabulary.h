/* The tokens that two tokenizers share, by the bytes they stand for: what next-token distributions of two models can be
 * compared on. */
#ifndef FATHOM_TEXT_TOKENIZER_JOINED_VOCABULARY_H
#define FATHOM_TEXT_TOKENIZER_JOINED_VOCABULARY_H

#include "text/tokenizer/tokenizer.h"

typedef struct JoinedVocabulary {
  size_t n;             /* strings that both have, in the order of the first tokenizer's ids */
  char **strings;       /* [n], NUL-terminated */
  size_t *sizes;        /* [n], bytes */
  int32_t *of_token[2]; /* [tokenizer_vocab_size of each]: the string of each id, or -1 */
  size_t n_tokens[2];   /* tokens of each that stand for a shared string */
} JoinedVocabulary;

/* Bytes are compared as they stand inside a text: a byte token is its byte, and blanks count; with ignore_blanks those
 * in front do not, unless the token is nothing else. A special token is the same only as a special token of that name,
 * never as text that spells it. */
void vocabulary_join(const Tokenizer *first, const Tokenizer *second, bool ignore_blanks, JoinedVocabulary *joined);
void joined_vocabulary_clear(JoinedVocabulary *joined); /* all zeros is fine */

#endif
