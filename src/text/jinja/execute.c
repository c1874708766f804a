/* Executing statements: data, prints, tags, macros, loops. */
#include "text/jinja/run.h"

Value capture(Run *run, const Node *block, Scope *parent) {
  Text text = {0}, *out = run->out;
  Scope *scope = run->scope;
  run->out = &text;
  run->scope = scope_new(run, parent);
  execute(run, block);
  run->out = out;
  run->scope = scope;
  return value_of_text(&text);
}

/* A parameter is what was given, in place or by name, or its default, which may use the parameters before it. */
static Value parameter(Run *run, const Node *macro, size_t i, const Arguments *given) {
  const char *name = macro->items.nodes[i]->name;
  if (i < given->count) return given->values[i];
  box_step(run->box, given->n_named);
  for (size_t k = 0; k < given->n_named; k++)
    if (strcmp(given->names[k], name) == 0) return given->named[k];
  const size_t n_plain = macro->items.count - macro->more.count;
  if (i >= n_plain) return evaluate(run, macro->more.nodes[i - n_plain]);
  return value_undefined(run->box, "parameter '%.60s' was not provided", name);
}

static void check_arguments(Run *run, const Node *macro, const Arguments *given) {
  if (given->count > macro->items.count)
    box_fail(run->box, "macro %.60s takes %zu arguments, %zu are given", macro->name, macro->items.count, given->count);
  for (size_t k = 0; k < given->n_named; k++) {
    size_t i = given->count;
    box_step(run->box, macro->items.count);
    while (i < macro->items.count && strcmp(macro->items.nodes[i]->name, given->names[k]) != 0) i++;
    if (i == macro->items.count)
      box_fail(run->box, "macro %.60s takes no argument %.60s here", macro->name, given->names[k]);
  }
}

Value call_macro(Run *run, const Macro *macro, const Arguments *given) {
  const Node *node = macro->node;
  Text text = {0}, *out = run->out;
  Scope *scope = run->scope;
  const unsigned line = run->box->line;
  box_enter(run->box);
  check_arguments(run, node, given);
  run->scope = scope_new(run, macro->scope);
  for (size_t i = 0; i < node->items.count; i++)
    scope_set(run, run->scope, node->items.nodes[i]->name, parameter(run, node, i, given));
  run->out = &text;
  execute(run, node->c);
  run->out = out;
  run->scope = scope;
  run->box->line = line;
  box_leave(run->box);
  return value_of_text(&text);
}

static void define_macro(Run *run, const Node *node) {
  Macro *macro = box_take(run->box, 1, sizeof *macro);
  *macro = (Macro){node, run->scope};
  scope_set(run, run->scope, node->name, (Value){.kind = VALUE_MACRO, .macro = macro});
}

/* A block's text through a chain of filters, NULL = as it is. */
static Value filtered(Run *run, const Node *filters, const Node *block) {
  run->captured = capture(run, block, run->scope);
  return filters ? evaluate(run, filters) : run->captured;
}

static Flow execute_if(Run *run, const Node *node) {
  for (size_t i = 0; i < node->items.count; i++)
    if (value_truth(evaluate(run, node->items.nodes[i]))) return execute(run, node->more.nodes[i]);
  return node->c ? execute(run, node->c) : FLOW_NEXT;
}

static Flow execute_one(Run *run, const Node *node) {
  switch (node->kind) {
  case NODE_DATA: text_add(run->box, run->out, node->value.text.bytes, node->value.text.size); return FLOW_NEXT;
  case NODE_PRINT: {
    const Value value = evaluate(run, node->a); /* first: it may print elsewhere */
    text_add_value(run->box, run->out, value);
    return FLOW_NEXT;
  }
  case NODE_IF: return execute_if(run, node);
  case NODE_FOR: return loop_execute(run, node, run->scope, evaluate(run, node->b), 0);
  case NODE_SET: assign(run, node->a, evaluate(run, node->b)); return FLOW_NEXT;
  case NODE_SET_BLOCK: assign(run, node->a, filtered(run, node->b, node->c)); return FLOW_NEXT;
  case NODE_FILTERED: text_add_value(run->box, run->out, filtered(run, node->b, node->c)); return FLOW_NEXT;
  case NODE_MACRO: define_macro(run, node); return FLOW_NEXT;
  case NODE_GENERATION: text_add_value(run->box, run->out, capture(run, node->c, run->scope)); return FLOW_NEXT;
  case NODE_BREAK: return FLOW_BREAK;
  default: return FLOW_CONTINUE;
  }
}

Flow execute(Run *run, const Node *block) {
  Flow flow = FLOW_NEXT;
  box_enter(run->box);
  for (size_t i = 0; i < block->items.count && flow == FLOW_NEXT; i++) {
    run->box->line = block->items.nodes[i]->line;
    box_step(run->box, 1);
    flow = execute_one(run, block->items.nodes[i]);
  }
  box_leave(run->box);
  return flow;
}
