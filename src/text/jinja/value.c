/* Values: making them, truth, equality, order, membership and iteration as in Python. How they print is print.c. */
#define _GNU_SOURCE /* memmem */
#include "text/jinja/value.h"

#include "base/utf8.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

Value value_undefined(Box *box, const char *format, ...) {
  char text[256];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  const size_t size = strlen(text) + 1;
  return (Value){.kind = VALUE_UNDEFINED, .hint = memcpy(box_take(box, size, 1), text, size)};
}

Value value_sequence(Box *box, ValueKind kind, size_t room) {
  Value v = {.kind = kind, .sequence = box_take(box, 1, sizeof *v.sequence)};
  v.sequence->items = box_take(box, room, sizeof *v.sequence->items);
  v.sequence->room = room;
  return v;
}

void sequence_add(Box *box, Value *sequence, Value item) {
  Sequence *s = sequence->sequence;
  if (s->count == s->room) {
    const size_t room = 2 * s->room + 4;
    Value *larger = box_take(box, room, sizeof *larger);
    if (s->count) memcpy(larger, s->items, s->count * sizeof *larger);
    s->items = larger;
    s->room = room;
  }
  s->items[s->count++] = item;
  box_step(box, 1);
}

Value value_dict(Box *box) { return (Value){.kind = VALUE_DICT, .dict = box_take(box, 1, sizeof(Dict))}; }

/* Only what Python can hash is a key; tuples are not needed. */
static void check_key(Box *box, Value key) {
  if (!(key.kind == VALUE_NONE || value_is_number(key) || key.kind == VALUE_STRING))
    box_fail(box, "a %s as key of a dictionary", value_kind_name(key));
}

static size_t find(Box *box, const Dict *dict, Value key) {
  size_t i = 0;
  while (i < dict->count && !value_equal(box, dict->keys[i], key)) i++;
  return i;
}

void dict_set(Box *box, Dict *dict, Value key, Value value) {
  check_key(box, key);
  const size_t at = find(box, dict, key);
  if (at == dict->room) {
    const size_t room = 2 * dict->room + 4;
    Value *keys = box_take(box, room, sizeof *keys), *values = box_take(box, room, sizeof *values);
    if (dict->count) memcpy(keys, dict->keys, dict->count * sizeof *keys);
    if (dict->count) memcpy(values, dict->values, dict->count * sizeof *values);
    dict->keys = keys;
    dict->values = values;
    dict->room = room;
  }
  if (at == dict->count) {
    dict->keys[at] = key;
    dict->count++;
  }
  dict->values[at] = value;
}

const Value *dict_find(Box *box, const Dict *dict, Value key) {
  const size_t at = find(box, dict, key);
  return at < dict->count ? &dict->values[at] : NULL;
}

const Value *dict_find_string(Box *box, const Dict *dict, const char *key) {
  return dict_find(box, dict, value_string(key));
}

/* A whole number of 2^53 or more may have been rounded by the JSON reader. */
static Value from_number(Box *box, const Json *node) {
  const double number = json_number(node, 0);
  if (json_is_real(node) || number != floor(number)) return value_float(number);
  if (fabs(number) >= 9007199254740992.0) box_fail(box, "a number in the data is beyond 2^53: %g", number);
  return value_int((int64_t)number);
}

Value value_from_json(Box *box, const Json *node) {
  box_step(box, 1);
  if (json_is_string(node)) return value_string(json_string(node, ""));
  if (json_is_bool(node)) return value_bool(json_bool(node, false));
  if (json_is_number(node)) return from_number(box, node);
  if (!json_is_array(node) && !json_is_object(node)) return value_none();
  box_enter(box);
  const bool object = json_is_object(node);
  Value v = object ? value_dict(box) : value_sequence(box, VALUE_LIST, json_count(node));
  for (const Json *child = json_first(node); child; child = json_next(child)) {
    const Value value = value_from_json(box, child);
    if (object)
      dict_set(box, v.dict, value_string(json_key(child)), value);
    else
      sequence_add(box, &v, value);
  }
  box_leave(box);
  return v;
}

