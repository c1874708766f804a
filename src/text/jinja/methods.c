/* Methods of strings, lists, tuples and dictionaries. What would change a list or dictionary is not there: transformers
 * renders in jinja2's immutable sandbox. */
#include "text/jinja/builtin.h"
#include "text/jinja/string.h"

#include <stdint.h>

static Value method_upper(Call *c) { return string_upper(c->box, c->self); }
static Value method_lower(Call *c) { return string_lower(c->box, c->self); }
static Value method_capitalize(Call *c) { return string_capitalize(c->box, c->self); }
static Value method_title(Call *c) { return string_title(c->box, c->self); }

static Value strip(Call *c, bool left, bool right) {
  Value chars;
  const bool given = call_has(c, 0) && c->args[0].kind != VALUE_NONE;
  if (given) chars = call_string(c, 0);
  return string_strip(c->box, c->self, given ? &chars : NULL, left, right);
}

static Value method_strip(Call *c) { return strip(c, true, true); }
static Value method_lstrip(Call *c) { return strip(c, true, false); }
static Value method_rstrip(Call *c) { return strip(c, false, true); }

static Value split(Call *c, bool from_right) {
  Value separator;
  const bool given = call_has(c, 0) && c->args[0].kind != VALUE_NONE;
  if (given) separator = call_string(c, 0);
  return string_split(c->box, c->self, given ? &separator : NULL, call_integer(c, 1, -1), from_right);
}

static Value method_split(Call *c) { return split(c, false); }
static Value method_rsplit(Call *c) { return split(c, true); }
static Value method_splitlines(Call *c) { return string_split_lines(c->box, c->self, call_truth(c, 0, false)); }

/* [in front, separator, behind] */
static Value partition(Call *c, bool last) {
  const Value text = c->self, mark = call_string(c, 0);
  if (mark.text.size == 0) box_fail(c->box, "%s at an empty string", c->name);
  const int64_t found = string_find(c->box, text, mark, last);
  const size_t at = found < 0 ? text.text.size : (size_t)found;
  Value all = value_sequence(c->box, VALUE_TUPLE, 3);
  if (found < 0 && last) {
    sequence_add(c->box, &all, value_string(""));
    sequence_add(c->box, &all, value_string(""));
    sequence_add(c->box, &all, text);
    return all;
  }
  const size_t behind = found < 0 ? at : at + mark.text.size;
  sequence_add(c->box, &all, value_text(text.text.bytes, at));
  sequence_add(c->box, &all, found < 0 ? value_string("") : mark);
  sequence_add(c->box, &all,
               behind < text.text.size ? value_text(text.text.bytes + behind, text.text.size - behind)
                                       : value_string(""));
  return all;
}

static Value method_partition(Call *c) { return partition(c, false); }
static Value method_rpartition(Call *c) { return partition(c, true); }

static bool has_at(Value text, Value what, bool end) {
  const size_t n = what.text.size;
  if (n > text.text.size) return false;
  return n == 0 || memcmp(text.text.bytes + (end ? text.text.size - n : 0), what.text.bytes, n) == 0;
}

/* One string or a tuple of them. */
static Value starts_or_ends(Call *c, bool end) {
  const Value what = c->args[0];
  box_step_bytes(c->box, c->self.text.size);
  if (what.kind != VALUE_TUPLE) return value_bool(has_at(c->self, call_string(c, 0), end));
  for (size_t i = 0; i < what.sequence->count; i++) {
    const Value one = what.sequence->items[i];
    if (one.kind != VALUE_STRING) box_fail(c->box, "%s is given a %s, expected strings", c->name, value_kind_name(one));
    box_step_bytes(c->box, one.text.size);
    if (has_at(c->self, one, end)) return value_bool(true);
  }
  return value_bool(false);
}

static Value method_startswith(Call *c) { return starts_or_ends(c, false); }
static Value method_endswith(Call *c) { return starts_or_ends(c, true); }

