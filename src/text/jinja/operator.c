/* Operators: Python's arithmetic on numbers, sums of strings and lists, comparisons. Whole numbers that leave 64 bits
 * are refused. */
#include "text/jinja/run.h"
#include "text/jinja/string.h"

#include <math.h>

_Noreturn static void fail_operands(Box *box, const char *what, Value a, Value b) {
  if (value_is_undefined(a)) box_fail(box, "%s", a.hint);
  if (value_is_undefined(b)) box_fail(box, "%s", b.hint);
  box_fail(box, "%s and %s cannot be %s", value_kind_name(a), value_kind_name(b), what);
}

static Value in_range(Box *box, bool overflow, int64_t integer) {
  if (overflow) box_fail(box, "a whole number of more than 64 bits");
  return value_int(integer);
}

/* Division that rounds down, and its remainder, which has the sign of b. */
static int64_t floor_divide(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }

static Value power(Box *box, int64_t a, int64_t b) {
  if (b < 0) {
    if (a == 0) box_fail(box, "division by zero");
    return value_float(pow((double)a, (double)b));
  }
  int64_t product = 1;
  bool overflow = false;
  if (a == 0 || a == 1 || a == -1) return value_int(b == 0 || a == 1 ? 1 : a == 0 ? 0 : b % 2 ? -1 : 1);
  for (int64_t i = 0; i < b && !overflow; i++) overflow = __builtin_mul_overflow(product, a, &product);
  return in_range(box, overflow, product);
}

static Value operate_integers(Box *box, Operator operator, int64_t a, int64_t b) {
  int64_t result = 0;
  bool overflow = false;
  if (b == 0 && (operator== OP_DIVIDE || operator== OP_FLOOR_DIVIDE || operator== OP_MODULO))
    box_fail(box, "division by zero");
  if (a == INT64_MIN && b == -1 && (operator== OP_FLOOR_DIVIDE || operator== OP_MODULO)) return in_range(box, true, 0);
  switch (operator) {
  case OP_ADD: overflow = __builtin_add_overflow(a, b, &result); break;
  case OP_SUBTRACT: overflow = __builtin_sub_overflow(a, b, &result); break;
  case OP_MULTIPLY: overflow = __builtin_mul_overflow(a, b, &result); break;
  case OP_FLOOR_DIVIDE: result = floor_divide(a, b); break;
  case OP_MODULO: result = a - floor_divide(a, b) * b; break;
  case OP_DIVIDE:
    if (a > INT64_C(1) << 53 || a < -(INT64_C(1) << 53) || b > INT64_C(1) << 53 || b < -(INT64_C(1) << 53))
      box_fail(box, "dividing whole numbers beyond 2^53");
    return value_float((double)a / (double)b);
  default: return power(box, a, b);
  }
  return in_range(box, overflow, result);
}

static Value operate_reals(Box *box, Operator operator, double a, double b) {
  if (b == 0 && (operator== OP_DIVIDE || operator== OP_FLOOR_DIVIDE || operator== OP_MODULO))
    box_fail(box, "division by zero");
  double rest;
  switch (operator) {
  case OP_ADD: return value_float(a + b);
  case OP_SUBTRACT: return value_float(a - b);
  case OP_MULTIPLY: return value_float(a * b);
  case OP_DIVIDE: return value_float(a / b);
  case OP_POWER:
    if ((a < 0 && b != floor(b)) || (a == 0 && b < 0)) box_fail(box, "a power that is no real number");
    return value_float(pow(a, b));
  default: break;
  }
  rest = fmod(a, b); /* as CPython's float_divmod */
  double quotient = (a - rest) / b;
  if (rest != 0 && (b < 0) != (rest < 0)) {
    rest += b;
    quotient -= 1;
  }
  if (operator== OP_MODULO) return value_float(rest == 0 ? copysign(0, b) : rest);
  double whole = floor(quotient);
  if (quotient - whole > 0.5) whole += 1;
  return value_float(quotient == 0 ? copysign(0, a / b) : whole);
}

static Value join_lists(Box *box, Value a, Value b) {
  Value all = value_sequence(box, a.kind, a.sequence->count + b.sequence->count);
  for (size_t i = 0; i < a.sequence->count; i++) sequence_add(box, &all, a.sequence->items[i]);
  for (size_t i = 0; i < b.sequence->count; i++) sequence_add(box, &all, b.sequence->items[i]);
  return all;
}

static Value repeat(Box *box, Value what, int64_t times) {
  if (what.kind == VALUE_STRING) return string_repeat(box, need_plain(box, what), times);
  Value all = value_sequence(box, what.kind, 0);
  for (int64_t i = 0; what.sequence->count && i < times; i++)
    for (size_t j = 0; j < what.sequence->count; j++) sequence_add(box, &all, what.sequence->items[j]);
  return all;
}

static bool is_repeated(Value v) { return v.kind == VALUE_STRING || v.kind == VALUE_LIST || v.kind == VALUE_TUPLE; }

Value operate(Box *box, Operator operator, Value a, Value b) {
  static const char *const names[] = {"added", "subtracted", "multiplied", "divided", "divided", "divided", "raised"};
  if (value_is_integral(a) && value_is_integral(b))
    return operate_integers(box, operator, value_integer(a), value_integer(b));
  if (value_is_number(a) && value_is_number(b)) return operate_reals(box, operator, value_real(a), value_real(b));
  if (operator== OP_ADD && a.kind == VALUE_STRING && b.kind == VALUE_STRING) {
    Text sum = {0};
    need_plain(box, a), need_plain(box, b);
    text_add(box, &sum, a.text.bytes, a.text.size);
    text_add(box, &sum, b.text.bytes, b.text.size);
    return value_of_text(&sum);
  }
  if (operator== OP_ADD && a.kind == b.kind &&(a.kind == VALUE_LIST || a.kind == VALUE_TUPLE))
    return join_lists(box, a, b);
  if (operator== OP_MULTIPLY && is_repeated(a) && value_is_integral(b)) return repeat(box, a, value_integer(b));
  if (operator== OP_MULTIPLY && is_repeated(b) && value_is_integral(a)) return repeat(box, b, value_integer(a));
  if (operator== OP_MODULO && a.kind == VALUE_STRING) return format_percent(box, need_plain(box, a), b);
  fail_operands(box, names[operator], a, b);
}

bool compare(Box *box, Operator operator, Value a, Value b) {
  switch (operator) {
  case OP_EQUAL: return value_equal(box, a, b);
  case OP_UNEQUAL: return !value_equal(box, a, b);
  case OP_LESS: return value_compare(box, a, b) < 0;
  case OP_LESS_EQUAL: return value_compare(box, a, b) <= 0;
  case OP_GREATER: return value_compare(box, a, b) > 0;
  case OP_GREATER_EQUAL: return value_compare(box, a, b) >= 0;
  case OP_IN: return value_contains(box, b, a);
  default: return !value_contains(box, b, a);
  }
}

Value negate(Box *box, Operator operator, Value a) {
  if (value_is_undefined(a)) box_fail(box, "%s", a.hint);
  if (!value_is_number(a)) box_fail(box, "the sign of a %s", value_kind_name(a));
  if (a.kind == VALUE_FLOAT) return value_float(operator== OP_SUBTRACT ? -a.real : a.real);
  return operator== OP_SUBTRACT ? operate_integers(box, OP_SUBTRACT, 0, value_integer(a)) : value_int(value_integer(a));
}