const char *value_kind_name(Value v) {
  static const char *const names[] = {"nothing", "undefined", "None",  "bool",  "int",       "float",
                                      "str",     "list",      "tuple", "range", "dict view", "iterator",
                                      "dict",    "namespace", "loop",  "macro", "function"};
  return names[v.kind];
}

bool value_truth(Value v) {
  switch (v.kind) {
  case VALUE_MISSING:
  case VALUE_UNDEFINED:
  case VALUE_NONE: return false;
  case VALUE_BOOL: return v.truth;
  case VALUE_INT: return v.integer != 0;
  case VALUE_FLOAT: return v.real != 0;
  case VALUE_STRING: return v.text.size > 0;
  case VALUE_LIST:
  case VALUE_TUPLE:
  case VALUE_RANGE:
  case VALUE_VIEW: return v.sequence->count > 0;
  case VALUE_DICT: return v.dict->count > 0;
  default: return true; /* objects without a length */
  }
}

static bool equal_sequences(Box *box, const Sequence *a, const Sequence *b) {
  if (a == b) return true;
  if (a->count != b->count) return false;
  for (size_t i = 0; i < a->count; i++)
    if (!value_equal(box, a->items[i], b->items[i])) return false;
  return true;
}

static bool equal_dicts(Box *box, const Dict *a, const Dict *b) {
  if (a == b) return true;
  if (a->count != b->count) return false;
  for (size_t i = 0; i < a->count; i++) {
    const Value *other = dict_find(box, b, a->keys[i]);
    if (!other || !value_equal(box, a->values[i], *other)) return false;
  }
  return true;
}

static bool equal_numbers(Value a, Value b) {
  if (value_is_integral(a) && value_is_integral(b)) return value_integer(a) == value_integer(b);
  return value_real(a) == value_real(b);
}

bool value_equal(Box *box, Value a, Value b) {
  box_step(box, 1);
  if (value_is_number(a) && value_is_number(b)) return equal_numbers(a, b);
  if (a.kind != b.kind) return false;
  bool equal;
  box_enter(box);
  switch (a.kind) {
  case VALUE_MISSING:
  case VALUE_UNDEFINED:
  case VALUE_NONE: equal = true; break;
  case VALUE_STRING:
    if (a.text.size == b.text.size) box_step_bytes(box, a.text.size);
    equal = a.text.size == b.text.size && (a.text.size == 0 || memcmp(a.text.bytes, b.text.bytes, a.text.size) == 0);
    break;
  case VALUE_LIST:
  case VALUE_TUPLE:
  case VALUE_RANGE: equal = equal_sequences(box, a.sequence, b.sequence); break;
  case VALUE_VIEW: box_fail(box, "comparing views of dictionaries is not supported");
  case VALUE_DICT: equal = equal_dicts(box, a.dict, b.dict); break;
  default: equal = a.loop == b.loop; /* the same object */
  }
  box_leave(box);
  return equal;
}

static int compare_bytes(Box *box, Value a, Value b) {
  const size_t n = a.text.size < b.text.size ? a.text.size : b.text.size;
  box_step_bytes(box, n);
  const int order = n ? memcmp(a.text.bytes, b.text.bytes, n) : 0; /* UTF-8 sorts as its code points do */
  return order ? order : (a.text.size > b.text.size) - (a.text.size < b.text.size);
}

static int compare_sequences(Box *box, const Sequence *a, const Sequence *b) {
  for (size_t i = 0; i < a->count && i < b->count; i++)
    if (!value_equal(box, a->items[i], b->items[i])) return value_compare(box, a->items[i], b->items[i]);
  return (a->count > b->count) - (a->count < b->count);
}

