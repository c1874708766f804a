/* The tables of training runs (run.h5): the curves of every step, the drift of every layer at every step, and the full
 * measures at the few steps they were recorded at. */
#include "command/plot/plot.h"

#include "base/memory.h"
#include "base/sitename.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- training curves --- */

enum { N_CURVES = 12, N_ALWAYS = 9 }; /* the first nine are of every run, the rest of some */
static const char *const curve_names[N_CURVES] = {"loss",   "bt_loss",     "anchor",    "accuracy",
                                                  "margin", "reward_mean", "grad_norm", "learning_rate",
                                                  "tokens", "sft_loss",    "l2_sp",     "centring"};

/* Mean over sites of row [n], without those that were not measured; NaN where none was. */
static double mean_measured(const double *row, size_t n) {
  double sum = 0;
  size_t count = 0;
  for (size_t i = 0; i < n; i++)
    if (isfinite(row[i])) {
      sum += row[i];
      count++;
    }
  return count ? sum / (double)count : NAN;
}

enum { N_EVALS = 3 };
static const char *const eval_names[N_EVALS] = {"bt_loss", "accuracy", "margin"};

/* Columns of one length, by step; a column is NULL where the run does not have it. */
typedef struct Curves {
  size_t n, at; /* entries, and the next one to print */
  double *steps, *columns[N_CURVES];
} Curves;

static void curves_clear(Curves *curves) {
  free(curves->steps);
  for (size_t i = 0; i < N_CURVES; i++) free(curves->columns[i]);
}

static Status curves_read(const PlotFile *file, const char *group, const char *const *names, size_t n_names,
                          Curves *curves, Error *err) {
  *curves = (Curves){0};
  char *name = mem_format("%s/step", group);
  Status status = plot_read_array(file, name, 1, &curves->n, &curves->steps, err);
  free(name);
  for (size_t i = 0; i < n_names && status == STATUS_OK; i++) {
    name = mem_format("%s/%s", group, names[i]);
    if (result_has(file->result, name)) status = plot_read_array(file, name, 1, &curves->n, &curves->columns[i], err);
    free(name);
  }
  return status;
}

/* Cells [first, end) of the entry that is next, or of none. */
static void write_curves(const Curves *curves, bool there, size_t first, size_t end, Table *table) {
  for (size_t i = first; i < end; i++)
    plot_number(table, there && curves->columns[i] ? curves->columns[i][curves->at] : NAN);
}

/* A row a step; held-out pairs are scored at some of them, and before the first. */
static void write_steps_in_order(const PlotFile *file, Curves *train, Curves *eval, const double *drift, size_t n_sites,
                                 Table *table) {
  while (train->at < train->n || eval->at < eval->n) {
    const double *t = train->at < train->n ? train->steps + train->at : NULL;
    const double *e = eval->at < eval->n ? eval->steps + eval->at : NULL;
    const bool trained = t && !(e && *e < *t), scored = e && !(t && *t < *e);
    table_string(table, file->label);
    plot_number(table, trained ? *t : *e);
    write_curves(train, trained, 0, N_ALWAYS, table);
    plot_number(table, trained && drift ? mean_measured(drift + train->at * n_sites, n_sites) : NAN);
    write_curves(eval, scored, 0, N_EVALS, table);
    write_curves(train, trained, N_ALWAYS, N_CURVES, table);
    train->at += trained;
    eval->at += scored;
  }
}

/* A resumed run may have cut an array back to nothing. */
static bool has_entries(const PlotFile *file, const char *name) {
  bool is_text;
  size_t rank, shape[RESULT_MAX_RANK] = {0};
  return result_has(file->result, name) &&
         result_describe(file->result, name, &is_text, &rank, shape, NULL) == STATUS_OK && shape[0] > 0;
}

static Status write_training_file(const PlotFile *file, Table *table, Error *err) {
  Curves train, eval = {0};
  double *drift = NULL;
  Status status = curves_read(file, "train", curve_names, N_CURVES, &train, err);
  if (status == STATUS_OK && has_entries(file, "eval/step"))
    status = curves_read(file, "eval", eval_names, N_EVALS, &eval, err);
  size_t shape[] = {train.n, 0};
  if (status == STATUS_OK && result_has(file->result, "train/drift"))
    status = plot_read_array(file, "train/drift", 2, shape, &drift, err);
  if (status == STATUS_OK) write_steps_in_order(file, &train, &eval, drift, shape[1], table);
  curves_clear(&train);
  curves_clear(&eval);
  free(drift);
  return status;
}

static Status write_training(const PlotFile *files, size_t n_files, Table *table, Error *err) {
  Status status = STATUS_OK;
  for (size_t i = 0; i < n_files && status == STATUS_OK; i++) status = write_training_file(&files[i], table, err);
  return status;
}

const Figure figure_training = {
    .name = "training",
    .kind = "run",
    .script = "training.gp",
    .columns = {"file", "step", "loss", "bt_loss", "anchor", "accuracy", "margin", "reward_mean", "grad_norm",
                "learning_rate", "tokens", "drift_mean", "eval_bt_loss", "eval_accuracy", "eval_margin", "sft_loss",
                "l2_sp", "centring"},
    .write = write_training,
};

/* --- heat map --- */

static void write_layer(Table *table, const char *site) {
  const SiteName name = site_name_parse(site);
  if (name.layer == SITE_NO_LAYER)
    table_string(table, NULL);
  else
    table_count(table, (size_t)name.layer);
}

typedef struct RunDrift {
  double *steps, *drift; /* [n_steps], [n_steps, n_sites] */
  char **sites;
  size_t n_steps, n_sites;
} RunDrift;

