/* Finding special and added tokens in a text, before it is cut and merged. */
#ifndef FATHOM_TEXT_TOKENIZER_SPECIAL_H
#define FATHOM_TEXT_TOKENIZER_SPECIAL_H

#include "text/tokenizer/normalize.h"
#include "text/tokenizer/vocabulary.h"

typedef struct Special {
  size_t begin; /* of what is looked for, in Specials.bytes */
  size_t size;
  int32_t id;
} Special;

typedef struct Specials {
  Special *items; /* [count], sorted by text */
  size_t count;
  ByteRun bytes;
  size_t first[257];   /* items[first[b] .. first[b + 1]) begin with byte b */
  bool any, any_added; /* whether there is one at all, and one that is found without asking */
} Specials;

typedef struct SpecialMatch {
  size_t begin, end; /* in the text, swallowed white space included */
  int32_t id;
} SpecialMatch;

/* The tokens that are looked for in the text as it is; with a normalizer, those that are looked for behind it
 * (TOKEN_NORMALIZED), their own texts normalised. */
Status specials_init(Specials *specials, const Vocabulary *v, const Normalizer *normalizer, Error *err);
void specials_clear(Specials *specials);

/* The first token at or behind `from`, the longest where several begin there (HF's rule); ADDED tokens always, SPECIAL
 * ones with parse_special. false where there is none. */
bool specials_find(const Specials *specials, const Vocabulary *v, const char *text, size_t size, size_t from,
                   bool parse_special, SpecialMatch *match);

#endif
