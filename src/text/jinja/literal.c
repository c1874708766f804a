/* Strings and numbers as a template writes them, and numbers as int() and float() read them. */
#include "base/utf8.h"
#include "text/jinja/string.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

static int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  return 99;
}

static void add_code(Box *box, Text *text, uint32_t code) {
  char bytes[4];
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) box_fail(box, "\\u%04x is no character", (unsigned)code);
  text_add(box, text, bytes, utf8_encode(code, bytes));
}

/* \xHH, \uHHHH, \UHHHHHHHH: n digits at text. */
static void add_hex(Box *box, Text *text, const char *digits, size_t n, size_t left) {
  uint32_t code = 0;
  for (size_t i = 0; i < n; i++) {
    const int digit = i < left ? digit_of(digits[i]) : 99;
    if (digit >= 16) box_fail(box, "an escape \\x, \\u or \\U in a string that lacks digits");
    code = 16 * code + (uint32_t)digit;
  }
  add_code(box, text, code);
}

/* The escape behind a backslash at text[0]; bytes it takes, backslash included. */
static size_t add_escape(Box *box, Text *out, const char *text, size_t size) {
  static const char letters[] = "abfnrtv\\'\"", bytes[] = "\a\b\f\n\r\t\v\\'\"";
  const char c = text[1], *letter = strchr(letters, c);
  if (letter && c) {
    text_add(box, out, &bytes[letter - letters], 1);
    return 2;
  }
  if (c == '\n') return 2;
  if (c == 'x' || c == 'u' || c == 'U') {
    const size_t n = c == 'x' ? 2 : c == 'u' ? 4 : 8;
    add_hex(box, out, text + 2, n, size - 2);
    return 2 + n;
  }
  if (c >= '0' && c <= '7') {
    uint32_t code = 0;
    size_t n = 0;
    while (n < 3 && 1 + n < size && text[1 + n] >= '0' && text[1 + n] <= '7')
      code = 8 * code + (uint32_t)(text[1 + n++] - '0');
    add_code(box, out, code);
    return 1 + n;
  }
  if (c == 'N' || (c & 0x80)) box_fail(box, "an escape in a string that is not supported");
  text_add(box, out, text, 2); /* Python keeps an escape it does not know */
  return 2;
}

size_t string_literal(Box *box, const char *text, size_t size, Value *value) {
  Text out = {0};
  size_t at = 1;
  while (at < size && text[at] != text[0]) {
    if (text[at] == '\\' && at + 1 < size) {
      at += add_escape(box, &out, text + at, size - at);
    } else {
      size_t run = at;
      while (run < size && text[run] != text[0] && text[run] != '\\') run++;
      if (run == at) break; /* a backslash at the end */
      text_add(box, &out, text + at, run - at);
      at = run;
    }
  }
  if (at >= size || text[at] != text[0]) box_fail(box, "a string that is not closed by %c", text[0]);
  *value = value_of_text(&out);
  return at + 1;
}

/* Digits with single '_' between them; bytes they take, 0 where there is none. */
static size_t digits(const char *text, size_t size, int base) {
  size_t at = 0;
  while (at < size && (digit_of(text[at]) < base || (text[at] == '_' && at > 0 && text[at - 1] != '_' &&
                                                     at + 1 < size && digit_of(text[at + 1]) < base)))
    at++;
  return at;
}

static int64_t integer_of(Box *box, const char *text, size_t size, int base) {
  int64_t integer = 0;
  for (size_t i = 0; i < size; i++) {
    if (text[i] == '_') continue;
    if (__builtin_mul_overflow(integer, base, &integer) || __builtin_add_overflow(integer, digit_of(text[i]), &integer))
      box_fail(box, "a whole number of more than 64 bits");
  }
  return integer;
}

/* Python reads the digits of every script; here what is not ASCII is refused. */
static void need_ascii(Box *box, Value text) {
  box_step_characters(box, text.text.size);
  for (size_t i = 0; i < text.text.size; i++)
    if (text.text.bytes[i] & 0x80) box_fail(box, "a number from text that is not ASCII is not supported");
}

