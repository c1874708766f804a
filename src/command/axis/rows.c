/* The table that projections and shifts share, printed and written. */
#include "base/memory.h"
#include "base/sitename.h"
#include "command/axis/axis.h"

#include <math.h>
#include <stdlib.h>

void axis_rows_add(AxisRows *rows, AxisRow row) {
  rows->items = mem_resize(rows->items, rows->count + 1, sizeof *rows->items);
  rows->items[rows->count++] = row;
}

static double layer_of(const char *site) {
  const int layer = site_name_parse(site).layer;
  return layer == SITE_NO_LAYER ? NAN : layer;
}

static const char *const columns[][8] = {{"site", "layer", "store", "group", "value", "lo", "hi", "n"},
                                         {"site", "layer", "measure", "group", "value", "lo", "hi", "n"}};

Table *axis_rows_begin(const AxisSettings *s, const Provenance *from, const AxisRows *rows) {
  return table_begin(stdout, s->common.json, from, columns[rows->what[0] == 'm'], 8);
}

Status axis_rows_end(Table *table, const AxisRows *rows, Error *err) {
  for (size_t i = 0; i < rows->count; i++) {
    const AxisRow *row = &rows->items[i];
    table_string(table, row->site);
    table_number(table, layer_of(row->site));
    table_string(table, row->what);
    table_string(table, row->group);
    table_number(table, row->value.value);
    table_number(table, row->value.lo);
    table_number(table, row->value.hi);
    table_count(table, row->n);
  }
  return table_end(table, err);
}

Status axis_write_poles(Result *result, const AxisWords *words, Error *err) {
  char *poles = mem_format("+ is %.60s, - is %.60s", words->categories[0], words->categories[1]);
  const Status status = result_write_attribute(result, "poles", poles, err);
  free(poles);
  return status;
}

Status axis_rows_write(const char *path, const char *kind, const Provenance *from, const AxisWords *poles,
                       const char *interval, const AxisRows *rows, Error *err) {
  const char *const texts[] = {"site", rows->what, "group"}, *const numbers[] = {"layer", "value", "lo", "hi", "n"};
  Result *result = NULL;
  const char **words = mem_alloc(rows->count, sizeof *words);
  double *values = mem_alloc(rows->count, sizeof *values);
  Status status = result_create(path, kind, from, &result, err);
  if (status == STATUS_OK) status = axis_write_poles(result, poles, err);
  if (status == STATUS_OK && interval) status = result_write_attribute(result, "interval", interval, err);
  for (size_t k = 0; k < 3 && status == STATUS_OK; k++) {
    for (size_t i = 0; i < rows->count; i++) {
      const AxisRow *row = &rows->items[i];
      words[i] = k == 0 ? row->site : k == 1 ? row->what : row->group;
    }
    status = result_write_strings(result, texts[k], words, rows->count, err);
  }
  for (size_t k = 0; k < 5 && status == STATUS_OK; k++) {
    for (size_t i = 0; i < rows->count; i++) {
      const AxisRow *row = &rows->items[i];
      const double all[] = {layer_of(row->site), row->value.value, row->value.lo, row->value.hi, (double)row->n};
      values[i] = all[k];
    }
    status = result_write_array(result, numbers[k], 1, &rows->count, values, err);
  }
  if (status == STATUS_OK)
    status = result_finish(result, err);
  else
    result_close(result);
  free(words);
  free(values);
  return status;
}

Status axis_choose(const AxisSettings *s, const AxisFile *file, bool *chosen, Error *err) {
  const char **names = mem_alloc(file->n_axes, sizeof *names);
  for (size_t k = 0; k < file->n_axes; k++) names[k] = file->axes[k].site;
  const Status status = sites_select(s->sites, s->layers, names, file->n_axes, file->path, chosen, err);
  free(names);
  return status;
}
