/* The tables of a sweep's figures. Rows with a seed are runs; those without are means over the finished seeds of a
 * setting, lo and hi their Student interval. */
#include "base/memory.h"
#include "base/sitename.h"
#include "command/plot/sweep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Reads the one file, lets the figure write its rows, and clears up. */
static Status with_sweep(const PlotFile *files, size_t n_files, bool by_pairs, Table *table,
                         Status (*write)(const PlotFile *file, const PlotSweep *s, Table *table, Error *err),
                         Error *err) {
  PlotSweep sweep;
  if (n_files > 1)
    return error_set(err, STATUS_USAGE, "%s and %s: a figure draws one sweep", files[0].path, files[1].path);
  Status status = plot_sweep_read(&files[0], by_pairs, &sweep, err);
  table_note(table, "interval: Student's 95 %% over seeds");
  if (status == STATUS_OK) status = write(&files[0], &sweep, table, err);
  plot_sweep_clear(&sweep);
  return status;
}

/* The values of a setting's finished runs; *first is one of its runs. Returns how many. */
static size_t setting_values(const PlotSweep *s, size_t setting, double (*value)(const PlotSweep *, size_t, size_t),
                             size_t which, double *values, size_t *first) {
  size_t n = 0;
  *first = s->n_runs;
  for (size_t i = 0; i < s->n_runs; i++) {
    if ((size_t)s->setting[i] != setting) continue;
    if (*first == s->n_runs) *first = i;
    if (plot_sweep_is_done(s, i)) values[n++] = value(s, which, i);
  }
  return n;
}

static double drift_of(const PlotSweep *s, size_t which, size_t run) {
  (void)which;
  return s->drift[run];
}

static double layer_of(const PlotSweep *s, size_t layer, size_t run) { return s->layer_drift[run * s->n_sites + layer]; }

static SweepMean setting_mean(const PlotSweep *s, size_t setting, double (*value)(const PlotSweep *, size_t, size_t),
                              size_t which, size_t *first) {
  double *values = mem_alloc(s->n_runs, sizeof *values);
  const SweepMean mean = sweep_mean(values, setting_values(s, setting, value, which, values, first));
  free(values);
  return mean;
}

/* The cells that say which run or setting a row is of. */
static void write_who(const PlotSweep *s, size_t run, bool is_run, Table *table) {
  table_string(table, s->series[run][0] ? s->series[run] : NULL);
  table_string(table, s->method[run]);
  plot_number(table, s->control[run] != 0 ? NAN : s->anchor[run]);
  plot_number(table, s->pairs[run]);
  plot_number(table, is_run ? s->seed[run] : NAN);
}
#define WHO "series", "method", "anchor", "pairs", "seed"

/* --- transfer, frontier and quantity: every measure of every run, by strength, by drift, by pairs --- */

static void write_bounded(const SweepMean *m, Table *table) {
  plot_number(table, m->mean);
  plot_number(table, m->lo);
  plot_number(table, m->hi);
}

static void write_run(const PlotSweep *s, const char *name, size_t measure, size_t run, Table *table) {
  const SweepMean drift = {s->drift[run], NAN, NAN, 1}, value = {plot_sweep_measure(s, measure, run), NAN, NAN, 1};
  write_who(s, run, true, table);
  table_string(table, name);
  write_bounded(&drift, table);
  write_bounded(&value, table);
}

static Status write_measures(const PlotFile *file, const PlotSweep *s, Table *table, Error *err) {
  size_t n_rows = 0;
  for (size_t m = 0; m < plot_sweep_n_measures(s); m++) {
    char *name = plot_sweep_measure_name(s, m);
    for (size_t i = 0; i < s->n_runs; i++)
      if (plot_sweep_is_done(s, i) && !isnan(plot_sweep_measure(s, m, i))) {
        write_run(s, name, m, i, table);
        n_rows++;
      }
    for (size_t setting = 0; setting < s->n_settings; setting++) {
      size_t first;
      const SweepMean value = setting_mean(s, setting, plot_sweep_measure, m, &first),
                      drift = setting_mean(s, setting, drift_of, 0, &first);
      if (value.n == 0) continue;
      write_who(s, first, false, table);
      table_string(table, name);
      write_bounded(&drift, table);
      write_bounded(&value, table);
    }
    free(name);
  }
  if (n_rows) return STATUS_OK;
  for (size_t i = 0; i < s->n_runs; i++)
    if (plot_sweep_is_done(s, i))
      return error_set(err, STATUS_DATA, "%s: its runs have no accuracy: sweep with --eval or held-out pairs for this figure",
                       file->path);
  return error_set(err, STATUS_DATA, "%s: no run of this sweep is done", file->path);
}

