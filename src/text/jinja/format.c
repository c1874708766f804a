/* "..." % values and str.format, as far as templates use them: %s %r %d %i %f %x with flags, width and precision; {}
 * {0} {name} without a format. Anything else is refused. */
#include "text/jinja/builtin.h"
#include "text/jinja/string.h"

#include <math.h>
#include <stdio.h>

/* "%-08.3f": what stands between % and the letter. */
typedef struct Spec {
  bool left, zeros, plus;
  int width, precision; /* precision -1 = none */
} Spec;

static int take_digits(Box *box, Value format, size_t *at) {
  int n = 0;
  for (; *at < format.text.size && format.text.bytes[*at] >= '0' && format.text.bytes[*at] <= '9'; ++*at) {
    n = 10 * n + format.text.bytes[*at] - '0';
    if (n > 1000) box_fail(box, "%% with a width of more than 1000");
  }
  return n;
}

static Spec take_spec(Box *box, Value format, size_t *at) {
  Spec spec = {.precision = -1};
  for (; *at < format.text.size; ++*at) {
    const char c = format.text.bytes[*at];
    if (c == '-')
      spec.left = true;
    else if (c == '0')
      spec.zeros = true;
    else if (c == '+')
      spec.plus = true;
    else
      break;
  }
  spec.width = take_digits(box, format, at);
  if (*at < format.text.size && format.text.bytes[*at] == '.') {
    ++*at;
    spec.precision = take_digits(box, format, at);
  }
  return spec;
}

static void add_padded(Box *box, Text *out, Spec spec, Value text) {
  const size_t n = value_length(box, text), width = (size_t)spec.width;
  for (size_t i = n; !spec.left && i < width; i++) text_add(box, out, " ", 1);
  text_add(box, out, text.text.bytes, text.text.size);
  for (size_t i = n; spec.left && i < width; i++) text_add(box, out, " ", 1);
}

static void add_number(Box *box, Text *out, Spec spec, char letter, Value v) {
  char format[16], text[2048];
  box_step(box, BOX_FLOAT);
  if (value_is_undefined(v)) box_fail(box, "%s", v.hint);
  if (!value_is_number(v)) box_fail(box, "%%%c of a %s", letter, value_kind_name(v));
  if (letter == 'x' && v.kind == VALUE_FLOAT) box_fail(box, "%%x of a float");
  const double real = value_real(v);
  if (v.kind == VALUE_FLOAT && (isnan(real) || isinf(real))) box_fail(box, "%% of a number that is not finite");
  const char *flags = spec.left    ? (spec.plus ? "-+" : "-")
                      : spec.zeros ? (spec.plus ? "0+" : "0")
                      : spec.plus  ? "+"
                                   : "";
  if (letter == 'f') {
    snprintf(format, sizeof format, "%%%s*.*f", flags);
    snprintf(text, sizeof text, format, spec.width, spec.precision < 0 ? 6 : spec.precision, real);
  } else {
    if (spec.precision >= 0) box_fail(box, "%% of a whole number with a precision");
    if (fabs(real) >= 9.2e18) box_fail(box, "a whole number of more than 64 bits");
    const long long n = v.kind == VALUE_FLOAT ? (long long)real : (long long)value_integer(v);
    if (letter == 'x' && n < 0) box_fail(box, "%%x of a negative number");
    snprintf(format, sizeof format, "%%%s*ll%c", flags, letter == 'x' ? 'x' : 'd');
    snprintf(text, sizeof text, format, spec.width, n);
  }
  text_add_string(box, out, text);
}

static void add_text(Box *box, Text *out, Spec spec, char letter, Value v) {
  Text text = {0};
  if (v.kind == VALUE_STRING) need_plain(box, v);
  if (letter == 'r')
    text_add_repr(box, &text, v);
  else
    text_add_value(box, &text, v);
  Value all = value_of_text(&text);
  if (spec.precision >= 0) all.text.size = string_offset(all, (size_t)spec.precision);
  add_padded(box, out, spec, all);
}

Value format_percent(Box *box, Value format, Value values) {
  Value all = values;
  if (values.kind != VALUE_TUPLE) {
    all = value_sequence(box, VALUE_TUPLE, 1);
    sequence_add(box, &all, values);
  }
  Text out = {0};
  size_t used = 0;
  for (size_t at = 0; at < format.text.size; at++) {
    if (format.text.bytes[at] != '%') {
      text_add(box, &out, format.text.bytes + at, 1);
      continue;
    }
    at++;
    const Spec spec = take_spec(box, format, &at);
    const char letter = at < format.text.size ? format.text.bytes[at] : 0;
    if (letter == '%') {
      text_add(box, &out, "%", 1);
      continue;
    }
    if (!letter || !strchr("srdifx", letter)) box_fail(box, "a %% format that is not supported");
    if (used == all.sequence->count) box_fail(box, "%% has more places than values");
    const Value v = all.sequence->items[used++];
    if (letter == 's' || letter == 'r')
      add_text(box, &out, spec, letter, v);
    else
      add_number(box, &out, spec, letter, v);
  }
  if (used < all.sequence->count) box_fail(box, "%% has more values than places");
  return value_of_text(&out);
}

/* The value of the field between { and }. */
static Value field(Box *box, Value name, const Arguments *given, size_t *next) {
  int64_t place;
  if (name.text.size == 0) {
    place = (int64_t)(*next)++;
  } else if (!string_to_int(box, name, 10, &place)) {
    box_step(box, given->n_named);
    for (size_t i = 0; i < given->n_named; i++)
      if (value_equals_string(name, given->names[i])) return given->named[i];
    box_fail(box, "format of a field that is not supported, or not given");
  }
  if (place < 0 || (size_t)place >= given->count) box_fail(box, "format has more places than values");
  return given->values[place];
}

Value format_braces(Box *box, Value format, const Arguments *given) {
  Text out = {0};
  size_t next = 0;
  const char *bytes = format.text.bytes;
  for (size_t at = 0; at < format.text.size; at++) {
    const char c = bytes[at];
    if (c != '{' && c != '}') {
      text_add(box, &out, bytes + at, 1);
      continue;
    }
    if (at + 1 < format.text.size && bytes[at + 1] == c) {
      text_add(box, &out, &c, 1);
      at++;
      continue;
    }
    size_t end = at + 1;
    while (end < format.text.size && bytes[end] != '}' && bytes[end] != '{') end++;
    if (c == '}' || end == format.text.size || bytes[end] == '{') box_fail(box, "format: { and } do not match");
    const Value value = field(box, value_text(bytes + at + 1, end - at - 1), given, &next);
    if (value.kind == VALUE_STRING) need_plain(box, value);
    text_add_value(box, &out, value);
    at = end;
  }
  return value_of_text(&out);
}
