/* Results for people and programs: a tidy TSV whose '#' lines give version, arguments, seed and model digests, or the
 * same as one JSON object {"fathom", "command", "args", "seed", "models", "rows"}. */
#ifndef FATHOM_BASE_TABLE_H
#define FATHOM_BASE_TABLE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { PROVENANCE_MODELS = 256 };

/* Where a result comes from; strings are borrowed. */
typedef struct Provenance {
  const char *command;
  int argc;
  char *const *argv;
  uint64_t seed;
  struct {
    const char *path, *sha256;
  } models[PROVENANCE_MODELS];
  size_t n_models;
} Provenance;

typedef struct Table Table;

/* columns: n_columns names, borrowed until table_end. */
Table *table_begin(FILE *out, bool json, const Provenance *provenance, const char *const *columns, size_t n_columns);

/* A remark: a '#' line, or an entry of "notes" in JSON. Before the first row in TSV, anywhere in JSON. */
void table_note(Table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A table that prints nothing and keeps what it is told: for result files, which say the same of themselves as the
 * table does. Notes and summaries alone; not ended, but closed. */
Table *table_notebook(void);
char *const *table_notes(const Table *notebook, size_t *n); /* of the notebook */
void table_close_notebook(Table *notebook);

/* What is said of the result as a whole: "# name: value" in TSV, a member of "summary" in JSON. Where a note may stand. */
void table_summary_number(Table *table, const char *name, double value);
void table_summary_text(Table *table, const char *name, const char *value);

/* The next cell of the row; the row ends with its last column. NaN and NULL are "-" in TSV and null in JSON;
 * control characters of a string, tabs and newlines among them, become blanks in TSV. */
void table_string(Table *table, const char *value);
void table_number(Table *table, double value); /* 9 significant digits */
void table_count(Table *table, size_t value);
void table_absent(Table *table); /* what rows of this kind do not have: "-" in TSV, no member in JSON */

Status table_end(Table *table, Error *err); /* writes what is left, checks the stream, frees */

/* The arguments as one line of shell words, quoted where needed; freed by the caller. */
char *command_line(int argc, char *const *argv);

#endif
