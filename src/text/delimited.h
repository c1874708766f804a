/* Tables as text: CSV (RFC 4180: quoted cells may hold commas, doubled quotes and line ends) and TSV (no quoting), one
 * row at a time, plain or gzip. What the columns mean is their readers' matter. */
#ifndef FATHOM_TEXT_DELIMITED_H
#define FATHOM_TEXT_DELIMITED_H

#include "base/error.h"

#include <stddef.h>
#include <stdio.h>

typedef struct Delimited {
  const char *path;
  char *bytes; /* the whole file, gunzipped; UTF-8 without NULs */
  size_t size, at;
  char delimiter;         /* '\t' where the first row has one outside of CSV's quotes, else ','; may be set before a row is read */
  size_t line, next_line; /* where the current row begins, from 1 */
  char **cells;           /* [n_cells] of the current row, unquoted; they stay valid until the file is closed */
  size_t n_cells, room;
} Delimited;

/* path is borrowed. A byte order mark is passed over, and so are blank lines and lines of '#' before the first row. An
 * empty file, bytes that are no UTF-8, and a NUL are STATUS_DATA. */
Status delimited_open(Delimited *table, const char *path, Error *err);
void delimited_close(Delimited *table); /* all zeros is fine */

/* The next row that is not blank; n_cells is 0 at the end. A quote that is not closed is STATUS_DATA with its line. */
Status delimited_next(Delimited *table, Error *err);

/* A cell of a CSV, its quotes doubled and in quotes where it needs them. Write errors are the stream's. */
void delimited_write_cell(FILE *out, const char *text);

/* The column of this name, upper or lower case; n_cells of the row where there is none. For the row of names. */
size_t delimited_column(const Delimited *table, const char *name);

#endif
