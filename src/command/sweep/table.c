/* The table of a sweep: a row a run, then for every setting its mean over seeds and the ends of that mean's interval. */
#include "base/memory.h"
#include "command/sweep/parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const number_names[N_NUMBERS] = {
    [NUMBER_LR] = "lr",
    [NUMBER_ANCHOR] = "anchor",
    [NUMBER_TRAIN_PAIRS] = "train_pairs",
    [NUMBER_SEED] = "seed",
    [NUMBER_STEPS] = "steps",
    [NUMBER_BT_LOSS] = "bt_loss",
    [NUMBER_ACCURACY] = "train_accuracy",
    [NUMBER_HELDOUT_BEFORE] = "heldout_before",
    [NUMBER_HELDOUT] = "heldout_accuracy",
    [NUMBER_HELDOUT_GAIN] = "heldout_gain",
    [NUMBER_DRIFT] = "drift",
    [NUMBER_MEAN_TARGET] = "target_accuracy",
    [NUMBER_AOG] = "aog",
    [NUMBER_NTS] = "nts",
    [NUMBER_WORST_GAIN] = "worst_gain",
};

const char *sweep_number_name(SweepNumber number) { return number_names[number]; }

double sweep_value(const SweepRows *rows, size_t run, size_t column) {
  const SweepRow *row = &rows->rows[run];
  const size_t n = rows->n_evals;
  if (column < N_NUMBERS) return row->numbers[column];
  return column < N_NUMBERS + n ? row->accuracy[column - N_NUMBERS] : row->gain[column - N_NUMBERS - n];
}

/* Text columns stand before the numbers, the message behind them. */
static const char *const text_names[] = {"row", "run", "status", "source", "method", "anchor_layers"};
enum { N_TEXTS = sizeof text_names / sizeof text_names[0] };

static char **column_names(const SweepRows *rows, size_t *n) {
  char **names = mem_alloc(N_TEXTS + N_NUMBERS + 2 * rows->n_evals + 1, sizeof *names);
  *n = 0;
  for (size_t i = 0; i < N_TEXTS; i++) names[(*n)++] = mem_copy_string(text_names[i]);
  for (size_t i = 0; i < N_NUMBERS; i++) names[(*n)++] = mem_copy_string(number_names[i]);
  for (size_t e = 0; e < rows->n_evals; e++) names[(*n)++] = mem_format("accuracy_%s", rows->eval_names[e]);
  for (size_t e = 0; e < rows->n_evals; e++) names[(*n)++] = mem_format("gain_%s", rows->eval_names[e]);
  names[(*n)++] = mem_copy_string("message");
  return names;
}

static void print_notes(Table *table) {
  table_note(table, "row: run; or mean, lo and hi over the finished seeds of a setting (Student's 95 %% interval)");
  table_note(table, "bt_loss and train_accuracy are those of the last step's batch; heldout_* of the held-out pairs of the source, before "
                    "and after training");
  table_note(table, "drift: relative squared drift of the result on the probe set, mean over all blocks; by layer and measure in "
                    "sweep.h5");
  table_note(table, "gains: points over the run of the same source, pairs, rate and seed with anchor 0 (heldout_gain: on the "
                    "source); target_accuracy: mean over the data sets of --eval");
  table_note(table, "ours: aog is the mean gain over targets, nts is aog - max(0, -heldout_gain); worst_gain is the least gain on "
                    "a target");
}

static void print_run(const SweepRows *rows, size_t number, size_t n_columns, Table *table) {
  const SweepRun *run = &rows->sweep->runs[number];
  const SweepRow *row = &rows->rows[number];
  table_string(table, "run");
  table_string(table, run->name);
  table_string(table, sweep_state_name(row->state));
  table_string(table, rows->sweep->sources[run->source].name);
  table_string(table, run->method);
  table_string(table, run->layers ? run->layers->text : NULL);
  for (size_t c = 0; c < n_columns; c++) table_number(table, sweep_value(rows, number, c));
  table_string(table, row->message[0] ? row->message : NULL);
}

SweepMean sweep_setting_mean(const SweepRows *rows, size_t setting, size_t column) {
  const size_t n_seeds = rows->sweep->grid.axes[AXIS_SEED].n;
  double *values = mem_alloc(n_seeds, sizeof *values);
  for (size_t i = 0; i < n_seeds; i++) {
    const size_t run = setting * n_seeds + i;
    values[i] = rows->rows[run].state == SWEEP_DONE ? sweep_value(rows, run, column) : NAN;
  }
  const SweepMean mean = sweep_mean(values, n_seeds);
  free(values);
  return mean;
}

static void print_setting(const SweepRows *rows, size_t setting, size_t n_columns, Table *table) {
  static const char *const kinds[] = {"mean", "lo", "hi"};
  const size_t n_seeds = rows->sweep->grid.axes[AXIS_SEED].n;
  const SweepRun *run = &rows->sweep->runs[setting * n_seeds];
  char *status = mem_format("%zu of %zu seeds", sweep_setting_mean(rows, setting, NUMBER_STEPS).n, n_seeds);
  char *name = mem_copy_string(run->name);
  name[strlen(name) - strlen("_seed-") - strlen(run->seed->text)] = 0;
  for (size_t k = 0; k < 3; k++) {
    table_string(table, kinds[k]);
    table_string(table, name);
    table_string(table, status);
    table_string(table, rows->sweep->sources[run->source].name);
    table_string(table, run->method);
    table_string(table, run->layers ? run->layers->text : NULL);
    for (size_t c = 0; c < n_columns; c++) {
      const SweepMean m = sweep_setting_mean(rows, setting, c);
      const bool is_setting = c <= NUMBER_TRAIN_PAIRS;
      table_number(table, c == NUMBER_SEED            ? NAN
                          : is_setting                ? sweep_value(rows, setting * n_seeds, c)
                          : k == 0                    ? m.mean
                          : k == 1                    ? m.lo
                                                      : m.hi);
    }
    table_string(table, NULL);
  }
  free(status);
  free(name);
}

Status sweep_print(const SweepRows *rows, const Inputs *inputs, const Provenance *from, bool json, Error *err) {
  size_t n = 0;
  char **names = column_names(rows, &n);
  const size_t n_columns = N_NUMBERS + 2 * rows->n_evals;
  Table *table = table_begin(stdout, json, from, (const char *const *)names, n);
  inputs_add_notes(inputs, table);
  print_notes(table);
  for (size_t i = 0; i < rows->sweep->n_runs; i++) print_run(rows, i, n_columns, table);
  for (size_t i = 0; i < rows->sweep->n_settings; i++) print_setting(rows, i, n_columns, table);
  const Status status = table_end(table, err);
  for (size_t i = 0; i < n; i++) free(names[i]);
  free(names);
  return status;
}
