/* UTF-8: strict validation and code points (RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF). */
#ifndef FATHOM_BASE_UTF8_H
#define FATHOM_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Length of the valid prefix: equal to size when all is valid. */
size_t utf8_valid_prefix(const char *text, size_t size);

/* Bytes of the code point at text (1 to 4), stored in *code; 0 where the bytes are not valid UTF-8. */
size_t utf8_decode(const char *text, size_t size, uint32_t *code);

/* Writes code as 1 to 4 bytes; returns how many. */
size_t utf8_encode(uint32_t code, char out[4]);

/* Bytes as a table and a terminal can hold them: what is no UTF-8, and controls, as "\x0a", a backslash doubled. Freed by
 * the caller. */
char *utf8_shown(const char *bytes, size_t size);

#endif
