/* Filters of lists and dictionaries. */
#include "text/jinja/run.h"
#include "text/jinja/string.h"

#include <math.h>

static bool is_digits(Value part) {
  for (size_t i = 0; i < part.text.size; i++)
    if (part.text.bytes[i] < '0' || part.text.bytes[i] > '9') return false;
  return part.text.size > 0;
}

/* An attribute's path "a.b.0" of an item; NONE is the item itself. An undefined step becomes otherwise, unless MISSING.
 */
static Value follow(Box *box, Value item, Value path, Value otherwise) {
  if (path.kind == VALUE_NONE || path.kind == VALUE_MISSING) return item;
  if (value_is_integral(path)) return value_item(box, item, path);
  if (path.kind != VALUE_STRING) box_fail(box, "an attribute that is a %s", value_kind_name(path));
  const Value dot = value_string("."), parts = string_split(box, path, &dot, -1, false);
  for (size_t i = 0; i < parts.sequence->count; i++) {
    const Value part = parts.sequence->items[i];
    int64_t place;
    item = value_item(box, item, is_digits(part) && string_to_int(box, part, 10, &place) ? value_int(place) : part);
    if (value_is_undefined(item) && otherwise.kind != VALUE_MISSING && otherwise.kind != VALUE_NONE) item = otherwise;
  }
  return item;
}

static Value folded(Box *box, Value v, bool case_sensitive) {
  return !case_sensitive && v.kind == VALUE_STRING ? string_lower(box, v) : v;
}

static Value copy_items(Box *box, ValueKind kind, const Sequence *items) {
  Value all = value_sequence(box, kind, items->count);
  for (size_t i = 0; i < items->count; i++) sequence_add(box, &all, items->items[i]);
  return all;
}

static Value filter_length(Call *c) { return value_int((int64_t)value_length(c->box, c->self)); }

static Value filter_first(Call *c) {
  const Sequence items = value_items(c->box, c->self);
  if (items.count && c->self.kind == VALUE_ITERATOR) c->self.sequence->at++;
  return items.count ? items.items[0] : value_undefined(c->box, "no first item, the list is empty");
}

static Value filter_last(Call *c) {
  if (c->self.kind == VALUE_ITERATOR) box_fail(c->box, "last of an iterator: make it a list first");
  const Sequence items = value_items(c->box, c->self);
  return items.count ? items.items[items.count - 1] : value_undefined(c->box, "no last item, the list is empty");
}

static Value filter_list(Call *c) {
  const Sequence items = value_take_items(c->box, c->self);
  return copy_items(c->box, VALUE_LIST, &items);
}

static Value filter_join(Call *c) {
  const Sequence items = value_take_items(c->box, c->self);
  const Value between = call_has(c, 0) ? need_plain(c->box, value_to_string(c->box, c->args[0])) : value_string("");
  Text out = {0};
  for (size_t i = 0; i < items.count; i++) {
    if (i) text_add(c->box, &out, between.text.bytes, between.text.size);
    const Value item = follow(c->box, items.items[i], c->args[1], (Value){0});
    if (item.kind == VALUE_STRING) need_plain(c->box, item);
    text_add_value(c->box, &out, item);
  }
  return value_of_text(&out);
}

static Value filter_reverse(Call *c) {
  if (c->self.kind == VALUE_STRING) return string_reverse(c->box, need_plain(c->box, c->self));
  const Sequence items = value_take_items(c->box, c->self);
  Value all = value_sequence(c->box, c->self.kind == VALUE_ITERATOR ? VALUE_LIST : VALUE_ITERATOR, items.count);
  for (size_t i = items.count; i-- > 0;) sequence_add(c->box, &all, items.items[i]);
  return all;
}

static Value filter_items(Call *c) {
  if (value_is_undefined(c->self)) return value_sequence(c->box, VALUE_ITERATOR, 0);
  if (c->self.kind != VALUE_DICT) box_fail(c->box, "items of a %s, expected a dict", value_kind_name(c->self));
  const Arguments none = {0};
  const Value view = builtin_call(c->run, builtin_find(jinja_dict_methods, "items"), c->self, &none);
  return copy_items(c->box, VALUE_ITERATOR, view.sequence);
}

static Value name_argument(Call *c, size_t i) {
  const Value name = c->given->values[i];
  if (name.kind != VALUE_STRING) box_fail(c->box, "%s is given a %s, expected a name", c->name, value_kind_name(name));
  return name;
}

static const char *name_string(Box *box, Value name) {
  if (name.text.size && memchr(name.text.bytes, 0, name.text.size)) box_fail(box, "a name with a zero byte");
  char *string = box_take(box, name.text.size + 1, 1);
  if (name.text.size) memcpy(string, name.text.bytes, name.text.size);
  return string;
}