int value_compare(Box *box, Value a, Value b) {
  box_step(box, 1);
  if (value_is_integral(a) && value_is_integral(b))
    return (value_integer(a) > value_integer(b)) - (value_integer(a) < value_integer(b));
  if (value_is_number(a) && value_is_number(b)) {
    const double x = value_real(a), y = value_real(b);
    if (isnan(x) || isnan(y)) box_fail(box, "NaN has no order");
    return (x > y) - (x < y);
  }
  if (a.kind == VALUE_STRING && b.kind == VALUE_STRING) return compare_bytes(box, a, b);
  if (a.kind != b.kind || (a.kind != VALUE_LIST && a.kind != VALUE_TUPLE)) {
    const Value lost = value_is_undefined(a) ? a : b;
    if (value_is_undefined(lost)) box_fail(box, "%s", lost.hint);
    box_fail(box, "%s and %s have no order", value_kind_name(a), value_kind_name(b));
  }
  box_enter(box);
  const int order = compare_sequences(box, a.sequence, b.sequence);
  box_leave(box);
  return order;
}

bool value_contains(Box *box, Value all, Value one) {
  if (all.kind == VALUE_STRING) {
    if (one.kind == VALUE_UNDEFINED) box_fail(box, "%s", one.hint);
    if (one.kind != VALUE_STRING) box_fail(box, "`in` a string asks for a %s", value_kind_name(one));
    box_step_search(box, all.text.size, one.text.size);
    return one.text.size == 0 ||
           (all.text.size && memmem(all.text.bytes, all.text.size, one.text.bytes, one.text.size) != NULL);
  }
  if (all.kind == VALUE_DICT) {
    check_key(box, one);
    return dict_find(box, all.dict, one) != NULL;
  }
  const Sequence items = value_take_items(box, all);
  for (size_t i = 0; i < items.count; i++)
    if (value_equal(box, items.items[i], one)) return true;
  return false;
}

static size_t count_characters(Value v) {
  size_t n = 0;
  for (size_t i = 0; i < v.text.size; i++) n += ((unsigned char)v.text.bytes[i] & 0xc0) != 0x80;
  return n;
}

size_t value_length(Box *box, Value v) {
  switch (v.kind) {
  case VALUE_UNDEFINED: return 0;
  case VALUE_STRING: box_step_bytes(box, v.text.size); return count_characters(v);
  case VALUE_LIST:
  case VALUE_TUPLE:
  case VALUE_RANGE:
  case VALUE_VIEW: return v.sequence->count;
  case VALUE_DICT: return v.dict->count;
  default: box_fail(box, "a %s has no length", value_kind_name(v));
  }
}

static Sequence characters(Box *box, Value v) {
  const size_t n = value_length(box, v);
  box_step(box, n);
  Sequence s = {.items = box_take(box, n, sizeof *s.items), .count = n};
  uint32_t code;
  for (size_t i = 0, at = 0; i < n; i++) {
    const size_t size = utf8_decode(v.text.bytes + at, v.text.size - at, &code);
    s.items[i] = value_text(v.text.bytes + at, size);
    at += size;
  }
  return s;
}

Sequence value_items(Box *box, Value v) {
  switch (v.kind) {
  case VALUE_UNDEFINED: return (Sequence){0};
  case VALUE_STRING: return characters(box, v);
  case VALUE_LIST:
  case VALUE_TUPLE:
  case VALUE_RANGE:
  case VALUE_VIEW: return (Sequence){.items = v.sequence->items, .count = v.sequence->count};
  case VALUE_ITERATOR:
    return (Sequence){.items = v.sequence->items + v.sequence->at, .count = v.sequence->count - v.sequence->at};
  case VALUE_DICT: return (Sequence){.items = v.dict->keys, .count = v.dict->count};
  default: box_fail(box, "a %s cannot be looped over", value_kind_name(v));
  }
}

Sequence value_take_items(Box *box, Value v) {
  const Sequence items = value_items(box, v);
  if (v.kind == VALUE_ITERATOR) v.sequence->at = v.sequence->count;
  return items;
}
