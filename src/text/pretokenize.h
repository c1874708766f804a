/* Cutting text into the pieces that are merged on their own: a list of patterns, each applied to the pieces of the one
 * before. The only user of PCRE2. */
#ifndef FATHOM_TEXT_PRETOKENIZE_H
#define FATHOM_TEXT_PRETOKENIZE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { PRETOKENIZER_STEPS = 8 };

/* GPT-2's pattern (its encoder.py), and any number character (HF's Digits: ½ and Ⅷ are numbers too). */
#define PATTERN_GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define PATTERN_NUMBER "\\p{N}"

typedef struct Pretokenizer Pretokenizer;

/* A pre-tokenizer that GGUF files name in tokenizer.ggml.pre. */
typedef struct PretokenizerRow {
  const char *name;
  const char *patterns[PRETOKENIZER_STEPS]; /* NULL ends */
  bool whole_first;                         /* a piece that is a token needs no merging */
  bool adds_bos;                            /* where the file does not say */
} PretokenizerRow;

/* NULL for a name that is not in the table. */
const PretokenizerRow *pretokenizer_row(const char *name, size_t size);
/* The names in the table, for messages: "gpt-2, smollm"; freed by the caller. */
char *pretokenizer_names(void);

Pretokenizer *pretokenizer_new(void); /* no step: text stays whole */
void pretokenizer_free(Pretokenizer *p);

/* Adds a step. Every match of the pattern is a piece, and so is every gap between matches; with drop_gaps only the
 * matches are. STATUS_DATA for a pattern that does not compile or one too many. White space (\s) is Unicode's
 * White_Space property, as in the regex engine of HF tokenizers. */
Status pretokenizer_add(Pretokenizer *p, const char *pattern, bool drop_gaps, Error *err);

size_t pretokenizer_count(const Pretokenizer *p);
const char *pretokenizer_pattern(const Pretokenizer *p, size_t step);
bool pretokenizer_drops_gaps(const Pretokenizer *p, size_t step);
/* The row with these very steps, or NULL. */
const PretokenizerRow *pretokenizer_same_row(const Pretokenizer *p);

/* Scratch for one thread. */
typedef struct PretokenizerWork PretokenizerWork;
PretokenizerWork *pretokenizer_work_new(const Pretokenizer *p);
void pretokenizer_work_free(PretokenizerWork *work); /* NULL is fine */

/* Hands the pieces of valid UTF-8 to sink in order. A pattern that needs more steps than any sane one is STATUS_DATA.
 */
typedef Status (*PieceSink)(void *context, const char *piece, size_t size, Error *err);
Status pretokenizer_split(const Pretokenizer *p, PretokenizerWork *work, const char *text, size_t size, PieceSink sink,
                          void *context, Error *err);

#endif
