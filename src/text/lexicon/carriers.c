/* Carrier sentences and their slots. */
#include "text/lexicon/carriers.h"

#include "base/memory.h"
#include "text/delimited.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char SLOT[] = "{word}";

typedef struct Columns {
  size_t id, pos, sentence, count;
} Columns;

static Status read_names(Delimited *f, Columns *c, Error *err) {
  const Status status = delimited_next(f, err);
  if (status != STATUS_OK) return status;
  *c = (Columns){delimited_column(f, "id"), delimited_column(f, "pos"), delimited_column(f, "sentence"), f->n_cells};
  if (c->id < c->count && c->pos < c->count && c->sentence < c->count) return STATUS_OK;
  return error_set(err, STATUS_DATA, "%s: line %zu: expected columns named id, pos and sentence, found \"%.60s\" first",
                   f->path, f->line, f->cells[0]);
}

static Status check_row(const Delimited *f, const Columns *c, const CarrierSet *set, Error *err) {
  if (f->n_cells != c->count)
    return error_set(err, STATUS_DATA, "%s: line %zu: %zu columns, expected the %zu of the row of names", f->path,
                     f->line, f->n_cells, c->count);
  const char *id = f->cells[c->id], *slot = strstr(f->cells[c->sentence], SLOT);
  if (!slot || strstr(slot + 1, SLOT))
    return error_set(err, STATUS_DATA, "%s: line %zu: \"%.60s\" has %s, expected one %s", f->path, f->line,
                     f->cells[c->sentence], slot ? "several slots" : "no slot", SLOT);
  for (size_t i = 0; i < set->count; i++)
    if (strcmp(set->items[i].id, id) == 0)
      return error_set(err, STATUS_DATA, "%s: line %zu: id \"%.60s\" was used before", f->path, f->line, id);
  return STATUS_OK;
}

static void add_row(const Delimited *f, const Columns *c, CarrierSet *set, size_t *room) {
  const char *sentence = f->cells[c->sentence], *slot = strstr(sentence, SLOT);
  if (set->count == *room) set->items = mem_resize(set->items, *room = 2 * *room + 16, sizeof *set->items);
  set->items[set->count++] = (Carrier){.id = mem_copy_string(f->cells[c->id]),
                                       .pos = mem_copy_string(f->cells[c->pos]),
                                       .before = mem_format("%.*s", (int)(slot - sentence), sentence),
                                       .after = mem_copy_string(slot + strlen(SLOT))};
}

Status carriers_read(const char *path, CarrierSet *set, Error *err) {
  Delimited file;
  Columns columns;
  size_t room = 0;
  *set = (CarrierSet){0};
  Status status = delimited_open(&file, path, err);
  if (status == STATUS_OK) status = read_names(&file, &columns, err);
  while (status == STATUS_OK && (status = delimited_next(&file, err)) == STATUS_OK && file.n_cells > 0) {
    status = check_row(&file, &columns, set, err);
    if (status == STATUS_OK) add_row(&file, &columns, set, &room);
  }
  if (status == STATUS_OK && set->count == 0)
    status = error_set(err, STATUS_DATA, "%s: no sentences in this file", path);
  delimited_close(&file);
  if (status != STATUS_OK) carriers_clear(set);
  return status;
}

void carriers_clear(CarrierSet *set) {
  for (size_t i = 0; i < set->count; i++) {
    free(set->items[i].id);
    free(set->items[i].pos);
    free(set->items[i].before);
    free(set->items[i].after);
  }
  free(set->items);
  *set = (CarrierSet){0};
}

bool carrier_fits(const Carrier *carrier, const char *pos) {
  return !*carrier->pos || !*pos || strcasecmp(carrier->pos, pos) == 0;
}

char *carrier_fill(const Carrier *carrier, const char *word, size_t *word_end) {
  *word_end = strlen(carrier->before) + strlen(word);
  return mem_format("%s%s%s", carrier->before, word, carrier->after);
}
