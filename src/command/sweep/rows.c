/* What the runs of a sweep came to: run.h5 and eval.h5 of each, and its gains over the run without an anchor. */
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "command/sweep/parts.h"
#include "num/statistics.h"
#include "probes/transfer/gains.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- arrays of a result --- */

/* As result_read_array; a missing one is empty and no error. */
static Status read_array(Result *result, const char *name, size_t shape[RESULT_MAX_RANK], double **values, Error *err) {
  size_t rank;
  shape[0] = 0;
  *values = NULL;
  return result_has(result, name) ? result_read_array(result, name, &rank, shape, values, err) : STATUS_OK;
}

static Status read_end(Result *result, const char *name, bool last, double *value, Error *err) {
  size_t shape[RESULT_MAX_RANK];
  double *values;
  *value = NAN;
  const Status status = read_array(result, name, shape, &values, err);
  if (status == STATUS_OK && shape[0]) *value = values[last ? shape[0] - 1 : 0];
  free(values);
  return status;
}

/* --- run.h5 --- */

const char *const sweep_curve_names[SWEEP_CURVES] = {"bt_loss", "accuracy", "anchor", "drift"};

static double mean_of(const double *values, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += values[i];
  return n ? sum / (double)n : NAN;
}

/* The same sites in every run, as every run has the same model. */
static Status read_sites(SweepRows *rows, Result *result, const SweepRun *run, Error *err) {
  char **sites = NULL;
  size_t n = 0;
  Status status = result_read_strings(result, "drift/sites", &sites, &n, err);
  if (status == STATUS_OK && rows->n_sites && n != rows->n_sites)
    status = error_set(err, STATUS_DATA, "%s/run.h5: %zu sites, other runs have %zu", run->folder, n, rows->n_sites);
  if (status == STATUS_OK && rows->n_sites == 0) {
    rows->sites = sites;
    rows->n_sites = n;
    return status;
  }
  string_list_free(sites, n);
  return status;
}

/* drift/NAME at the last step; a measure not seen before gets a place in all rows. */
static Status read_measure(SweepRows *rows, Result *result, SweepRow *row, const char *name, Error *err) {
  size_t shape[RESULT_MAX_RANK], at = 0;
  double *values;
  const Status status = read_array(result, name, shape, &values, err);
  const char *measure = name + strlen("drift/");
  while (at < rows->n_measures && strcmp(rows->measures[at], measure) != 0) at++;
  if (status == STATUS_OK && shape[0] && shape[1] == rows->n_sites) {
    if (at == rows->n_measures) {
      rows->measures = mem_resize(rows->measures, at + 1, sizeof *rows->measures);
      rows->measures[rows->n_measures++] = mem_copy_string(measure);
      for (size_t r = 0; r < rows->sweep->n_runs; r++) {
        double **drift = &rows->rows[r].drift;
        *drift = mem_resize(*drift, rows->n_measures * rows->n_sites, sizeof **drift);
        for (size_t i = 0; i < rows->n_sites; i++) (*drift)[at * rows->n_sites + i] = NAN;
      }
    }
    memcpy(row->drift + at * rows->n_sites, values + (shape[0] - 1) * shape[1], shape[1] * sizeof *values);
  }
  free(values);
  return status;
}

static Status read_measures(SweepRows *rows, Result *result, SweepRow *row, Error *err) {
  char **names = NULL;
  size_t n = 0;
  Status status = result_list(result, &names, &n, err);
  for (size_t i = 0; i < n && status == STATUS_OK; i++)
    if (strncmp(names[i], "drift/", 6) == 0 && strcmp(names[i], "drift/step") != 0 &&
        strcmp(names[i], "drift/sites") != 0)
      status = read_measure(rows, result, row, names[i], err);
  string_list_free(names, n);
  return status;
}

/* Makes room for steps beyond those of the longest run so far. */
static void widen_curves(SweepRows *rows, size_t n_steps) {
  if (n_steps <= rows->n_steps) return;
  const size_t n = SWEEP_CURVES * rows->sweep->n_runs;
  double *wider = mem_alloc(n * n_steps, sizeof *wider);
  for (size_t i = 0; i < n; i++)
    for (size_t t = 0; t < n_steps; t++)
      wider[i * n_steps + t] = t < rows->n_steps ? rows->curves[i * rows->n_steps + t] : NAN;
  free(rows->curves);
  rows->curves = wider;
  rows->n_steps = n_steps;
}

