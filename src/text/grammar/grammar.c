/* Reading grammars. Making texts of them is expand.c. */
#include "text/grammar/grammar.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/utf8.h"
#include "text/grammar/parts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const size_t FILE_LIMIT = 1 << 24;

typedef struct Reader {
  Grammar *g;
  size_t line, rule; /* the rule whose alternatives follow, or GRAMMAR_NONE */
} Reader;

static Status bad_line(const Reader *r, Error *err, const char *what, const char *text, size_t size) {
  return error_set(err, STATUS_DATA, "%s: line %zu: %s, found \"%.*s\"", r->g->path, r->line, what,
                   size < 60 ? (int)size : 60, text);
}

static bool is_name_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; }

static size_t name_length(const char *text, size_t size) {
  size_t n = 0;
  while (n < size && is_name_letter(text[n])) n++;
  return n;
}

size_t grammar_find(const Grammar *g, const char *name, size_t size) {
  for (size_t i = 0; i < g->n_names; i++)
    if (strlen(g->names[i].text) == size && memcmp(g->names[i].text, name, size) == 0) return i;
  return GRAMMAR_NONE;
}

/* The name, new where it was not met before. */
static size_t intern(Reader *r, const char *name, size_t size) {
  Grammar *g = r->g;
  const size_t found = grammar_find(g, name, size);
  if (found != GRAMMAR_NONE) return found;
  g->names = mem_resize(g->names, g->n_names + 1, sizeof *g->names);
  g->names[g->n_names] = (Name){.text = mem_format("%.*s", (int)size, name), .line = r->line};
  return g->n_names++;
}

static void skip_blanks(const char **at, const char *end) {
  while (*at < end && (**at == ' ' || **at == '\t')) ++*at;
}

static void add_part(Grammar *g, Part part) {
  g->parts = mem_resize(g->parts, g->n_parts + 1, sizeof *g->parts);
  g->parts[g->n_parts++] = part;
  g->alternatives[g->n_alternatives - 1].n++;
}

/* "<rule>", "<x = rule>", "<x>" or "<>" from *at on, which moves behind it. */
static Status read_reference(Reader *r, const char **at, const char *end, Error *err) {
  static const char expected[] = "expected <rule>, <name = rule> or <>";
  const char *const open = *at, *c = open + 1;
  const size_t left = (size_t)(end - open), n = name_length(c, (size_t)(end - c));
  const char *const name = c;
  c += n;
  if (n == 0 && c < end && *c == '>') {
    *at = c + 1;
    return STATUS_OK;
  }
  skip_blanks(&c, end);
  Part part = {.kind = PART_NAME};
  if (n > 0 && c < end && *c == '=') {
    c++;
    skip_blanks(&c, end);
    const size_t size = name_length(c, (size_t)(end - c));
    if (size == 0) return bad_line(r, err, expected, open, left);
    part.kind = PART_KEEP;
    part.rule = intern(r, c, size);
    c += size;
    skip_blanks(&c, end);
  }
  if (n == 0 || c >= end || *c != '>') return bad_line(r, err, expected, open, left);
  part.name = intern(r, name, n);
  if (part.kind == PART_KEEP) r->g->names[part.name].is_kept = true;
  add_part(r->g, part);
  *at = c + 1;
  return STATUS_OK;
}

/* Text up to the next reference. */
static void read_text(Reader *r, const char **at, const char *end) {
  char *text = mem_alloc((size_t)(end - *at) + 1, 1), *to = text;
  while (*at < end && **at != '<') {
    const bool escaped = **at == '\\' && *at + 1 < end;
    if (escaped) ++*at;
    *to++ = escaped && **at == 'n' ? '\n' : **at;
    ++*at;
  }
  add_part(r->g, (Part){.kind = PART_TEXT, .text = text});
}

/* "[3]" or "[name]" in front of an alternative. */
static Status read_weight(Reader *r, const char **at, const char *end, Alternative *alternative, Error *err) {
  static const char expected[] = "expected [weight], a number of at least 0 or a name";
  const char *const open = *at, *close = memchr(open, ']', (size_t)(end - open));
  if (!close || close == open + 1) return bad_line(r, err, expected, open, (size_t)(end - open));
  const size_t n = (size_t)(close - open) - 1;
  char *text = mem_format("%.*s", (int)n, open + 1);
  const bool is_number = parse_real(text, &alternative->value);
  free(text);
  if (!is_number && name_length(open + 1, n) == n) alternative->weight = intern(r, open + 1, n);
  if (is_number ? alternative->value < 0 : alternative->weight == GRAMMAR_NONE)
    return bad_line(r, err, expected, open, (size_t)(end - open));
  *at = close + 1;
  skip_blanks(at, end);
  return STATUS_OK;
}

static Status read_alternative(Reader *r, const char *at, const char *end, Error *err) {
  Grammar *g = r->g;
  Alternative alternative = {.weight = GRAMMAR_NONE, .value = 1, .first = g->n_parts};
  if (r->rule == GRAMMAR_NONE) return bad_line(r, err, "expected a rule before its alternatives", at, (size_t)(end - at));
  Status status = *at == '[' ? read_weight(r, &at, end, &alternative, err) : STATUS_OK;
  if (status != STATUS_OK) return status;
  if (at == end) return bad_line(r, err, "expected a text, or <> for none", at, 0);
  g->alternatives = mem_resize(g->alternatives, g->n_alternatives + 1, sizeof *g->alternatives);
  g->alternatives[g->n_alternatives++] = alternative;
  g->names[r->rule].n++;
  while (at < end && status == STATUS_OK)
    if (*at == '<')
      status = read_reference(r, &at, end, err);
    else
      read_text(r, &at, end);
  return status;
}