/* map("filter", ...), map(attribute=..., default=...) */
static Value filter_map(Call *c) {
  const Arguments *given = c->given;
  Value all = value_sequence(c->box, VALUE_ITERATOR, 0), path = {0}, otherwise = {0};
  if (!value_truth(c->self)) return all;
  const Sequence items = value_take_items(c->box, c->self);
  if (given->count > 0) {
    const Builtin *filter = filter_need(c->box, name_string(c->box, name_argument(c, 0)));
    const Arguments rest = {given->values + 1, given->count - 1, given->names, given->named, given->n_named};
    for (size_t i = 0; i < items.count; i++)
      sequence_add(c->box, &all, builtin_call(c->run, filter, items.items[i], &rest));
    return all;
  }
  for (size_t i = 0; i < given->n_named; i++)
    if (strcmp(given->names[i], "attribute") == 0)
      path = given->named[i];
    else if (strcmp(given->names[i], "default") == 0)
      otherwise = given->named[i];
    else
      box_fail(c->box, "map does not know an argument %.60s", given->names[i]);
  if (path.kind == VALUE_MISSING) box_fail(c->box, "map lacks the name of a filter or an attribute");
  for (size_t i = 0; i < items.count; i++) sequence_add(c->box, &all, follow(c->box, items.items[i], path, otherwise));
  return all;
}

/* select("test", ...) and its kin; with_attribute: the first argument is a path. */
static Value choose(Call *c, bool with_attribute, bool keep) {
  const Arguments *given = c->given;
  const size_t first = with_attribute;
  Value all = value_sequence(c->box, VALUE_ITERATOR, 0);
  if (!value_truth(c->self)) return all;
  const Sequence items = value_take_items(c->box, c->self);
  if (given->count < first) box_fail(c->box, "%s lacks the name of an attribute", c->name);
  box_step(c->box, items.count);
  const bool has_test = given->count > first;
  const Builtin *test = has_test ? test_need(c->box, name_string(c->box, name_argument(c, first))) : NULL;
  const Arguments rest = {given->values + first + has_test, given->count - first - has_test, given->names, given->named,
                          given->n_named};
  for (size_t i = 0; i < items.count; i++) {
    const Value item = with_attribute ? follow(c->box, items.items[i], given->values[0], (Value){0}) : items.items[i];
    const bool holds = value_truth(test ? builtin_call(c->run, test, item, &rest) : item);
    if (holds == keep) sequence_add(c->box, &all, items.items[i]);
  }
  return all;
}

static Value filter_select(Call *c) { return choose(c, false, true); }
static Value filter_reject(Call *c) { return choose(c, false, false); }
static Value filter_selectattr(Call *c) { return choose(c, true, true); }
static Value filter_rejectattr(Call *c) { return choose(c, true, false); }

/* Sorts items by keys, stable; a backward sort keeps the order of equal ones too. */
static void sort_by(Box *box, Value *items, Value *keys, size_t n, bool backward) {
  Value *other_items = box_take(box, n, sizeof *items), *other_keys = box_take(box, n, sizeof *keys);
  for (size_t width = 1; width < n; width *= 2) {
    for (size_t begin = 0; begin < n; begin += 2 * width) {
      const size_t middle = begin + width < n ? begin + width : n, end = begin + 2 * width < n ? begin + 2 * width : n;
      for (size_t a = begin, b = middle, to = begin; to < end; to++) {
        bool take_b = a == middle;
        if (!take_b && b < end) {
          const int order = value_compare(box, keys[b], keys[a]);
          take_b = backward ? order > 0 : order < 0;
        }
        const size_t from = take_b ? b++ : a++;
        other_items[to] = items[from];
        other_keys[to] = keys[from];
      }
    }
    memcpy(items, other_items, n * sizeof *items);
    memcpy(keys, other_keys, n * sizeof *keys);
  }
}

/* sort(reverse, case_sensitive, attribute): attribute may be "a,b". */
static Value filter_sort(Call *c) {
  const Sequence items = value_take_items(c->box, c->self);
  Value all = copy_items(c->box, VALUE_LIST, &items);
  Value *keys = box_take(c->box, items.count, sizeof *keys);
  const Value comma = value_string(",");
  for (size_t i = 0; i < items.count; i++) {
    keys[i] = value_sequence(c->box, VALUE_LIST, 1);
    Value paths = value_sequence(c->box, VALUE_LIST, 1);
    if (c->args[2].kind == VALUE_STRING)
      paths = string_split(c->box, c->args[2], &comma, -1, false);
    else
      sequence_add(c->box, &paths, c->args[2]);
    for (size_t j = 0; j < paths.sequence->count; j++)
      sequence_add(c->box, &keys[i],
                   folded(c->box, follow(c->box, items.items[i], paths.sequence->items[j], (Value){0}),
                          call_truth(c, 1, false)));
  }
  sort_by(c->box, all.sequence->items, keys, items.count, call_truth(c, 0, false));
  return all;
}

