/* What a report says at its top: of each result, in a sentence or two, the thing that it was made to find out, with its
 * interval where it has one. Here are training, evaluation and weights; drift of activations is in findings_drift.c,
 * values and calibration are in findings_values.c. */
#include "base/file.h"
#include "base/memory.h"
#include "command/report/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- sentences --- */

char *report_bounded(double value, double lo, double hi) {
  if (isnan(lo) || isnan(hi)) return mem_format("%.4g", value);
  return mem_format("%.4g [%.4g, %.4g]", value, lo, hi);
}

char *report_bounded_row(const Grid *grid, size_t row, const char *value) {
  return report_bounded(grid_number(grid, row, value), grid_number(grid, row, "lo"), grid_number(grid, row, "hi"));
}

void report_find(ReportFile *file, char *lead, char *text) {
  file->findings = mem_resize(file->findings, file->n_findings + 1, sizeof *file->findings);
  file->findings[file->n_findings++] = (Finding){lead, text};
  texts_add(&file->caption, mem_format("%s %s", lead, text));
}

size_t report_largest(const Grid *grid, const char *measure) {
  size_t best = grid->n_rows;
  for (size_t r = 0; r < grid->n_rows; r++) {
    if (!grid_is(grid, r, "measure", measure) || isnan(grid_number(grid, r, "value"))) continue;
    if (best == grid->n_rows || fabs(grid_number(grid, r, "value")) > fabs(grid_number(grid, best, "value"))) best = r;
  }
  return best;
}

/* --- training --- */

static double last_number(const Grid *grid, const char *column, bool first) {
  double found = NAN;
  for (size_t r = 0; r < grid->n_rows; r++) {
    const double value = grid_number(grid, r, column);
    if (!isnan(value) && !(first && !isnan(found))) found = value;
  }
  return found;
}

static void find_run(ReportFile *file, const Grid *grid) {
  const double steps = last_number(grid, "step", false), before = last_number(grid, "eval_accuracy", true),
               after = last_number(grid, "eval_accuracy", false), drift = last_number(grid, "drift_mean", false);
  char *accuracy = isnan(after) ? mem_copy_string("no pairs were held out")
                                : mem_format("held-out accuracy went from %.3g to %.3g", before, after);
  report_find(file, mem_format("%.0f steps:", steps),
      isnan(drift)
          ? mem_format("%s.", accuracy)
          : mem_format("%s; relative squared drift of the last batch, mean over blocks: %.3g.", accuracy, drift));
  free(accuracy);
}

static void find_sweep(ReportFile *file, const PlotFile *plot, const Grid *grid) {
  size_t done = 0, shape[] = {0, 3}, n = grid->n_rows, best = n;
  double *aog = NULL;
  for (size_t r = 0; r < n; r++) done += grid_is(grid, r, "status", "done");
  report_find(file, mem_format("%zu of %zu", done, n), mem_copy_string("runs are done."));
  if (!result_has(plot->result, "seeds/aog") || plot_read_array(plot, "seeds/aog", 2, shape, &aog, NULL) != STATUS_OK)
    return;
  for (size_t r = 0; r < n; r++) { /* the setting of a run; the reference itself gains nothing by definition */
    const double setting = grid_number(grid, r, "setting");
    if (!(setting >= 0 && setting < (double)shape[0]) || isnan(aog[3 * (size_t)setting])) continue;
    if (grid_number(grid, r, "anchor") == 0 && grid_number(grid, r, "control") == 0) continue;
    if (best == n || aog[3 * (size_t)setting] > aog[3 * (size_t)grid_number(grid, best, "setting")]) best = r;
  }
  if (best < n) {
    const double *of = aog + 3 * (size_t)grid_number(grid, best, "setting");
    char *value = report_bounded(of[0], of[1], of[2]);
    report_find(file, mem_copy_string(grid_text(grid, best, "method")),
        mem_format("%s on other data: AOG (ours) %s points over the run without an anchor%s.",
                   of[0] > 0 ? "gains most" : "loses least", value,
                   of[1] <= 0 && of[2] >= 0 ? ", which is not told apart from nothing" : ""));
    free(value);
  }
  free(aog);
}

