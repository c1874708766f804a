/* What is done to a text before it is cut: a list of steps, each on what the one before it made. */
#ifndef FATHOM_TEXT_TOKENIZER_NORMALIZE_H
#define FATHOM_TEXT_TOKENIZER_NORMALIZE_H

#include "text/tokenizer/unicode.h"

typedef enum NormalKind {
  NORMAL_PREPEND,   /* `to` in front, unless the text is empty */
  NORMAL_REPLACE,   /* every `from` becomes `to` */
  NORMAL_PATTERN,   /* every match of the expression `from` becomes `to` */
  NORMAL_FORM,      /* a normal form of Unicode */
  NORMAL_LOWERCASE, /* each character by itself */
  NORMAL_STRIP,     /* white space at the left and right goes */
} NormalKind;

typedef struct NormalStep {
  NormalKind kind;
  const char *from, *to;
  UnicodeForm form;
  bool left, right;
} NormalStep;

enum { NORMALIZER_STEPS = 16 };

typedef struct Normalizer Normalizer;

Normalizer *normalizer_new(void);    /* no step: text stays as it is */
void normalizer_free(Normalizer *n); /* NULL is fine */

/* Copies the step's strings. STATUS_DATA for a bad expression or a step too many. */
Status normalizer_add(Normalizer *n, const NormalStep *step, Error *err);

size_t normalizer_count(const Normalizer *n);
const NormalStep *normalizer_step(const Normalizer *n, size_t index);

/* Appends the normalised text to out. *watch, a byte of the text or NOWHERE, becomes the place of that byte's character
 * in what was made. Bytes that are no UTF-8 stay as they are. */
Status normalizer_run(const Normalizer *n, const char *text, size_t size, ByteRun *out, size_t *watch, Error *err);

#endif
