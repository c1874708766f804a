/* Regular expressions as HF's tokenizers read them (Oniguruma's dialect), run by PCRE2. The only user of PCRE2. */
#ifndef FATHOM_TEXT_TOKENIZER_REGEX_H
#define FATHOM_TEXT_TOKENIZER_REGEX_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct Regex Regex;

/* STATUS_DATA for what does not compile, and for what means one thing here and another in Oniguruma. */
Status regex_new(const char *regex, Regex **out, Error *err);
void regex_free(Regex *pattern); /* NULL is fine */
const char *regex_text(const Regex *pattern);

/* The expression that matches a literal, freed by the caller. */
char *regex_quote(const char *literal);

/* Scratch for one thread and one pattern at a time. */
typedef struct RegexWork RegexWork;
RegexWork *regex_work_new(void);
void regex_work_free(RegexWork *work); /* NULL is fine */

/* The matches of a pattern in a text, one call of regex_next each, in order. Set the first four members. */
typedef struct RegexScan {
  const Regex *pattern;
  RegexWork *work;
  const char *text; /* valid UTF-8 */
  size_t size;
  size_t at;       /* where the search goes on */
  size_t last_end; /* of the last match; an empty match there does not count again */
  bool matched;    /* there was one */
} RegexScan;

/* *found is false at the end. An expression that needs more steps than any sane one is STATUS_DATA. */
Status regex_next(RegexScan *scan, bool *found, size_t *begin, size_t *end, Error *err);

#endif
