/* CSV and TSV by rows; cells are unquoted in place. */
#include "text/delimited.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/utf8.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const size_t FILE_LIMIT = (size_t)2 << 30;

static size_t line_of(const char *bytes, size_t at) {
  size_t line = 1;
  for (size_t i = 0; i < at; i++) line += bytes[i] == '\n';
  return line;
}

/* The end of the line at `at`, without its '\n'. */
static size_t line_end(const Delimited *t, size_t at) {
  const char *newline = memchr(t->bytes + at, '\n', t->size - at);
  return newline ? (size_t)(newline - t->bytes) : t->size;
}

static bool is_blank_line(const Delimited *t, size_t end) {
  for (size_t i = t->at; i < end; i++)
    if (t->bytes[i] != ' ' && t->bytes[i] != '\r' && t->bytes[i] != '\t') return false;
  return true;
}

/* Passes over blank lines, and over remarks where these may stand. */
static void skip_lines(Delimited *t, bool remarks) {
  while (t->at < t->size) {
    const size_t end = line_end(t, t->at);
    if (!is_blank_line(t, end) && !(remarks && t->bytes[t->at] == '#')) return;
    t->at = end < t->size ? end + 1 : end;
    t->next_line++;
  }
}

static Status check_bytes(const Delimited *t, Error *err) {
  const size_t valid = utf8_valid_prefix(t->bytes, t->size);
  const char *nul = memchr(t->bytes, 0, t->size);
  if (valid < t->size)
    return error_set(err, STATUS_DATA, "%s: line %zu: not UTF-8: convert the file (iconv -f LATIN1 -t UTF-8)", t->path,
                     line_of(t->bytes, valid));
  if (nul)
    return error_set(err, STATUS_DATA, "%s: line %zu: a NUL byte, expected text", t->path,
                     line_of(t->bytes, (size_t)(nul - t->bytes)));
  return STATUS_OK;
}

/* Behind the quoted cell that begins at `at`; the end of the file where it is not closed. */
static size_t skip_quoted(const Delimited *t, size_t at) {
  for (at++; at < t->size; at++) {
    if (t->bytes[at] != '"') continue;
    if (at + 1 == t->size || t->bytes[at + 1] != '"') return at + 1;
    at++;
  }
  return t->size;
}

/* A tab in the first row means TSV, but for one within a cell that CSV quotes; where the quotes are none of CSV's, any tab. */
static char find_delimiter(const Delimited *t) {
  bool begins = true; /* a cell of CSV */
  for (size_t at = t->at; at < t->size && t->bytes[at] != '\n';) {
    if (begins && t->bytes[at] == '"') {
      const size_t behind = skip_quoted(t, at);
      if (behind == t->size || !memchr("\t,\r\n", t->bytes[behind], 4))
        return memchr(t->bytes + at, '\t', line_end(t, at) - at) ? '\t' : ',';
      at = behind;
      begins = false;
    } else {
      if (t->bytes[at] == '\t') return '\t';
      begins = t->bytes[at++] == ',';
    }
  }
  return ',';
}

Status delimited_open(Delimited *t, const char *path, Error *err) {
  *t = (Delimited){.path = path, .next_line = 1};
  Status status = file_read(path, FILE_LIMIT, &t->bytes, &t->size, err);
  if (status != STATUS_OK) return status;
  status = check_bytes(t, err);
  if (t->size >= 3 && memcmp(t->bytes, "\xef\xbb\xbf", 3) == 0) t->at = 3;
  skip_lines(t, true);
  if (status == STATUS_OK && t->at == t->size) status = error_set(err, STATUS_DATA, "%s: nothing in this file", path);
  if (status == STATUS_OK)
    t->delimiter = find_delimiter(t);
  else
    delimited_close(t);
  return status;
}

void delimited_close(Delimited *t) {
  free(t->bytes);
  free(t->cells);
  *t = (Delimited){0};
}

static void add_cell(Delimited *t, char *cell) {
  if (t->n_cells == t->room) t->cells = mem_resize(t->cells, t->room = 2 * t->room + 8, sizeof *t->cells);
  t->cells[t->n_cells++] = cell;
}

/* The quoted cell whose quote is at t->at, rewritten where it stands: what is left is never longer. t->at moves to the
 * byte behind the closing quote. */
static Status take_quoted(Delimited *t, Error *err) {
  size_t from = t->at + 1, to = from;
  add_cell(t, t->bytes + to);
  for (; from < t->size; from++) {
    const char c = t->bytes[from];
    if (c == '"' && !(from + 1 < t->size && t->bytes[from + 1] == '"')) break;
    if (c == '"') from++;
    if (c == '\n') t->next_line++;
    t->bytes[to++] = c;
  }
  if (from >= t->size)
    return error_set(err, STATUS_DATA, "%s: line %zu: a quoted cell is not closed by '\"'", t->path, t->line);
  t->bytes[to] = 0; /* at the closing quote, or before it */
  t->at = from + 1;
  return STATUS_OK;
}

static void take_plain(Delimited *t) {
  add_cell(t, t->bytes + t->at);
  while (t->at < t->size && t->bytes[t->at] != t->delimiter && t->bytes[t->at] != '\n') t->at++;
}

/* Ends the cell at t->at; true where the row goes on. */
static bool end_cell(Delimited *t) {
  const char c = t->at < t->size ? t->bytes[t->at] : '\n';
  const bool is_return = c == '\n' && t->at > 0 && t->bytes[t->at - 1] == '\r';
  t->bytes[is_return ? t->at - 1 : t->at] = 0; /* file_read leaves room behind the last byte */
  t->at += t->at < t->size;
  if (c == '\n') t->next_line++;
  return c != '\n';
}

Status delimited_next(Delimited *t, Error *err) {
  bool more = true;
  t->n_cells = 0;
  skip_lines(t, false);
  if (t->at >= t->size) return STATUS_OK;
  for (t->line = t->next_line; more; more = end_cell(t)) {
    const bool is_quoted = t->delimiter == ',' && t->at < t->size && t->bytes[t->at] == '"';
    if (!is_quoted) {
      take_plain(t);
      continue;
    }
    const Status status = take_quoted(t, err);
    if (status != STATUS_OK) return status;
    if (t->at < t->size && t->bytes[t->at] == '\r' && (t->at + 1 == t->size || t->bytes[t->at + 1] == '\n')) t->at++;
    if (t->at < t->size && t->bytes[t->at] != t->delimiter && t->bytes[t->at] != '\n')
      return error_set(err, STATUS_DATA, "%s: line %zu: text behind a closing quote", t->path, t->line);
  }
  return STATUS_OK;
}

size_t delimited_column(const Delimited *t, const char *name) {
  for (size_t i = 0; i < t->n_cells; i++)
    if (strcasecmp(t->cells[i], name) == 0) return i;
  return t->n_cells;
}

void delimited_write_cell(FILE *out, const char *text) {
  if (!text[strcspn(text, ",\"\n\r\t")]) {
    fputs(text, out);
    return;
  }
  fputc('"', out);
  for (; *text; text++) {
    if (*text == '"') fputc('"', out);
    fputc(*text, out);
  }
  fputc('"', out);
}
