/* Strings of a template, cut and changed as Python's are: by characters, with Unicode's white space. */
#ifndef FATHOM_TEXT_JINJA_STRING_H
#define FATHOM_TEXT_JINJA_STRING_H

#include "text/jinja/value.h"

#include <stdint.h>

bool is_blank_character(uint32_t c); /* str.isspace() */

/* Bytes of white space at the start and at the end. */
size_t text_blanks_in_front(const char *text, size_t size);
size_t text_blanks_behind(const char *text, size_t size);

/* The quoted string or the number that text begins with; bytes it takes. */
size_t string_literal(Box *box, const char *text, size_t size, Value *value);
/* behind_dot: in `a.0.1` the digits are no fraction. */
size_t number_literal(Box *box, const char *text, size_t size, bool behind_dot, Value *value);

/* A number as int(text, base) and float(text) take it, blanks around it and single '_' inside allowed; false where it
 * is none. An int of more than 64 bits fails, and so does text that is not ASCII. */
bool string_to_int(Box *box, Value text, int base, int64_t *integer);
bool string_to_float(Box *box, Value text, double *real);

/* str.strip and its halves; chars NULL = white space. */
Value string_strip(Box *box, Value text, const Value *chars, bool left, bool right);

/* str.split(separator, most) as a list; separator NULL = at white space; most < 0 = all. From the right for rsplit. */
Value string_split(Box *box, Value text, const Value *separator, int64_t most, bool from_right);
Value string_split_lines(Box *box, Value text, bool keep_ends);

Value string_replace(Box *box, Value text, Value from, Value to, int64_t most); /* most < 0 = all */
int64_t string_find(Box *box, Value text, Value what, bool last);               /* a byte, -1 = not there */
int64_t string_count(Box *box, Value text, Value what);

/* Upper and lower case. A character whose other case is more than one character is refused. */
Value string_upper(Box *box, Value text);
Value string_lower(Box *box, Value text);
Value string_capitalize(Box *box, Value text);
Value string_title(Box *box, Value text); /* str.title, not the filter */

/* Bytes where character n begins, or the size. */
size_t string_offset(Value text, size_t n);
Value string_reverse(Box *box, Value text);

Value string_repeat(Box *box, Value text, int64_t times);

#endif
