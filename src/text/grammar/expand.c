/* Making texts of a grammar. */
#include "base/memory.h"
#include "base/rng.h"
#include "text/grammar/parts.h"
#include "text/tokenizer/unicode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 100, MOST_RULES = 1 << 20, LONGEST = 1 << 20 }; /* inside each other; of a text; bytes of it */

typedef struct Expansion {
  const Grammar *g;
  Rng rng;
  char **kept; /* [n_names], owned; NULL: not yet */
  ByteRun out;
  size_t depth, n_rules;
} Expansion;

Status grammar_set(Grammar *g, const char *weight, double value, Error *err) {
  const size_t found = grammar_find(g, weight, strlen(weight));
  if (found == GRAMMAR_NONE || !g->names[found].is_weight)
    return error_set(err, STATUS_USAGE, "%s: no weight \"%.100s\"", g->path, weight);
  if (!(value >= 0 && isfinite(value)))
    return error_set(err, STATUS_USAGE, "weight %.100s is %g, expected at least 0", weight, value);
  g->names[found].value = value;
  return STATUS_OK;
}

static double weight_of(const Grammar *g, const Alternative *a) {
  return a->weight == GRAMMAR_NONE ? a->value : g->names[a->weight].value;
}

/* NULL where all weights are 0. A rule with one alternative draws as well, so that weights of 0 move no other draw. */
static const Alternative *draw(Expansion *e, const Name *rule) {
  const Alternative *items = e->g->alternatives + rule->first, *last = NULL;
  double sum = 0;
  for (size_t i = 0; i < rule->n; i++) sum += weight_of(e->g, &items[i]);
  double left = rng_uniform(&e->rng) * sum;
  for (size_t i = 0; i < rule->n; i++) {
    const double weight = weight_of(e->g, &items[i]);
    if (weight <= 0) continue;
    last = &items[i];
    if (left < weight) break;
    left -= weight;
  }
  return last;
}

static Status expand(Expansion *e, const Name *rule, Error *err);

/* <name = rule>: what the rule gives is taken out of the text again. */
static Status keep(Expansion *e, const Part *part, Error *err) {
  const size_t before = e->out.size;
  const Status status = expand(e, &e->g->names[part->rule], err);
  if (status != STATUS_OK) return status;
  free(e->kept[part->name]);
  e->kept[part->name] = mem_format("%.*s", (int)(e->out.size - before), e->out.bytes ? e->out.bytes + before : "");
  e->out.size = before;
  return STATUS_OK;
}

static Status expand_part(Expansion *e, const Part *part, Error *err) {
  const Name *name = part->kind == PART_TEXT ? NULL : &e->g->names[part->name];
  if (part->kind == PART_KEEP) return keep(e, part, err);
  if (name && name->is_rule) return expand(e, name, err);
  const char *text = name ? e->kept[part->name] : part->text;
  if (!text)
    return error_set(err, STATUS_DATA, "%s: \"%s\" is asked for before it is kept", e->g->path, name->text);
  byte_run_add(&e->out, text, strlen(text));
  return STATUS_OK;
}

static Status expand(Expansion *e, const Name *rule, Error *err) {
  if (e->depth == DEEPEST || ++e->n_rules > MOST_RULES || e->out.size > LONGEST)
    return error_set(err, STATUS_DATA,
                     "%s: rule \"%s\" never ends: a text of more than %d rules inside each other, or %d in all, or %d bytes",
                     e->g->path, rule->text, DEEPEST, MOST_RULES, LONGEST);
  const Alternative *chosen = draw(e, rule);
  if (!chosen)
    return error_set(err, STATUS_DATA, "%s: all weights of rule \"%s\" are 0", e->g->path, rule->text);
  Status status = STATUS_OK;
  e->depth++;
  for (size_t i = 0; i < chosen->n && status == STATUS_OK; i++)
    status = expand_part(e, &e->g->parts[chosen->first + i], err);
  e->depth--;
  return status;
}

Status grammar_expand(const Grammar *g, const char *rule, uint64_t seed, size_t index, char **text, Error *err) {
  const size_t start = grammar_find(g, rule, strlen(rule));
  *text = NULL;
  if (start == GRAMMAR_NONE || !g->names[start].is_rule)
    return error_set(err, STATUS_USAGE, "%s: no rule \"%.100s\"", g->path, rule);
  Expansion e = {.g = g,
                 .rng = rng_new(seed ^ (UINT64_C(0x9e3779b97f4a7c15) * (index + 1))),
                 .kept = mem_alloc(g->n_names, sizeof *e.kept)};
  const Status status = expand(&e, &g->names[start], err);
  if (status == STATUS_OK) *text = mem_format("%.*s", (int)e.out.size, e.out.bytes ? e.out.bytes : "");
  for (size_t i = 0; i < g->n_names; i++) free(e.kept[i]);
  free(e.kept);
  byte_run_clear(&e.out);
  return status;
}

Status grammar_write(const Grammar *g, const char *rule, uint64_t seed, size_t count, FILE *stream, Error *err) {
  Status status = STATUS_OK;
  for (size_t i = 0; i < count && status == STATUS_OK; i++) {
    char *text = NULL;
    status = grammar_expand(g, rule, seed, i, &text, err);
    if (status == STATUS_OK) fputs(text, stream);
    free(text);
  }
  return status;
}