static Status read_curves(SweepRows *rows, Result *result, size_t run, Error *err) {
  Status status = STATUS_OK;
  for (size_t c = 0; c < SWEEP_CURVES && status == STATUS_OK; c++) {
    size_t shape[RESULT_MAX_RANK];
    double *values;
    char *name = mem_format("train/%s", sweep_curve_names[c]);
    status = read_array(result, name, shape, &values, err);
    if (status == STATUS_OK) widen_curves(rows, shape[0]);
    for (size_t t = 0; status == STATUS_OK && t < shape[0]; t++)
      rows->curves[(c * rows->sweep->n_runs + run) * rows->n_steps + t] =
          shape[1] > 1 ? mean_of(values + t * shape[1], shape[1]) : values[t];
    free(values);
    free(name);
  }
  return status;
}

/* Mean relative squared drift of the probe set at the end. Blocks that no update moves count, as zeros. */
static Status read_drift(SweepRows *rows, Result *result, SweepRow *row, Error *err) {
  Status status = read_end(result, "end/drift", true, &row->numbers[NUMBER_DRIFT], err);
  for (size_t m = 0; m < rows->n_measures && isnan(row->numbers[NUMBER_DRIFT]); m++) {
    const double *values = row->drift + m * rows->n_sites;
    double squares = 0;
    if (strcmp(rows->measures[m], "relative_l2") != 0) continue;
    for (size_t i = 0; i < rows->n_sites; i++) squares += values[i] * values[i] / (double)rows->n_sites;
    row->numbers[NUMBER_DRIFT] = squares;
  }
  return status;
}

static Status read_run(SweepRows *rows, size_t number, Error *err) {
  const SweepRun *run = &rows->sweep->runs[number];
  SweepRow *row = &rows->rows[number];
  static const struct {
    SweepNumber number;
    const char *name;
    bool last;
  } wanted[] = {{NUMBER_STEPS, "train/step", true},
                {NUMBER_BT_LOSS, "train/bt_loss", true},
                {NUMBER_ACCURACY, "train/accuracy", true},
                {NUMBER_HELDOUT_BEFORE, "eval/accuracy", false},
                {NUMBER_HELDOUT, "eval/accuracy", true}};
  char *path = file_join(run->folder, "run.h5");
  Result *result = NULL;
  Status status = result_open(path, &result, err);
  for (size_t i = 0; i < sizeof wanted / sizeof wanted[0] && status == STATUS_OK; i++)
    status = read_end(result, wanted[i].name, wanted[i].last, &row->numbers[wanted[i].number], err);
  if (status == STATUS_OK) status = read_sites(rows, result, run, err);
  if (status == STATUS_OK) status = read_measures(rows, result, row, err);
  if (status == STATUS_OK) status = read_curves(rows, result, number, err);
  if (status == STATUS_OK) status = read_drift(rows, result, row, err);
  result_close(result);
  free(path);
  return status;
}

/* --- eval.h5 --- */

static Status read_column(Result *result, const char *name, size_t n, double **values, Error *err) {
  size_t shape[RESULT_MAX_RANK];
  const Status status = read_array(result, name, shape, values, err);
  return status == STATUS_OK && shape[0] != n
             ? error_set(err, STATUS_DATA, "%s has %zu entries, expected %zu", name, shape[0], n)
             : status;
}

static Status read_eval(const SweepRows *rows, const SweepRun *run, SweepRow *row, Error *err) {
  const OptionTexts *evals = &rows->sweep->settings->eval;
  char *path = file_join(run->folder, "eval.h5"), **files = NULL;
  double *values[3] = {NULL};
  size_t n = 0;
  Result *result = NULL;
  Status status = result_open(path, &result, err);
  if (status == STATUS_OK) status = result_read_strings(result, "data/path", &files, &n, err);
  if (status == STATUS_OK) status = read_column(result, "data/accuracy", n, &values[0], err);
  if (status == STATUS_OK) status = read_column(result, "data/lo", n, &values[1], err);
  if (status == STATUS_OK) status = read_column(result, "data/hi", n, &values[2], err);
  for (size_t e = 0; e < evals->count && status == STATUS_OK; e++) {
    size_t at = 0;
    if (!sweep_is_target(rows->sweep, run, e)) continue;
    while (at < n && strcmp(files[at], evals->items[e]) != 0) at++;
    if (at == n) {
      status = error_set(err, STATUS_DATA, "%s: holds no accuracy on %s", path, evals->items[e]);
      break;
    }
    row->accuracy[e] = values[0][at];
    row->lo[e] = values[1][at];
    row->hi[e] = values[2][at];
  }
  for (size_t i = 0; i < 3; i++) free(values[i]);
  string_list_free(files, n);
  result_close(result);
  free(path);
  return status;
}

