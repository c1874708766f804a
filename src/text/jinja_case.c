/* Upper and lower case. What templates change the case of are roles and names, which are ASCII; scripts without case
 * stay as they are, and other letters are refused rather than changed by rules that differ from Python's. */
#include "base/utf8.h"
#include "text/jinja_string.h"

typedef enum Case { CASE_UPPER, CASE_LOWER, CASE_CAPITALIZE, CASE_TITLE } Case;

static bool is_caseless(uint32_t c) {
  static const uint32_t ranges[][2] = {{0x80, 0xa9},     {0xab, 0xb4},       {0xb6, 0xb9},       {0xbb, 0xbf},
                                       {0xd7, 0xd7},     {0xf7, 0xf7},       {0x300, 0x344},     {0x346, 0x36f},
                                       {0x590, 0x109f},  {0x1100, 0x139f},   {0x1400, 0x1c7f},   {0x2000, 0x2070},
                                       {0x2072, 0x207e}, {0x2080, 0x208f},   {0x20a0, 0x2101},   {0x2190, 0x24b5},
                                       {0x24ea, 0x2bff}, {0x2e80, 0xa63f},   {0xac00, 0xfaff},   {0xfe00, 0xff20},
                                       {0xff66, 0xffff}, {0x1f000, 0x1f12f}, {0x1f18a, 0x3ffff}, {0xe0000, 0x10ffff}};
  for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
    if (c >= ranges[i][0] && c <= ranges[i][1]) return true;
  return false;
}

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

static Value change(Box *box, Value text, Case to) {
  char *out = box_take(box, text.text.size, 1);
  bool first = true; /* of the text, for TITLE of a word */
  uint32_t c;
  box_step_bytes(box, text.text.size);
  for (size_t at = 0, n; at < text.text.size; at += n) {
    n = utf8_decode(text.text.bytes + at, text.text.size - at, &c);
    if (c >= 0x80 && !is_caseless(c)) box_fail(box, "changing the case of U+%04X is not supported", (unsigned)c);
    memcpy(out + at, text.text.bytes + at, n);
    const bool upper = to == CASE_UPPER || (to != CASE_LOWER && first);
    if (n == 1 && is_letter(out[at])) out[at] = (char)(upper ? out[at] & ~0x20 : out[at] | 0x20);
    first = to == CASE_TITLE && !(n == 1 && is_letter(out[at]));
  }
  return value_text(out, text.text.size);
}

Value string_upper(Box *box, Value text) { return change(box, text, CASE_UPPER); }
Value string_lower(Box *box, Value text) { return change(box, text, CASE_LOWER); }
Value string_capitalize(Box *box, Value text) { return change(box, text, CASE_CAPITALIZE); }
Value string_title(Box *box, Value text) { return change(box, text, CASE_TITLE); }
