/* Values as text: str() and repr() of Python. */
#include "base/utf8.h"
#include "text/jinja/value.h"
#include "text/tokenizer/unicode.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The shortest digits that read back as the same number, set as Python sets them: 0.1, 1e-05, 1e+16, 2.0. */
void text_add_float(Box *box, Text *text, double real) {
  char digits[40], plain[400];
  if (isnan(real) || isinf(real)) {
    text_add_string(box, text, isnan(real) ? "nan" : real < 0 ? "-inf" : "inf");
    return;
  }
  int precision = 0;
  box_step(box, BOX_FLOAT);
  do snprintf(digits, sizeof digits, "%.*e", precision, real);
  while (strtod(digits, NULL) != real && ++precision < 17);
  const int exponent = atoi(strchr(digits, 'e') + 1);
  if (exponent >= -4 && exponent < 16) {
    const int decimals = precision - exponent;
    snprintf(plain, sizeof plain, "%.*f", decimals > 1 ? decimals : 1, real);
    text_add_string(box, text, plain);
  } else {
    text_add_string(box, text, digits); /* C and Python both write at least two digits of the exponent */
  }
}

static void add_quoted(Box *box, Text *text, Value v) {
  const bool single = v.text.size && memchr(v.text.bytes, '\'', v.text.size);
  const char quote = single && !memchr(v.text.bytes, '"', v.text.size) ? '"' : '\'';
  char escape[16];
  text_add(box, text, &quote, 1);
  for (size_t at = 0, size; at < v.text.size; at += size) {
    uint32_t c;
    size = utf8_decode(v.text.bytes + at, v.text.size - at, &c);
    if (c == (uint32_t)(unsigned char)quote || c == '\\')
      snprintf(escape, sizeof escape, "\\%c", (char)c);
    else if (c == '\n' || c == '\r' || c == '\t')
      snprintf(escape, sizeof escape, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
    else if (unicode_is_printable(c))
      snprintf(escape, sizeof escape, "%.*s", (int)size, v.text.bytes + at);
    else
      snprintf(escape, sizeof escape, c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)c);
    text_add_string(box, text, escape);
  }
  text_add(box, text, &quote, 1);
}

static void add_items(Box *box, Text *text, const Sequence *s, const char *open, const char *close) {
  text_add_string(box, text, open);
  for (size_t i = 0; i < s->count; i++) {
    if (i) text_add_string(box, text, ", ");
    text_add_repr(box, text, s->items[i]);
  }
  text_add_string(box, text, close);
}

static void add_dict(Box *box, Text *text, const Dict *dict) {
  text_add_string(box, text, "{");
  for (size_t i = 0; i < dict->count; i++) {
    if (i) text_add_string(box, text, ", ");
    text_add_repr(box, text, dict->keys[i]);
    text_add_string(box, text, ": ");
    text_add_repr(box, text, dict->values[i]);
  }
  text_add_string(box, text, "}");
}

void text_add_repr(Box *box, Text *text, Value v) {
  box_step(box, 1);
  box_enter(box);
  if (v.kind == VALUE_STRING && v.safe)
    box_fail(box, "text marked safe inside a list that is printed");
  else if (v.kind == VALUE_STRING)
    add_quoted(box, text, v);
  else if (v.kind == VALUE_LIST)
    add_items(box, text, v.sequence, "[", "]");
  else if (v.kind == VALUE_TUPLE)
    add_items(box, text, v.sequence, "(", v.sequence->count == 1 ? ",)" : ")");
  else if (v.kind == VALUE_DICT)
    add_dict(box, text, v.dict);
  else if (v.kind == VALUE_UNDEFINED)
    text_add_string(box, text, "Undefined");
  else
    text_add_value(box, text, v);
  box_leave(box);
}

void text_add_value(Box *box, Text *text, Value v) {
  char number[32];
  switch (v.kind) {
  case VALUE_UNDEFINED: return;
  case VALUE_NONE: text_add_string(box, text, "None"); return;
  case VALUE_BOOL: text_add_string(box, text, v.truth ? "True" : "False"); return;
  case VALUE_INT:
    snprintf(number, sizeof number, "%lld", (long long)v.integer);
    text_add_string(box, text, number);
    return;
  case VALUE_FLOAT: text_add_float(box, text, v.real); return;
  case VALUE_STRING: text_add(box, text, v.text.bytes, v.text.size); return;
  case VALUE_LIST:
  case VALUE_TUPLE:
  case VALUE_DICT: text_add_repr(box, text, v); return;
  default: box_fail(box, "a %s cannot be printed", value_kind_name(v));
  }
}

Value value_to_string(Box *box, Value v) {
  if (v.kind == VALUE_STRING) return v;
  Text text = {0};
  text_add_value(box, &text, v);
  return value_of_text(&text);
}