/* dictsort(case_sensitive, by, reverse): pairs. */
static Value filter_dictsort(Call *c) {
  Call of_items = *c;
  const Value by = call_has(c, 1) ? call_string(c, 1) : value_string("key");
  const bool by_value = value_equals_string(by, "value");
  if (!by_value && !value_equals_string(by, "key")) box_fail(c->box, "dictsort by something other than key and value");
  if (value_is_undefined(c->self)) box_fail(c->box, "%s", c->self.hint);
  Value all = filter_items(&of_items);
  all.kind = VALUE_LIST;
  const size_t n = all.sequence->count;
  Value *keys = box_take(c->box, n, sizeof *keys);
  for (size_t i = 0; i < n; i++)
    keys[i] = folded(c->box, all.sequence->items[i].sequence->items[by_value], call_truth(c, 0, false));
  sort_by(c->box, all.sequence->items, keys, n, call_truth(c, 2, false));
  return all;
}

/* unique(case_sensitive, attribute) */
static Value filter_unique(Call *c) {
  const Sequence items = value_take_items(c->box, c->self);
  Value all = value_sequence(c->box, VALUE_ITERATOR, 0), seen = value_sequence(c->box, VALUE_LIST, 0);
  for (size_t i = 0; i < items.count; i++) {
    const Value key = folded(c->box, follow(c->box, items.items[i], c->args[1], (Value){0}), call_truth(c, 0, false));
    if (key.kind == VALUE_LIST || key.kind == VALUE_DICT) box_fail(c->box, "unique of a %s", value_kind_name(key));
    if (value_contains(c->box, seen, key)) continue;
    sequence_add(c->box, &seen, key);
    sequence_add(c->box, &all, items.items[i]);
  }
  return all;
}

/* min and max(case_sensitive, attribute): the first of equal ones. */
static Value extreme(Call *c, int sign) {
  const Sequence items = value_take_items(c->box, c->self);
  if (items.count == 0) return value_undefined(c->box, "no %s, the list is empty", c->name);
  size_t best = 0;
  Value best_key = {0};
  for (size_t i = 0; i < items.count; i++) {
    const Value key = folded(c->box, follow(c->box, items.items[i], c->args[1], (Value){0}), call_truth(c, 0, false));
    if (i > 0 && sign * value_compare(c->box, key, best_key) <= 0) continue;
    best = i;
    best_key = key;
  }
  return items.items[best];
}

static Value filter_min(Call *c) { return extreme(c, -1); }
static Value filter_max(Call *c) { return extreme(c, 1); }

static Value filter_sum(Call *c) {
  const Sequence items = value_take_items(c->box, c->self);
  Value sum = call_has(c, 1) ? c->args[1] : value_int(0);
  if (sum.kind == VALUE_STRING) box_fail(c->box, "sum of strings: join them");
  box_step(c->box, items.count);
  for (size_t i = 0; i < items.count; i++)
    sum = operate(c->box, OP_ADD, sum, follow(c->box, items.items[i], c->args[0], (Value){0}));
  return sum;
}

const Builtin jinja_list_filters[] = {{"count", "", filter_length},
                                      {"dictsort", "[case_sensitive] [by] [reverse]", filter_dictsort},
                                      {"first", "", filter_first},
                                      {"items", "", filter_items},
                                      {"join", "[d] [attribute]", filter_join},
                                      {"last", "", filter_last},
                                      {"length", "", filter_length},
                                      {"list", "", filter_list},
                                      {"map", NULL, filter_map},
                                      {"max", "[case_sensitive] [attribute]", filter_max},
                                      {"min", "[case_sensitive] [attribute]", filter_min},
                                      {"reject", NULL, filter_reject},
                                      {"rejectattr", NULL, filter_rejectattr},
                                      {"reverse", "", filter_reverse},
                                      {"select", NULL, filter_select},
                                      {"selectattr", NULL, filter_selectattr},
                                      {"sort", "[reverse] [case_sensitive] [attribute]", filter_sort},
                                      {"sum", "[attribute] [start]", filter_sum},
                                      {"unique", "[case_sensitive] [attribute]", filter_unique},
                                      {0}};
