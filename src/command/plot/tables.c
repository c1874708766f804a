/* The tables of results of `fathom drift`: drift over layers and maps of all layers against all; and the checked
 * reading of result files that all figures share. Runs of training are in run.c. */
#include "command/plot/plot.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* "30 x 4", with "any" for a free dimension. */
static char *shape_words(size_t rank, const size_t *shape) {
  char *words = mem_copy_string("");
  for (size_t i = 0; i < rank; i++) {
    char *longer = shape[i] ? mem_format("%s%s%zu", words, i ? " x " : "", shape[i])
                            : mem_format("%s%sany", words, i ? " x " : "");
    free(words);
    words = longer;
  }
  return words;
}

static Status misfit(const PlotFile *file, const char *name, size_t rank, const size_t *shape, size_t found_rank,
                     const size_t *found, Error *err) {
  char *is = shape_words(found_rank, found), *want = shape_words(rank, shape);
  for (size_t i = 0; i < found_rank; i++)
    if (found[i] == 0) { /* shape_words says "any" for it */
      free(is);
      is = mem_copy_string("empty");
      break;
    }
  const Status status =
      error_set(err, STATUS_DATA, "%s: %s is %s, expected an array of %s", file->path, name, is, want);
  free(is);
  free(want);
  return status;
}

Status plot_read_array(const PlotFile *file, const char *name, size_t rank, size_t *shape, double **values,
                       Error *err) {
  size_t found_rank, found[RESULT_MAX_RANK];
  const Status status = result_read_array(file->result, name, &found_rank, found, values, err);
  if (status != STATUS_OK) return status;
  bool fits = found_rank == rank;
  for (size_t i = 0; i < rank && fits; i++) fits = found[i] && (!shape[i] || shape[i] == found[i]);
  if (fits) {
    memcpy(shape, found, rank * sizeof *shape);
    return STATUS_OK;
  }
  free(*values);
  *values = NULL;
  return misfit(file, name, rank, shape, found_rank, found, err);
}

Status plot_read_strings(const PlotFile *file, const char *name, char ***values, size_t *n, Error *err) {
  const size_t expected = *n;
  const Status status = result_read_strings(file->result, name, values, n, err);
  if (status != STATUS_OK || (*n && (!expected || *n == expected))) return status;
  misfit(file, name, 1, &expected, 1, n, err);
  string_list_free(*values, *n);
  *values = NULL;
  *n = 0;
  return STATUS_DATA;
}

void plot_number(Table *table, double value) { table_number(table, isfinite(value) ? value : NAN); }

/* --- drift --- */

typedef struct DriftResult {
  char **sites, **measures;
  size_t n_sites, n_measures;
  double *layers;                     /* [n_sites] */
  double *values, *lows, *highs, *ns; /* [n_sites, n_measures] */
  double *noise, *floor;              /* [n_sites, n_measures]; NULL where the drift was measured without */
} DriftResult;

static void drift_clear(DriftResult *drift) {
  string_list_free(drift->sites, drift->n_sites);
  string_list_free(drift->measures, drift->n_measures);
  free(drift->layers);
  free(drift->values);
  free(drift->lows);
  free(drift->highs);
  free(drift->ns);
  free(drift->noise);
  free(drift->floor);
}

static Status drift_read(const PlotFile *file, DriftResult *drift, Error *err) {
  *drift = (DriftResult){0};
  Status status = plot_read_strings(file, "site", &drift->sites, &drift->n_sites, err);
  if (status == STATUS_OK) status = plot_read_strings(file, "measure", &drift->measures, &drift->n_measures, err);
  size_t shape[] = {drift->n_sites, drift->n_measures};
  if (status == STATUS_OK) status = plot_read_array(file, "layer", 1, shape, &drift->layers, err);
  if (status == STATUS_OK) status = plot_read_array(file, "value", 2, shape, &drift->values, err);
  if (status == STATUS_OK) status = plot_read_array(file, "lo", 2, shape, &drift->lows, err);
  if (status == STATUS_OK) status = plot_read_array(file, "hi", 2, shape, &drift->highs, err);
  if (status == STATUS_OK) status = plot_read_array(file, "n", 2, shape, &drift->ns, err);
  if (status == STATUS_OK && result_has(file->result, "noise"))
    status = plot_read_array(file, "noise", 2, shape, &drift->noise, err);
  if (status == STATUS_OK && result_has(file->result, "floor"))
    status = plot_read_array(file, "floor", 2, shape, &drift->floor, err);
  return status;
}

