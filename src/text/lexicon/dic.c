/* LIWC's .dic files:
 *
 *   %
 *   1    Agency                 number and name of each category
 *   2    Communion
 *   %
 *   able         1              a word, and the numbers of its categories
 *   affection*   2              every word that begins so
 *   stand by     2              several words */
#include "base/memory.h"
#include "base/options.h"
#include "text/lexicon/parts.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct Numbers {
  size_t *items; /* [count], number of each category */
  size_t count, room;
} Numbers;

/* The row's cells from `first` on as one text again, tabs and runs of blanks made single blanks; freed by the caller.
 */
static char *join_cells(const Delimited *f, size_t first) {
  size_t size = 0, used = 0;
  for (size_t i = first; i < f->n_cells; i++) size += strlen(f->cells[i]) + 1;
  char *text = mem_alloc(size + 1, 1);
  for (size_t i = first; i < f->n_cells; i++) {
    const size_t n = strlen(f->cells[i]);
    memcpy(text + used, f->cells[i], n);
    text[used + n] = ' ';
    used += n + 1;
  }
  char *trimmed = lexicon_trimmed(text, used);
  free(text);
  return trimmed;
}

/* "12 Name of the category" */
static Status read_category(LexiconBuilder *b, const char *text, Numbers *numbers, Error *err) {
  const Delimited *f = b->file;
  char *name = mem_copy_string(text);
  char *blank = strchr(name, ' ');
  size_t number = 0, category = 0;
  Status status = STATUS_OK;
  if (blank) *blank = 0;
  if (!blank || !parse_size(name, &number))
    status = error_set(err, STATUS_DATA, "%s: line %zu: \"%.60s\", expected the number and name of a category, or '%%'",
                       f->path, f->line, text);
  for (size_t i = 0; i < numbers->count && status == STATUS_OK; i++)
    if (numbers->items[i] == number)
      status = error_set(err, STATUS_DATA, "%s: line %zu: category number %zu a second time", f->path, f->line, number);
  if (status == STATUS_OK) status = builder_category(b, blank + 1, &category, err);
  if (status == STATUS_OK && category != numbers->count)
    status = error_set(err, STATUS_DATA, "%s: line %zu: category \"%.60s\" a second time", f->path, f->line, blank + 1);
  free(name);
  if (status != STATUS_OK) return status;
  if (numbers->count == numbers->room)
    numbers->items = mem_resize(numbers->items, numbers->room = 2 * numbers->room + 8, sizeof *numbers->items);
  numbers->items[numbers->count++] = number;
  return STATUS_OK;
}

static Status read_head(LexiconBuilder *b, Numbers *numbers, Error *err) {
  Delimited *f = b->file;
  for (;;) {
    Status status = delimited_next(f, err);
    if (status != STATUS_OK) return status;
    if (f->n_cells == 0)
      return error_set(err, STATUS_DATA, "%s: no second line of '%%' behind the categories", f->path);
    char *text = join_cells(f, 0);
    const bool is_end = strcmp(text, "%") == 0;
    if (!is_end) status = read_category(b, text, numbers, err);
    free(text);
    if (status != STATUS_OK) return status;
    if (is_end) break;
  }
  if (numbers->count == 0)
    return error_set(err, STATUS_DATA, "%s: no categories between the two lines of '%%'", f->path);
  return STATUS_OK;
}

/* Ends the term of an entry whose parts are separated by blanks alone, and gives the numbers behind it: what is left of
 * the term's last word. */
static char *split_entry(char *entry) {
  size_t term = strlen(entry);
  while (term > 0 && strchr("0123456789 ", entry[term - 1])) term--;
  char *blank = strchr(entry + term, ' ');
  if (!blank) return entry + strlen(entry);
  *blank = 0;
  return blank + 1;
}

static Status add_to_category(LexiconBuilder *b, size_t word, size_t number, const Numbers *numbers, Error *err) {
  for (size_t c = 0; c < numbers->count; c++)
    if (numbers->items[c] == number) return builder_member(b, word, c, 1, err);
  return error_set(err, STATUS_DATA, "%s: line %zu: category number %zu, which the head of the file does not have",
                   b->file->path, b->file->line, number);
}

/* LIWC 2007 has "kind (<of>)131/125" as well: another category after some words. */
static Status read_entry(LexiconBuilder *b, const char *term, const char *numbers, const Numbers *known, Error *err) {
  size_t word;
  if (!*numbers || numbers[strspn(numbers, "0123456789 ")])
    return builder_skip(b, term, *numbers ? "its categories are no plain numbers" : "no number of a category", err);
  Status status = builder_word(b, &(LexiconRow){term, "", "", NAN, NAN}, &word, err);
  while (*numbers && status == STATUS_OK && word != LEXICON_NONE) {
    char *end;
    errno = 0;
    const unsigned long number = strtoul(numbers, &end, 10);
    if (errno)
      return error_set(err, STATUS_DATA, "%s: line %zu: category number %s", b->file->path, b->file->line, numbers);
    status = add_to_category(b, word, number, known, err);
    numbers = end + (*end == ' ');
  }
  return status;
}

Status lexicon_read_dic(LexiconBuilder *b, Error *err) {
  Delimited *f = b->file;
  Numbers known = {0};
  f->delimiter = '\t'; /* the first row holds none */
  Status status = read_head(b, &known, err);
  while (status == STATUS_OK && (status = delimited_next(f, err)) == STATUS_OK && f->n_cells > 0) {
    char *term = f->n_cells > 1 ? mem_copy_string(f->cells[0]) : join_cells(f, 0);
    char *numbers = f->n_cells > 1 ? join_cells(f, 1) : mem_copy_string(split_entry(term));
    status = read_entry(b, term, numbers, &known, err);
    free(term);
    free(numbers);
  }
  free(known.items);
  return status;
}