static Value method_removeprefix(Call *c) {
  const Value what = call_string(c, 0);
  box_step_bytes(c->box, what.text.size);
  if (what.text.size == 0 || !has_at(c->self, what, false)) return c->self;
  return value_text(c->self.text.bytes + what.text.size, c->self.text.size - what.text.size);
}

static Value method_removesuffix(Call *c) {
  const Value what = call_string(c, 0);
  box_step_bytes(c->box, what.text.size);
  if (what.text.size == 0 || !has_at(c->self, what, true)) return c->self;
  return value_text(c->self.text.bytes, c->self.text.size - what.text.size);
}

static Value method_replace(Call *c) {
  return string_replace(c->box, c->self, call_string(c, 0), call_string(c, 1), call_integer(c, 2, -1));
}

/* Places are counted in characters. */
static Value find(Call *c, bool last, bool need) {
  const int64_t at = string_find(c->box, c->self, call_string(c, 0), last);
  if (at < 0 && need) box_fail(c->box, "%s: not found", c->name);
  return value_int(at < 0 ? -1 : (int64_t)value_length(c->box, value_text(c->self.text.bytes, (size_t)at)));
}

static Value method_find(Call *c) { return find(c, false, false); }
static Value method_rfind(Call *c) { return find(c, true, false); }
static Value method_index(Call *c) { return find(c, false, true); }
static Value method_rindex(Call *c) { return find(c, true, true); }
static Value method_count(Call *c) { return value_int(string_count(c->box, c->self, call_string(c, 0))); }

static Value method_join(Call *c) {
  const Sequence items = value_take_items(c->box, c->args[0]);
  Text out = {0};
  for (size_t i = 0; i < items.count; i++) {
    const Value item = items.items[i];
    if (item.kind != VALUE_STRING) box_fail(c->box, "join of a %s, expected strings", value_kind_name(item));
    need_plain(c->box, item);
    if (i) text_add(c->box, &out, c->self.text.bytes, c->self.text.size);
    text_add(c->box, &out, item.text.bytes, item.text.size);
  }
  return value_of_text(&out);
}

static Value method_format(Call *c) { return format_braces(c->box, c->self, c->given); }

enum { CHARACTER_DIGIT = 1, CHARACTER_UPPER = 2, CHARACTER_LOWER = 4, CHARACTER_BLANK = 8 };

/* Whether there are characters, and all are of these kinds. */
static Value is_all(Call *c, unsigned kinds) {
  box_step_characters(c->box, c->self.text.size);
  for (size_t i = 0; i < c->self.text.size; i++) {
    const char byte = c->self.text.bytes[i];
    if (byte & 0x80) box_fail(c->box, "%s of text that is not ASCII is not supported", c->name);
    const unsigned kind = (byte >= '0' && byte <= '9' ? CHARACTER_DIGIT : 0u) |
                          (byte >= 'A' && byte <= 'Z' ? CHARACTER_UPPER : 0u) |
                          (byte >= 'a' && byte <= 'z' ? CHARACTER_LOWER : 0u) |
                          (is_blank_character((uint32_t)byte) ? CHARACTER_BLANK : 0u);
    if (!(kind & kinds)) return value_bool(false);
  }
  return value_bool(c->self.text.size > 0);
}

static Value method_isdigit(Call *c) { return is_all(c, CHARACTER_DIGIT); }
static Value method_isalpha(Call *c) { return is_all(c, CHARACTER_UPPER | CHARACTER_LOWER); }
static Value method_isalnum(Call *c) { return is_all(c, CHARACTER_DIGIT | CHARACTER_UPPER | CHARACTER_LOWER); }
static Value method_isspace(Call *c) { return is_all(c, CHARACTER_BLANK); }

static Value cased(Call *c, const char *test) {
  const Arguments none = {0};
  return builtin_call(c->run, builtin_find(jinja_tests, test), c->self, &none);
}

