/* The filter tojson: json.dumps of Python, as transformers sets it (ensure_ascii off). */
#include "base/utf8.h"
#include "text/jinja/builtin.h"

#include <math.h>
#include <stdio.h>

typedef struct Writer {
  Box *box;
  Text text;
  bool ascii, sorted, indented;
  Value indent, between, colon; /* between items; between key and value */
} Writer;

static void add(Writer *w, const char *string) { text_add_string(w->box, &w->text, string); }
static void add_value(Writer *w, Value v) { text_add(w->box, &w->text, v.text.bytes, v.text.size); }

static void add_code_units(Writer *w, uint32_t c) {
  char escape[16];
  if (c < 0x10000)
    snprintf(escape, sizeof escape, "\\u%04x", (unsigned)c);
  else
    snprintf(escape, sizeof escape, "\\u%04x\\u%04x", (unsigned)(0xd800 + ((c - 0x10000) >> 10)),
             (unsigned)(0xdc00 + ((c - 0x10000) & 0x3ff)));
  add(w, escape);
}

static void write_string(Writer *w, Value v) {
  static const char letters[] = "\"\\\n\r\t\f\b", *const escapes[] = {"\\\"", "\\\\", "\\n", "\\r",
                                                                      "\\t",  "\\f",  "\\b"};
  add(w, "\"");
  for (size_t at = 0, n; at < v.text.size; at += n) {
    uint32_t c;
    n = utf8_decode(v.text.bytes + at, v.text.size - at, &c);
    const char *letter = c && c < 0x80 ? strchr(letters, (char)c) : NULL;
    if (letter)
      add(w, escapes[letter - letters]);
    else if (c < 0x20 || (w->ascii && c > 0x7e))
      add_code_units(w, c);
    else
      text_add(w->box, &w->text, v.text.bytes + at, n);
  }
  add(w, "\"");
}

static void write_line(Writer *w, size_t depth) {
  if (!w->indented) return;
  add(w, "\n");
  for (size_t i = 0; i < depth; i++) add_value(w, w->indent);
}

static void write_float(Writer *w, double real) {
  if (isnan(real) || isinf(real))
    add(w, isnan(real) ? "NaN" : real < 0 ? "-Infinity" : "Infinity");
  else
    text_add_float(w->box, &w->text, real);
}

static void write_any(Writer *w, Value v, size_t depth);

static void write_list(Writer *w, const Sequence *s, size_t depth) {
  add(w, "[");
  for (size_t i = 0; i < s->count; i++) {
    if (i) add_value(w, w->between);
    write_line(w, depth + 1);
    write_any(w, s->items[i], depth + 1);
  }
  if (s->count) write_line(w, depth);
  add(w, "]");
}

static void write_key(Writer *w, Value key) {
  if (key.kind == VALUE_STRING) {
    write_string(w, key);
    return;
  }
  add(w, "\"");
  write_any(w, key, 0); /* numbers, true, false, null */
  add(w, "\"");
}

/* The order in which keys are written. */
static size_t *order_of(Writer *w, const Dict *dict) {
  size_t *order = box_take(w->box, dict->count, sizeof *order);
  for (size_t i = 0; i < dict->count; i++) {
    size_t at = i;
    for (; w->sorted && at > 0 && value_compare(w->box, dict->keys[i], dict->keys[order[at - 1]]) < 0; at--)
      order[at] = order[at - 1];
    order[at] = i;
  }
  return order;
}

static void write_dict(Writer *w, const Dict *dict, size_t depth) {
  const size_t *order = order_of(w, dict);
  add(w, "{");
  for (size_t i = 0; i < dict->count; i++) {
    if (i) add_value(w, w->between);
    write_line(w, depth + 1);
    write_key(w, dict->keys[order[i]]);
    add_value(w, w->colon);
    write_any(w, dict->values[order[i]], depth + 1);
  }
  if (dict->count) write_line(w, depth);
  add(w, "}");
}

static void write_any(Writer *w, Value v, size_t depth) {
  box_step(w->box, 1);
  box_enter(w->box);
  switch (v.kind) {
  case VALUE_NONE: add(w, "null"); break;
  case VALUE_BOOL: add(w, v.truth ? "true" : "false"); break;
  case VALUE_INT: text_add_value(w->box, &w->text, v); break;
  case VALUE_FLOAT: write_float(w, v.real); break;
  case VALUE_STRING: write_string(w, v); break;
  case VALUE_LIST:
  case VALUE_TUPLE: write_list(w, v.sequence, depth); break;
  case VALUE_DICT: write_dict(w, v.dict, depth); break;
  case VALUE_UNDEFINED: box_fail(w->box, "tojson: %s", v.hint);
  default: box_fail(w->box, "a %s cannot be written as JSON", value_kind_name(v));
  }
  box_leave(w->box);
}

static Value separator(Call *c, const Sequence *given, size_t i) {
  if (given->items[i].kind != VALUE_STRING) box_fail(c->box, "tojson: separators are no strings");
  return given->items[i];
}

/* tojson(ensure_ascii, indent, separators, sort_keys) */
Value filter_tojson(Call *c) {
  Writer w = {.box = c->box, .ascii = call_truth(c, 0, false), .sorted = call_truth(c, 3, false)};
  w.indented = call_has(c, 1) && c->args[1].kind != VALUE_NONE;
  if (w.indented && c->args[1].kind == VALUE_STRING)
    w.indent = c->args[1];
  else if (w.indented) {
    const int64_t n = call_integer(c, 1, 0);
    Text blanks = {0};
    for (int64_t i = 0; i < n; i++) text_add(c->box, &blanks, " ", 1);
    w.indent = value_of_text(&blanks);
  }
  w.between = value_string(w.indented ? "," : ", ");
  w.colon = value_string(": ");
  if (call_has(c, 2) && c->args[2].kind != VALUE_NONE) {
    const Sequence given = value_items(c->box, c->args[2]);
    if (given.count != 2) box_fail(c->box, "tojson: separators are no pair");
    w.between = separator(c, &given, 0);
    w.colon = separator(c, &given, 1);
  }
  write_any(&w, c->self, 0);
  return value_of_text(&w.text);
}
