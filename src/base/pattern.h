/* Regular expressions over short texts such as tensor names, in Perl's syntax; what Python's re.fullmatch answers. The
 * patterns may come from an untrusted file: the steps of a match are limited. */
#ifndef FATHOM_BASE_PATTERN_H
#define FATHOM_BASE_PATTERN_H

#include "base/error.h"

#include <stdbool.h>

typedef struct Pattern Pattern;

/* A pattern that does not compile, or is longer than any sane one, is STATUS_DATA. */
Status pattern_new(const char *text, Pattern **out, Error *err);
void pattern_free(Pattern *pattern); /* NULL is fine */

/* Does the pattern match the whole of text? One that needs too many steps to say is STATUS_DATA. */
Status pattern_matches(const Pattern *pattern, const char *text, bool *matches, Error *err);

#endif
