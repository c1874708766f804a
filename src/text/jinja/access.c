/* Attributes, subscripts and slices. */
#include "text/jinja/run.h"
#include "text/jinja/string.h"

static const Builtin *methods_of(Value object) {
  switch (object.kind) {
  case VALUE_STRING: return jinja_string_methods;
  case VALUE_DICT: return jinja_dict_methods;
  case VALUE_LIST:
  case VALUE_TUPLE: return jinja_list_methods;
  case VALUE_LOOP: return jinja_loop_methods;
  default: return NULL;
  }
}

/* Methods that Python has and the tables have not: what is there must not look as if it were not. */
static bool is_refused_method(Value object, const char *name) {
  static const char *const of_strings[] = {
      "casefold",  "center",       "encode",    "expandtabs",  "format_map", "isascii",
      "isdecimal", "isidentifier", "isnumeric", "isprintable", "istitle",    "ljust",
      "maketrans", "rjust",        "swapcase",  "translate",   "zfill",      NULL};
  static const char *const of_dicts[] = {"clear", "copy", "fromkeys", "pop", "popitem", "setdefault", "update", NULL};
  static const char *const of_lists[] = {"append", "clear",  "copy",    "extend", "insert",
                                         "pop",    "remove", "reverse", "sort",   NULL};
  const char *const *names = object.kind == VALUE_STRING ? of_strings
                             : object.kind == VALUE_DICT ? of_dicts
                             : object.kind == VALUE_LIST ? of_lists
                                                         : NULL;
  for (; names && *names; names++)
    if (strcmp(*names, name) == 0) return true;
  return strncmp(name, "__", 2) == 0;
}

/* The attribute proper: MISSING where there is none. */
static Value own_attribute(Box *box, Value object, const char *name) {
  const Builtin *methods = methods_of(object), *method = methods ? builtin_find(methods, name) : NULL;
  if (method) {
    Function *function = box_take(box, 1, sizeof *function);
    *function = (Function){method, object};
    return (Value){.kind = VALUE_FUNCTION, .function = function};
  }
  if (is_refused_method(object, name))
    box_fail(box, "the method %.60s of a %s is not supported", name, value_kind_name(object));
  if (object.kind == VALUE_LOOP) return loop_attribute(box, object.loop, name);
  if (object.kind == VALUE_NAMESPACE) {
    const Value *value = dict_find_string(box, object.dict, name);
    if (value) return *value;
  }
  return (Value){0};
}

/* The value under a key or at a place: MISSING where there is none. */
static Value own_item(Box *box, Value object, Value key) {
  if (object.kind == VALUE_DICT) {
    if (key.kind != VALUE_NONE && !value_is_number(key) && key.kind != VALUE_STRING) return (Value){0};
    const Value *value = dict_find(box, object.dict, key);
    return value ? *value : (Value){0};
  }
  if (!value_is_integral(key)) return (Value){0};
  const bool is_text = object.kind == VALUE_STRING;
  if (!is_text && object.kind != VALUE_LIST && object.kind != VALUE_TUPLE && object.kind != VALUE_RANGE)
    return (Value){0};
  const int64_t n = (int64_t)value_length(box, object), at = value_integer(key), place = at < 0 ? n + at : at;
  if (place < 0 || place >= n) return (Value){0};
  if (!is_text) return object.sequence->items[place];
  const size_t begin = string_offset(object, (size_t)place), end = string_offset(object, (size_t)place + 1);
  return value_text(object.text.bytes + begin, end - begin);
}

static Value undefined_of(Box *box, Value object, const char *name) {
  return value_undefined(box, "a %s has no \"%.100s\"", value_kind_name(object), name);
}

Value value_attribute(Box *box, Value object, const char *name) {
  if (value_is_undefined(object)) box_fail(box, "%s", object.hint);
  if (object.kind == VALUE_STRING) need_plain(box, object);
  Value found = own_attribute(box, object, name);
  if (found.kind == VALUE_MISSING && object.kind == VALUE_DICT) found = own_item(box, object, value_string(name));
  return found.kind == VALUE_MISSING ? undefined_of(box, object, name) : found;
}

Value value_item(Box *box, Value object, Value key) {
  if (value_is_undefined(object)) box_fail(box, "%s", object.hint);
  if (object.kind == VALUE_STRING) need_plain(box, object);
  const Value found = own_item(box, object, key);
  if (found.kind != VALUE_MISSING) return found;
  if (key.kind != VALUE_STRING || (key.text.size && memchr(key.text.bytes, 0, key.text.size)))
    return value_undefined(box, "a %s has no such item", value_kind_name(object));
  char *name = box_take(box, key.text.size + 1, 1);
  if (key.text.size) memcpy(name, key.text.bytes, key.text.size);
  const Value attribute = own_attribute(box, object, name);
  return attribute.kind == VALUE_MISSING ? undefined_of(box, object, name) : attribute;
}

/* A bound of a slice: from the end where negative, and kept within [low, high]. */
static int64_t bound(Box *box, Value v, int64_t otherwise, int64_t n, int64_t low, int64_t high) {
  if (v.kind == VALUE_NONE) return otherwise;
  if (value_is_undefined(v)) box_fail(box, "%s", v.hint);
  if (!value_is_integral(v)) box_fail(box, "a slice with a %s, expected whole numbers", value_kind_name(v));
  int64_t at = value_integer(v);
  if (at < 0) at = at < -n ? -1 : at + n;
  return at < low ? low : at > high ? high : at;
}

static Value slice_text(Box *box, Value text, int64_t begin, int64_t count, int64_t step) {
  if (step == 1) {
    const size_t from = string_offset(text, (size_t)begin), to = string_offset(text, (size_t)(begin + count));
    return count > 0 ? value_text(text.text.bytes + from, to - from) : value_string("");
  }
  const Sequence all = value_items(box, text);
  Text out = {0};
  for (int64_t i = 0; i < count; i++)
    text_add(box, &out, all.items[begin + i * step].text.bytes, all.items[begin + i * step].text.size);
  return value_of_text(&out);
}

Value value_slice(Box *box, Value object, Value begin, Value end, Value step) {
  if (value_is_undefined(object)) box_fail(box, "%s", object.hint);
  const bool is_text = object.kind == VALUE_STRING;
  if (is_text) need_plain(box, object);
  if (!is_text && object.kind != VALUE_LIST && object.kind != VALUE_TUPLE && object.kind != VALUE_RANGE)
    box_fail(box, "a slice of a %s", value_kind_name(object));
  const int64_t n = (int64_t)value_length(box, object);
  if (step.kind != VALUE_NONE && !value_is_integral(step)) box_fail(box, "a slice with a step that is no whole number");
  int64_t by = step.kind == VALUE_NONE ? 1 : value_integer(step);
  if (by == 0) box_fail(box, "a slice with step 0");
  by = by > n + 1 ? n + 1 : by < -n - 1 ? -n - 1 : by; /* the same items, and nothing overflows */
  const int64_t low = by > 0 ? 0 : -1, high = by > 0 ? n : n - 1;
  const int64_t from = bound(box, begin, by > 0 ? 0 : n - 1, n, low, high),
                to = bound(box, end, by > 0 ? n : -1, n, low, high);
  const int64_t span = by > 0 ? to - from : from - to, stride = by > 0 ? by : -by;
  const int64_t count = span > 0 ? (span + stride - 1) / stride : 0;
  if (is_text) return slice_text(box, object, from, count, by);
  Value part = value_sequence(box, object.kind, (size_t)count);
  for (int64_t i = 0; i < count; i++) sequence_add(box, &part, object.sequence->items[from + i * by]);
  return part;
}
