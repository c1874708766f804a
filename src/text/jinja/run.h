/* A render under way: scopes, output, and what evaluates nodes of the tree. */
#ifndef FATHOM_TEXT_JINJA_RUN_H
#define FATHOM_TEXT_JINJA_RUN_H

#include "text/jinja/builtin.h"

typedef struct Binding Binding;

/* The names of one scope. The template, a macro's call, one turn of a loop and a captured block have their own; an `if`
 * has not. */
typedef struct Scope Scope;
struct Scope {
  Scope *parent;
  Binding *first;
};

struct Run {
  Box *box;
  Scope *scope;
  Text *out;
  Value captured;        /* the text of a block that is being filtered */
  const struct tm *date; /* for strftime_now; NULL = none was given */
};

struct Macro {
  const Node *node;
  Scope *scope; /* where it stands */
};

/* The variable `loop`, and where its items come from. */
struct Loop {
  Run *run;
  const Node *node; /* the FOR */
  Scope *scope;     /* around it */
  Value source;
  Sequence rest;   /* items to come, unless source is an ITERATOR; its `at` is used */
  bool is_drained; /* rest has passed the loop's test */
  int64_t index0;  /* -1 before the first turn */
  int64_t depth0;
  Value before, current, after; /* MISSING where there is none */
  Value seen;                   /* what changed() was called with */
};

Scope *scope_new(Run *run, Scope *parent);
void scope_set(Run *run, Scope *scope, const char *name, Value value);
void assign(Run *run, const Node *target, Value value);

typedef enum Flow { FLOW_NEXT, FLOW_BREAK, FLOW_CONTINUE } Flow;

/* Statements, into run->out. */
Flow execute(Run *run, const Node *node);
/* The text of a block that has a scope of its own in parent. */
Value capture(Run *run, const Node *block, Scope *parent);

Value evaluate(Run *run, const Node *node);

Value call_value(Run *run, Value callee, const Arguments *given);
Value call_macro(Run *run, const Macro *macro, const Arguments *given);

/* A FOR over source; into run->out. */
Flow loop_execute(Run *run, const Node *node, Scope *scope, Value source, int64_t depth0);
Value loop_attribute(Box *box, Loop *loop, const char *name); /* UNDEFINED where there is none */

Value operate(Box *box, Operator operator, Value a, Value b);
bool compare(Box *box, Operator operator, Value a, Value b);
Value negate(Box *box, Operator operator, Value a);

/* a.name and a[key] as jinja2 looks them up: methods or keys first. */
Value value_attribute(Box *box, Value object, const char *name);
Value value_item(Box *box, Value object, Value key);
Value value_slice(Box *box, Value object, Value begin, Value end, Value step); /* NONE where left out */

#endif
