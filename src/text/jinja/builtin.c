/* Finding builtins by name and binding what a call gives to their parameters. */
#include "text/jinja/builtin.h"
#include "text/jinja/run.h"

const Builtin *builtin_find(const Builtin *table, const char *name) {
  for (; table->name; table++)
    if (strcmp(table->name, name) == 0) return table;
  return NULL;
}

const Builtin *filter_find(const char *name) {
  const Builtin *filter = builtin_find(jinja_filters, name);
  return filter ? filter : builtin_find(jinja_list_filters, name);
}

const Builtin *filter_need(Box *box, const char *name) {
  const Builtin *filter = filter_find(name);
  if (!filter) box_fail(box, "the filter \"%.60s\" is not known here", name);
  return filter;
}

const Builtin *test_need(Box *box, const char *name) {
  const Builtin *test = builtin_find(jinja_tests, name);
  if (!test) box_fail(box, "the test \"%.60s\" is not known here", name);
  return test;
}

/* The parameter at *at of "old new [count]", *at moves behind it; false at the end. */
typedef struct Parameter {
  const char *name;
  size_t size;
  bool optional;
} Parameter;

static bool next_parameter(const char **at, Parameter *parameter) {
  while (**at == ' ') ++*at;
  if (!**at) return false;
  parameter->optional = **at == '[';
  *at += parameter->optional;
  parameter->name = *at;
  parameter->size = strcspn(*at, " ]");
  *at += parameter->size;
  *at += **at == ']';
  return true;
}

static void bind(Call *call, const char *parameters) {
  const Arguments *given = call->given;
  const char *at = parameters;
  Parameter parameter;
  size_t n = 0, n_named = 0;
  for (; next_parameter(&at, &parameter); n++) {
    if (n < given->count) call->args[n] = given->values[n];
    for (size_t k = 0; k < given->n_named; k++) {
      if (strlen(given->names[k]) != parameter.size || strncmp(given->names[k], parameter.name, parameter.size) != 0)
        continue;
      if (call_has(call, n)) box_fail(call->box, "%s is given %s twice", call->name, given->names[k]);
      call->args[n] = given->named[k];
      n_named++;
    }
    if (!call_has(call, n) && !parameter.optional)
      box_fail(call->box, "%s lacks its argument %.*s", call->name, (int)parameter.size, parameter.name);
  }
  if (given->count > n)
    box_fail(call->box, "%s takes at most %zu arguments, %zu are given", call->name, n, given->count);
  if (n_named < given->n_named)
    box_fail(call->box, "%s does not know one of its named arguments (the first is %.60s)", call->name,
             given->names[0]);
}

Value builtin_call(Run *run, const Builtin *builtin, Value self, const Arguments *given) {
  Call call = {.run = run, .box = run->box, .name = builtin->name, .self = self, .given = given};
  box_enter(run->box);
  box_step(run->box, 1 + given->n_named);
  if (builtin->parameters) bind(&call, builtin->parameters);
  const Value value = builtin->call(&call);
  box_leave(run->box);
  return value;
}

bool call_truth(const Call *call, size_t i, bool otherwise) {
  return call_has(call, i) ? value_truth(call->args[i]) : otherwise;
}

int64_t call_integer(const Call *call, size_t i, int64_t otherwise) {
  const Value v = call->args[i];
  if (!call_has(call, i)) return otherwise;
  if (value_is_undefined(v)) box_fail(call->box, "%s", v.hint);
  if (!value_is_integral(v))
    box_fail(call->box, "%s is given a %s, expected a whole number", call->name, value_kind_name(v));
  return value_integer(v);
}

Value call_string(const Call *call, size_t i) {
  const Value v = call->args[i];
  if (value_is_undefined(v)) box_fail(call->box, "%s", v.hint);
  if (v.kind != VALUE_STRING)
    box_fail(call->box, "%s is given a %s, expected a string", call->name, value_kind_name(v));
  return need_plain(call->box, v);
}

Value need_plain(Box *box, Value text) {
  if (text.safe) box_fail(box, "text marked safe can only be printed");
  return text;
}

Value call_self_text(const Call *call) { return need_plain(call->box, value_to_string(call->box, call->self)); }
