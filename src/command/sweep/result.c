/* sweep.h5: the rows of a sweep as arrays, for `fathom plot` and for other programs.
 *
 *   runs/{name,status,source,method,anchor_layers,message}   texts [R]
 *   runs/NUMBER                                              [R], the columns of the table; a control has control = 1
 *   runs/setting, runs/control                               [R], what runs of other seeds share; is it a control?
 *   eval/name                                                texts [E]
 *   eval/{accuracy,lo,hi,gain}                               [R, E]; lo, hi: Wilson's 95 % interval over pairs
 *   seeds/NUMBER, seeds/eval_{accuracy,gain}                    [S, 3], [S, E, 3]: mean, lo, hi over the seeds of a setting
 *   drift/sites, drift/MEASURE                               texts [L]; [R, L], of the result on the probe set
 *   curves/{bt_loss,accuracy,anchor,drift}                   [R, steps], of each step's batch
 * R runs, S settings, in the order of the table; NaN where there is nothing. */
#include "base/memory.h"
#include "command/sweep/parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_RUN_TEXTS = 6 };

static const char *run_text(const SweepRows *rows, size_t number, size_t which) {
  const SweepRun *run = &rows->sweep->runs[number];
  const char *const texts[N_RUN_TEXTS] = {run->name,
                                          sweep_state_name(rows->rows[number].state),
                                          rows->sweep->sources[run->source].name,
                                          run->method,
                                          run->layers ? run->layers->text : "",
                                          rows->rows[number].message};
  return texts[which];
}

static Status write_texts(const SweepRows *rows, Result *result, Error *err) {
  static const char *const names[N_RUN_TEXTS] = {"runs/name",   "runs/status",        "runs/source",
                                                 "runs/method", "runs/anchor_layers", "runs/message"};
  const size_t n = rows->sweep->n_runs;
  const char **texts = mem_alloc(n, sizeof *texts);
  Status status = STATUS_OK;
  for (size_t k = 0; k < N_RUN_TEXTS && status == STATUS_OK; k++) {
    for (size_t i = 0; i < n; i++) texts[i] = run_text(rows, i, k);
    status = result_write_strings(result, names[k], texts, n, err);
  }
  free(texts);
  return status;
}

static Status write_numbers(const SweepRows *rows, Result *result, Error *err) {
  const Sweep *sweep = rows->sweep;
  const size_t n = sweep->n_runs;
  double *values = mem_alloc(n, sizeof *values);
  Status status = STATUS_OK;
  for (size_t c = 0; c < N_NUMBERS && status == STATUS_OK; c++) {
    char *name = mem_format("runs/%s", sweep_number_name((SweepNumber)c));
    for (size_t i = 0; i < n; i++) values[i] = rows->rows[i].numbers[c];
    status = result_write_array(result, name, 1, &n, values, err);
    free(name);
  }
  for (size_t i = 0; i < n; i++) values[i] = (double)sweep->runs[i].setting;
  if (status == STATUS_OK) status = result_write_array(result, "runs/setting", 1, &n, values, err);
  for (size_t i = 0; i < n; i++) values[i] = sweep->runs[i].control ? 1 : 0;
  if (status == STATUS_OK) status = result_write_array(result, "runs/control", 1, &n, values, err);
  free(values);
  return status;
}

static Status write_evals(const SweepRows *rows, Result *result, Error *err) {
  static const char *const names[] = {"eval/accuracy", "eval/lo", "eval/hi", "eval/gain"};
  const size_t shape[] = {rows->sweep->n_runs, rows->n_evals};
  if (rows->n_evals == 0) return STATUS_OK;
  double *values = mem_alloc(shape[0] * shape[1], sizeof *values);
  Status status =
      result_write_strings(result, "eval/name", (const char *const *)rows->eval_names, rows->n_evals, err);
  for (size_t k = 0; k < 4 && status == STATUS_OK; k++) {
    for (size_t i = 0; i < shape[0]; i++) {
      const SweepRow *row = &rows->rows[i];
      const double *const columns[] = {row->accuracy, row->lo, row->hi, row->gain};
      memcpy(values + i * shape[1], columns[k], shape[1] * sizeof *values);
    }
    status = result_write_array(result, names[k], 2, shape, values, err);
  }
  free(values);
  return status;
}

