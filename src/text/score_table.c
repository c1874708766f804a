/* Tables of rewards of preference pairs. */
#include "text/score_table.h"

#include "base/memory.h"
#include "base/options.h"
#include "text/delimited.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ID, SIDE, REWARD, NEEDED, N_TOKENS = NEEDED, COLUMNS };
static const char *const column_names[COLUMNS] = {"id", "side", "reward", "n_tokens"};

typedef struct Row {
  char *id;
  bool rejected;
  double reward;
  size_t line, n_tokens; /* 0: not said */
} Row;

typedef struct Rows {
  Row *items;
  size_t n, room;
} Rows;

static Status find_columns(const Delimited *file, size_t *columns, Error *err) {
  for (size_t k = 0; k < COLUMNS; k++) {
    columns[k] = delimited_column(file, column_names[k]);
    if (columns[k] == file->n_cells && k < NEEDED)
      return error_set(err, STATUS_DATA, "%s: line %zu: no column %s, expected a table of fathom score --pairs", file->path,
                       file->line, column_names[k]);
  }
  return STATUS_OK;
}

static Status read_row(const Delimited *file, const size_t *columns, Rows *rows, Error *err) {
  const char *cells[NEEDED];
  Row row = {.line = file->line};
  for (size_t k = 0; k < NEEDED; k++) {
    if (columns[k] >= file->n_cells)
      return error_set(err, STATUS_DATA, "%s: line %zu has %zu columns, expected one for %s", file->path, file->line, file->n_cells,
                       column_names[k]);
    cells[k] = file->cells[columns[k]];
  }
  row.rejected = strcmp(cells[SIDE], "rejected") == 0;
  if (!row.rejected && strcmp(cells[SIDE], "chosen") != 0)
    return error_set(err, STATUS_DATA, "%s: line %zu: side is \"%.60s\", expected chosen or rejected (fathom score --pairs)",
                     file->path, file->line, cells[SIDE]);
  if (!parse_real(cells[REWARD], &row.reward) || !isfinite(row.reward))
    return error_set(err, STATUS_DATA, "%s: line %zu: reward is \"%.60s\", expected a finite number", file->path, file->line,
                     cells[REWARD]);
  if (columns[N_TOKENS] < file->n_cells && !parse_size(file->cells[columns[N_TOKENS]], &row.n_tokens))
    return error_set(err, STATUS_DATA, "%s: line %zu: n_tokens is \"%.60s\", expected a whole number", file->path, file->line,
                     file->cells[columns[N_TOKENS]]);
  if (rows->n == rows->room) rows->items = mem_resize(rows->items, rows->room = 2 * rows->room + 64, sizeof row);
  row.id = mem_copy_string(cells[ID]);
  rows->items[rows->n++] = row;
  return STATUS_OK;
}

static int by_id_and_side(const void *a, const void *b) {
  const Row *x = a, *y = b;
  const int ids = strcmp(x->id, y->id);
  return ids ? ids : x->rejected != y->rejected ? x->rejected - y->rejected : (x->line > y->line) - (x->line < y->line);
}

/* Rows in order to pairs, which take their ids. */
static Status join_sides(const char *path, Rows *rows, ScoreTable *table, Error *err) {
  if (rows->n == 0) return error_set(err, STATUS_DATA, "%s: no pair below the first line", path);
  qsort(rows->items, rows->n, sizeof *rows->items, by_id_and_side);
  table->pairs = mem_alloc(rows->n / 2 + 1, sizeof *table->pairs);
  for (size_t i = 0; i < rows->n; i += 2) {
    Row *row = &rows->items[i], *next = i + 1 < rows->n ? row + 1 : NULL;
    const bool same = next && strcmp(row->id, next->id) == 0;
    if (same && row->rejected == next->rejected)
      return error_set(err, STATUS_DATA, "%s: line %zu: %s side of %.200s again, which is in line %zu already", path, next->line,
                       row->rejected ? "rejected" : "chosen", row->id, row->line);
    if (!same)
      return error_set(err, STATUS_DATA, "%s: line %zu: %.200s has no %s side", path, row->line, row->id,
                       row->rejected ? "chosen" : "rejected");
    table->pairs[table->n++] = (ScoredPair){row->id, row->reward, next->reward, {row->n_tokens, next->n_tokens}};
    row->id = NULL;
    free(next->id);
    next->id = NULL;
    if (i + 2 < rows->n && strcmp(rows->items[i + 2].id, table->pairs[table->n - 1].id) == 0)
      return error_set(err, STATUS_DATA, "%s: line %zu: rejected side of %.200s again, which is in line %zu already", path,
                       rows->items[i + 2].line, rows->items[i + 2].id, next->line);
  }
  return STATUS_OK;
}

Status score_table_read(const char *path, ScoreTable *table, Error *err) {
  Delimited file = {0};
  Rows rows = {0};
  size_t columns[COLUMNS];
  *table = (ScoreTable){0};
  Status status = delimited_open(&file, path, err);
  if (status == STATUS_OK && file.bytes[0] == '{')
    status = error_set(err, STATUS_DATA, "%s: JSON, expected a table of fathom score --pairs (without --json)", path);
  if (status == STATUS_OK) status = delimited_next(&file, err);
  if (status == STATUS_OK) status = find_columns(&file, columns, err);
  while (status == STATUS_OK) {
    status = delimited_next(&file, err);
    if (status != STATUS_OK || file.n_cells == 0) break;
    status = read_row(&file, columns, &rows, err);
  }
  if (status == STATUS_OK) status = join_sides(path, &rows, table, err);
  for (size_t i = 0; i < rows.n; i++) free(rows.items[i].id);
  free(rows.items);
  delimited_close(&file);
  if (status != STATUS_OK) score_table_clear(table);
  return status;
}

void score_table_clear(ScoreTable *table) {
  for (size_t i = 0; i < table->n; i++) free(table->pairs[i].id);
  free(table->pairs);
  *table = (ScoreTable){0};
}

static int by_id(const void *a, const void *b) { return strcmp(((const ScoredPair *)a)->id, ((const ScoredPair *)b)->id); }

const char *score_table_sort(ScoreTable *table) {
  if (table->n) qsort(table->pairs, table->n, sizeof *table->pairs, by_id);
  for (size_t i = 1; i < table->n; i++)
    if (strcmp(table->pairs[i - 1].id, table->pairs[i].id) == 0) return table->pairs[i].id;
  return NULL;
}

static int id_of(const void *id, const void *pair) { return strcmp(id, ((const ScoredPair *)pair)->id); }

const ScoredPair *score_table_find(const ScoreTable *table, const char *id) {
  return table->n ? bsearch(id, table->pairs, table->n, sizeof *table->pairs, id_of) : NULL;
}