static Status write_transfer(const PlotFile *files, size_t n_files, Table *table, Error *err) {
  table_note(table, "figure: gains of AOG and NTS (both ours) in points over anchor 0");
  return with_sweep(files, n_files, false, table, write_measures, err);
}

static Status write_by_quantity(const PlotFile *file, const PlotSweep *s, Table *table, Error *err) {
  for (size_t i = 1; i < s->n_runs; i++)
    if (s->pairs[i] != s->pairs[0]) return write_measures(file, s, table, err);
  return error_set(err, STATUS_DATA, "%s: all its runs have %g training pairs: sweep --train-pairs for this figure",
                   file->path, s->pairs[0]);
}

static Status write_quantity(const PlotFile *files, size_t n_files, Table *table, Error *err) {
  return with_sweep(files, n_files, true, table, write_by_quantity, err);
}

#define MEASURE_COLUMNS {WHO, "measure", "drift", "drift_lo", "drift_hi", "value", "lo", "hi"}
const Figure figure_transfer = {
    .name = "transfer", .kind = "sweep", .script = "transfer.gp", .columns = MEASURE_COLUMNS, .write = write_transfer};
const Figure figure_frontier = {
    .name = "frontier", .kind = "sweep", .script = "frontier.gp", .columns = MEASURE_COLUMNS, .write = write_transfer};
const Figure figure_quantity = {
    .name = "quantity", .kind = "sweep", .script = "quantity.gp", .columns = MEASURE_COLUMNS, .write = write_quantity};

/* --- layers: drift of every block --- */

static Status write_layers(const PlotFile *file, const PlotSweep *s, Table *table, Error *err) {
  if (!s->layer_drift) return error_set(err, STATUS_DATA, "%s: holds no drift of its runs", file->path);
  for (size_t setting = 0; setting < s->n_settings; setting++)
    for (size_t l = 0; l < s->n_sites; l++) {
      size_t first;
      const SweepMean mean = setting_mean(s, setting, layer_of, l, &first);
      if (mean.n == 0) continue;
      write_who(s, first, false, table);
      table_string(table, s->sites[l]);
      plot_number(table, (double)site_name_parse(s->sites[l]).layer);
      write_bounded(&mean, table);
    }
  return STATUS_OK;
}

static Status write_layer_figure(const PlotFile *files, size_t n_files, Table *table, Error *err) {
  return with_sweep(files, n_files, false, table, write_layers, err);
}

const Figure figure_layers = {
    .name = "layers",
    .kind = "sweep",
    .script = "layers.gp",
    .columns = {WHO, "site", "layer", "value", "lo", "hi"},
    .write = write_layer_figure,
};

/* --- curves: means over seeds at every step --- */

static Status write_curves(const PlotFile *file, const PlotSweep *s, Table *table, Error *err) {
  double *sums = mem_alloc(SWEEP_CURVES, sizeof *sums);
  Status status = s->n_steps ? STATUS_OK : error_set(err, STATUS_DATA, "%s: holds no training curves", file->path);
  for (size_t setting = 0; setting < s->n_settings && status == STATUS_OK; setting++)
    for (size_t t = 0; t < s->n_steps; t++) {
      size_t first = s->n_runs, n = 0;
      memset(sums, 0, SWEEP_CURVES * sizeof *sums);
      for (size_t i = 0; i < s->n_runs; i++) {
        if ((size_t)s->setting[i] != setting || !plot_sweep_is_done(s, i) || !s->curves[0] ||
            isnan(s->curves[0][i * s->n_steps + t]))
          continue;
        if (first == s->n_runs) first = i;
        n++;
        for (size_t c = 0; c < SWEEP_CURVES; c++) sums[c] += s->curves[c] ? s->curves[c][i * s->n_steps + t] : NAN;
      }
      if (n == 0) break; /* behind the end of the longest */
      write_who(s, first, false, table);
      table_count(table, t + 1);
      table_count(table, n);
      for (size_t c = 0; c < SWEEP_CURVES; c++) plot_number(table, sums[c] / (double)n);
    }
  free(sums);
  return status;
}

static Status write_curve_figure(const PlotFile *files, size_t n_files, Table *table, Error *err) {
  return with_sweep(files, n_files, false, table, write_curves, err);
}

const Figure figure_curves = {
    .name = "curves",
    .kind = "sweep",
    .script = "curves.gp",
    .columns = {WHO, "step", "n", "bt_loss", "accuracy", "anchor_term", "drift"},
    .write = write_curve_figure,
};
