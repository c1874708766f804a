/* Tables of results that keep theirs as arrays of one length: the data sets of an evaluation, the runs of a sweep, the
 * tests of a bias, the truths of a calibration, the pairs of implicit rewards. They come in the order in which their commands print them. */
#include "base/memory.h"
#include "command/report/report.h"
#include "store/texts.h"

#include <stdlib.h>
#include <string.h>

/* What stands in front in each group, in this order; other arrays follow as the file lists them. */
static const char *const of_data[] = {"path", "schema", "n", "n_dropped", "accuracy", "lo", "hi", "ties", "prompts",
    "margin", "length_rule", "length_accuracy", "length_lo", "length_hi", "n_common", "reference_accuracy", "gain",
    "gain_lo", "gain_hi", "ceiling_accuracy", "ceiling_gap", "ceiling_gap_lo", "ceiling_gap_hi", "pgr", "pgr_lo",
    "pgr_hi", "reordered_same", "reordered_change", "no_prompt_n", "no_prompt_accuracy", "no_prompt_lo",
    "no_prompt_hi", "no_prompt_same", "no_prompt_lost", "no_prompt_lost_lo", "no_prompt_lost_hi", "shuffled_n",
    "shuffled_accuracy", "shuffled_lo", "shuffled_hi", "shuffled_same", "shuffled_lost", "shuffled_lost_lo",
    "shuffled_lost_hi", NULL};
static const char *const of_runs[] = {"name", "status", "source", "method", "anchor_layers", "lr", "anchor",
    "train_pairs", "seed", "steps", "bt_loss", "train_accuracy", "heldout_before", "heldout_accuracy",
    "heldout_gain", "drift", "target_accuracy", "aog", "nts", "worst_gain", NULL};
static const char *const of_tests[] = {"contrast", "categories", "framings", "unit", "statistic", "lo", "hi", "n",
    "g", "p", "q", "least_p", "labelings", "exact", NULL};
static const char *const of_truths[] = {"truth", "instrument", "measure", "where", "value", "lo", "hi", "expected",
    "verdict", "false_alarms", "places", NULL};
static const char *const of_accuracy[] = {"form", "n", "accuracy", "lo", "hi", "ties", "margin", "accuracy_1",
    "accuracy_2", NULL};
static const struct {
  const char *group, *const *order;
} orders[] = {{"data", of_data}, {"runs", of_runs}, {"tests", of_tests}, {"", of_truths}, {"accuracy", of_accuracy}};

typedef struct Column {
  char *path; /* of the dataset, from the result's list */
  const char *name;
  size_t place, number;
  char **texts;
  double *values;
} Column;

static size_t place_of(const char *group, const char *name) {
  size_t g = 0, i = 0;
  while (strcmp(orders[g].group, group) != 0) g++; /* those that are asked for are listed */
  while (orders[g].order[i] && strcmp(orders[g].order[i], name) != 0) i++;
  return i;
}

static int by_place(const void *a, const void *b) {
  const Column *x = a, *y = b;
  if (x->place != y->place) return x->place < y->place ? -1 : 1;
  return (x->number > y->number) - (x->number < y->number);
}

/* The group's arrays of rank 1, all of one length. */
static Status list_columns(const PlotFile *file, const char *group, char **paths, size_t n_paths, Column *columns,
                           size_t *n, size_t *n_rows, Error *err) {
  const size_t size = group[0] ? strlen(group) + 1 : 0;
  for (size_t i = 0; i < n_paths; i++) {
    bool is_text;
    size_t rank, shape[RESULT_MAX_RANK];
    if (size && (strncmp(paths[i], group, size - 1) != 0 || paths[i][size - 1] != '/')) continue;
    const char *name = paths[i] + size;
    if (strchr(name, '/') || strcmp(name, "notes") == 0) continue;
    const Status status = result_describe(file->result, paths[i], &is_text, &rank, shape, err);
    if (status != STATUS_OK) return status;
    if (rank != 1) continue;
    if (*n && shape[0] != *n_rows)
      return error_set(err, STATUS_DATA, "%s: %s has %zu entries, expected %zu as %s", file->path, paths[i], shape[0],
                       *n_rows, columns[0].path);
    *n_rows = shape[0];
    columns[*n] = (Column){.path = paths[i], .name = name, .number = i};
    columns[*n].place = place_of(group, name);
    Status read;
    size_t count = *n_rows;
    if (is_text)
      read = plot_read_strings(file, paths[i], &columns[*n].texts, &count, err);
    else
      read = plot_read_array(file, paths[i], 1, &count, &columns[*n].values, err);
    ++*n;
    if (read != STATUS_OK) return read;
  }
  return STATUS_OK;
}

/* By way of the text that the commands print, so that numbers look the same everywhere. */
static Status print_columns(const Column *columns, size_t n, size_t n_rows, Grid *grid, Error *err) {
  const Provenance nobody = {0};
  const char **names = mem_alloc(n, sizeof *names);
  FILE *out = tmpfile();
  if (!out) {
    free(names);
    return error_system(err, "cannot make a temporary file");
  }
  for (size_t c = 0; c < n; c++) names[c] = columns[c].name;
  Table *table = table_begin(out, false, &nobody, names, n);
  for (size_t r = 0; r < n_rows; r++)
    for (size_t c = 0; c < n; c++)
      if (columns[c].texts)
        table_string(table, columns[c].texts[r][0] ? columns[c].texts[r] : NULL);
      else
        plot_number(table, columns[c].values[r]);
  Status status = table_end(table, err);
  if (status == STATUS_OK) status = grid_read(out, grid, err);
  fclose(out);
  free(names);
  return status;
}

Status report_read_columns(const PlotFile *file, const char *group, Grid *grid, Error *err) {
  char **paths = NULL;
  size_t n_paths = 0, n = 0, n_rows = 0;
  *grid = (Grid){0};
  Status status = result_list(file->result, &paths, &n_paths, err);
  Column *columns = mem_alloc(n_paths, sizeof *columns);
  if (status == STATUS_OK) status = list_columns(file, group, paths, n_paths, columns, &n, &n_rows, err);
  if (status == STATUS_OK && n) {
    qsort(columns, n, sizeof *columns, by_place);
    status = print_columns(columns, n, n_rows, grid, err);
  }
  for (size_t c = 0; c < n; c++) {
    string_list_free(columns[c].texts, columns[c].texts ? n_rows : 0);
    free(columns[c].values);
  }
  free(columns);
  string_list_free(paths, n_paths);
  return status;
}
