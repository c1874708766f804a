/* The rows of a data file: JSONL, a JSON array, or an object with its rows in "examples" as BIG-bench's tasks have them;
 * plain or gzip, one parsed value at a time. Or plain lines. */
#ifndef FATHOM_TEXT_RECORDS_H
#define FATHOM_TEXT_RECORDS_H

#include "base/error.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct Records {
  const char *path;
  char *bytes;       /* the whole file, gunzipped */
  size_t size, at;
  bool array, ended; /* a JSON array, and its closing bracket was seen */
  Json *task;        /* an object with "examples", whose next row is example; else NULL */
  const Json *example;
  bool is_lost;      /* after an error: where the next row begins cannot be told */
  size_t number;     /* of the current row: its line in JSONL and plain lines, its place in an array, from 1 */
  struct RecordTexts *kept;
  char *where;       /* "FILE: line 7" or "FILE: record 7", for messages */
} Records;

/* path is borrowed. */
Status records_open(Records *records, const char *path, Error *err);
void records_close(Records *records); /* all zeros is fine */

/* The next row as an object, *row NULL at the end; freed by the caller. Blank lines are passed over. After STATUS_DATA the
 * next call gives the row behind the bad one, unless is_lost. */
Status records_next(Records *records, Json **row, Error *err);

/* Hands over a text made from the current row: it is freed with the next one. */
const char *records_keep(const Records *records, char *text);

/* The next line without its end, *line NULL at the end. Points into the file's bytes. A blank line, or one that is not
 * UTF-8, is STATUS_DATA. */
Status records_next_line(Records *records, const char **line, size_t *size, Error *err);

#endif