/* --- against the run without an anchor --- */

static double mean_target(const SweepRow *row, size_t n) {
  double sum = 0;
  size_t count = 0;
  for (size_t e = 0; e < n; e++)
    if (!isnan(row->accuracy[e])) sum += row->accuracy[e], count++;
  return count ? sum / (double)count : NAN;
}

/* Gains of one student on its targets, each data set one number; the source is its held-out pairs. */
static void compare(const SweepRows *rows, SweepRow *row, const SweepRow *reference) {
  const size_t most = rows->n_evals + 1;
  TransferSet *sets = mem_alloc(most, sizeof *sets);
  TransferGain *gains = mem_alloc(most, sizeof *gains);
  size_t *number = mem_alloc(most, sizeof *number), n = 0;
  TransferSummary summary;
  for (size_t e = 0; e < rows->n_evals; e++)
    if (!isnan(row->accuracy[e]) && !isnan(reference->accuracy[e])) {
      number[n] = e;
      sets[n++] = (TransferSet){.n_pairs = 1, .student = &row->accuracy[e], .reference = &reference->accuracy[e]};
    }
  const size_t n_targets = n;
  if (!isnan(row->numbers[NUMBER_HELDOUT]) && !isnan(reference->numbers[NUMBER_HELDOUT]))
    sets[n++] = (TransferSet){.n_pairs = 1,
                              .student = &row->numbers[NUMBER_HELDOUT],
                              .reference = &reference->numbers[NUMBER_HELDOUT],
                              .is_source = true};
  transfer_gains(sets, n, 1, 0, 0, gains, &summary);
  for (size_t i = 0; i < n_targets; i++) row->gain[number[i]] = gains[i].gain.value;
  if (n > n_targets) row->numbers[NUMBER_HELDOUT_GAIN] = gains[n_targets].gain.value;
  row->numbers[NUMBER_AOG] = summary.aog.value;
  row->numbers[NUMBER_NTS] = summary.nts.value;
  if (summary.worst < n_targets) row->numbers[NUMBER_WORST_GAIN] = gains[summary.worst].gain.value;
  free(sets);
  free(gains);
  free(number);
}

/* --- all of it --- */

static double *missing(size_t n) {
  double *values = mem_alloc(n, sizeof *values);
  for (size_t i = 0; i < n; i++) values[i] = NAN;
  return values;
}

static Status row_init(const SweepRows *rows, const SweepRun *run, SweepRow *row, Error *err) {
  Words words = sweep_train_words(rows->sweep, run);
  TrainSettings settings;
  const Status status = sweep_train_settings(&words, &settings, err);
  for (size_t i = 0; i < N_NUMBERS; i++) row->numbers[i] = NAN;
  row->numbers[NUMBER_LR] = settings.lr;
  row->numbers[NUMBER_ANCHOR] = settings.anchor;
  row->numbers[NUMBER_TRAIN_PAIRS] =
      isnan(run->quantity->number) ? (double)rows->sweep->sources[run->source].n_train : run->quantity->number;
  row->numbers[NUMBER_SEED] = run->seed->number;
  row->accuracy = missing(rows->n_evals);
  row->lo = missing(rows->n_evals);
  row->hi = missing(rows->n_evals);
  row->gain = missing(rows->n_evals);
  row->state = sweep_state(rows->sweep, run);
  row->message = row->state == SWEEP_FAILED ? sweep_failure(run) : mem_copy_string("");
  sweep_train_settings_free(&settings);
  words_free(&words);
  return status;
}

