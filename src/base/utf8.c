/* Strict UTF-8. */
#include "base/utf8.h"

#include "base/memory.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

size_t utf8_decode(const char *text, size_t size, uint32_t *code) {
  static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000}; /* by length: anything lower is overlong */
  if (size == 0) return 0;
  const unsigned char *s = (const unsigned char *)text;
  const size_t length = s[0] < 0x80 ? 1 : (s[0] & 0xe0) == 0xc0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : (s[0] & 0xf8) == 0xf0 ? 4 : 0;
  if (length == 0 || length > size) return 0;
  uint32_t c = length == 1 ? s[0] : s[0] & (0x7fu >> length);
  for (size_t i = 1; i < length; i++) {
    if ((s[i] & 0xc0) != 0x80) return 0;
    c = c << 6 | (s[i] & 0x3f);
  }
  if (c < smallest[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) return 0;
  *code = c;
  return length;
}

size_t utf8_valid_prefix(const char *text, size_t size) {
  size_t at = 0;
  uint32_t code;
  while (at < size) {
    const size_t n = utf8_decode(text + at, size - at, &code);
    if (n == 0) break;
    at += n;
  }
  return at;
}

size_t utf8_encode(uint32_t code, char out[4]) {
  if (code < 0x80) {
    out[0] = (char)code;
    return 1;
  }
  const size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  for (size_t i = length; i-- > 1; code >>= 6) out[i] = (char)(0x80 | (code & 0x3f));
  out[0] = (char)(0xf00u >> length | code); /* 110xxxxx, 1110xxxx, 11110xxx */
  return length;
}

char *utf8_shown(const char *bytes, size_t size) {
  char *shown = mem_alloc(4 * size + 1, 1), *to = shown;
  for (size_t i = 0; i < size;) {
    uint32_t code;
    const size_t n = utf8_decode(bytes + i, size - i, &code);
    const bool plain = n > 1 ? code >= 0xa0 : n == 1 && code >= 0x20 && code != 0x7f;
    if (plain && code == '\\') *to++ = '\\';
    for (size_t j = 0; j < (n ? n : 1); j++)
      if (plain)
        *to++ = bytes[i + j];
      else
        to += sprintf(to, "\\x%02x", (unsigned char)bytes[i + j]);
    i += n ? n : 1;
  }
  return shown;
}
