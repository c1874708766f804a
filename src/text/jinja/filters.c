/* Filters of texts and numbers. */
#include "text/jinja/builtin.h"
#include "text/jinja/string.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static Value filter_capitalize(Call *c) { return string_capitalize(c->box, call_self_text(c)); }
static Value filter_lower(Call *c) { return string_lower(c->box, call_self_text(c)); }
static Value filter_upper(Call *c) { return string_upper(c->box, call_self_text(c)); }
static Value filter_string(Call *c) { return value_to_string(c->box, c->self); }

static Value filter_trim(Call *c) {
  Value chars;
  const bool given = call_has(c, 0) && c->args[0].kind != VALUE_NONE;
  if (given) chars = call_string(c, 0);
  return string_strip(c->box, call_self_text(c), given ? &chars : NULL, true, true);
}

/* Bytes of the white space or bracket at text behind which a word begins, 0 where there is none. */
static size_t word_break(const char *text, size_t size) {
  const size_t blanks = text_blanks_in_front(text, size);
  return blanks ? blanks : *text && strchr("-({[<", *text) ? 1 : 0;
}

/* Every word begins with a capital, its rest is lower case. */
static Value filter_title(Call *c) {
  const Value text = call_self_text(c);
  const char *bytes = text.text.bytes;
  Text out = {0};
  for (size_t at = 0, end = 0, n; at < text.text.size; at = end) {
    while (end < text.text.size && word_break(bytes + end, text.text.size - end) == 0) end++;
    const Value word = string_capitalize(c->box, value_text(bytes + at, end - at));
    text_add(c->box, &out, word.text.bytes, word.text.size);
    for (at = end; end < text.text.size && (n = word_break(bytes + end, text.text.size - end)) > 0;) end += n;
    text_add(c->box, &out, bytes + at, end - at);
  }
  return value_of_text(&out);
}

static Value filter_replace(Call *c) {
  const Value text = call_self_text(c), from = need_plain(c->box, value_to_string(c->box, c->args[0])),
              to = need_plain(c->box, value_to_string(c->box, c->args[1]));
  const bool all = !call_has(c, 2) || c->args[2].kind == VALUE_NONE;
  return string_replace(c->box, text, from, to, all ? -1 : call_integer(c, 2, -1));
}

static Value filter_default(Call *c) {
  const bool stands = value_is_undefined(c->self) || (call_truth(c, 1, false) && !value_truth(c->self));
  return !stands ? c->self : call_has(c, 0) ? c->args[0] : value_string("");
}

/* Lines but the first get the indentation, empty ones do not. */
static Value filter_indent(Call *c) {
  if (value_is_undefined(c->self)) box_fail(c->box, "%s", c->self.hint);
  if (c->self.kind != VALUE_STRING) box_fail(c->box, "indent of a %s", value_kind_name(c->self));
  const bool first = call_truth(c, 1, false), blank = call_truth(c, 2, false);
  const bool by_text = call_has(c, 0) && c->args[0].kind == VALUE_STRING;
  const Value step = by_text ? call_string(c, 0) : string_repeat(c->box, value_string(" "), call_integer(c, 0, 4));
  Text whole = {0}, out = {0};
  const Value text = call_self_text(c);
  text_add(c->box, &whole, text.text.bytes, text.text.size);
  text_add_string(c->box, &whole, "\n");
  const Value lines = string_split_lines(c->box, value_of_text(&whole), false);
  for (size_t i = 0; i < lines.sequence->count; i++) {
    const Value line = lines.sequence->items[i];
    if (i) text_add_string(c->box, &out, "\n");
    if (i ? blank || line.text.size : first) text_add(c->box, &out, step.text.bytes, step.text.size);
    text_add(c->box, &out, line.text.bytes, line.text.size);
  }
  return value_of_text(&out);
}

static Value real_to_int(Call *c, double real, Value otherwise) {
  if (isnan(real) || isinf(real)) return otherwise;
  if (fabs(real) >= 9.2e18) box_fail(c->box, "a whole number of more than 64 bits");
  return value_int((int64_t)real);
}

static Value filter_int(Call *c) {
  const Value otherwise = call_has(c, 0) ? c->args[0] : value_int(0);
  int64_t integer;
  double real;
  if (value_is_undefined(c->self)) box_fail(c->box, "%s", c->self.hint);
  if (value_is_integral(c->self)) return value_int(value_integer(c->self));
  if (c->self.kind == VALUE_FLOAT) return real_to_int(c, c->self.real, otherwise);
  if (c->self.kind != VALUE_STRING) return otherwise;
  const int64_t base = call_integer(c, 1, 10);
  if (base != 2 && base != 8 && base != 10 && base != 16) box_fail(c->box, "int with a base other than 2, 8, 10, 16");
  if (string_to_int(c->box, c->self, (int)base, &integer)) return value_int(integer);
  return string_to_float(c->box, c->self, &real) ? real_to_int(c, real, otherwise) : otherwise;
}