/* A run whose files cannot be read counts as failed: the others have their table all the same. */
static void row_give_up(SweepRows *rows, size_t number, const Error *why) {
  SweepRow *row = &rows->rows[number];
  free(row->message);
  row->state = SWEEP_FAILED;
  row->message = mem_format("%s (without its folder %s it is run again)", why->text, rows->sweep->runs[number].folder);
  log_warn("%s", row->message);
  for (size_t i = NUMBER_SEED + 1; i < N_NUMBERS; i++) row->numbers[i] = NAN;
  for (size_t e = 0; e < rows->n_evals; e++) row->accuracy[e] = row->lo[e] = row->hi[e] = NAN;
  for (size_t i = 0; i < rows->n_measures * rows->n_sites; i++) row->drift[i] = NAN;
  for (size_t c = 0; c < SWEEP_CURVES; c++)
    for (size_t t = 0; t < rows->n_steps; t++) rows->curves[(c * rows->sweep->n_runs + number) * rows->n_steps + t] = NAN;
}

static Status read_row(SweepRows *rows, size_t number, Error *err) {
  SweepRow *row = &rows->rows[number];
  const bool is_trained = row->state == SWEEP_DONE || row->state == SWEEP_TRAINED;
  Status status = is_trained ? read_run(rows, number, err) : STATUS_OK;
  if (status == STATUS_OK && row->state == SWEEP_DONE && sweep_has_eval(rows->sweep, &rows->sweep->runs[number]))
    status = read_eval(rows, &rows->sweep->runs[number], row, err);
  if (status != STATUS_DATA) return status;
  row_give_up(rows, number, err);
  *err = (Error){0};
  return STATUS_OK;
}

Status sweep_rows_read(const Sweep *sweep, SweepRows *rows, Error *err) {
  const OptionTexts *evals = &sweep->settings->eval;
  *rows = (SweepRows){.sweep = sweep,
                      .rows = mem_alloc(sweep->n_runs, sizeof *rows->rows),
                      .n_evals = evals->count,
                      .eval_names = sweep_file_names(evals->items, evals->count)};
  Status status = STATUS_OK;
  for (size_t i = 0; i < sweep->n_runs && status == STATUS_OK; i++)
    status = row_init(rows, &sweep->runs[i], &rows->rows[i], err);
  for (size_t i = 0; i < sweep->n_runs && status == STATUS_OK; i++) {
    SweepRow *row = &rows->rows[i];
    status = read_row(rows, i, err);
    row->numbers[NUMBER_MEAN_TARGET] = mean_target(row, rows->n_evals);
  }
  for (size_t i = 0; i < sweep->n_runs && status == STATUS_OK; i++) {
    const long reference = sweep->runs[i].reference;
    if (reference != SWEEP_NONE && rows->rows[i].state == SWEEP_DONE && rows->rows[reference].state == SWEEP_DONE)
      compare(rows, &rows->rows[i], &rows->rows[reference]);
  }
  return status;
}

void sweep_rows_clear(SweepRows *rows) {
  for (size_t i = 0; rows->rows && i < rows->sweep->n_runs; i++) {
    SweepRow *row = &rows->rows[i];
    free(row->message);
    free(row->accuracy);
    free(row->lo);
    free(row->hi);
    free(row->gain);
    free(row->drift);
  }
  for (size_t i = 0; i < rows->n_evals; i++) free(rows->eval_names[i]);
  free(rows->eval_names);
  string_list_free(rows->sites, rows->n_sites);
  string_list_free(rows->measures, rows->n_measures);
  free(rows->rows);
  free(rows->curves);
  *rows = (SweepRows){0};
}

SweepMean sweep_mean(const double *values, size_t n) {
  double sum = 0, squares = 0;
  size_t count = 0;
  for (size_t i = 0; i < n; i++)
    if (!isnan(values[i])) sum += values[i], count++;
  SweepMean m = {NAN, NAN, NAN, count};
  if (count == 0) return m;
  m.mean = sum / (double)count;
  for (size_t i = 0; i < n; i++)
    if (!isnan(values[i])) squares += (values[i] - m.mean) * (values[i] - m.mean);
  if (count < 2) return m;
  const double half = student_quantile(0.975, (double)count - 1) *
                      sqrt(squares / (double)(count - 1) / (double)count);
  m.lo = m.mean - half;
  m.hi = m.mean + half;
  return m;
}
