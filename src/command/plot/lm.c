/* The table of language-model runs (run.h5 of kind "lm-run"): the loss of every step, and of held-out text at some. */
#include "command/plot/plot.h"

#include <math.h>
#include <stdlib.h>

enum { N_CURVES = 4, N_EVALS = 2 };
static const char *const curve_names[N_CURVES] = {"train/loss", "train/grad_norm", "train/learning_rate", "train/tokens"};
static const char *const eval_names[N_EVALS] = {"eval/loss", "eval/perplexity"};

typedef struct LmCurves {
  size_t n, n_evals;
  double *steps, *curves[N_CURVES];      /* [n] */
  double *eval_steps, *evals[N_EVALS]; /* [n_evals] */
} LmCurves;

static void clear(LmCurves *c) {
  free(c->steps);
  free(c->eval_steps);
  for (size_t i = 0; i < N_CURVES; i++) free(c->curves[i]);
  for (size_t i = 0; i < N_EVALS; i++) free(c->evals[i]);
}

static Status read_curves(const PlotFile *file, LmCurves *c, Error *err) {
  *c = (LmCurves){0};
  Status status = plot_read_array(file, "train/step", 1, &c->n, &c->steps, err);
  for (size_t i = 0; i < N_CURVES && status == STATUS_OK; i++)
    status = plot_read_array(file, curve_names[i], 1, &c->n, &c->curves[i], err);
  if (status != STATUS_OK || !result_has(file->result, "eval/step")) return status;
  status = plot_read_array(file, "eval/step", 1, &c->n_evals, &c->eval_steps, err);
  for (size_t i = 0; i < N_EVALS && status == STATUS_OK; i++)
    status = plot_read_array(file, eval_names[i], 1, &c->n_evals, &c->evals[i], err);
  return status;
}

/* Entries of a step; SIZE_MAX where it was not logged. */
static void write_row(const PlotFile *file, const LmCurves *c, double step, size_t train, size_t eval, Table *table) {
  table_string(table, file->label);
  plot_number(table, step);
  plot_number(table, train < c->n ? c->curves[0][train] : NAN);
  for (size_t i = 0; i < N_EVALS; i++) plot_number(table, eval < c->n_evals ? c->evals[i][eval] : NAN);
  for (size_t i = 1; i < N_CURVES; i++) plot_number(table, train < c->n ? c->curves[i][train] : NAN);
}

/* A row a step; held-out text is scored at some of them, and before the first. */
static void write_in_order(const PlotFile *file, const LmCurves *c, Table *table) {
  size_t train = 0, eval = 0;
  while (train < c->n || eval < c->n_evals) {
    const double t = train < c->n ? c->steps[train] : INFINITY, e = eval < c->n_evals ? c->eval_steps[eval] : INFINITY;
    const bool has_train = train < c->n && !(e < t), has_eval = eval < c->n_evals && !(t < e);
    write_row(file, c, has_train ? t : e, has_train ? train : SIZE_MAX, has_eval ? eval : SIZE_MAX, table);
    train += has_train;
    eval += has_eval;
  }
}

static Status write_language(const PlotFile *files, size_t n_files, Table *table, Error *err) {
  Status status = STATUS_OK;
  for (size_t i = 0; i < n_files && status == STATUS_OK; i++) {
    LmCurves curves;
    status = read_curves(&files[i], &curves, err);
    if (status == STATUS_OK) write_in_order(&files[i], &curves, table);
    clear(&curves);
  }
  return status;
}

const Figure figure_language = {
    .name = "language",
    .kind = "lm-run",
    .script = "language.gp",
    .columns = {"file", "step", "loss", "eval_loss", "eval_perplexity", "grad_norm", "learning_rate", "tokens"},
    .write = write_language,
};