/* Columns [first, first + n) of the table as [S, n, 3], or [S, 3] for one. */
static Status write_means(const SweepRows *rows, Result *result, const char *name, size_t first, size_t n, bool alone,
                          Error *err) {
  const size_t n_settings = rows->sweep->n_settings, shape[] = {n_settings, n, 3}, flat[] = {n_settings, 3};
  char *path = mem_format("seeds/%s", name);
  double *values = mem_alloc(n_settings * n * 3, sizeof *values), *to = values;
  for (size_t s = 0; s < n_settings; s++)
    for (size_t c = first; c < first + n; c++) {
      const SweepMean m = sweep_setting_mean(rows, s, c);
      *to++ = m.mean;
      *to++ = m.lo;
      *to++ = m.hi;
    }
  const Status status = result_write_array(result, path, alone ? 2 : 3, alone ? flat : shape, values, err);
  free(values);
  free(path);
  return status;
}

static Status write_seeds(const SweepRows *rows, Result *result, Error *err) {
  Status status = STATUS_OK;
  for (size_t c = NUMBER_STEPS; c < N_NUMBERS && status == STATUS_OK; c++)
    status = write_means(rows, result, sweep_number_name((SweepNumber)c), c, 1, true, err);
  if (status == STATUS_OK && rows->n_evals)
    status = write_means(rows, result, "eval_accuracy", N_NUMBERS, rows->n_evals, false, err);
  if (status == STATUS_OK && rows->n_evals)
    status = write_means(rows, result, "eval_gain", N_NUMBERS + rows->n_evals, rows->n_evals, false, err);
  return status;
}

static Status write_drift(const SweepRows *rows, Result *result, Error *err) {
  const size_t shape[] = {rows->sweep->n_runs, rows->n_sites};
  if (rows->n_sites == 0) return STATUS_OK;
  double *values = mem_alloc(shape[0] * shape[1], sizeof *values);
  Status status =
      result_write_strings(result, "drift/sites", (const char *const *)rows->sites, rows->n_sites, err);
  for (size_t m = 0; m < rows->n_measures && status == STATUS_OK; m++) {
    char *name = mem_format("drift/%s", rows->measures[m]);
    for (size_t i = 0; i < shape[0]; i++)
      memcpy(values + i * shape[1], rows->rows[i].drift + m * shape[1], shape[1] * sizeof *values);
    status = result_write_array(result, name, 2, shape, values, err);
    free(name);
  }
  free(values);
  return status;
}

static Status write_curves(const SweepRows *rows, Result *result, Error *err) {
  const size_t shape[] = {rows->sweep->n_runs, rows->n_steps};
  Status status = STATUS_OK;
  for (size_t c = 0; c < SWEEP_CURVES && rows->n_steps && status == STATUS_OK; c++) {
    char *name = mem_format("curves/%s", sweep_curve_names[c]);
    status = result_write_array(result, name, 2, shape, rows->curves + c * shape[0] * shape[1], err);
    free(name);
  }
  return status;
}

Status sweep_write_result(const SweepRows *rows, const Provenance *from, const char *path, Error *err) {
  Result *result;
  Status status = result_create(path, "sweep", from, &result, err);
  if (status != STATUS_OK) return status;
  status = write_texts(rows, result, err);
  if (status == STATUS_OK) status = write_numbers(rows, result, err);
  if (status == STATUS_OK) status = write_evals(rows, result, err);
  if (status == STATUS_OK) status = write_seeds(rows, result, err);
  if (status == STATUS_OK) status = write_drift(rows, result, err);
  if (status == STATUS_OK) status = write_curves(rows, result, err);
  if (status == STATUS_OK) return result_finish(result, err);
  result_close(result);
  return status;
}
