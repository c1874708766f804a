/* Lexicons that are tables with a row of names: one row a word with its category, or one column a category. */
#include "base/memory.h"
#include "base/options.h"
#include "text/lexicon/parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

size_t lexicon_word_column(const Delimited *f) {
  static const char *const names[] = {"word", "term", "DicTerm", "token_decoded"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    const size_t column = delimited_column(f, names[i]);
    if (column < f->n_cells) return column;
  }
  return f->n_cells;
}

static bool is_nothing(const char *cell) { return !*cell || strcasecmp(cell, "NA") == 0 || strcmp(cell, "-") == 0; }

/* A cell as a number, NaN where it says nothing. */
static Status read_number(const Delimited *f, const char *column, const char *cell, double *value, Error *err) {
  *value = NAN;
  if (is_nothing(cell) || (parse_real(cell, value) && isfinite(*value))) return STATUS_OK;
  return error_set(err, STATUS_DATA, "%s: line %zu: \"%.60s\" in column %.60s, expected a finite number or nothing",
                   f->path, f->line, cell, column);
}

static Status check_width(const Delimited *f, size_t n_columns, Error *err) {
  if (f->n_cells == n_columns) return STATUS_OK;
  return error_set(err, STATUS_DATA, "%s: line %zu: %zu columns, expected the %zu of the row of names", f->path,
                   f->line, f->n_cells, n_columns);
}

/* Where the columns of a table with one row a word are; n_columns = not there. */
typedef struct Columns {
  size_t n_columns, word, category, lemma, pos, weight, zipf, valence;
} Columns;

static const char *cell(const Delimited *f, size_t column) { return column < f->n_cells ? f->cells[column] : ""; }

static Status read_word_row(LexiconBuilder *b, const Columns *c, Error *err) {
  const Delimited *f = b->file;
  LexiconRow row = {.form = cell(f, c->word)};
  double weight;
  size_t word, category = 0;
  char *lemma = lexicon_trimmed(cell(f, c->lemma), strlen(cell(f, c->lemma)));
  char *name = lexicon_trimmed(cell(f, c->category), strlen(cell(f, c->category)));
  char *pos = lexicon_trimmed(cell(f, c->pos), strlen(cell(f, c->pos)));
  row.lemma = lemma;
  row.pos = pos;
  Status status = read_number(f, "weight", cell(f, c->weight), &weight, err);
  if (status == STATUS_OK) status = read_number(f, "zipf", cell(f, c->zipf), &row.zipf, err);
  if (status == STATUS_OK) status = read_number(f, "valence", cell(f, c->valence), &row.valence, err);
  if (status == STATUS_OK && !*name)
    status = error_set(err, STATUS_DATA, "%s: line %zu: \"%.60s\" has no category", f->path, f->line, row.form);
  if (status == STATUS_OK) status = builder_category(b, name, &category, err);
  if (status == STATUS_OK) status = builder_word(b, &row, &word, err);
  if (status == STATUS_OK && word != LEXICON_NONE && weight != 0)
    status = builder_member(b, word, category, isnan(weight) ? 1 : weight, err);
  free(lemma);
  free(pos);
  free(name);
  return status;
}

Status lexicon_read_rows(LexiconBuilder *b, Error *err) {
  Delimited *f = b->file;
  const Columns c = {.n_columns = f->n_cells,
                     .word = lexicon_word_column(f),
                     .category = delimited_column(f, "category"),
                     .lemma = delimited_column(f, "lemma"),
                     .pos = delimited_column(f, "pos"),
                     .weight = delimited_column(f, "weight"),
                     .zipf = delimited_column(f, "zipf"),
                     .valence = delimited_column(f, "valence")};
  Status status;
  while ((status = delimited_next(f, err)) == STATUS_OK && f->n_cells > 0) {
    status = check_width(f, c.n_columns, err);
    if (status == STATUS_OK) status = read_word_row(b, &c, err);
    if (status != STATUS_OK) return status;
  }
  return status;
}

/* The weight that a cell gives a word in a category: 1 for X, 0 for nothing. */
static Status read_mark(const LexiconBuilder *b, const char *mark, size_t category, double *weight, Error *err) {
  const Delimited *f = b->file;
  *weight = 0;
  if (is_nothing(mark)) return STATUS_OK;
  if (strcasecmp(mark, "X") == 0)
    *weight = 1;
  else if (!parse_real(mark, weight) || !isfinite(*weight))
    return error_set(err, STATUS_DATA, "%s: line %zu: \"%.60s\" under category %.60s, expected X, a weight or nothing",
                     f->path, f->line, mark, b->lexicon->categories[category]);
  return STATUS_OK;
}

static Status read_marked_row(LexiconBuilder *b, Error *err) {
  const Delimited *f = b->file;
  size_t word;
  Status status = builder_word(b, &(LexiconRow){f->cells[0], "", "", NAN, NAN}, &word, err);
  for (size_t i = 1; i < f->n_cells && status == STATUS_OK && word != LEXICON_NONE; i++) {
    double weight;
    status = read_mark(b, f->cells[i], i - 1, &weight, err);
    if (status == STATUS_OK && weight != 0) status = builder_member(b, word, i - 1, weight, err);
  }
  return status;
}

Status lexicon_read_columns(LexiconBuilder *b, Error *err) {
  Delimited *f = b->file;
  const size_t n_columns = f->n_cells;
  for (size_t i = 1; i < n_columns; i++) {
    char *name = lexicon_trimmed(f->cells[i], strlen(f->cells[i]));
    size_t category = LEXICON_NONE;
    const Status named = *name ? builder_category(b, name, &category, err) : STATUS_OK;
    free(name);
    if (named != STATUS_OK) return named;
    if (category != i - 1)
      return error_set(err, STATUS_DATA, "%s: line %zu: column %zu %s, expected the name of one more category", f->path,
                       f->line, i + 1, category == LEXICON_NONE ? "has no name" : "has the name of another");
  }
  Status status;
  while ((status = delimited_next(f, err)) == STATUS_OK && f->n_cells > 0) {
    status = check_width(f, n_columns, err);
    if (status == STATUS_OK) status = read_marked_row(b, err);
    if (status != STATUS_OK) return status;
  }
  return status;
}
