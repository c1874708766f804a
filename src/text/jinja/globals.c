/* Global functions: range, dict, namespace, raise_exception, strftime_now. */
#include "text/jinja/run.h"

#include <stdio.h>

enum { RANGE_MAX = 100000 }; /* jinja2's sandbox */

static Value global_range(Call *c) {
  const bool one = !call_has(c, 1);
  const int64_t begin = one ? 0 : call_integer(c, 0, 0), end = call_integer(c, one ? 0 : 1, 0),
                step = call_integer(c, 2, 1);
  if (step == 0) box_fail(c->box, "range with step 0");
  Value all = value_sequence(c->box, VALUE_RANGE, 0);
  int64_t at = begin;
  while (step > 0 ? at < end : at > end) {
    if (all.sequence->count == RANGE_MAX) box_fail(c->box, "a range of more than %d numbers", RANGE_MAX);
    sequence_add(c->box, &all, value_int(at));
    if (__builtin_add_overflow(at, step, &at)) break;
  }
  return all;
}

/* dict(a_dict, name=value): into an empty one. */
static Value fill(Call *c) {
  const Arguments *given = c->given;
  Value all = value_dict(c->box);
  if (given->count > 1) box_fail(c->box, "%s takes one dictionary and named values", c->name);
  if (given->count == 1 && given->values[0].kind == VALUE_DICT) {
    const Dict *from = given->values[0].dict;
    for (size_t i = 0; i < from->count; i++) dict_set(c->box, all.dict, from->keys[i], from->values[i]);
  } else if (given->count == 1) {
    const Sequence pairs = value_take_items(c->box, given->values[0]);
    for (size_t i = 0; i < pairs.count; i++) {
      const Sequence pair = value_items(c->box, pairs.items[i]);
      if (pair.count != 2) box_fail(c->box, "%s of a list whose items are no pairs", c->name);
      dict_set(c->box, all.dict, pair.items[0], pair.items[1]);
    }
  }
  for (size_t i = 0; i < given->n_named; i++)
    dict_set(c->box, all.dict, value_string(given->names[i]), given->named[i]);
  return all;
}

static Value global_namespace(Call *c) {
  Value all = fill(c);
  for (size_t i = 0; i < all.dict->count; i++) {
    const Value key = all.dict->keys[i];
    if (key.kind == VALUE_STRING && key.text.size && key.text.bytes[0] == '_')
      box_fail(c->box, "a namespace's attribute that begins with _");
  }
  all.kind = VALUE_NAMESPACE;
  return all;
}

static Value global_raise_exception(Call *c) {
  const Value message = value_to_string(c->box, c->args[0]);
  box_fail(c->box, "the template refuses: %.*s", (int)(message.text.size < 400 ? message.text.size : 400),
           message.text.size ? message.text.bytes : "");
}

/* What strftime of C and of Python write alike, in the C locale. */
static Value global_strftime_now(Call *c) {
  static const char known[] = "aAbBdHIjmMpSUwWyY%";
  const Value format = call_string(c, 0);
  char one[8], text[64];
  Text out = {0};
  if (!c->run->date)
    box_fail(c->box, "the template writes the date: give --chat-date YYYY-MM-DD (or SOURCE_DATE_EPOCH)");
  for (size_t at = 0; at < format.text.size; at++) {
    const char *bytes = format.text.bytes + at;
    if (*bytes != '%') {
      text_add(c->box, &out, bytes, 1);
      continue;
    }
    const bool bare = at + 2 < format.text.size && bytes[1] == '-'; /* %-d: no zero in front */
    const char letter = at + 1 + bare < format.text.size ? bytes[1 + bare] : 0;
    if (!letter || !strchr(known, letter)) box_fail(c->box, "strftime_now with a %% that is not supported");
    snprintf(one, sizeof one, "%%%s%c", bare ? "-" : "", letter);
    text_add(c->box, &out, text, strftime(text, sizeof text, one, c->run->date));
    at += 1 + bare;
  }
  return value_of_text(&out);
}

const Builtin jinja_globals[] = {{"dict", NULL, fill},
                                 {"namespace", NULL, global_namespace},
                                 {"raise_exception", "message", global_raise_exception},
                                 {"range", "/start [/stop] [/step]", global_range},
                                 {"strftime_now", "format", global_strftime_now},
                                 {0}};
