/* A table as base/table.h prints it, read back as cells: what a report shows and sums up is what the commands print. */
#ifndef FATHOM_COMMAND_GRID_H
#define FATHOM_COMMAND_GRID_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct Grid {
  size_t n_columns, n_rows, n_notes;
  char **columns, **cells; /* [n_rows, n_columns] */
  char **notes;            /* '#' lines but those of the command's own: version, command line, seed */
  char *text;              /* that all of these point into */
} Grid;

/* Reads the whole stream, from its beginning. */
Status grid_read(FILE *table, Grid *grid, Error *err);
void grid_clear(Grid *grid); /* all zeros is fine */

/* A cell of the column of this name: "" where there is no such column, NaN where the cell holds no number. */
bool grid_has(const Grid *grid, const char *column);
const char *grid_text(const Grid *grid, size_t row, const char *column);
bool grid_is(const Grid *grid, size_t row, const char *column, const char *text);
double grid_number(const Grid *grid, size_t row, const char *column);

/* A whole text that is a number, or "-", which is a missing one: false where it is neither. */
bool grid_is_number(const char *text, double *value);

/* The note "key: value", or NULL. */
const char *grid_note(const Grid *grid, const char *key);

#endif