void plot_note_attribute(const PlotFile *files, size_t n_files, const char *attribute, const char *key, Table *table) {
  char *said = NULL;
  for (size_t i = 0; i < n_files; i++) {
    char *found = NULL;
    if (result_read_attribute(files[i].result, attribute, &found, NULL) != STATUS_OK) found = NULL;
    const bool same = found && (i == 0 || (said && strcmp(said, found) == 0));
    free(said);
    said = same ? found : NULL;
    if (!same) free(found);
    if (!same) break;
  }
  if (said) table_note(table, "%s: %s", key, said);
  free(said);
}

void plot_note_interval(const PlotFile *files, size_t n_files, Table *table) {
  plot_note_attribute(files, n_files, "interval", "interval", table);
}

static Status write_drift(const PlotFile *files, size_t n_files, Table *table, Error *err) {
  Status status = STATUS_OK;
  plot_note_interval(files, n_files, table);
  for (size_t i = 0; i < n_files && status == STATUS_OK; i++) {
    DriftResult drift;
    status = drift_read(&files[i], &drift, err);
    for (size_t s = 0; s < drift.n_sites && status == STATUS_OK; s++)
      for (size_t m = 0; m < drift.n_measures; m++) {
        const size_t at = s * drift.n_measures + m;
        table_string(table, files[i].label);
        table_string(table, drift.sites[s]);
        table_number(table, drift.layers[s] >= 0 ? drift.layers[s] : NAN);
        table_string(table, drift.measures[m]);
        plot_number(table, drift.values[at]);
        plot_number(table, drift.lows[at]);
        plot_number(table, drift.highs[at]);
        plot_number(table, drift.ns[at]);
        plot_number(table, drift.noise ? drift.noise[at] : NAN);
        plot_number(table, drift.floor ? drift.floor[at] : NAN);
      }
    drift_clear(&drift);
  }
  return status;
}

const Figure figure_drift = {
    .name = "drift",
    .kind = "drift",
    .script = "drift.gp",
    .columns = {"file", "site", "layer", "measure", "value", "lo", "hi", "n", "noise", "floor"},
    .write = write_drift,
};

/* --- cross --- */

static Status write_cross_file(const PlotFile *file, Table *table, Error *err) {
  char **sites_a = NULL, **sites_b = NULL, **measures = NULL;
  size_t shape[2] = {0}, n_measures = 0;
  Status status = plot_read_strings(file, "site_a", &sites_a, &shape[0], err);
  if (status == STATUS_OK) status = plot_read_strings(file, "site_b", &sites_b, &shape[1], err);
  if (status == STATUS_OK) status = plot_read_strings(file, "measure", &measures, &n_measures, err);
  for (size_t m = 0; m < n_measures && status == STATUS_OK; m++) {
    double *values = NULL;
    status = plot_read_array(file, measures[m], 2, shape, &values, err);
    for (size_t i = 0; status == STATUS_OK && i < shape[0] * shape[1]; i++) {
      table_string(table, file->label);
      table_string(table, sites_a[i / shape[1]]);
      table_string(table, sites_b[i % shape[1]]);
      table_string(table, measures[m]);
      plot_number(table, values[i]);
    }
    free(values);
  }
  string_list_free(sites_a, shape[0]);
  string_list_free(sites_b, shape[1]);
  string_list_free(measures, n_measures);
  return status;
}

/* What the rows' and columns' models are called, where all files say the same: the axes carry it. */
static void note_models(const PlotFile *files, size_t n_files, Table *table) {
  char **models = NULL;
  size_t n = 0;
  bool same = result_has(files[0].result, "models/path") &&
              result_read_strings(files[0].result, "models/path", &models, &n, NULL) == STATUS_OK && n == 2;
  for (size_t i = 1; i < n_files && same; i++) {
    char **others = NULL;
    size_t n_others = 0;
    same = result_has(files[i].result, "models/path") &&
           result_read_strings(files[i].result, "models/path", &others, &n_others, NULL) == STATUS_OK &&
           n_others == 2 && strcmp(models[0], others[0]) == 0 && strcmp(models[1], others[1]) == 0;
    string_list_free(others, n_others);
  }
  for (size_t i = 0; i < n && same; i++) {
    char *model = plot_plain_text(models[i]);
    table_note(table, "model: %s", model);
    free(model);
  }
  string_list_free(models, n);
}

static Status write_cross(const PlotFile *files, size_t n_files, Table *table, Error *err) {
  Status status = STATUS_OK;
  note_models(files, n_files, table);
  for (size_t i = 0; i < n_files && status == STATUS_OK; i++) status = write_cross_file(&files[i], table, err);
  return status;
}

const Figure figure_cross = {
    .name = "cross",
    .kind = "cross",
    .script = "cross.gp",
    .columns = {"file", "site_a", "site_b", "measure", "value"},
    .write = write_cross,
};