/* "weight NAME = NUMBER", behind the word. */
static Status read_setting(Reader *r, const char *at, const char *end, Error *err) {
  static const char expected[] = "expected weight NAME = NUMBER, at least 0";
  const char *const whole = at;
  skip_blanks(&at, end);
  const size_t n = name_length(at, (size_t)(end - at));
  const char *const name = at;
  at += n;
  skip_blanks(&at, end);
  if (n == 0 || at >= end || *at != '=') return bad_line(r, err, expected, whole, (size_t)(end - whole));
  at++;
  skip_blanks(&at, end);
  char *text = mem_format("%.*s", (int)(end - at), at);
  double value = -1;
  const bool is_number = parse_real(text, &value) && value >= 0;
  free(text);
  if (!is_number) return bad_line(r, err, expected, whole, (size_t)(end - whole));
  const size_t index = intern(r, name, n); /* which may move the names */
  Name *weight = &r->g->names[index];
  if (weight->is_weight) return bad_line(r, err, "expected each weight once", name, n);
  weight->is_weight = true;
  weight->value = value;
  r->rule = GRAMMAR_NONE;
  return STATUS_OK;
}

static Status read_line(Reader *r, const char *at, const char *end, Error *err) {
  static const char word[] = "weight ";
  const bool is_indented = at < end && (*at == ' ' || *at == '\t');
  while (end > at && isspace((unsigned char)end[-1]) && !(end - at > 1 && end[-2] == '\\')) end--;
  skip_blanks(&at, end);
  const size_t size = (size_t)(end - at), n = name_length(at, size);
  if (size == 0 || *at == '#') return STATUS_OK;
  if (is_indented) return read_alternative(r, at, end, err);
  if (size > strlen(word) && memcmp(at, word, strlen(word)) == 0) return read_setting(r, at + strlen(word), end, err);
  if (n == 0 || n + 1 != size || at[n] != ':')
    return bad_line(r, err, "expected \"NAME:\", \"weight NAME = NUMBER\" or an indented alternative", at, size);
  r->rule = intern(r, at, n);
  Name *rule = &r->g->names[r->rule];
  if (rule->is_rule) return bad_line(r, err, "expected each rule once", at, n);
  rule->is_rule = true;
  rule->first = r->g->n_alternatives;
  return STATUS_OK;
}

/* Every name must be one thing, and what it is used as. */
static Status check(const Grammar *g, Error *err) {
  for (size_t i = 0; i < g->n_names; i++) {
    const Name *name = &g->names[i];
    const int kinds = name->is_rule + name->is_weight + name->is_kept;
    if (kinds != 1)
      return error_set(err, STATUS_DATA, "%s: line %zu: \"%s\" is %s", g->path, name->line, name->text,
                       kinds ? "several of rule, weight and kept text, expected one" : "no rule, weight or kept text");
    if (name->is_rule && name->n == 0)
      return error_set(err, STATUS_DATA, "%s: line %zu: rule \"%s\" has no alternative", g->path, name->line, name->text);
  }
  for (size_t i = 0; i < g->n_parts; i++) {
    const Part *part = &g->parts[i];
    const Name *name = part->kind == PART_TEXT ? NULL : &g->names[part->kind == PART_KEEP ? part->rule : part->name];
    if (name && (name->is_weight || (part->kind == PART_KEEP && !name->is_rule)))
      return error_set(err, STATUS_DATA, "%s: \"%s\" stands where a rule belongs", g->path, name->text);
  }
  for (size_t i = 0; i < g->n_alternatives; i++) {
    const size_t weight = g->alternatives[i].weight;
    if (weight != GRAMMAR_NONE && !g->names[weight].is_weight)
      return error_set(err, STATUS_DATA, "%s: \"%s\" stands where a weight belongs", g->path, g->names[weight].text);
  }
  return STATUS_OK;
}

Status grammar_open(const char *path, Grammar **out, Error *err) {
  char *text = NULL;
  size_t size = 0;
  *out = NULL;
  Status status = file_read(path, FILE_LIMIT, &text, &size, err);
  if (status != STATUS_OK) return status;
  Grammar *g = mem_alloc(1, sizeof *g);
  g->path = mem_copy_string(path);
  Reader reader = {g, 0, GRAMMAR_NONE};
  if (utf8_valid_prefix(text, size) < size || memchr(text, 0, size))
    status = error_set(err, STATUS_DATA, "%s: no text in UTF-8, expected a grammar", path);
  for (size_t at = 0; at < size && status == STATUS_OK;) {
    const char *newline = memchr(text + at, '\n', size - at);
    const size_t end = newline ? (size_t)(newline - text) : size;
    reader.line++;
    status = read_line(&reader, text + at, text + end, err);
    at = end + 1;
  }
  free(text);
  if (status == STATUS_OK) status = check(g, err);
  if (status == STATUS_OK)
    *out = g;
  else
    grammar_close(g);
  return status;
}

void grammar_close(Grammar *g) {
  if (!g) return;
  for (size_t i = 0; i < g->n_parts; i++) free(g->parts[i].text);
  for (size_t i = 0; i < g->n_names; i++) free(g->names[i].text);
  free(g->parts);
  free(g->alternatives);
  free(g->names);
  free(g->path);
  free(g);
}
