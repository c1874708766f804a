/* Upper and lower case, character by character. What Unicode changes into several characters, or by its neighbours, is
 * refused: templates change the case of roles and names. */
#include "base/utf8.h"
#include "text/jinja/string.h"
#include "text/tokenizer/unicode.h"

typedef enum Case { CASE_UPPER, CASE_LOWER, CASE_CAPITALIZE, CASE_TITLE } Case;

/* The characters whose upper or title case is more than one, and the two whose lower case is not one for itself: I with
 * a dot (U+0130) and the Greek sigma (U+03A3), which has another form at the end of a word. */
static bool is_special(uint32_t c, bool to_lower) {
  static const uint32_t ranges[][2] = {
      {0xdf, 0xdf},     {0x149, 0x149},   {0x1f0, 0x1f0},   {0x390, 0x390},   {0x3b0, 0x3b0},   {0x587, 0x587},
      {0x1e96, 0x1e9a}, {0x1f50, 0x1f50}, {0x1f52, 0x1f52}, {0x1f54, 0x1f54}, {0x1f56, 0x1f56}, {0x1f80, 0x1faf},
      {0x1fb2, 0x1fb4}, {0x1fb6, 0x1fb7}, {0x1fbc, 0x1fbc}, {0x1fc2, 0x1fc4}, {0x1fc6, 0x1fc7}, {0x1fcc, 0x1fcc},
      {0x1fd2, 0x1fd3}, {0x1fd6, 0x1fd7}, {0x1fe2, 0x1fe4}, {0x1fe6, 0x1fe7}, {0x1ff2, 0x1ff4}, {0x1ff6, 0x1ff7},
      {0x1ffc, 0x1ffc}, {0xfb00, 0xfb06}, {0xfb13, 0xfb17}};
  if (to_lower) return c == 0x130 || c == 0x3a3;
  for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
    if (c >= ranges[i][0] && c <= ranges[i][1]) return true;
  return false;
}

static bool is_cased(uint32_t c) {
  return unicode_upper(c) != c || unicode_lower(c) != c || unicode_title(c) != c || is_special(c, false);
}

/* first: this character begins the text or, for TITLE, a word. */
static uint32_t changed(Box *box, uint32_t c, Case to, bool first) {
  const bool lower = to == CASE_LOWER || (to != CASE_UPPER && !first);
  if (c < 0x80) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return !letter ? c : lower ? c | 0x20 : c & ~0x20u;
  }
  if (is_special(c, lower)) box_fail(box, "changing the case of U+%04X is not supported", (unsigned)c);
  return lower ? unicode_lower(c) : to == CASE_UPPER ? unicode_upper(c) : unicode_title(c);
}

static Value change(Box *box, Value text, Case to) {
  Text out = {0};
  bool first = true;
  uint32_t c;
  box_step_characters(box, text.text.size);
  for (size_t at = 0, n; at < text.text.size; at += n) {
    char bytes[4];
    n = utf8_decode(text.text.bytes + at, text.text.size - at, &c);
    text_add(box, &out, bytes, utf8_encode(changed(box, c, to, first), bytes));
    first = to == CASE_TITLE && !is_cased(c);
  }
  return value_of_text(&out);
}

Value string_upper(Box *box, Value text) { return change(box, text, CASE_UPPER); }
Value string_lower(Box *box, Value text) { return change(box, text, CASE_LOWER); }
Value string_capitalize(Box *box, Value text) { return change(box, text, CASE_CAPITALIZE); }
Value string_title(Box *box, Value text) { return change(box, text, CASE_TITLE); }
