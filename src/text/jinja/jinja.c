/* Opening and rendering templates: the boxes around parsing and running. */
#include "text/jinja/jinja.h"

#include "base/memory.h"
#include "text/jinja/lexer.h"
#include "text/jinja/run.h"

#include <stdlib.h>

enum {
  PARSE_MEMORY = 1 << 28,
  PARSE_STEPS = 1 << 24,
  RENDER_MEMORY = 1 << 26,
  RENDER_STEPS = 1 << 24, /* a second or two */
  MEMORY_PER_BYTE = 64,   /* more, for every byte the variables hold: a long conversation may take longer */
  STEPS_PER_BYTE = 2,
  MEMORY_MAX = 1 << 30,
};

struct Jinja {
  Box box; /* holds the tree and the tokens */
  const JinjaToken *tokens;
  const Node *tree;
};

Status jinja_open(const char *text, size_t size, Jinja **out, Error *err) {
  *out = NULL;
  if (size > JINJA_SOURCE_MAX)
    return error_set(err, STATUS_DATA, "a template of %zu bytes, expected at most %d", size, (int)JINJA_SOURCE_MAX);
  Jinja *jinja = mem_alloc(1, sizeof *jinja);
  jmp_buf way_out;
  box_open(&jinja->box, PARSE_MEMORY, PARSE_STEPS, &way_out, err);
  if (setjmp(way_out) != 0) {
    jinja_close(jinja);
    return STATUS_DATA;
  }
  jinja->tokens = jinja_tokens(&jinja->box, text, size);
  jinja->tree = jinja_parse(&jinja->box, jinja->tokens);
  *out = jinja;
  return STATUS_OK;
}

void jinja_close(Jinja *jinja) {
  if (jinja) box_close(&jinja->box);
  free(jinja);
}

bool jinja_mentions(const Jinja *jinja, const char *name) {
  for (const JinjaToken *t = jinja->tokens; t->type != LEX_END; t++)
    if (t->type == LEX_NAME ? strcmp(t->name, name) == 0
                            : t->type == LEX_CONSTANT && value_equals_string(t->value, name))
      return true;
  return false;
}

static size_t count_bytes(const Json *node) {
  size_t bytes = 1 + strlen(json_string(node, ""));
  for (const Json *child = json_first(node); child; child = json_next(child))
    bytes += count_bytes(child) + (json_key(child) ? strlen(json_key(child)) : 0);
  return bytes;
}

/* All that can fail, between box_open and box_close. */
static Text run_template(Box *box, const Jinja *jinja, const Json *variables, const struct tm *date) {
  Text text = {0};
  Run run = {.box = box, .out = &text, .date = date};
  run.scope = scope_new(&run, NULL);
  for (const Json *variable = json_first(variables); variable; variable = json_next(variable))
    scope_set(&run, run.scope, json_key(variable), value_from_json(box, variable));
  execute(&run, jinja->tree);
  return text;
}

Status jinja_render(const Jinja *jinja, const Json *variables, const struct tm *date, char **text, size_t *size,
                    Error *err) {
  const size_t bytes = count_bytes(variables), memory = RENDER_MEMORY + bytes * MEMORY_PER_BYTE;
  Box *box = mem_alloc(1, sizeof *box); /* not a local: it changes between setjmp and longjmp */
  jmp_buf way_out;
  Status status = STATUS_DATA;
  *text = NULL;
  *size = 0;
  box_open(box, memory < MEMORY_MAX ? memory : MEMORY_MAX, RENDER_STEPS + bytes * STEPS_PER_BYTE, &way_out, err);
  if (setjmp(way_out) == 0) {
    const Text out = run_template(box, jinja, variables, date);
    *text = mem_alloc(out.size + 1, 1);
    if (out.size) memcpy(*text, out.bytes, out.size);
    *size = out.size;
    status = STATUS_OK;
  }
  box_close(box);
  free(box);
  return status;
}