/* text without its '_', which is digits, point and exponent. */
static bool real_of(const char *text, size_t size, double *real) {
  char plain[128], *end;
  size_t n = 0;
  for (size_t i = 0; i < size; i++) {
    if (text[i] == '_') continue;
    if (n + 1 == sizeof plain) return false;
    plain[n++] = text[i];
  }
  plain[n] = 0;
  *real = strtod(plain, &end);
  return n > 0 && *end == 0;
}

/* Bytes of a number with a fraction or an exponent; 0 where there is neither. */
static size_t real_size(const char *text, size_t size) {
  const size_t whole = digits(text, size, 10);
  size_t at = whole, n;
  if (at + 1 < size && text[at] == '.' && (n = digits(text + at + 1, size - at - 1, 10)) > 0) at += 1 + n;
  if (at + 1 < size && (text[at] == 'e' || text[at] == 'E')) {
    const size_t sign = text[at + 1] == '+' || text[at + 1] == '-';
    n = digits(text + at + 1 + sign, size - at - 1 - sign, 10);
    if (n > 0) at += 1 + sign + n;
  }
  return at > whole ? at : 0;
}

size_t number_literal(Box *box, const char *text, size_t size, bool behind_dot, Value *value) {
  size_t n = behind_dot ? 0 : real_size(text, size);
  if (n) {
    double real;
    if (!real_of(text, n, &real)) box_fail(box, "a number of too many digits");
    *value = value_float(real);
    return n;
  }
  const char letter = size > 1 && text[0] == '0' ? text[1] : 0;
  const int base = letter == 'x' || letter == 'X'   ? 16
                   : letter == 'o' || letter == 'O' ? 8
                   : letter == 'b' || letter == 'B' ? 2
                                                    : 10;
  const size_t prefix = base == 10 ? 0 : 2;
  n = digits(text + prefix, size - prefix, base);
  if (n == 0) box_fail(box, "a number without digits");
  *value = value_int(integer_of(box, text + prefix, n, base));
  if (base == 10 && text[0] == '0' && value->integer != 0) box_fail(box, "a number that begins with 0");
  return prefix + n;
}

bool string_to_int(Box *box, Value text, int base, int64_t *integer) {
  need_ascii(box, text);
  const Value bare = string_strip(box, text, NULL, true, true);
  const char *at = bare.text.bytes;
  size_t size = bare.text.size;
  const bool minus = size > 0 && *at == '-';
  if (size > 0 && (*at == '-' || *at == '+')) at++, size--;
  const char letter = size > 2 && at[0] == '0' ? at[1] : 0;
  if ((base == 16 && (letter == 'x' || letter == 'X')) || (base == 8 && (letter == 'o' || letter == 'O')) ||
      (base == 2 && (letter == 'b' || letter == 'B'))) {
    at += 2, size -= 2;
    if (*at == '_') at++, size--;
  }
  if (size == 0 || digits(at, size, base) < size) return false;
  *integer = integer_of(box, at, size, base);
  if (minus) *integer = -*integer;
  return true;
}

bool string_to_float(Box *box, Value text, double *real) {
  need_ascii(box, text);
  size_t front = text_blanks_in_front(text.text.bytes, text.text.size);
  const char *at = text.text.bytes + front;
  size_t size = text.text.size - front;
  size -= text_blanks_behind(at, size);
  const bool minus = size > 0 && *at == '-';
  if (size > 0 && (*at == '-' || *at == '+')) at++, size--;
  static const char *const words[] = {"inf", "infinity", "nan"};
  for (size_t i = 0; i < 3; i++)
    if (size == strlen(words[i]) && strncasecmp(at, words[i], size) == 0) {
      *real = (minus ? -1 : 1) * strtod(words[i], NULL);
      return true;
    }
  size_t n = digits(at, size, 10), more;
  if (n < size && at[n] == '.') {
    more = digits(at + n + 1, size - n - 1, 10);
    if (n + more == 0) return false;
    n += 1 + more;
  }
  if (n == 0) return false;
  if (n < size && (at[n] == 'e' || at[n] == 'E')) {
    const size_t sign = n + 1 < size && (at[n + 1] == '+' || at[n + 1] == '-');
    more = digits(at + n + 1 + sign, size - n - 1 - sign, 10);
    if (more == 0) return false;
    n += 1 + sign + more;
  }
  if (n < size || !real_of(at, size, real)) return false;
  if (minus) *real = -*real;
  return true;
}
