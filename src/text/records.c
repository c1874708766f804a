/* Rows of data files. */
#include "text/records.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

static const size_t FILE_LIMIT = (size_t)2 << 30;

typedef struct RecordTexts {
  char **items;
  size_t count, room;
} RecordTexts;

static void drop_texts(RecordTexts *kept) {
  while (kept && kept->count > 0) free(kept->items[--kept->count]);
}

const char *records_keep(const Records *r, char *text) {
  RecordTexts *kept = r->kept;
  if (kept->count == kept->room)
    kept->items = mem_resize(kept->items, kept->room = 2 * kept->room + 8, sizeof *kept->items);
  return kept->items[kept->count++] = text;
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static void skip_blanks(Records *r) {
  while (r->at < r->size && is_blank(r->bytes[r->at])) r->at++;
}

/* An object over several lines, or alone in its file, that has "examples"; JSONL is neither. */
static void try_task(Records *r) {
  Error ignored;
  const char *begin = r->bytes + r->at, *newline = memchr(begin, '\n', r->size - r->at);
  size_t line = newline ? (size_t)(newline - begin) : r->size - r->at, rest = r->at + line;
  while (line > 0 && is_blank(begin[line - 1])) line--;
  while (rest < r->size && is_blank(r->bytes[rest])) rest++;
  if (begin[0] != '{' || (line > 1 && begin[line - 1] == '}' && rest < r->size)) return;
  if (json_parse(begin, r->size - r->at, r->path, &r->task, &ignored) != STATUS_OK) return;
  r->array = json_is_array(json_get(r->task, "examples"));
  r->example = json_first(json_get(r->task, "examples"));
  if (r->array) return;
  json_free(r->task);
  r->task = NULL;
}

Status records_open(Records *r, const char *path, Error *err) {
  *r = (Records){.path = path};
  const Status status = file_read(path, FILE_LIMIT, &r->bytes, &r->size, err);
  if (status != STATUS_OK) return status;
  r->kept = mem_alloc(1, sizeof *r->kept);
  if (r->size >= 3 && memcmp(r->bytes, "\xef\xbb\xbf", 3) == 0) r->at = 3; /* a byte order mark */
  const size_t begin = r->at;
  skip_blanks(r);
  r->array = r->at < r->size && r->bytes[r->at] == '[';
  if (!r->array && r->at < r->size) try_task(r);
  r->at = r->array ? r->at + 1 : begin;
  return STATUS_OK;
}

void records_close(Records *r) {
  drop_texts(r->kept);
  if (r->kept) free(r->kept->items);
  free(r->kept);
  json_free(r->task);
  free(r->bytes);
  free(r->where);
  *r = (Records){0};
}

static void set_place(Records *r) {
  drop_texts(r->kept);
  free(r->where);
  r->where = mem_format("%s: %s %zu", r->path, r->array ? "record" : "line", ++r->number);
}

/* The end of the line that begins at r->at; r->at moves behind it. */
static size_t take_line(Records *r) {
  const char *newline = memchr(r->bytes + r->at, '\n', r->size - r->at);
  const size_t end = newline ? (size_t)(newline - r->bytes) : r->size;
  r->at = newline ? end + 1 : end;
  return end;
}

Status records_next_line(Records *r, const char **line, size_t *size, Error *err) {
  *line = NULL;
  *size = 0;
  if (r->at >= r->size) return STATUS_OK;
  set_place(r);
  const size_t begin = r->at;
  size_t end = take_line(r);
  if (end > begin && r->bytes[end - 1] == '\r') end--;
  const size_t valid = utf8_valid_prefix(r->bytes + begin, end - begin);
  if (valid < end - begin) return error_set(err, STATUS_DATA, "%s: not UTF-8 at byte %zu", r->where, valid);
  size_t at = begin;
  while (at < end && is_blank(r->bytes[at])) at++;
  if (at == end) return error_set(err, STATUS_DATA, "%s: empty, expected one prompt a line", r->where);
  *line = r->bytes + begin;
  *size = end - begin;
  return STATUS_OK;
}

/* Where the array's element at r->at ends: at the comma or bracket behind it that is in no string and no inner value.
 */
static size_t element_end(const Records *r) {
  size_t depth = 0, at = r->at;
  bool in_string = false;
  for (; at < r->size; at++) {
    const char c = r->bytes[at];
    if (in_string) {
      if (c == '\\')
        at++;
      else if (c == '"')
        in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      depth++;
    } else if (c == ']' || c == '}') {
      if (depth-- == 0) return at;
    } else if (c == ',' && depth == 0) {
      return at;
    }
  }
  return r->size;
}

/* The bytes of the next element of an array; *size 0 at the end. */
static Status take_element(Records *r, size_t *begin, size_t *size, Error *err) {
  *begin = *size = 0;
  skip_blanks(r);
  if (r->ended || (r->number == 0 && r->at < r->size && r->bytes[r->at] == ']')) {
    if (!r->ended) r->at++; /* an empty array */
    skip_blanks(r);
    r->ended = true;
    r->is_lost = r->at < r->size;
    return r->is_lost ? error_set(err, STATUS_DATA, "%s: text after the JSON array", r->path) : STATUS_OK;
  }
  set_place(r);
  const size_t end = element_end(r);
  r->is_lost = end >= r->size || r->bytes[end] == '}';
  if (r->is_lost) return error_set(err, STATUS_DATA, "%s: the JSON array is not closed by ]", r->where);
  *begin = r->at;
  *size = end - r->at;
  r->ended = r->bytes[end] != ',';
  r->at = end + 1;
  return *size ? STATUS_OK : error_set(err, STATUS_DATA, "%s: nothing between two commas", r->where);
}

/* The bytes of the next line that is not blank; *size 0 at the end. */
static void take_json_line(Records *r, size_t *begin, size_t *size) {
  *begin = *size = 0;
  while (r->at < r->size && *size == 0) {
    set_place(r);
    size_t at = r->at;
    const size_t end = take_line(r);
    while (at < end && is_blank(r->bytes[at])) at++;
    *begin = at;
    *size = end - at;
  }
}

/* The value of the next row, *row NULL at the end. */
static Status next_value(Records *r, Json **row, Error *err) {
  size_t begin = 0, size = 0;
  Status status = STATUS_OK;
  if (r->task) {
    if (!r->example) return STATUS_OK;
    set_place(r);
    *row = json_copy(r->example);
    r->example = json_next(r->example);
    return STATUS_OK;
  }
  if (r->array)
    status = take_element(r, &begin, &size, err);
  else
    take_json_line(r, &begin, &size);
  return status == STATUS_OK && size > 0 ? json_parse(r->bytes + begin, size, r->where, row, err) : status;
}

Status records_next(Records *r, Json **row, Error *err) {
  *row = NULL;
  const Status status = next_value(r, row, err);
  if (status != STATUS_OK || !*row || json_is_object(*row)) return status;
  json_free(*row);
  *row = NULL;
  return error_set(err, STATUS_DATA, "%s: expected a JSON object", r->where);
}
