/* Tests: what stands behind `is`. */
#include "text/jinja/run.h"
#include "text/jinja/string.h"

static Value is_kind(Call *c, ValueKind kind) { return value_bool(c->self.kind == kind); }

static Value test_defined(Call *c) { return value_bool(!value_is_undefined(c->self)); }
static Value test_undefined(Call *c) { return is_kind(c, VALUE_UNDEFINED); }
static Value test_none(Call *c) { return is_kind(c, VALUE_NONE); }
static Value test_boolean(Call *c) { return is_kind(c, VALUE_BOOL); }
static Value test_true(Call *c) { return value_bool(c->self.kind == VALUE_BOOL && c->self.truth); }
static Value test_false(Call *c) { return value_bool(c->self.kind == VALUE_BOOL && !c->self.truth); }
static Value test_integer(Call *c) { return is_kind(c, VALUE_INT); }
static Value test_float(Call *c) { return is_kind(c, VALUE_FLOAT); }
static Value test_number(Call *c) { return value_bool(value_is_number(c->self)); }
static Value test_string(Call *c) { return is_kind(c, VALUE_STRING); }
static Value test_mapping(Call *c) { return is_kind(c, VALUE_DICT); }

/* What has a length and subscripts: strings and dictionaries too, and jinja2's undefined. */
static Value test_sequence(Call *c) {
  const ValueKind k = c->self.kind;
  return value_bool(k == VALUE_UNDEFINED || k == VALUE_STRING || k == VALUE_LIST || k == VALUE_TUPLE ||
                    k == VALUE_RANGE || k == VALUE_DICT);
}

static Value test_iterable(Call *c) {
  const ValueKind k = c->self.kind;
  return value_bool(k == VALUE_UNDEFINED || k == VALUE_STRING || k == VALUE_DICT || k == VALUE_LOOP ||
                    value_is_listed(c->self));
}

static Value test_callable(Call *c) {
  const ValueKind k = c->self.kind;
  return value_bool(k == VALUE_UNDEFINED || k == VALUE_LOOP || k == VALUE_MACRO || k == VALUE_FUNCTION);
}

static Value test_in(Call *c) { return value_bool(value_contains(c->box, c->args[0], c->self)); }

static Value compared(Call *c, Operator operator) { return value_bool(compare(c->box, operator, c->self, c->args[0])); }
static Value test_equal(Call *c) { return compared(c, OP_EQUAL); }
static Value test_unequal(Call *c) { return compared(c, OP_UNEQUAL); }
static Value test_less(Call *c) { return compared(c, OP_LESS); }
static Value test_less_equal(Call *c) { return compared(c, OP_LESS_EQUAL); }
static Value test_greater(Call *c) { return compared(c, OP_GREATER); }
static Value test_greater_equal(Call *c) { return compared(c, OP_GREATER_EQUAL); }

static Value remainder_of(Call *c, Value divisor) {
  if (!value_is_number(c->self) && !value_is_undefined(c->self))
    box_fail(c->box, "the test %s of a %s", c->name, value_kind_name(c->self));
  return operate(c->box, OP_MODULO, c->self, divisor);
}

static Value test_odd(Call *c) { return value_bool(value_equal(c->box, remainder_of(c, value_int(2)), value_int(1))); }
static Value test_even(Call *c) { return value_bool(value_equal(c->box, remainder_of(c, value_int(2)), value_int(0))); }

static Value test_divisible(Call *c) {
  return value_bool(value_equal(c->box, remainder_of(c, c->args[0]), value_int(0)));
}

/* Letters there are, and all are of this case. */
static bool is_all(Box *box, Value text, Value (*change)(Box *, Value), Value (*other)(Box *, Value)) {
  return value_equal(box, change(box, text), text) && !value_equal(box, other(box, text), text);
}

static Value test_lower(Call *c) { return value_bool(is_all(c->box, call_self_text(c), string_lower, string_upper)); }
static Value test_upper(Call *c) { return value_bool(is_all(c->box, call_self_text(c), string_upper, string_lower)); }

/* Only where Python leaves no doubt whether two are one object. */
static Value test_sameas(Call *c) {
  const Value a = c->self, b = c->args[0];
  if (a.kind != b.kind) return value_bool(false);
  if (a.kind == VALUE_NONE) return value_bool(true);
  if (a.kind == VALUE_BOOL) return value_bool(a.truth == b.truth);
  if (a.kind == VALUE_LIST || a.kind == VALUE_NAMESPACE || a.kind == VALUE_DICT) return value_bool(a.dict == b.dict);
  box_fail(c->box, "sameas of a %s is not supported", value_kind_name(a));
}

const Builtin jinja_tests[] = {{"boolean", "", test_boolean},
                               {"callable", "", test_callable},
                               {"defined", "", test_defined},
                               {"divisibleby", "num", test_divisible},
                               {"eq", "/other", test_equal},
                               {"equalto", "/other", test_equal},
                               {"==", "/other", test_equal},
                               {"even", "", test_even},
                               {"false", "", test_false},
                               {"float", "", test_float},
                               {"ge", "/other", test_greater_equal},
                               {">=", "/other", test_greater_equal},
                               {"greaterthan", "/other", test_greater},
                               {"gt", "/other", test_greater},
                               {">", "/other", test_greater},
                               {"in", "seq", test_in},
                               {"integer", "", test_integer},
                               {"iterable", "", test_iterable},
                               {"le", "/other", test_less_equal},
                               {"<=", "/other", test_less_equal},
                               {"lessthan", "/other", test_less},
                               {"lower", "", test_lower},
                               {"lt", "/other", test_less},
                               {"<", "/other", test_less},
                               {"mapping", "", test_mapping},
                               {"ne", "/other", test_unequal},
                               {"!=", "/other", test_unequal},
                               {"none", "", test_none},
                               {"number", "", test_number},
                               {"odd", "", test_odd},
                               {"sameas", "other", test_sameas},
                               {"sequence", "", test_sequence},
                               {"string", "", test_string},
                               {"true", "", test_true},
                               {"undefined", "", test_undefined},
                               {"upper", "", test_upper},
                               {0}};
