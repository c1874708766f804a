/* The reader of scan tables. */
#include "text/scan_table.h"

#include "base/memory.h"
#include "base/options.h"
#include "text/delimited.h"

#include <stdlib.h>
#include <string.h>

/* Which column holds the words. */
static Status find_layout(const Delimited *file, ScanTable *t, size_t *column, Error *err) {
  size_t n_found = 0;
  for (size_t i = 0; i < file->n_cells; i++) {
    const bool is_words = strcmp(file->cells[i], SCAN_TABLE_WORDS) == 0;
    if (!is_words && strcmp(file->cells[i], SCAN_TABLE_TOKENS) != 0) continue;
    t->layout = is_words ? "words" : "tokens";
    *column = i;
    n_found++;
  }
  if (n_found == 1) return STATUS_OK;
  return error_set(err, STATUS_DATA,
                   "%s: no scan table: its first line has %s column called \"" SCAN_TABLE_WORDS
                   "\" or \"" SCAN_TABLE_TOKENS "\", expected one, and a column a prompt behind it",
                   file->path, n_found ? "more than one" : "no");
}

static int compare_texts(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

Status scan_table_check_prompts(const ScanTable *t, Error *err) {
  Status status = STATUS_OK;
  if (t->n_prompts == 0) return error_set(err, STATUS_DATA, "%s: no prompt: no column behind the words", t->path);
  char **sorted = mem_alloc(t->n_prompts, sizeof *sorted);
  memcpy(sorted, t->prompts, t->n_prompts * sizeof *sorted);
  qsort(sorted, t->n_prompts, sizeof *sorted, compare_texts);
  for (size_t i = 0; i < t->n_prompts && status == STATUS_OK; i++) {
    if (!sorted[i][0])
      status = error_set(err, STATUS_DATA, "%s: a column behind the words has no name, expected a prompt", t->path);
    else if (i && strcmp(sorted[i], sorted[i - 1]) == 0)
      status = error_set(err, STATUS_DATA, "%s: two columns are called \"%.200s\"", t->path, sorted[i]);
  }
  free(sorted);
  return status;
}

static Status read_header(Delimited *file, ScanTable *t, size_t *column, Error *err) {
  Status status = delimited_next(file, err);
  if (status == STATUS_OK) status = find_layout(file, t, column, err);
  if (status != STATUS_OK) return status;
  t->n_prompts = file->n_cells - *column - 1;
  t->prompts = mem_alloc(t->n_prompts, sizeof *t->prompts);
  for (size_t i = 0; i < t->n_prompts; i++) t->prompts[i] = mem_copy_string(file->cells[*column + 1 + i]);
  return scan_table_check_prompts(t, err);
}

static Status read_row(const Delimited *file, size_t column, ScanTable *t, size_t *room, Error *err) {
  if (file->n_cells != column + 1 + t->n_prompts)
    return error_set(err, STATUS_DATA, "%s: line %zu has %zu columns, expected %zu as the first line", t->path,
                     file->line, file->n_cells, column + 1 + t->n_prompts);
  if (t->n_words == *room) {
    *room = 2 * *room + 1; /* small, where a row is long */
    t->words = mem_resize(t->words, *room, sizeof *t->words);
    t->places = mem_resize(t->places, *room, sizeof *t->places);
    t->scores = mem_resize(t->scores, *room * t->n_prompts, sizeof *t->scores);
  }
  double *scores = t->scores + t->n_words * t->n_prompts;
  for (size_t i = 0; i < t->n_prompts; i++)
    if (!parse_real(file->cells[column + 1 + i], &scores[i]))
      return error_set(err, STATUS_DATA, "%s: line %zu, column \"%.200s\": found \"%.60s\", expected a finite number",
                       t->path, file->line, t->prompts[i], file->cells[column + 1 + i]);
  t->places[t->n_words] = file->line;
  t->words[t->n_words++] = mem_copy_string(file->cells[column]);
  return STATUS_OK;
}

Status scan_table_read(const char *path, ScanTable *t, Error *err) {
  Delimited file;
  size_t column = 0, room = 0;
  *t = (ScanTable){.path = mem_copy_string(path)};
  Status status = delimited_open(&file, path, err);
  if (status == STATUS_OK) digest_bytes(file.bytes, file.size, t->sha256);
  if (status == STATUS_OK) status = read_header(&file, t, &column, err);
  while (status == STATUS_OK) {
    status = delimited_next(&file, err);
    if (status != STATUS_OK || file.n_cells == 0) break;
    status = read_row(&file, column, t, &room, err);
  }
  if (status == STATUS_OK && t->n_words == 0)
    status = error_set(err, STATUS_DATA, "%s: no word below the first line", path);
  delimited_close(&file);
  if (status != STATUS_OK) scan_table_clear(t);
  return status;
}

void scan_table_keep(ScanTable *t, const bool *kept) {
  size_t n = 0;
  for (size_t i = 0; i < t->n_words; i++) {
    if (!kept[i]) {
      free(t->words[i]);
      continue;
    }
    t->words[n] = t->words[i];
    t->places[n] = t->places[i];
    memmove(t->scores + n * t->n_prompts, t->scores + i * t->n_prompts, t->n_prompts * sizeof *t->scores);
    n++;
  }
  t->n_words = n;
}

typedef struct Row {
  char *word;
  size_t place, number;
} Row;

static int compare_rows(const void *a, const void *b) {
  const Row *x = a, *y = b;
  const int order = strcmp(x->word, y->word);
  return order ? order : (x->number > y->number) - (x->number < y->number);
}

size_t scan_table_sort(ScanTable *t, size_t *again, const char **word) {
  Row *rows = mem_alloc(t->n_words, sizeof *rows);
  bool *kept = mem_alloc(t->n_words, sizeof *kept);
  double *scores = mem_alloc(t->n_words * t->n_prompts, sizeof *scores);
  size_t n_dropped = 0, twice = t->n_words;
  for (size_t i = 0; i < t->n_words; i++) rows[i] = (Row){t->words[i], t->places[i], i};
  qsort(rows, t->n_words, sizeof *rows, compare_rows);
  for (size_t i = 0; i < t->n_words; i++) {
    t->words[i] = rows[i].word;
    t->places[i] = rows[i].place;
    memcpy(scores + i * t->n_prompts, t->scores + rows[i].number * t->n_prompts, t->n_prompts * sizeof *scores);
    kept[i] = i == 0 || strcmp(rows[i].word, rows[i - 1].word) != 0;
    if (kept[i]) continue;
    if (n_dropped++ == 0) twice = i;
    if (again && n_dropped == 1) *again = rows[i].place;
  }
  free(t->scores);
  t->scores = scores;
  if (word && n_dropped) *word = t->words[twice - 1]; /* the one that stays; keeping moves no texts */
  scan_table_keep(t, kept);
  free(rows);
  free(kept);
  return n_dropped;
}

size_t scan_table_find(const ScanTable *t, const char *word) {
  const char *const *found = t->n_words ? bsearch(&word, t->words, t->n_words, sizeof *t->words, compare_texts) : NULL;
  return found ? (size_t)(found - (const char *const *)t->words) : t->n_words;
}

void scan_table_clear(ScanTable *t) {
  for (size_t i = 0; i < t->n_words; i++) free(t->words[i]);
  for (size_t i = 0; i < t->n_prompts && t->prompts; i++) free(t->prompts[i]);
  for (size_t i = 0; i < t->n_prompts && t->groups; i++) free(t->groups[i]);
  free(t->words);
  free(t->places);
  free(t->prompts);
  free(t->groups);
  free(t->scores);
  free(t->path);
  *t = (ScanTable){0};
}
