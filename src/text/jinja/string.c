/* Strings: white space, stripping, splitting, replacing, case. Offsets are bytes, and always between characters. */
#define _GNU_SOURCE /* memmem */
#include "text/jinja/string.h"

#include "base/utf8.h"

bool is_blank_character(uint32_t c) {
  return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

/* The character that ends at text + size; its bytes. */
static size_t last_character(const char *text, size_t size, uint32_t *code) {
  size_t n = 1;
  while (n < size && ((unsigned char)text[size - n] & 0xc0) == 0x80) n++;
  return utf8_decode(text + size - n, n, code);
}

size_t text_blanks_in_front(const char *text, size_t size) {
  size_t at = 0, n;
  uint32_t c;
  while (at < size && (n = utf8_decode(text + at, size - at, &c)) > 0 && is_blank_character(c)) at += n;
  return at;
}

size_t text_blanks_behind(const char *text, size_t size) {
  size_t left = size, n;
  uint32_t c;
  while (left > 0 && (n = last_character(text, left, &c)) > 0 && is_blank_character(c)) left -= n;
  return size - left;
}

static Value part(Value text, size_t begin, size_t end) {
  return value_text(text.text.bytes + begin, end - begin);
}

/* Whether the character of n bytes is one that is stripped. */
static bool strips(Box *box, const Value *chars, const char *character, size_t n, uint32_t code) {
  box_step_bytes(box, chars ? chars->text.size : 1);
  return chars ? chars->text.size && memmem(chars->text.bytes, chars->text.size, character, n) != NULL
               : is_blank_character(code);
}

Value string_strip(Box *box, Value text, const Value *chars, bool left, bool right) {
  const char *bytes = text.text.bytes;
  size_t begin = 0, end = text.text.size, n;
  uint32_t c;
  while (left && begin < end) {
    n = utf8_decode(bytes + begin, end - begin, &c);
    if (!strips(box, chars, bytes + begin, n, c)) break;
    begin += n;
  }
  while (right && begin < end) {
    n = last_character(bytes + begin, end - begin, &c);
    if (!strips(box, chars, bytes + end - n, n, c)) break;
    end -= n;
  }
  return part(text, begin, end);
}

/* Blanks in front are skipped, and those behind the last part stay where there were splits enough; from the right the
 * other way round. */
static Value split_at_blanks(Box *box, Value text, int64_t most, bool from_right) {
  Value list = value_sequence(box, VALUE_LIST, 4);
  box_step_characters(box, text.text.size);
  Value rest = string_strip(box, text, NULL, !from_right, from_right);
  while (rest.text.size) {
    uint32_t c;
    size_t at = from_right ? rest.text.size : 0, n;
    const bool stop = most >= 0 && (int64_t)list.sequence->count >= most;
    if (from_right) {
      while (at > 0 && (n = last_character(rest.text.bytes, at, &c)) && (stop || !is_blank_character(c))) at -= n;
      sequence_add(box, &list, part(rest, at, rest.text.size));
      rest = string_strip(box, part(rest, 0, at), NULL, false, true);
    } else {
      while (at < rest.text.size && (n = utf8_decode(rest.text.bytes + at, rest.text.size - at, &c)) &&
             (stop || !is_blank_character(c)))
        at += n;
      sequence_add(box, &list, part(rest, 0, at));
      rest = string_strip(box, part(rest, at, rest.text.size), NULL, true, false);
    }
  }
  return list;
}

static void reverse_items(Sequence *s) {
  for (size_t i = 0, j = s->count; i + 1 < j; i++) {
    const Value first = s->items[i];
    s->items[i] = s->items[--j];
    s->items[j] = first;
  }
}

/* Where what begins in text, seen from the left or the right; text's size + 1 where it does not. */
static size_t place(Box *box, Value text, Value what, bool last) {
  if (what.text.size > text.text.size) return text.text.size + 1;
  if (what.text.size == 0) return last ? text.text.size : 0;
  if (!last) {
    const char *found = memmem(text.text.bytes, text.text.size, what.text.bytes, what.text.size);
    return found ? (size_t)(found - text.text.bytes) : text.text.size + 1;
  }
  for (size_t at = text.text.size - what.text.size + 1; at-- > 0;) {
    if (text.text.bytes[at] != what.text.bytes[0]) continue;
    box_step_bytes(box, what.text.size); /* comparing can take that long at every such place */
    if (memcmp(text.text.bytes + at, what.text.bytes, what.text.size) == 0) return at;
  }
  return text.text.size + 1;
}

Value string_split(Box *box, Value text, const Value *separator, int64_t most, bool from_right) {
  Value list;
  if (separator && separator->text.size == 0) box_fail(box, "split at an empty string");
  if (!separator) {
    list = split_at_blanks(box, text, most, from_right);
  } else {
    list = value_sequence(box, VALUE_LIST, 4);
    Value rest = text;
    box_step_search(box, text.text.size, separator->text.size);
    while (most < 0 || (int64_t)list.sequence->count < most) {
      const size_t at = place(box, rest, *separator, from_right);
      if (at > rest.text.size) break;
      const size_t behind = at + separator->text.size;
      const Value taken = from_right ? part(rest, behind, rest.text.size) : part(rest, 0, at);
      box_step_bytes(box, taken.text.size);
      sequence_add(box, &list, taken);
      rest = from_right ? part(rest, 0, at) : part(rest, behind, rest.text.size);
    }
    box_step_bytes(box, rest.text.size);
    sequence_add(box, &list, rest);
  }
  if (from_right) reverse_items(list.sequence);
  return list;
}

/* Bytes of the line break at text, 0 where there is none: str.splitlines knows these. */
static size_t line_break(const char *text, size_t size) {
  uint32_t c = 0;
  const size_t n = utf8_decode(text, size, &c);
  if (n == 0) return 0; /* inside a character */
  if (c == '\r') return size > 1 && text[1] == '\n' ? 2 : 1;
  const bool breaks = (c >= 0x0a && c <= 0x0c) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 || c == 0x2029;
  return breaks ? n : 0;
}

Value string_split_lines(Box *box, Value text, bool keep_ends) {
  Value list = value_sequence(box, VALUE_LIST, 4);
  box_step_characters(box, text.text.size);
  for (size_t begin = 0, at = 0; begin < text.text.size; begin = at) {
    size_t n = 0;
    while (at < text.text.size && (n = line_break(text.text.bytes + at, text.text.size - at)) == 0) at++;
    sequence_add(box, &list, part(text, begin, keep_ends ? at + n : at));
    at += n;
  }
  return list;
}

Value string_replace(Box *box, Value text, Value from, Value to, int64_t most) {
  Text out = {0};
  Value rest = text;
  box_step_search(box, text.text.size, from.text.size);
  for (int64_t n = 0; most < 0 || n < most; n++) {
    size_t at = place(box, rest, from, false), behind = at + from.text.size;
    if (at > rest.text.size) break;
    if (from.text.size == 0 && n > 0) { /* between all characters, also in front and behind */
      uint32_t c;
      if (rest.text.size == 0) break;
      behind = at = utf8_decode(rest.text.bytes, rest.text.size, &c);
    }
    text_add(box, &out, rest.text.bytes, at);
    text_add(box, &out, to.text.bytes, to.text.size);
    rest = part(rest, behind, rest.text.size);
  }
  text_add(box, &out, rest.text.bytes, rest.text.size);
  return value_of_text(&out);
}

int64_t string_find(Box *box, Value text, Value what, bool last) {
  box_step_search(box, text.text.size, what.text.size);
  const size_t at = place(box, text, what, last);
  return at > text.text.size ? -1 : (int64_t)at;
}

int64_t string_count(Box *box, Value text, Value what) {
  if (what.text.size == 0) return (int64_t)value_length(box, text) + 1;
  int64_t n = 0;
  box_step_search(box, text.text.size, what.text.size);
  for (size_t at; (at = place(box, text, what, false)) <= text.text.size; n++)
    text = part(text, at + what.text.size, text.text.size);
  return n;
}

size_t string_offset(Value text, size_t n) {
  size_t at = 0;
  while (at < text.text.size) {
    if (((unsigned char)text.text.bytes[at] & 0xc0) != 0x80 && n-- == 0) break;
    at++;
  }
  return at;
}

Value string_reverse(Box *box, Value text) {
  char *out = box_take(box, text.text.size, 1), *to = out;
  uint32_t c;
  box_step_characters(box, text.text.size);
  for (size_t left = text.text.size, n; left > 0; left -= n) {
    n = last_character(text.text.bytes, left, &c);
    memcpy(to, text.text.bytes + left - n, n);
    to += n;
  }
  return value_text(out, text.text.size);
}

Value string_repeat(Box *box, Value text, int64_t times) {
  Text out = {0};
  for (int64_t i = 0; i < times && text.text.size; i++) text_add(box, &out, text.text.bytes, text.text.size);
  return value_of_text(&out);
}
