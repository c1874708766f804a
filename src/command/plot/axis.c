/* The tables of results of `fathom axis`: how axes are borne out, stores along them, and two models' axes. All three are
 * drawn by one script, a panel a measure. */
#include "base/memory.h"
#include "command/plot/plot.h"

#include <stdlib.h>
#include <string.h>

/* A row of the figure; group NULL: none. */
typedef struct ValueRow {
  const char *site, *measure, *group;
  double layer, value, lo, hi, n;
} ValueRow;

static void print_row(Table *table, const PlotFile *file, const ValueRow *row) {
  char *group = row->group ? plot_plain_text(row->group) : NULL;
  table_string(table, file->label);
  table_string(table, row->site);
  table_number(table, row->layer);
  table_string(table, row->measure);
  table_string(table, group);
  plot_number(table, row->value);
  plot_number(table, row->lo);
  plot_number(table, row->hi);
  plot_number(table, row->n);
  free(group);
}

/* --- axes --- */

/* What is drawn of an axis result: measures with intervals, one a site; then categories along the axes. */
enum { N_MEASURES = 3 };
static const char *const measure_arrays[N_MEASURES][3] = {
    {"auc", "auc_lo", "auc_hi"}, {"random_auc", "random_lo", "random_hi"}, {"g", "g_lo", "g_hi"}};

typedef struct AxisTable {
  char **sites, **categories;
  size_t n_sites, n_categories;
  double *layers, *measures[N_MEASURES][3]; /* [n_sites] */
  double *projections[3];                   /* [n_sites, n_categories] */
  double *units;                            /* [n_categories] lemmas */
} AxisTable;

static void axis_table_clear(AxisTable *t) {
  string_list_free(t->sites, t->n_sites);
  string_list_free(t->categories, t->n_categories);
  free(t->layers);
  free(t->units);
  for (size_t i = 0; i < 3; i++) free(t->projections[i]);
  for (size_t m = 0; m < N_MEASURES; m++)
    for (size_t i = 0; i < 3; i++) free(t->measures[m][i]);
}

static Status axis_table_read(const PlotFile *file, AxisTable *t, Error *err) {
  static const char *const projections[] = {"projection", "projection_lo", "projection_hi"};
  *t = (AxisTable){0};
  Status status = plot_read_strings(file, "site", &t->sites, &t->n_sites, err);
  if (status == STATUS_OK) status = plot_read_strings(file, "category", &t->categories, &t->n_categories, err);
  size_t shape[] = {t->n_sites, t->n_categories};
  if (status == STATUS_OK) status = plot_read_array(file, "layer", 1, shape, &t->layers, err);
  if (status == STATUS_OK) status = plot_read_array(file, "projection_n", 1, &shape[1], &t->units, err);
  for (size_t i = 0; i < 3; i++) {
    for (size_t m = 0; m < N_MEASURES && status == STATUS_OK; m++)
      status = plot_read_array(file, measure_arrays[m][i], 1, shape, &t->measures[m][i], err);
    if (status == STATUS_OK) status = plot_read_array(file, projections[i], 2, shape, &t->projections[i], err);
  }
  return status;
}

static Status write_axis_file(const PlotFile *file, Table *table, Error *err) {
  AxisTable t;
  const Status status = axis_table_read(file, &t, err);
  const double lemmas = status == STATUS_OK && t.n_categories > 1 ? t.units[0] + t.units[1] : 0;
  for (size_t m = 0; m < N_MEASURES && status == STATUS_OK; m++)
    for (size_t s = 0; s < t.n_sites; s++)
      print_row(table, file, &(ValueRow){t.sites[s], measure_arrays[m][0], NULL, t.layers[s], t.measures[m][0][s],
                                         t.measures[m][1][s], t.measures[m][2][s], lemmas});
  for (size_t c = 0; c < t.n_categories && status == STATUS_OK; c++)
    for (size_t s = 0; s < t.n_sites; s++) {
      const size_t at = s * t.n_categories + c;
      print_row(table, file, &(ValueRow){t.sites[s], "projection", t.categories[c], t.layers[s], t.projections[0][at],
                                         t.projections[1][at], t.projections[2][at], t.units[c]});
    }
  axis_table_clear(&t);
  return status;
}

