/* Loops: items one after the other, the variable `loop`, tests and else, as jinja2's LoopContext: an item is tested
 * when it is asked for, so the test sees what the turns before have changed. */
#include "text/jinja/run.h"

/* The next item as the source has it. */
static bool pull(Loop *loop, Value *item) {
  Sequence *from = loop->source.kind == VALUE_ITERATOR && !loop->is_drained ? loop->source.sequence : &loop->rest;
  if (from->at == from->count) return false;
  *item = from->items[from->at++];
  box_step(loop->run->box, 1);
  return true;
}

/* The next item that passes the loop's test. */
static bool pull_tested(Loop *loop, Value *item) {
  Run *run = loop->run;
  const Node *test = loop->is_drained ? NULL : loop->node->test;
  Scope *scope = run->scope;
  bool found = pull(loop, item);
  while (found && test) {
    run->scope = scope_new(run, loop->scope);
    assign(run, loop->node->a, *item);
    const bool passes = value_truth(evaluate(run, test));
    run->scope = scope;
    if (passes) break;
    found = pull(loop, item);
  }
  return found;
}

static bool peek(Loop *loop) {
  if (loop->after.kind == VALUE_MISSING && !pull_tested(loop, &loop->after)) loop->after = (Value){0};
  return loop->after.kind != VALUE_MISSING;
}

static bool next(Loop *loop) {
  if (!peek(loop)) return false;
  loop->before = loop->current;
  loop->current = loop->after;
  loop->after = (Value){0};
  loop->index0++;
  return true;
}

static int64_t length(Loop *loop) {
  Box *box = loop->run->box;
  if (!loop->node->test && loop->source.kind != VALUE_ITERATOR) return (int64_t)loop->rest.count;
  const int64_t done = loop->index0 + 1 + (loop->after.kind != VALUE_MISSING);
  if (!loop->is_drained) {
    Value rest = value_sequence(box, VALUE_LIST, 0), item;
    while (pull_tested(loop, &item)) sequence_add(box, &rest, item);
    loop->rest = *rest.sequence;
    loop->is_drained = true;
  }
  return done + (int64_t)(loop->rest.count - loop->rest.at);
}

Value loop_attribute(Box *box, Loop *loop, const char *name) {
  if (strcmp(name, "index") == 0) return value_int(loop->index0 + 1);
  if (strcmp(name, "index0") == 0) return value_int(loop->index0);
  if (strcmp(name, "first") == 0) return value_bool(loop->index0 == 0);
  if (strcmp(name, "last") == 0) return value_bool(!peek(loop));
  if (strcmp(name, "length") == 0) return value_int(length(loop));
  if (strcmp(name, "revindex") == 0) return value_int(length(loop) - loop->index0);
  if (strcmp(name, "revindex0") == 0) return value_int(length(loop) - loop->index0 - 1);
  if (strcmp(name, "depth") == 0) return value_int(loop->depth0 + 1);
  if (strcmp(name, "depth0") == 0) return value_int(loop->depth0);
  if (strcmp(name, "previtem") == 0)
    return loop->index0 == 0 ? value_undefined(box, "there is no previous item") : loop->before;
  if (strcmp(name, "nextitem") == 0) return peek(loop) ? loop->after : value_undefined(box, "there is no next item");
  return (Value){0};
}

Flow loop_execute(Run *run, const Node *node, Scope *scope, Value source, int64_t depth0) {
  Loop *loop = box_take(run->box, 1, sizeof *loop);
  Scope *outer = run->scope;
  *loop = (Loop){.run = run, .node = node, .scope = scope, .source = source, .index0 = -1, .depth0 = depth0};
  loop->rest = value_items(run->box, source);
  loop->rest.at = 0;
  box_enter(run->box);
  Flow flow = FLOW_NEXT;
  bool finished = false; /* a turn was, without break or continue: this is when jinja2 passes over `else` */
  while (flow != FLOW_BREAK && next(loop)) {
    run->scope = scope_new(run, scope);
    assign(run, node->a, loop->current);
    scope_set(run, run->scope, "loop", (Value){.kind = VALUE_LOOP, .loop = loop});
    flow = execute(run, node->c);
    finished |= flow == FLOW_NEXT;
    run->scope = outer;
  }
  flow = FLOW_NEXT;
  if (!finished && node->otherwise) {
    run->scope = scope_new(run, scope);
    flow = execute(run, node->otherwise);
    run->scope = outer;
  }
  box_leave(run->box);
  return flow;
}

/* The methods of `loop`. */
static Value loop_cycle(Call *call) {
  if (call->given->count == 0 || call->given->n_named) box_fail(call->box, "loop.cycle of nothing, or of named values");
  return call->given->values[(size_t)call->self.loop->index0 % call->given->count];
}

static Value loop_changed(Call *call) {
  Loop *loop = call->self.loop;
  if (call->given->n_named) box_fail(call->box, "loop.changed of named values");
  Value now = value_sequence(call->box, VALUE_TUPLE, call->given->count);
  for (size_t i = 0; i < call->given->count; i++) sequence_add(call->box, &now, call->given->values[i]);
  const bool changed = loop->seen.kind == VALUE_MISSING || !value_equal(call->box, loop->seen, now);
  loop->seen = now;
  return value_bool(changed);
}

const Builtin jinja_loop_methods[] = {{"cycle", NULL, loop_cycle}, {"changed", NULL, loop_changed}, {0}};
