/* Evaluating expressions. */
#include "text/jinja/run.h"

struct Binding {
  const char *name;
  Value value;
  Binding *next;
};

Scope *scope_new(Run *run, Scope *parent) {
  Scope *scope = box_take(run->box, 1, sizeof *scope);
  scope->parent = parent;
  return scope;
}

static Binding *find_here(Run *run, Scope *scope, const char *name) {
  for (Binding *b = scope->first; b; b = b->next) {
    box_step(run->box, 1);
    if (strcmp(b->name, name) == 0) return b;
  }
  return NULL;
}

void scope_set(Run *run, Scope *scope, const char *name, Value value) {
  Binding *binding = find_here(run, scope, name);
  if (!binding) {
    binding = box_take(run->box, 1, sizeof *binding);
    binding->name = name;
    binding->next = scope->first;
    scope->first = binding;
  }
  binding->value = value;
}

static Value name_value(Run *run, const char *name) {
  for (Scope *scope = run->scope; scope; scope = scope->parent) {
    const Binding *binding = find_here(run, scope, name);
    if (binding) return binding->value;
    box_step(run->box, 1);
  }
  const Builtin *global = builtin_find(jinja_globals, name);
  if (global) {
    Function *function = box_take(run->box, 1, sizeof *function);
    function->builtin = global;
    return (Value){.kind = VALUE_FUNCTION, .function = function};
  }
  static const char *const refused[] = {"caller", "cycler", "joiner", "kwargs", "lipsum", "self", "super", "varargs"};
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
    if (strcmp(name, refused[i]) == 0) box_fail(run->box, "%s is not supported", name);
  return value_undefined(run->box, "'%.100s' is undefined", name);
}

static void assign_tuple(Run *run, const NodeList *targets, Value value) {
  const Sequence items = value_take_items(run->box, value);
  if (items.count != targets->count) box_fail(run->box, "%zu values for %zu names", items.count, targets->count);
  for (size_t i = 0; i < items.count; i++) assign(run, targets->nodes[i], items.items[i]);
}

void assign(Run *run, const Node *target, Value value) {
  if (target->kind == NODE_TUPLE) {
    assign_tuple(run, &target->items, value);
  } else if (target->kind == NODE_NAME) {
    scope_set(run, run->scope, target->name, value);
  } else {
    const Value space = name_value(run, target->name);
    if (space.kind != VALUE_NAMESPACE)
      box_fail(run->box, "%.60s.%.60s is set, but %.60s is no namespace", target->name, target->attribute,
               target->name);
    if (target->attribute[0] == '_') box_fail(run->box, "a namespace's attribute that begins with _");
    dict_set(run->box, space.dict, value_string(target->attribute), value);
  }
}

/* The arguments of a CALL, FILTER or TEST. */
static Arguments arguments_of(Run *run, const Node *node) {
  Value *values = box_take(run->box, node->items.count, sizeof *values),
        *named = box_take(run->box, node->more.count, sizeof *named);
  const char **names = box_take(run->box, node->more.count, sizeof *names);
  for (size_t i = 0; i < node->items.count; i++) values[i] = evaluate(run, node->items.nodes[i]);
  for (size_t i = 0; i < node->more.count; i++) {
    names[i] = node->more.nodes[i]->name;
    named[i] = evaluate(run, node->more.nodes[i]->a);
  }
  return (Arguments){values, node->items.count, names, named, node->more.count};
}

Value call_value(Run *run, Value callee, const Arguments *given) {
  switch (callee.kind) {
  case VALUE_FUNCTION: return builtin_call(run, callee.function->builtin, callee.function->self, given);
  case VALUE_MACRO: return call_macro(run, callee.macro, given);
  case VALUE_UNDEFINED: box_fail(run->box, "%s", callee.hint);
  case VALUE_LOOP: {
    if (!callee.loop->node->flag) box_fail(run->box, "a loop that is called is not marked recursive");
    if (given->count != 1 || given->n_named) box_fail(run->box, "a loop is called with one list");
    Text text = {0}, *out = run->out;
    run->out = &text;
    loop_execute(run, callee.loop->node, callee.loop->scope, given->values[0], callee.loop->depth0 + 1);
    run->out = out;
    return value_of_text(&text);
  }
  default: box_fail(run->box, "a %s is called", value_kind_name(callee));
  }
}