static Status write_axis(const PlotFile *files, size_t n_files, Table *table, Error *err) {
  Status status = STATUS_OK;
  plot_note_interval(files, n_files, table);
  plot_note_attribute(files, n_files, "poles", "figure", table);
  for (size_t i = 0; i < n_files && status == STATUS_OK; i++) status = write_axis_file(&files[i], table, err);
  return status;
}

/* --- projections and shifts: lists of rows --- */

typedef struct RowList {
  size_t n;
  char **sites, **whats, **groups;
  double *numbers[5]; /* layer, value, lo, hi, n */
} RowList;

static void row_list_clear(RowList *list) {
  string_list_free(list->sites, list->n);
  string_list_free(list->whats, list->whats ? list->n : 0);
  string_list_free(list->groups, list->groups ? list->n : 0);
  for (size_t i = 0; i < 5; i++) free(list->numbers[i]);
}

/* what: the column between site and group. */
static Status row_list_read(const PlotFile *file, const char *what, RowList *list, Error *err) {
  static const char *const numbers[] = {"layer", "value", "lo", "hi", "n"};
  *list = (RowList){0};
  Status status = plot_read_strings(file, "site", &list->sites, &list->n, err);
  if (status == STATUS_OK) status = plot_read_strings(file, what, &list->whats, &list->n, err);
  if (status == STATUS_OK) status = plot_read_strings(file, "group", &list->groups, &list->n, err);
  for (size_t i = 0; i < 5 && status == STATUS_OK; i++)
    status = plot_read_array(file, numbers[i], 1, &list->n, &list->numbers[i], err);
  return status;
}

static bool is_one_store(const RowList *list) {
  for (size_t i = 1; i < list->n; i++)
    if (strcmp(list->whats[i], list->whats[0]) != 0) return false;
  return true;
}

static Status write_row_list(const PlotFile *file, bool is_shift, Table *table, Error *err) {
  RowList list;
  const Status status = row_list_read(file, is_shift ? "measure" : "store", &list, err);
  const bool plain = status == STATUS_OK && (is_shift || is_one_store(&list));
  for (size_t i = 0; i < list.n && status == STATUS_OK; i++) {
    char *group = plain ? mem_copy_string(list.groups[i]) : mem_format("%s: %s", list.whats[i], list.groups[i]);
    print_row(table, file, &(ValueRow){list.sites[i], is_shift ? list.whats[i] : "projection",
                                       is_shift && strcmp(list.whats[i], "rotation") == 0 ? NULL : group,
                                       list.numbers[0][i], list.numbers[1][i], list.numbers[2][i], list.numbers[3][i],
                                       list.numbers[4][i]});
    free(group);
  }
  row_list_clear(&list);
  return status;
}

static Status write_projection(const PlotFile *files, size_t n_files, Table *table, Error *err) {
  Status status = STATUS_OK;
  plot_note_interval(files, n_files, table);
  plot_note_attribute(files, n_files, "poles", "figure", table);
  for (size_t i = 0; i < n_files && status == STATUS_OK; i++) status = write_row_list(&files[i], false, table, err);
  return status;
}

static Status write_shift(const PlotFile *files, size_t n_files, Table *table, Error *err) {
  Status status = STATUS_OK;
  plot_note_interval(files, n_files, table);
  plot_note_attribute(files, n_files, "poles", "figure", table);
  for (size_t i = 0; i < n_files && status == STATUS_OK; i++) status = write_row_list(&files[i], true, table, err);
  return status;
}

#define VALUE_COLUMNS {"file", "site", "layer", "measure", "group", "value", "lo", "hi", "n"}

const Figure figure_axis = {
    .name = "axis", .kind = "axis", .script = "axis.gp", .columns = VALUE_COLUMNS, .write = write_axis};
const Figure figure_projection = {.name = "projection",
                                  .kind = "axis-projection",
                                  .script = "axis.gp",
                                  .columns = VALUE_COLUMNS,
                                  .write = write_projection};
const Figure figure_shift = {
    .name = "shift", .kind = "axis-shift", .script = "axis.gp", .columns = VALUE_COLUMNS, .write = write_shift};
