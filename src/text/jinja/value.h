/* The values of a template, as Python has them: what jinja2 computes with. All live in a Box, and never change but for
 * a namespace's attributes and the place of an iterator. */
#ifndef FATHOM_TEXT_JINJA_VALUE_H
#define FATHOM_TEXT_JINJA_VALUE_H

#include "base/json.h"
#include "text/jinja/box.h"

#include <stdint.h>
#include <string.h>

typedef enum ValueKind {
  VALUE_MISSING,   /* an argument that was not given; no expression has it */
  VALUE_UNDEFINED, /* a name without value: prints as nothing, most other uses fail */
  VALUE_NONE,
  VALUE_BOOL,
  VALUE_INT, /* 64 bits; what needs more is refused */
  VALUE_FLOAT,
  VALUE_STRING, /* UTF-8 */
  VALUE_LIST,
  VALUE_TUPLE,
  VALUE_RANGE,    /* written out */
  VALUE_VIEW,     /* keys(), values() and items() of a dictionary: has a length, no subscripts */
  VALUE_ITERATOR, /* what map, select, reverse ... give: used up by being looped over, no length */
  VALUE_DICT,     /* in the order of insertion */
  VALUE_NAMESPACE,
  VALUE_LOOP,
  VALUE_MACRO,
  VALUE_FUNCTION, /* a global, or a method with its object */
} ValueKind;

typedef struct Sequence Sequence;
typedef struct Dict Dict;
typedef struct Loop Loop;
typedef struct Macro Macro;
typedef struct Function Function;

typedef struct Value {
  ValueKind kind;
  bool safe; /* STRING: jinja2's Markup, from filters `safe` and `e`. It can be printed; in sums it would escape:
                refused */
  union {
    bool truth;
    int64_t integer;
    double real;
    struct {
      const char *bytes;
      size_t size;
    } text;
    const char *hint; /* UNDEFINED: the message of a use that fails */
    Sequence *sequence;
    Dict *dict; /* DICT and NAMESPACE */
    Loop *loop;
    const Macro *macro;
    const Function *function;
  };
} Value;

struct Sequence {
  Value *items;
  size_t count, room;
  size_t at; /* ITERATOR: items before it are used up */
};

struct Dict {
  Value *keys, *values;
  size_t count, room;
};

static inline Value value_none(void) { return (Value){.kind = VALUE_NONE}; }
static inline Value value_bool(bool truth) { return (Value){.kind = VALUE_BOOL, .truth = truth}; }
static inline Value value_int(int64_t integer) { return (Value){.kind = VALUE_INT, .integer = integer}; }
static inline Value value_float(double real) { return (Value){.kind = VALUE_FLOAT, .real = real}; }
static inline Value value_text(const char *bytes, size_t size) {
  return (Value){.kind = VALUE_STRING, .text = {bytes ? bytes : "", size}};
}
static inline Value value_string(const char *string) { return value_text(string, strlen(string)); }
static inline Value value_of_text(const Text *text) { return value_text(text->bytes, text->size); }

Value value_undefined(Box *box, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* An empty one, and its growth. */
Value value_sequence(Box *box, ValueKind kind, size_t room);
void sequence_add(Box *box, Value *sequence, Value item);
Value value_dict(Box *box);
void dict_set(Box *box, Dict *dict, Value key, Value value);   /* a key that cannot be one fails */
const Value *dict_find(Box *box, const Dict *dict, Value key); /* NULL where it is not there */
const Value *dict_find_string(Box *box, const Dict *dict, const char *key);

/* A JSON tree. cJSON knows numbers as doubles, so whole numbers beyond 2^53 are refused. Strings are shared with the
 * tree. */
Value value_from_json(Box *box, const Json *node);

static inline bool value_is_undefined(Value v) { return v.kind == VALUE_UNDEFINED; }
static inline bool value_is_string(Value v) { return v.kind == VALUE_STRING; }
static inline bool value_is_integral(Value v) { return v.kind == VALUE_INT || v.kind == VALUE_BOOL; }
static inline bool value_is_number(Value v) { return value_is_integral(v) || v.kind == VALUE_FLOAT; }
static inline int64_t value_integer(Value v) {
  return v.kind == VALUE_BOOL ? v.truth : v.integer;
} /* of integral ones */
static inline double value_real(Value v) { return v.kind == VALUE_FLOAT ? v.real : (double)value_integer(v); }
static inline bool value_is_listed(Value v) { return v.kind >= VALUE_LIST && v.kind <= VALUE_ITERATOR; }
static inline bool value_equals_string(Value v, const char *string) {
  return v.kind == VALUE_STRING && v.text.size == strlen(string) && memcmp(v.text.bytes, string, v.text.size) == 0;
}

const char *value_kind_name(Value v); /* Python's: "str", "dict" */

bool value_truth(Value v);
bool value_equal(Box *box, Value a, Value b);
int value_compare(Box *box, Value a, Value b); /* < 0, 0, > 0; what has no order, NaN included, fails */
bool value_contains(Box *box, Value all, Value one);
size_t value_length(Box *box, Value v); /* as Python's len(); what has none fails */

/* The items that iterating gives, from the first that is not used up: of a string its characters, of a dictionary its
 * keys. What cannot be iterated fails. The Sequence is shared with v where it can be; an ITERATOR is not used up. */
Sequence value_items(Box *box, Value v);
/* The same, and an ITERATOR is used up. */
Sequence value_take_items(Box *box, Value v);

/* As str() and repr() write it. */
void text_add_value(Box *box, Text *text, Value v);
void text_add_repr(Box *box, Text *text, Value v);
Value value_to_string(Box *box, Value v);
void text_add_float(Box *box, Text *text, double real);

#endif
