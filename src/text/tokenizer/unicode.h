/* Unicode tables: normal forms, lower case, and which characters are white space or part of a word. The only user of
 * utf8proc. */
#ifndef FATHOM_TEXT_TOKENIZER_UNICODE_H
#define FATHOM_TEXT_TOKENIZER_UNICODE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOWHERE SIZE_MAX /* a position that is not in this text */

/* A growing run of bytes; all zeros is an empty one. */
typedef struct ByteRun {
  char *bytes;
  size_t size, room;
} ByteRun;

void byte_run_add(ByteRun *run, const char *bytes, size_t size);
void byte_run_clear(ByteRun *run); /* frees */

typedef enum UnicodeForm { UNICODE_NFC, UNICODE_NFD, UNICODE_NFKC, UNICODE_NFKD } UnicodeForm;

/* Appends the text in that form (UAX #15). Bytes that are no UTF-8 stay as they are. */
Status unicode_normalize(UnicodeForm form, const char *text, size_t size, ByteRun *out, Error *err);

/* Appends the text, each character in lower case by itself (no final sigma, as in HF's Lowercase). */
void unicode_lowercase(const char *text, size_t size, ByteRun *out);

/* The character's other case, itself where it has none or where that is more than one character. */
uint32_t unicode_upper(uint32_t code);
uint32_t unicode_lower(uint32_t code);
uint32_t unicode_title(uint32_t code);

bool unicode_is_space(uint32_t code); /* the property White_Space */
bool unicode_is_printable(uint32_t code); /* str.isprintable of Python: assigned, no control, no blank but ' ' */
bool unicode_is_word(uint32_t code);  /* \w of UTS #18: letters, marks, decimal digits, joining punctuation */

/* The first byte at or behind `at` that begins no white space, and the first of the run of white space before it. */
size_t unicode_skip_spaces(const char *text, size_t size, size_t at);
size_t unicode_skip_spaces_back(const char *text, size_t from, size_t at);

/* Where the last character before `at` begins; `from` at least. */
size_t unicode_step_back(const char *text, size_t from, size_t at);

#endif
