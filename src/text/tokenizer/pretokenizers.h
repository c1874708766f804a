/* What GGUF files only name: the pre-tokenizers of byte-level vocabularies (tokenizer.ggml.pre), and models whose
 * special tokens swallow the white space behind them. */
#ifndef FATHOM_TEXT_TOKENIZER_PRETOKENIZERS_H
#define FATHOM_TEXT_TOKENIZER_PRETOKENIZERS_H

#include "text/tokenizer/normalize.h"
#include "text/tokenizer/pretokenize.h"
#include "text/tokenizer/vocabulary.h"

/* GPT-2's pattern (its encoder.py), any number character, and HF's Punctuation and Whitespace (whose \w is that of UTS
 * #18, with the joiners and without numbers that are no digits). */
#define PATTERN_GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define PATTERN_NUMBER "\\p{N}"
#define PATTERN_PUNCTUATION "[\\p{P}!-/:-@\\[-`{-~]"

#define PATTERN_WORD                                                                                                   \
  "\\p{L}\\p{M}\\p{Nl}\\p{Nd}\\p{Pc}\\x{24b6}-\\x{24e9}\\x{1f130}-\\x{1f149}\\x{1f150}-\\x{1f169}\\x{1f170}-"          \
  "\\x{1f189}\\x{200c}\\x{200d}"
#define PATTERN_WORDS "[" PATTERN_WORD "]+|[^\\s" PATTERN_WORD "]+"

enum { ROW_STEPS = 6 };

typedef struct PretokenizerRow {
  const char *names;           /* with a blank between them */
  const char *cuts[ROW_STEPS]; /* patterns whose matches are pieces, and AS_BYTES; NULL ends */
  bool nfc;                    /* text is put into normal form C first */
  bool whole_first;            /* a piece that is a token needs no merging */
  bool adds_bos;               /* where the file does not say */
} PretokenizerRow;

/* NULL for a name that is not in the table. */
const PretokenizerRow *pretokenizer_row(const char *name, size_t size);
/* All names, for messages; freed by the caller. */
char *pretokenizer_names(void);

/* Adds the row's steps to both. */
Status pretokenizer_apply(const PretokenizerRow *row, Normalizer *normalizer, Pretokenizer *p, Error *err);

/* The first name of the first row that cuts alike; NULL where there is none. Freed by the caller. */
char *pretokenizer_name(const Pretokenizer *p);

/* True where the token of a file with this general.name swallows the white space behind it. */
bool token_strips_right(const char *model, size_t model_size, const char *token, size_t token_size, TokenKind kind);

#endif
