/* Cutting text into the pieces that are merged on their own: a list of cuts, each applied to the pieces of the one
 * before. The names of pre-tokenizers in GGUF files are pretokenizers.h. */
#ifndef FATHOM_TEXT_TOKENIZER_PRETOKENIZE_H
#define FATHOM_TEXT_TOKENIZER_PRETOKENIZE_H

#include "base/error.h"
#include "text/tokenizer/unicode.h"

#include <stdbool.h>
#include <stddef.h>

enum { PRETOKENIZER_CUTS = 12 };

/* What becomes of the matches of a pattern and the gaps between them (HF's SplitDelimiterBehavior). */
typedef enum CutBehavior {
  CUT_ISOLATED,             /* every match is a piece, and so is every gap */
  CUT_REMOVED,              /* only the gaps are pieces */
  CUT_MERGED_WITH_PREVIOUS, /* a match ends the piece before it */
  CUT_MERGED_WITH_NEXT,     /* a match begins the piece behind it */
  CUT_CONTIGUOUS,           /* matches that touch are one piece */
} CutBehavior;

typedef enum CutKind {
  CUT_SPLIT,    /* at the matches of a pattern */
  CUT_BLANK,    /* no cut: a blank in front of a piece that does not begin with one */
  CUT_MARKS,    /* no cut: blanks become U+2581, and one more stands in front as `front` says */
  CUT_AS_BYTES, /* no cut: each byte becomes its printable character (vocabulary.h), which later patterns see */
} CutKind;

typedef enum MarkFront { FRONT_NEVER, FRONT_TEXT, FRONT_ALWAYS } MarkFront; /* FRONT_TEXT: at a text's beginning */

typedef struct Cut {
  CutKind kind;
  const char *pattern; /* CUT_SPLIT */
  CutBehavior behavior;
  bool invert;     /* gaps count as matches, and matches as gaps */
  MarkFront front; /* CUT_MARKS */
} Cut;

typedef struct Pretokenizer Pretokenizer;

Pretokenizer *pretokenizer_new(void); /* no cut: text stays whole */
void pretokenizer_free(Pretokenizer *p);

/* Copies the pattern. STATUS_DATA for one that does not compile, or a cut too many. */
Status pretokenizer_add(Pretokenizer *p, const Cut *cut, Error *err);

size_t pretokenizer_count(const Pretokenizer *p);
const Cut *pretokenizer_cut(const Pretokenizer *p, size_t index);
/* Both cut alike. */
bool pretokenizer_same(const Pretokenizer *a, const Pretokenizer *b);

/* Scratch for one thread. */
typedef struct PretokenizerWork PretokenizerWork;
PretokenizerWork *pretokenizer_work_new(const Pretokenizer *p);
void pretokenizer_work_free(PretokenizerWork *work); /* NULL is fine */

/* A text to be cut: valid UTF-8. */
typedef struct CutText {
  const char *text;
  size_t size;
  size_t watch;   /* a byte of it, or NOWHERE */
  bool first;     /* nothing came before it */
  bool continues; /* goes on where bytes that are no UTF-8 ended: no blank or mark in front */
} CutText;

/* Hands the pieces to sink in order, the first one that ends behind the watched byte with that byte's place in it (0
 * where the byte itself went), the others with NOWHERE. A pattern that needs more steps than any sane one is
 * STATUS_DATA. */
typedef Status (*PieceSink)(void *context, const char *piece, size_t size, size_t watch, Error *err);
Status pretokenizer_split(const Pretokenizer *p, PretokenizerWork *work, CutText text, PieceSink sink, void *context,
                          Error *err);

#endif
