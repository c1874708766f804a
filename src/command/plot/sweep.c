/* Reading the result of a sweep for its figures. */
#include "command/plot/sweep.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct Column {
  const char *name;
  double **values;
} Column;

static Status read_numbers(const PlotFile *file, PlotSweep *s, Error *err) {
  const Column columns[] = {{"runs/anchor", &s->anchor},
                            {"runs/lr", &s->rate},
                            {"runs/train_pairs", &s->pairs},
                            {"runs/seed", &s->seed},
                            {"runs/setting", &s->setting},
                            {"runs/control", &s->control},
                            {"runs/heldout_accuracy", &s->heldout},
                            {"runs/drift", &s->drift},
                            {"runs/target_accuracy", &s->target},
                            {"runs/aog", &s->aog},
                            {"runs/nts", &s->nts}};
  Status status = STATUS_OK;
  for (size_t i = 0; i < sizeof columns / sizeof columns[0] && status == STATUS_OK; i++)
    status = plot_read_array(file, columns[i].name, 1, &s->n_runs, columns[i].values, err);
  for (size_t i = 0; i < s->n_runs && status == STATUS_OK; i++) {
    if (!(s->setting[i] >= 0 && s->setting[i] < (double)s->n_runs))
      status = error_set(err, STATUS_DATA, "%s: runs/setting of run %zu is %g, expected 0 to %zu", file->path, i,
                         s->setting[i], s->n_runs - 1);
    else if ((size_t)s->setting[i] + 1 > s->n_settings)
      s->n_settings = (size_t)s->setting[i] + 1;
  }
  return status;
}

static Status read_texts(const PlotFile *file, PlotSweep *s, Error *err) {
  const struct {
    const char *name;
    char ***values;
  } columns[] = {{"runs/status", &s->status},
                 {"runs/source", &s->source},
                 {"runs/method", &s->method},
                 {"runs/anchor_layers", &s->layers}};
  Status status = STATUS_OK;
  for (size_t i = 0; i < sizeof columns / sizeof columns[0] && status == STATUS_OK; i++)
    status = plot_read_strings(file, columns[i].name, columns[i].values, &s->n_runs, err);
  return status;
}

static Status read_matrices(const PlotFile *file, PlotSweep *s, Error *err) {
  Status status = STATUS_OK;
  if (result_has(file->result, "eval/name")) {
    status = plot_read_strings(file, "eval/name", &s->evals, &s->n_evals, err);
    size_t shape[] = {s->n_runs, s->n_evals};
    if (status == STATUS_OK) status = plot_read_array(file, "eval/accuracy", 2, shape, &s->accuracy, err);
  }
  if (status == STATUS_OK && result_has(file->result, "drift/relative_l2")) {
    status = plot_read_strings(file, "drift/sites", &s->sites, &s->n_sites, err);
    size_t shape[] = {s->n_runs, s->n_sites};
    if (status == STATUS_OK) status = plot_read_array(file, "drift/relative_l2", 2, shape, &s->layer_drift, err);
  }
  for (size_t c = 0; c < SWEEP_CURVES && status == STATUS_OK; c++) {
    char *name = mem_format("curves/%s", sweep_curve_names[c]);
    size_t shape[] = {s->n_runs, s->n_steps};
    if (result_has(file->result, name)) status = plot_read_array(file, name, 2, shape, &s->curves[c], err);
    s->n_steps = shape[1];
    free(name);
  }
  return status;
}

static bool texts_vary(char *const *texts, size_t n, bool skip_empty) {
  const char *first = NULL;
  for (size_t i = 0; i < n; i++) {
    if (skip_empty && !texts[i][0]) continue;
    if (first && strcmp(first, texts[i]) != 0) return true;
    first = texts[i];
  }
  return false;
}

static bool numbers_vary(const double *values, size_t n) {
  for (size_t i = 1; i < n; i++)
    if (values[i] != values[0] && !(isnan(values[i]) && isnan(values[0]))) return true;
  return false;
}

/* "harmless, lr 1e-05, 64 pairs" */
static void name_series(PlotSweep *s, bool by_pairs) {
  const bool sources = texts_vary(s->source, s->n_runs, false), rates = numbers_vary(s->rate, s->n_runs),
             pairs = !by_pairs && numbers_vary(s->pairs, s->n_runs);
  s->series = mem_alloc(s->n_runs, sizeof *s->series);
  for (size_t i = 0; i < s->n_runs; i++) {
    char *rate = mem_format("%slr %g", sources ? ", " : "", s->rate[i]),
         *n = mem_format("%s%g pairs", sources || rates ? ", " : "", s->pairs[i]);
    char *text = mem_format("%s%s%s", sources ? s->source[i] : "", rates ? rate : "", pairs ? n : "");
    s->series[i] = plot_plain_text(text);
    free(rate);
    free(n);
    free(text);
  }
}

static char *copy_named(const char *method, const char *layers) {
  char *text = mem_format("%s, %s", method, layers), *plain = plot_plain_text(text);
  free(text);
  return plain;
}

/* Methods say on which layers, where those vary. */
static void name_methods(PlotSweep *s) {
  const bool vary = texts_vary(s->layers, s->n_runs, true);
  for (size_t i = 0; i < s->n_runs; i++) {
    char *named = vary && s->layers[i][0] ? copy_named(s->method[i], s->layers[i]) : plot_plain_text(s->method[i]);
    free(s->method[i]);
    s->method[i] = named;
  }
}

Status plot_sweep_read(const PlotFile *file, bool by_pairs, PlotSweep *s, Error *err) {
  *s = (PlotSweep){0};
  Status status = read_numbers(file, s, err);
  if (status == STATUS_OK) status = read_texts(file, s, err);
  if (status == STATUS_OK) status = read_matrices(file, s, err);
  if (status != STATUS_OK) return status;
  name_series(s, by_pairs);
  name_methods(s);
  return status;
}

void plot_sweep_clear(PlotSweep *s) {
  char **const texts[] = {s->status, s->source, s->method, s->layers, s->series};
  double *const numbers[] = {s->anchor, s->rate,  s->pairs,  s->seed, s->setting,  s->control,    s->heldout,
                             s->drift,  s->target, s->aog, s->nts,     s->accuracy, s->layer_drift};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) string_list_free(texts[i], s->n_runs);
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) free(numbers[i]);
  for (size_t c = 0; c < SWEEP_CURVES; c++) free(s->curves[c]);
  string_list_free(s->evals, s->n_evals);
  string_list_free(s->sites, s->n_sites);
}

bool plot_sweep_is_done(const PlotSweep *s, size_t run) {
  return strcmp(s->status[run], sweep_state_name(SWEEP_DONE)) == 0;
}

/* --- measures of transfer --- */

size_t plot_sweep_n_measures(const PlotSweep *s) { return s->n_evals + 4; }

char *plot_sweep_measure_name(const PlotSweep *s, size_t measure) {
  static const char *const last[] = {"mean of targets", "AOG", "NTS"};
  if (measure == 0) return mem_copy_string("held-out source");
  return measure <= s->n_evals ? plot_plain_text(s->evals[measure - 1])
                               : mem_copy_string(last[measure - s->n_evals - 1]);
}

double plot_sweep_measure(const PlotSweep *s, size_t measure, size_t run) {
  const double *const last[] = {s->target, s->aog, s->nts};
  if (measure == 0) return s->heldout[run];
  return measure <= s->n_evals ? s->accuracy[run * s->n_evals + measure - 1] : last[measure - s->n_evals - 1][run];
}