static void run_drift_clear(RunDrift *run) {
  string_list_free(run->sites, run->n_sites);
  free(run->steps);
  free(run->drift);
}

static Status run_drift_read(const PlotFile *file, RunDrift *run, Error *err) {
  *run = (RunDrift){0};
  Status status = plot_read_strings(file, "train/sites", &run->sites, &run->n_sites, err);
  if (status == STATUS_OK) status = plot_read_array(file, "train/step", 1, &run->n_steps, &run->steps, err);
  size_t shape[] = {run->n_steps, run->n_sites};
  if (status == STATUS_OK) status = plot_read_array(file, "train/drift", 2, shape, &run->drift, err);
  return status;
}

/* Mean over steps [first, first + n) of one site. */
static double mean_of_steps(const RunDrift *run, size_t site, size_t first, size_t n) {
  double sum = 0;
  size_t count = 0;
  for (size_t t = first; t < first + n; t++)
    if (isfinite(run->drift[t * run->n_sites + site])) {
      sum += run->drift[t * run->n_sites + site];
      count++;
    }
  return count ? sum / (double)count : NAN;
}

/* More columns than a page can show would only make pictures large. */
enum { MOST_COLUMNS = 300 };

static size_t steps_per_column(size_t n_steps) { return (n_steps - 1) / MOST_COLUMNS + 1; }

static void write_heatmap_file(const PlotFile *file, const RunDrift *run, size_t per_column, Table *table) {
  for (size_t first = 0; first < run->n_steps; first += per_column) {
    const size_t n = run->n_steps - first < per_column ? run->n_steps - first : per_column;
    for (size_t s = 0; s < run->n_sites; s++) {
      table_string(table, file->label);
      plot_number(table, run->steps[first]);
      plot_number(table, run->steps[first + n - 1]);
      table_string(table, run->sites[s]);
      write_layer(table, run->sites[s]);
      plot_number(table, mean_of_steps(run, s, first, n));
    }
  }
}

static Status write_heatmap(const PlotFile *files, size_t n_files, Table *table, Error *err) {
  RunDrift *runs = mem_alloc(n_files, sizeof *runs);
  size_t most_steps = 1;
  Status status = STATUS_OK;
  for (size_t i = 0; i < n_files && status == STATUS_OK; i++) {
    status = run_drift_read(&files[i], &runs[i], err);
    if (runs[i].n_steps > most_steps) most_steps = runs[i].n_steps;
  }
  const size_t per_column = steps_per_column(most_steps);
  if (status == STATUS_OK && per_column > 1)
    table_note(table, "figure: each column is the mean of %zu steps", per_column);
  for (size_t i = 0; i < n_files && status == STATUS_OK; i++)
    write_heatmap_file(&files[i], &runs[i], per_column, table);
  for (size_t i = 0; i < n_files; i++) run_drift_clear(&runs[i]);
  free(runs);
  return status;
}

const Figure figure_heatmap = {
    .name = "heatmap",
    .kind = "run",
    .script = "heatmap.gp",
    .columns = {"file", "step_first", "step_last", "site", "layer", "drift"},
    .write = write_heatmap,
};

/* --- full measures at recorded steps --- */

static Status write_measure(const PlotFile *file, const char *dataset, const double *steps, char *const *sites,
                            size_t *shape, Table *table, Error *err) {
  double *values = NULL;
  const Status status = plot_read_array(file, dataset, 2, shape, &values, err);
  for (size_t i = 0; status == STATUS_OK && i < shape[0] * shape[1]; i++) {
    const char *site = sites[i % shape[1]];
    table_string(table, file->label);
    plot_number(table, steps[i / shape[1]]);
    table_string(table, site);
    write_layer(table, site);
    table_string(table, strchr(dataset, '/') + 1);
    plot_number(table, values[i]);
  }
  free(values);
  return status;
}

static bool is_measure(const char *dataset) {
  return strncmp(dataset, "drift/", 6) == 0 && strcmp(dataset, "drift/step") != 0 &&
         strcmp(dataset, "drift/sites") != 0;
}

static Status write_steps_file(const PlotFile *file, Table *table, Error *err) {
  char **sites = NULL, **names = NULL;
  double *steps = NULL;
  size_t shape[2] = {0}, n_names = 0, n_measures = 0;
  if (!result_has(file->result, "drift/step"))
    return error_set(err, STATUS_DATA, "%s: holds no full drift measures: where the head alone is trained no block moves",
                     file->path);
  Status status = plot_read_strings(file, "drift/sites", &sites, &shape[1], err);
  if (status == STATUS_OK) status = plot_read_array(file, "drift/step", 1, shape, &steps, err);
  if (status == STATUS_OK) status = result_list(file->result, &names, &n_names, err);
  for (size_t i = 0; i < n_names && status == STATUS_OK; i++) {
    if (!is_measure(names[i])) continue;
    n_measures++;
    status = write_measure(file, names[i], steps, sites, shape, table, err);
  }
  if (status == STATUS_OK && n_measures == 0)
    status = error_set(err, STATUS_DATA, "%s: holds no drift/MEASURE beside drift/step", file->path);
  string_list_free(sites, shape[1]);
  string_list_free(names, n_names);
  free(steps);
  return status;
}

static Status write_steps(const PlotFile *files, size_t n_files, Table *table, Error *err) {
  Status status = STATUS_OK;
  for (size_t i = 0; i < n_files && status == STATUS_OK; i++) status = write_steps_file(&files[i], table, err);
  return status;
}

const Figure figure_steps = {
    .name = "steps",
    .kind = "run",
    .script = "steps.gp",
    .columns = {"file", "step", "site", "layer", "measure", "value"},
    .write = write_steps,
};
