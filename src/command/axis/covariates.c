/* Numbers of words that are regressed out of their activations: of the word itself, of the lexicon, or of a table. */
#include "base/memory.h"
#include "base/names.h"
#include "command/axis/axis.h"
#include "text/delimited.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Code points, as a reader counts letters. */
static double count_letters(const char *form) {
  size_t n = 0;
  for (; *form; form++) n += ((unsigned char)*form & 0xc0) != 0x80;
  return (double)n;
}

/* NaN for tokens: see axis_take_tokens. */
static double built_in(const CarriedWord *c, const char *name) {
  return strcmp(name, "length") == 0    ? count_letters(c->form)
         : strcmp(name, "zipf") == 0    ? c->zipf
         : strcmp(name, "valence") == 0 ? c->valence
                                        : NAN;
}

void axis_take_tokens(char *const *names, size_t n_names, CarriedWord *items, size_t n) {
  for (size_t k = 0; k < n_names; k++)
    for (size_t i = 0; strcmp(names[k], "tokens") == 0 && i < n; i++) items[i].covariates[k] = items[i].tokens;
}

static bool is_built_in(const char *name) {
  return strcmp(name, "tokens") == 0 || strcmp(name, "length") == 0 || strcmp(name, "zipf") == 0 ||
         strcmp(name, "valence") == 0;
}

static void split_names(const char *list, char ***names, size_t *n) {
  *n = 0;
  *names = NULL;
  for (const char *at = list; at;) {
    const size_t size = strcspn(at, ",");
    *names = mem_resize(*names, *n + 1, sizeof **names);
    (*names)[(*n)++] = mem_format("%.*s", (int)size, at);
    at = at[size] ? at + size + 1 : NULL;
  }
}

/* One row of the table: its numbers to the word, if it is one of forms. */
static Status take_row(const Delimited *table, size_t word, const size_t *columns, size_t n_names, const Names *forms,
                       CarriedWord *items, Error *err) {
  size_t i;
  if (word >= table->n_cells)
    return error_set(err, STATUS_DATA, "%s: line %zu: no word in it", table->path, table->line);
  if (!names_find(forms, table->cells[word], &i)) return STATUS_OK;
  for (size_t k = 0; k < n_names; k++) {
    const char *cell = columns[k] < table->n_cells ? table->cells[columns[k]] : "";
    if (columns[k] == SIZE_MAX || !cell[0] || strcmp(cell, "-") == 0 || strcmp(cell, "NA") == 0) continue;
    double value;
    if (!parse_real(cell, &value) || !isfinite(value))
      return error_set(err, STATUS_DATA, "%s: line %zu: \"%.60s\", expected a number", table->path, table->line, cell);
    items[i].covariates[k] = value;
  }
  return STATUS_OK;
}

/* Columns of the names that are not built in. */
static Status find_columns(const Delimited *table, char *const *names, size_t n_names, size_t *word, size_t *columns,
                           Error *err) {
  *word = delimited_column(table, "word");
  if (*word == table->n_cells)
    return error_set(err, STATUS_DATA, "%s: line %zu: no column word in the row of names", table->path, table->line);
  for (size_t k = 0; k < n_names; k++) {
    columns[k] = is_built_in(names[k]) ? SIZE_MAX : delimited_column(table, names[k]);
    if (columns[k] == table->n_cells)
      return error_set(err, STATUS_USAGE, "--residualise %s: %s has no column of this name", names[k], table->path);
  }
  return STATUS_OK;
}

static Status read_table(const char *path, char *const *names, size_t n_names, CarriedWord *items, size_t n,
                         Error *err) {
  Delimited table = {0};
  Names forms = {0}; /* each is there once */
  size_t word, *columns = mem_alloc(n_names, sizeof *columns);
  for (size_t i = 0; i < n; i++) names_add(&forms, items[i].form);
  Status status = delimited_open(&table, path, err);
  if (status == STATUS_OK) status = delimited_next(&table, err);
  if (status == STATUS_OK) status = find_columns(&table, names, n_names, &word, columns, err);
  while (status == STATUS_OK) {
    status = delimited_next(&table, err);
    if (status != STATUS_OK || table.n_cells == 0) break;
    status = take_row(&table, word, columns, n_names, &forms, items, err);
  }
  delimited_close(&table);
  names_clear(&forms);
  free(columns);
  return status;
}

Status axis_read_covariates(const AxisSettings *s, CarriedWord *items, size_t n, char ***names, size_t *n_names,
                            Error *err) {
  split_names(s->residualise, names, n_names);
  bool needs_table = false;
  for (size_t k = 0; k < *n_names; k++) needs_table = needs_table || !is_built_in((*names)[k]);
  if (needs_table && !s->covariates)
    return error_set(err, STATUS_USAGE,
                     "--residualise %s: expected tokens, length, zipf, valence, or columns of --covariates",
                     s->residualise);
  for (size_t i = 0; i < n; i++) {
    items[i].covariates = mem_alloc(*n_names, sizeof *items[i].covariates);
    for (size_t k = 0; k < *n_names; k++)
      items[i].covariates[k] = is_built_in((*names)[k]) ? built_in(&items[i], (*names)[k]) : NAN;
  }
  return needs_table ? read_table(s->covariates, *names, *n_names, items, n, err) : STATUS_OK;
}
