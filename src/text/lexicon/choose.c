/* Categories of a lexicon that are held against each other: which of them each word is in, and what is dropped. */
#include "base/log.h"
#include "base/memory.h"
#include "text/lexicon/lexicon.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SIDE_NONE = -1, SIDE_SEVERAL = -2 };

/* "agency, communion" */
static char *category_names(const Lexicon *l, const size_t *categories, size_t n) {
  char *text = mem_copy_string("");
  for (size_t i = 0; i < n; i++) {
    char *longer = mem_format("%s%s%.40s", text, i ? ", " : "", l->categories[categories ? categories[i] : i]);
    free(text);
    text = longer;
  }
  return text;
}

static Status add_name(LexiconChoice *c, const char *name, Error *err) {
  const Lexicon *l = c->lexicon;
  const size_t category = lexicon_category(l, name);
  if (category == LEXICON_NONE) {
    char *known = category_names(l, NULL, l->n_categories);
    const Status status =
        error_set(err, STATUS_USAGE, "%s: no category \"%.60s\": it has %.600s", l->path, name, known);
    free(known);
    return status;
  }
  for (size_t i = 0; i < c->n; i++)
    if (c->categories[i] == category)
      return error_set(err, STATUS_USAGE, "%s: category \"%.60s\" is named twice", l->path, name);
  c->categories[c->n++] = category;
  return STATUS_OK;
}

static Status read_names(LexiconChoice *c, const char *names, Error *err) {
  Status status = STATUS_OK;
  for (size_t i = 0; !names && i < c->lexicon->n_categories; i++) c->categories[c->n++] = i;
  while (names && status == STATUS_OK) {
    const char *comma = strchr(names, ',');
    char *name = comma ? mem_format("%.*s", (int)(comma - names), names) : mem_copy_string(names);
    status = add_name(c, name + strspn(name, " "), err);
    free(name);
    names = comma ? comma + 1 : NULL;
  }
  return status;
}

/* Which of the chosen categories a word is in, by itself: those of a weight above 0, whatever its size. */
static int word_side(const LexiconChoice *c, const LexiconWord *w) {
  int side = SIDE_NONE;
  for (size_t m = 0; m < w->n_members; m++)
    for (size_t i = 0; i < c->n; i++)
      if (w->members[m].category == c->categories[i] && w->members[m].weight > 0)
        side = side == SIDE_NONE ? (int)i : SIDE_SEVERAL;
  return side;
}

static bool counts(const LexiconWord *w, const char *pos) { return !pos || strcasecmp(w->pos, pos) == 0; }

/* Decides for a form, whose first word is `first`. */
static int choose_form(LexiconChoice *c, size_t first, const char *pos) {
  const LexiconWord *words = c->lexicon->words;
  int all = SIDE_NONE;
  for (size_t w = first; w != LEXICON_NONE; w = words[w].next_same) {
    const int side = counts(&words[w], pos) ? word_side(c, &words[w]) : SIDE_NONE;
    if (side != SIDE_NONE) all = all == SIDE_NONE || all == side ? side : SIDE_SEVERAL;
  }
  for (size_t w = first; all >= 0 && w != LEXICON_NONE; w = words[w].next_same)
    if (counts(&words[w], pos) && word_side(c, &words[w]) == all) c->side[w] = all;
  return all;
}

static void choose_forms(LexiconChoice *c, const char *pos, const char **contradictory) {
  const Lexicon *l = c->lexicon;
  bool *is_first = mem_alloc(l->n_words, sizeof *is_first);
  for (size_t w = 0; w < l->n_words; w++) is_first[w] = true;
  for (size_t w = 0; w < l->n_words; w++) {
    c->side[w] = SIDE_NONE;
    if (l->words[w].next_same != LEXICON_NONE) is_first[l->words[w].next_same] = false;
  }
  for (size_t w = 0; w < l->n_words; w++) {
    const int side = is_first[w] ? choose_form(c, w, pos) : SIDE_NONE;
    if (side >= 0) c->n_forms[side]++;
    if (side == SIDE_SEVERAL && c->n_contradictory++ == 0) *contradictory = l->words[w].form;
  }
  free(is_first);
}

static Status check_contradictory(const LexiconChoice *c, const char *form, bool strict, Error *err) {
  const Lexicon *l = c->lexicon;
  if (c->n_contradictory == 0) return STATUS_OK;
  char *names = category_names(l, c->categories, c->n);
  Status status = STATUS_OK;
  if (strict)
    status = error_set(err, STATUS_DATA, "%s: contradictory: \"%.60s\" is in more than one of %.300s (%zu such words)",
                       l->path, form, names, c->n_contradictory);
  else
    log_warn("%s: contradictory words are left out: %zu are in more than one of %.300s (\"%.60s\" is the first)",
             l->path, c->n_contradictory, names, form);
  free(names);
  return status;
}

static Status check_sizes(const LexiconChoice *c, const char *pos, bool strict, Error *err) {
  const Lexicon *l = c->lexicon;
  for (size_t i = 0; i < c->n; i++) {
    const char *name = l->categories[c->categories[i]];
    const size_t n = c->n_forms[i];
    if (n == 0 || (strict && n < LEXICON_FEW))
      return error_set(err, STATUS_DATA, "%s: category %.60s has %zu words%s%.30s, expected at least %d", l->path, name,
                       n, pos ? " that are " : "", pos ? pos : "", n == 0 ? 1 : LEXICON_FEW);
    if (n < LEXICON_FEW)
      log_warn("%s: category %.60s has %zu words%s%.30s, fewer than %d: little can be said of it", l->path, name, n,
               pos ? " that are " : "", pos ? pos : "", LEXICON_FEW);
  }
  return STATUS_OK;
}

Status lexicon_choose(const Lexicon *l, const char *names, const char *pos, bool strict, LexiconChoice *c, Error *err) {
  const char *contradictory = NULL;
  *c = (LexiconChoice){.lexicon = l};
  c->categories = mem_alloc(l->n_categories, sizeof *c->categories);
  c->n_forms = mem_alloc(l->n_categories, sizeof *c->n_forms);
  c->side = mem_alloc(l->n_words, sizeof *c->side);
  Status status = read_names(c, names, err);
  if (status == STATUS_OK) choose_forms(c, pos, &contradictory);
  if (status == STATUS_OK) status = check_contradictory(c, contradictory, strict, err);
  if (status == STATUS_OK) status = check_sizes(c, pos, strict, err);
  if (status != STATUS_OK) lexicon_choice_clear(c);
  return status;
}

void lexicon_choice_clear(LexiconChoice *c) {
  free(c->categories);
  free(c->n_forms);
  free(c->side);
  *c = (LexiconChoice){0};
}

int lexicon_side(const LexiconChoice *c, const char *text, size_t size, size_t *word) {
  size_t w = lexicon_find(c->lexicon, text, size);
  while (w != LEXICON_NONE && c->side[w] < 0) w = c->lexicon->words[w].next_same;
  if (word) *word = w;
  return w == LEXICON_NONE ? SIDE_NONE : c->side[w];
}

Status lexicon_check_found(const Lexicon *l, size_t n_found, const char *where, Error *err) {
  if (n_found > 0) return STATUS_OK;
  return error_set(err, STATUS_DATA, "%s: none of its %zu words is in %s", l->path, l->n_words, where);
}