static Value evaluate_builtin(Run *run, const Node *node) {
  const Value self = node->a ? evaluate(run, node->a) : run->captured;
  const Arguments given = arguments_of(run, node);
  return builtin_call(run, node->builtin, self, &given);
}

static Value evaluate_call(Run *run, const Node *node) {
  const Value callee = evaluate(run, node->a);
  const Arguments given = arguments_of(run, node);
  return call_value(run, callee, &given);
}

static Value evaluate_items(Run *run, const Node *node) {
  Value all = value_sequence(run->box, node->kind == NODE_LIST ? VALUE_LIST : VALUE_TUPLE, node->items.count);
  for (size_t i = 0; i < node->items.count; i++) sequence_add(run->box, &all, evaluate(run, node->items.nodes[i]));
  return all;
}

static Value evaluate_dict(Run *run, const Node *node) {
  Value all = value_dict(run->box);
  for (size_t i = 0; i < node->items.count; i++) {
    const Value key = evaluate(run, node->items.nodes[i]);
    dict_set(run->box, all.dict, key, evaluate(run, node->more.nodes[i]));
  }
  return all;
}

static Value evaluate_concat(Run *run, const Node *node) {
  Text text = {0};
  for (size_t i = 0; i < node->items.count; i++) text_add_value(run->box, &text, evaluate(run, node->items.nodes[i]));
  return value_of_text(&text);
}

/* a < b < c is a < b and b < c. */
static Value evaluate_comparison(Run *run, const Node *node) {
  Value left = evaluate(run, node->a);
  for (size_t i = 0; i < node->items.count; i++) {
    const Value right = evaluate(run, node->items.nodes[i]->a);
    if (!compare(run->box, node->items.nodes[i]->operator, left, right)) return value_bool(false);
    left = right;
  }
  return value_bool(true);
}

static Value evaluate_part(Run *run, const Node *node) { return node ? evaluate(run, node) : value_none(); }

static Value evaluate_item(Run *run, const Node *node) {
  const Value object = evaluate(run, node->a);
  if (node->b->kind != NODE_SLICE) return value_item(run->box, object, evaluate(run, node->b));
  const Value begin = evaluate_part(run, node->b->a), end = evaluate_part(run, node->b->b);
  return value_slice(run->box, object, begin, end, evaluate_part(run, node->b->c));
}

static Value evaluate_condition(Run *run, const Node *node) {
  if (value_truth(evaluate(run, node->test))) return evaluate(run, node->a);
  return node->b ? evaluate(run, node->b) : value_undefined(run->box, "an inline if without else that is not true");
}

static Value evaluate_two(Run *run, const Node *node) {
  const Value left = evaluate(run, node->a);
  if (node->kind == NODE_OR) return value_truth(left) ? left : evaluate(run, node->b);
  if (node->kind == NODE_AND) return value_truth(left) ? evaluate(run, node->b) : left;
  return operate(run->box, node->operator, left, evaluate(run, node->b));
}

static Value dispatch(Run *run, const Node *node) {
  switch (node->kind) {
  case NODE_CONSTANT: return node->value;
  case NODE_NAME: return name_value(run, node->name);
  case NODE_TUPLE:
  case NODE_LIST: return evaluate_items(run, node);
  case NODE_DICT: return evaluate_dict(run, node);
  case NODE_OR:
  case NODE_AND:
  case NODE_BINARY: return evaluate_two(run, node);
  case NODE_NOT: return value_bool(!value_truth(evaluate(run, node->a)));
  case NODE_NEGATE: return negate(run->box, node->operator, evaluate(run, node->a));
  case NODE_CONCAT: return evaluate_concat(run, node);
  case NODE_COMPARE: return evaluate_comparison(run, node);
  case NODE_CONDITION: return evaluate_condition(run, node);
  case NODE_ATTRIBUTE: return value_attribute(run->box, evaluate(run, node->a), node->name);
  case NODE_ITEM: return evaluate_item(run, node);
  case NODE_CALL: return evaluate_call(run, node);
  case NODE_FILTER:
  case NODE_TEST: return evaluate_builtin(run, node);
  default: box_fail(run->box, "a name.attribute that is read as a target");
  }
}

Value evaluate(Run *run, const Node *node) {
  const unsigned line = run->box->line;
  box_enter(run->box);
  box_step(run->box, 1);
  run->box->line = node->line;
  const Value value = dispatch(run, node);
  run->box->line = line;
  box_leave(run->box);
  return value;
}
