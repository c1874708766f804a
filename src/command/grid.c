/* Tables read back: lines of '#', a line of names, lines of cells between tabs. */
#include "command/grid.h"

#include "base/memory.h"
#include "base/options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static Status read_all(FILE *table, char **text, Error *err) {
  enum { STEP = 1 << 16 };
  size_t used = 0, n;
  char *all = mem_alloc(STEP + 1, 1);
  rewind(table);
  while ((n = fread(all + used, 1, STEP, table)) > 0) all = mem_resize(all, (used += n) + STEP + 1, 1);
  all[used] = 0;
  *text = all;
  return ferror(table) ? error_system(err, "cannot read the temporary table") : STATUS_OK;
}

static char *cut_at(char *text, char mark) {
  char *end = strchr(text, mark);
  if (!end) return text + strlen(text);
  *end = 0;
  return end + 1;
}

static void add_note(Grid *grid, char *line) {
  static const char *const own[] = {"fathom ", "command: ", "seed: "};
  for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
    if (strncmp(line, own[i], strlen(own[i])) == 0) return;
  grid->notes = mem_resize(grid->notes, grid->n_notes + 1, sizeof *grid->notes);
  grid->notes[grid->n_notes++] = line;
}

static void add_columns(Grid *grid, char *line) {
  grid->n_columns = 1;
  for (const char *at = line; *at; at++) grid->n_columns += *at == '\t';
  grid->columns = mem_alloc(grid->n_columns, sizeof *grid->columns);
  for (size_t i = 0; i < grid->n_columns; i++) {
    grid->columns[i] = line;
    line = cut_at(line, '\t');
  }
}

static void add_row(Grid *grid, char *line, size_t *room) {
  if (grid->n_rows == *room)
    grid->cells = mem_resize(grid->cells, (*room = 2 * *room + 64) * grid->n_columns, sizeof *grid->cells);
  for (size_t i = 0; i < grid->n_columns; i++) {
    grid->cells[grid->n_rows * grid->n_columns + i] = line;
    line = cut_at(line, '\t');
  }
  grid->n_rows++;
}

Status grid_read(FILE *table, Grid *grid, Error *err) {
  size_t room = 0;
  *grid = (Grid){0};
  const Status status = read_all(table, &grid->text, err);
  if (status != STATUS_OK) {
    grid_clear(grid);
    return status;
  }
  for (char *line = grid->text, *next; *line; line = next) {
    next = cut_at(line, '\n');
    if (!grid->columns && strncmp(line, "# ", 2) == 0)
      add_note(grid, line + 2);
    else if (!grid->columns)
      add_columns(grid, line);
    else
      add_row(grid, line, &room);
  }
  return STATUS_OK;
}

void grid_clear(Grid *grid) {
  free(grid->columns);
  free(grid->cells);
  free(grid->notes);
  free(grid->text);
  *grid = (Grid){0};
}

static size_t find_column(const Grid *grid, const char *name) {
  size_t i = 0;
  while (i < grid->n_columns && strcmp(grid->columns[i], name) != 0) i++;
  return i;
}

bool grid_has(const Grid *grid, const char *column) { return find_column(grid, column) < grid->n_columns; }

const char *grid_text(const Grid *grid, size_t row, const char *column) {
  const size_t at = find_column(grid, column);
  return at < grid->n_columns ? grid->cells[row * grid->n_columns + at] : "";
}

bool grid_is(const Grid *grid, size_t row, const char *column, const char *text) {
  return strcmp(grid_text(grid, row, column), text) == 0;
}

bool grid_is_number(const char *text, double *value) {
  *value = NAN;
  return strcmp(text, "-") == 0 || parse_real(text, value);
}

double grid_number(const Grid *grid, size_t row, const char *column) {
  double value;
  grid_is_number(grid_text(grid, row, column), &value);
  return value;
}

const char *grid_note(const Grid *grid, const char *key) {
  const size_t size = strlen(key);
  for (size_t i = 0; i < grid->n_notes; i++)
    if (strncmp(grid->notes[i], key, size) == 0 && strncmp(grid->notes[i] + size, ": ", 2) == 0)
      return grid->notes[i] + size + 2;
  return NULL;
}