static Value method_islower(Call *c) { return cased(c, "lower"); }
static Value method_isupper(Call *c) { return cased(c, "upper"); }

const Builtin jinja_string_methods[] = {{"capitalize", "", method_capitalize},
                                        {"count", "/sub", method_count},
                                        {"endswith", "/suffix", method_endswith},
                                        {"find", "/sub", method_find},
                                        {"format", NULL, method_format},
                                        {"index", "/sub", method_index},
                                        {"isalnum", "", method_isalnum},
                                        {"isalpha", "", method_isalpha},
                                        {"isdigit", "", method_isdigit},
                                        {"islower", "", method_islower},
                                        {"isspace", "", method_isspace},
                                        {"isupper", "", method_isupper},
                                        {"join", "/iterable", method_join},
                                        {"lower", "", method_lower},
                                        {"lstrip", "[/chars]", method_lstrip},
                                        {"partition", "/sep", method_partition},
                                        {"removeprefix", "/prefix", method_removeprefix},
                                        {"removesuffix", "/suffix", method_removesuffix},
                                        {"replace", "/old /new [/count]", method_replace},
                                        {"rfind", "/sub", method_rfind},
                                        {"rindex", "/sub", method_rindex},
                                        {"rpartition", "/sep", method_rpartition},
                                        {"rsplit", "[sep] [maxsplit]", method_rsplit},
                                        {"rstrip", "[/chars]", method_rstrip},
                                        {"split", "[sep] [maxsplit]", method_split},
                                        {"splitlines", "[keepends]", method_splitlines},
                                        {"startswith", "/prefix", method_startswith},
                                        {"strip", "[/chars]", method_strip},
                                        {"title", "", method_title},
                                        {"upper", "", method_upper},
                                        {0}};

static Value method_get(Call *c) {
  const ValueKind k = c->args[0].kind;
  if (k == VALUE_LIST || k == VALUE_DICT || k == VALUE_NAMESPACE)
    box_fail(c->box, "get of a %s", value_kind_name(c->args[0]));
  const Value *value = dict_find(c->box, c->self.dict, c->args[0]);
  return value ? *value : call_has(c, 1) ? c->args[1] : value_none();
}

static Value view(Call *c, bool keys, bool values) {
  const Dict *dict = c->self.dict;
  Value all = value_sequence(c->box, VALUE_VIEW, dict->count);
  for (size_t i = 0; i < dict->count; i++) {
    Value item = keys ? dict->keys[i] : dict->values[i];
    if (keys && values) {
      item = value_sequence(c->box, VALUE_TUPLE, 2);
      sequence_add(c->box, &item, dict->keys[i]);
      sequence_add(c->box, &item, dict->values[i]);
    }
    sequence_add(c->box, &all, item);
  }
  return all;
}

static Value method_keys(Call *c) { return view(c, true, false); }
static Value method_values(Call *c) { return view(c, false, true); }
static Value method_items(Call *c) { return view(c, true, true); }

const Builtin jinja_dict_methods[] = {{"get", "/key [/default]", method_get},
                                      {"items", "", method_items},
                                      {"keys", "", method_keys},
                                      {"values", "", method_values},
                                      {0}};

static Value method_list_index(Call *c) {
  const Sequence *s = c->self.sequence;
  for (size_t i = 0; i < s->count; i++)
    if (value_equal(c->box, s->items[i], c->args[0])) return value_int((int64_t)i);
  box_fail(c->box, "index: not in the list");
}

static Value method_list_count(Call *c) {
  const Sequence *s = c->self.sequence;
  int64_t n = 0;
  for (size_t i = 0; i < s->count; i++) n += value_equal(c->box, s->items[i], c->args[0]);
  return value_int(n);
}

const Builtin jinja_list_methods[] = {
    {"count", "/value", method_list_count}, {"index", "/value", method_list_index}, {0}};