/* Over all data sets, where there was a reference. */
static void find_transfer(ReportFile *file, const PlotFile *plot) {
  static const char *const names[][2] = {{"summary/aog", "AOG (ours), the mean gain over the targets:"},
                                         {"summary/nts", "NTS (ours), the same less what was lost on the source:"}};
  char *reference = NULL;
  if (result_read_attribute(plot->result, "reference", &reference, NULL) != STATUS_OK) return;
  for (size_t i = 0; i < 2; i++) {
    size_t three = 3;
    double *of = NULL;
    if (!result_has(plot->result, names[i][0]) ||
        plot_read_array(plot, names[i][0], 1, &three, &of, NULL) != STATUS_OK || isnan(of[0])) {
      free(of);
      continue;
    }
    char *value = report_bounded(of[0], of[1], of[2]);
    report_find(file, mem_copy_string(names[i][1]),
        mem_format("%s points over %s.", value, reference ? reference : "the reference"));
    free(value);
    free(of);
  }
  free(reference);
}

static void find_accuracies(ReportFile *file, const Grid *grid) {
  for (size_t r = 0; r < grid->n_rows; r++) {
    if (!grid_has(grid, "accuracy")) return;
    char *accuracy = report_bounded_row(grid, r, "accuracy");
    const double gain = grid_number(grid, r, "gain");
    char *gained = report_bounded(gain, grid_number(grid, r, "gain_lo"), grid_number(grid, r, "gain_hi"));
    char *more = isnan(gain) ? mem_copy_string("") : mem_format("; %s points over the reference", gained);
    const bool is_chance = grid_number(grid, r, "lo") <= 0.5 && grid_number(grid, r, "hi") >= 0.5;
    report_find(file, mem_copy_string(file_name(grid_text(grid, r, "path"))),
        mem_format("accuracy %s on %.0f pairs%s%s.", accuracy, grid_number(grid, r, "n"), more,
                   is_chance ? ", not told apart from chance" : ""));
    free(accuracy);
    free(gained);
    free(more);
  }
}

static void find_language(ReportFile *file, const Grid *grid) {
  const double steps = last_number(grid, "step", false), before = last_number(grid, "eval_loss", true),
               after = last_number(grid, "eval_loss", false);
  report_find(file, mem_format("%.0f steps:", steps),
      isnan(after)
          ? mem_format("loss of the last batch %.4g nats; no text was held out.", last_number(grid, "loss", false))
          : mem_format("loss on held-out text went from %.4g to %.4g nats a token.", before, after));
}

/* The place with the largest relative change, among blocks as wholes and among single kinds of matrix. */
static void find_weights(ReportFile *file, const Grid *grid) {
  for (int blocks = 1; blocks >= 0; blocks--) {
    size_t best = grid->n_rows;
    for (size_t r = 0; r < grid->n_rows; r++) {
      const double value = grid_number(grid, r, "value");
      if (!grid_is(grid, r, "measure", "relative_frobenius") || isnan(value) || grid_is(grid, r, "kind", "all") ||
          grid_is(grid, r, "kind", "block") != blocks)
        continue;
      if (best == grid->n_rows || value > grid_number(grid, best, "value")) best = r;
    }
    if (best == grid->n_rows) continue;
    const char *layer = grid_text(grid, best, "layer"), *kind = grid_text(grid, best, "kind");
    const bool in_block = strcmp(layer, "-") != 0;
    report_find(file,
        blocks     ? mem_format("block %s", layer)
        : in_block ? mem_format("%s of block %s", kind, layer)
                   : mem_copy_string(kind),
        mem_format("has changed most, among %s: |W1 - W0| / |W0| is %.3g.", blocks ? "blocks" : "matrices and vectors",
                   grid_number(grid, best, "value")));
  }
}

static void find_evaluation(ReportFile *file, const PlotFile *plot, const Grid *grid) {
  find_accuracies(file, grid);
  find_transfer(file, plot);
}

void report_add_findings(ReportFile *file, const PlotFile *plot, const Grid *grid) {
  if (strcmp(file->kind, "run") == 0)
    find_run(file, grid);
  else if (strcmp(file->kind, "lm-run") == 0)
    find_language(file, grid);
  else if (strcmp(file->kind, "weights") == 0)
    find_weights(file, grid);
  else if (strcmp(file->kind, "sweep") == 0)
    find_sweep(file, plot, grid);
  else if (strcmp(file->kind, "eval") == 0)
    find_evaluation(file, plot, grid);
  else if (!report_find_drift(file, grid))
    report_find_values(file, grid);
}