static Value filter_float(Call *c) {
  double real;
  if (value_is_undefined(c->self)) box_fail(c->box, "%s", c->self.hint);
  if (value_is_number(c->self)) return value_float(value_real(c->self));
  if (c->self.kind == VALUE_STRING && string_to_float(c->box, c->self, &real)) return value_float(real);
  return call_has(c, 0) ? c->args[0] : value_float(0);
}

static void need_number(Call *c) {
  if (value_is_undefined(c->self)) box_fail(c->box, "%s", c->self.hint);
  if (!value_is_number(c->self)) box_fail(c->box, "%s of a %s", c->name, value_kind_name(c->self));
}

static Value filter_abs(Call *c) {
  need_number(c);
  if (c->self.kind == VALUE_FLOAT) return value_float(fabs(c->self.real));
  const int64_t n = value_integer(c->self);
  if (n == INT64_MIN) box_fail(c->box, "a whole number of more than 64 bits");
  return value_int(n < 0 ? -n : n);
}

/* round(): to even where two are equally near, on the number as it is in binary, which is what printf does. */
static Value filter_round(Call *c) {
  need_number(c);
  const int64_t places = call_integer(c, 0, 0);
  const Value method = call_has(c, 1) ? call_string(c, 1) : value_string("common");
  if (places < 0 || places > 15) box_fail(c->box, "round to %lld places, expected 0 to 15", (long long)places);
  const double real = value_real(c->self), unit = pow(10, (double)places);
  if (value_equals_string(method, "ceil")) return value_float(ceil(real * unit) / unit);
  if (value_equals_string(method, "floor")) return value_float(floor(real * unit) / unit);
  if (!value_equals_string(method, "common")) box_fail(c->box, "round by a method other than common, ceil and floor");
  if (c->self.kind != VALUE_FLOAT) return value_int(value_integer(c->self));
  char digits[400];
  box_step(c->box, BOX_FLOAT);
  snprintf(digits, sizeof digits, "%.*f", (int)places, real);
  return value_float(strtod(digits, NULL));
}

static Value filter_safe(Call *c) {
  Value text = value_to_string(c->box, c->self);
  text.safe = true;
  return text;
}

static Value filter_escape(Call *c) {
  static const char marks[] = "&<>'\"", *const names[] = {"&amp;", "&lt;", "&gt;", "&#39;", "&#34;"};
  if (c->self.kind == VALUE_STRING && c->self.safe) return c->self;
  const Value text = value_to_string(c->box, c->self);
  Text out = {0};
  for (size_t i = 0; i < text.text.size; i++) {
    const char *mark = text.text.bytes[i] ? strchr(marks, text.text.bytes[i]) : NULL;
    text_add(c->box, &out, mark ? names[mark - marks] : text.text.bytes + i, mark ? strlen(names[mark - marks]) : 1);
  }
  Value escaped = value_of_text(&out);
  escaped.safe = true;
  return escaped;
}

static Value filter_format(Call *c) {
  if (c->given->n_named) box_fail(c->box, "format with named arguments is not supported");
  Value values = value_sequence(c->box, VALUE_TUPLE, c->given->count);
  for (size_t i = 0; i < c->given->count; i++) sequence_add(c->box, &values, c->given->values[i]);
  return format_percent(c->box, call_self_text(c), values);
}

const Builtin jinja_filters[] = {{"abs", "", filter_abs},
                                 {"capitalize", "", filter_capitalize},
                                 {"d", "[default_value] [boolean]", filter_default},
                                 {"default", "[default_value] [boolean]", filter_default},
                                 {"e", "", filter_escape},
                                 {"escape", "", filter_escape},
                                 {"float", "[default]", filter_float},
                                 {"format", NULL, filter_format},
                                 {"indent", "[width] [first] [blank]", filter_indent},
                                 {"int", "[default] [base]", filter_int},
                                 {"lower", "", filter_lower},
                                 {"replace", "old new [count]", filter_replace},
                                 {"round", "[precision] [method]", filter_round},
                                 {"safe", "", filter_safe},
                                 {"string", "", filter_string},
                                 {"title", "", filter_title},
                                 {"tojson", "[ensure_ascii] [indent] [separators] [sort_keys]", filter_tojson},
                                 {"trim", "[chars]", filter_trim},
                                 {"upper", "", filter_upper},
                                 {0}};
