/* What to beware of in results of drift and of training: the cautions that their measures carry, each only where this
 * result's own numbers call for it. */
#define _GNU_SOURCE /* vasprintf */
#include "base/memory.h"
#include "command/report/report.h"
#include "probes/drift/measure.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Fewer samples than this make rough intervals: tests/test_coverage looks no lower. */
enum { FEW_SAMPLES = 30 };

void report_caution(ReportFile *file, const char *format, ...) {
  va_list args;
  char *text = NULL;
  va_start(args, format);
  if (vasprintf(&text, format, args) < 0) mem_exhausted(strlen(format));
  va_end(args);
  texts_add(&file->cautions, text);
}

/* --- drift --- */

/* What the rows of one measure hold. */
typedef struct Rows {
  size_t n, undefined, without_interval; /* of the defined ones */
  double least, most;
  const char *where; /* site of the largest value */
} Rows;

static Rows rows_of(const Grid *grid, const char *measure) {
  Rows rows = {.least = NAN, .most = NAN};
  for (size_t r = 0; r < grid->n_rows; r++) {
    if (!grid_is(grid, r, "measure", measure)) continue;
    const double value = grid_number(grid, r, "value");
    rows.n++;
    rows.undefined += isnan(value) ? 1 : 0;
    rows.without_interval += !isnan(value) && isnan(grid_number(grid, r, "lo"));
    if (!(value >= rows.least)) rows.least = isnan(value) ? rows.least : value;
    if (!(value <= rows.most) && !isnan(value)) {
      rows.most = value;
      rows.where = grid_text(grid, r, "site");
    }
  }
  return rows;
}

static void caution_biased(ReportFile *file, const Grid *grid) {
  const Rows biased = rows_of(grid, "cka_biased"), floor = rows_of(grid, "cka_floor");
  if (biased.n == 0) return;
  if (floor.n == 0)
    report_caution(file, "cka_biased stands here without cka_floor: of few samples and many dimensions unrelated data "
                         "have a high one, too.");
  else if (floor.most >= 0.1)
    report_caution(file,
                   "cka_biased is read against cka_floor: unrelated data would give up to %.2g here (%s), so that a "
                   "value near it says nothing.",
                   floor.most, floor.where);
}

static void caution_undefined(ReportFile *file, const Grid *grid) {
  const char *places = grid_has(grid, "part") ? "sites and parts" : grid_has(grid, "site_b") ? "pairs of sites" : "sites";
  size_t which;
  for (size_t r = 0; r < grid->n_rows; r++) {
    const char *name = grid_text(grid, r, "measure");
    bool is_first = true;
    for (size_t k = 0; k < r && is_first; k++) is_first = !grid_is(grid, k, "measure", name);
    if (!is_first) continue;
    const Rows rows = rows_of(grid, name);
    if (rows.undefined) report_caution(file, "%s is undefined at %zu of %zu %s (–).", name, rows.undefined, rows.n, places);
    if (measure_find(name, &which) == &measure_procrustes && rows.without_interval && rows.without_interval < rows.n)
      report_caution(file,
                     "%s has no interval at %zu of %zu %s: samples are too few for the width, and the distance "
                     "comes out too small.",
                     name, rows.without_interval, rows.n, places);
  }
}

/* A translation of the whole cloud is seen by measures that keep the frozen model's place. */
static void caution_blind(ReportFile *file, const Grid *grid) {
  for (size_t r = 0; r < grid->n_rows; r++) {
    size_t which;
    const char *name = grid_text(grid, r, "measure");
    const Measure *measure = measure_find(name, &which);
    if (!measure || !strstr(measure->values[which].invariant_to, "translation of either side")) return;
  }
  if (grid->n_rows)
    report_caution(file,
                   "None of these measures sees that a layer was moved as a whole (a translation): no drift here does "
                   "not say that it stayed where it was. relative_l2 and cosine see it.");
}

/* A change that is one translation of all rows is what CKA and its like leave out. */
static void caution_translation(ReportFile *file, const Grid *grid) {
  const Rows coherence = rows_of(grid, "coherence");
  if (coherence.most >= 0.8)
    report_caution(
        file,
        "At %s the change is mostly one translation of all rows (coherence %.2g): CKA, Procrustes and RSA see "
        "next to nothing of that.",
        coherence.where, coherence.most);
}

static void caution_rounding(ReportFile *file, const PlotFile *plot) {
  char *compute = NULL;
  if (result_read_attribute(plot->result, "compute_dtype", &compute, NULL) == STATUS_OK && compute &&
      strstr(compute, " and "))
    report_caution(file, "The two sides were computed in %s: their rounding is part of the drift.", compute);
  free(compute);
}

static void caution_same_weights(ReportFile *file, const PlotFile *plot) {
  char **digests = NULL;
  size_t n = 0;
  if (!result_has(plot->result, "models/sha256") ||
      result_read_strings(plot->result, "models/sha256", &digests, &n, NULL) != STATUS_OK)
    return;
  if (n >= 2 && digests[0][0] && strcmp(digests[0], digests[1]) == 0)
    report_caution(file, "Both sides are recordings of the same weights: what is measured is not fine-tuning, but the "
                         "noise floor, or another text.");
  string_list_free(digests, n);
}

static void caution_nonfinite(ReportFile *file, const PlotFile *plot) {
  char *n = NULL;
  if (result_read_attribute(plot->result, "nonfinite_samples", &n, NULL) == STATUS_OK && n)
    report_caution(file, "%s samples hold a NaN or an infinity and were left out: where a model breaks is not in these numbers.", n);
  free(n);
}

static void caution_drift(ReportFile *file, const PlotFile *plot, const Grid *grid) {
  const double n = grid->n_rows ? grid_number(grid, 0, "n") : NAN;
  if (grid_has(grid, "lo") && !grid_note(grid, "interval"))
    report_caution(file, "No intervals were made: nothing here says which differences between layers are chance.");
  else if (n < FEW_SAMPLES)
    report_caution(file, "%g samples: intervals over so few are rough.", n);
  caution_biased(file, grid);
  caution_undefined(file, grid);
  caution_blind(file, grid);
  caution_translation(file, grid);
  caution_rounding(file, plot);
  caution_same_weights(file, plot);
  caution_nonfinite(file, plot);
}

static void caution_parts(ReportFile *file, const PlotFile *plot, const Grid *grid) {
  if (strcmp(file->kind, "margins") == 0)
    report_caution(file, "Pairs that drift and pairs whose margin changes may be the same without the one bringing the other about. Of "
                         "twenty intervals that should hold 0 about one does not.");
  if (strcmp(file->kind, "samples") != 0 && !grid_note(grid, "interval"))
    report_caution(file, "No intervals were made: nothing here says which differences between parts are chance.");
  if (strcmp(file->kind, "parts") == 0) caution_undefined(file, grid);
  caution_rounding(file, plot);
  caution_same_weights(file, plot);
  caution_nonfinite(file, plot);
}

static void caution_cross(ReportFile *file, const PlotFile *plot, const Grid *grid) {
  caution_undefined(file, grid);
  caution_blind(file, grid);
  caution_rounding(file, plot);
  caution_nonfinite(file, plot);
}

/* --- training --- */

static void caution_run(ReportFile *file, const PlotFile *plot, const Grid *grid) {
  char **reason = NULL;
  size_t n = 0, scored = 0, broken = 0;
  if (!result_has(plot->result, "end/reason"))
    report_caution(file, "The run is not finished, or was stopped: what stands here is what it had done.");
  else if (result_read_strings(plot->result, "end/reason", &reason, &n, NULL) == STATUS_OK && n == 1 &&
           strcmp(reason[0], "drift") == 0)
    report_caution(file, "The run ended early, at the drift that it was told to stop at.");
  string_list_free(reason, n);
  for (size_t r = 0; r < grid->n_rows; r++) {
    scored += !isnan(grid_number(grid, r, "eval_accuracy"));
    broken += isnan(grid_number(grid, r, "loss")) && isnan(grid_number(grid, r, "eval_accuracy"));
  }
  if (broken) report_caution(file, "The loss of %zu steps is not a finite number.", broken);
  if (scored == 0)
    report_caution(file, "No pairs were held out: nothing here says how much of the accuracy is memory.");
  if (result_has(plot->result, "values/step"))
    report_caution(file,
                   "Ranks at step 0 say nothing where the reward head is new: its weights are then drawn at random.");
}

static void caution_language(ReportFile *file, const PlotFile *plot, const Grid *grid) {
  size_t scored = 0;
  for (size_t r = 0; r < grid->n_rows; r++) scored += !isnan(grid_number(grid, r, "eval_loss"));
  if (!result_has(plot->result, "end/reason"))
    report_caution(file, "The run is not finished, or was stopped: what stands here is what it had done.");
  if (scored == 0) report_caution(file, "No text was held out: nothing here says how much of the loss is memory.");
}

/* One accuracy cannot tell "held back" from "trained less"; a control at the same drift can. */
static bool has_matched_drift(const Grid *grid) {
  for (size_t r = 0; r < grid->n_rows; r++)
    if (strstr(grid_text(grid, r, "method"), "stop-at-drift")) return true;
  return false;
}

static void caution_sweep(ReportFile *file, const PlotFile *plot, const Grid *grid) {
  size_t failed = 0, open = 0, settings = 0, shape[] = {0, 3};
  double *aog = NULL, runs_a_setting;
  bool anchored = false;
  for (size_t r = 0; r < grid->n_rows; r++) {
    failed += grid_is(grid, r, "status", "failed");
    open += !grid_is(grid, r, "status", "failed") && !grid_is(grid, r, "status", "done");
    anchored |= grid_number(grid, r, "anchor") > 0;
    if (grid_number(grid, r, "setting") + 1 > (double)settings) settings = (size_t)grid_number(grid, r, "setting") + 1;
  }
  runs_a_setting = settings ? (double)grid->n_rows / (double)settings : 0;
  if (failed) report_caution(file, "%zu runs failed; means are over the others.", failed);
  if (open) report_caution(file, "%zu runs are not done yet.", open);
  if (settings && runs_a_setting < 2)
    report_caution(file, "One seed for each setting: nothing here says how much of a difference is chance.");
  else if (runs_a_setting < 5)
    report_caution(file,
                   "%.0f seeds for each setting: intervals over so few are wide, and one good seed is no finding.",
                   runs_a_setting);
  if (anchored && !has_matched_drift(grid))
    report_caution(file, "No run was stopped at the drift of an anchored one: that an anchor helps, and that training "
                         "less does, cannot be told apart here.");
  if (result_has(plot->result, "seeds/aog") && plot_read_array(plot, "seeds/aog", 2, shape, &aog, NULL) == STATUS_OK &&
      shape[0] > 2)
    report_caution(file,
                   "The best of %zu settings was picked for being the best: its interval does not allow for that.",
                   shape[0]);
  free(aog);
}

void report_add_cautions(ReportFile *file, const PlotFile *plot, const Grid *grid) {
  if (strcmp(file->kind, "lm-run") == 0)
    caution_language(file, plot, grid);
  else if (strcmp(file->kind, "drift") == 0)
    caution_drift(file, plot, grid);
  else if (strcmp(file->kind, "parts") == 0 || strcmp(file->kind, "margins") == 0 || strcmp(file->kind, "samples") == 0)
    caution_parts(file, plot, grid);
  else if (strcmp(file->kind, "cross") == 0)
    caution_cross(file, plot, grid);
  else if (strcmp(file->kind, "run") == 0)
    caution_run(file, plot, grid);
  else if (strcmp(file->kind, "sweep") == 0)
    caution_sweep(file, plot, grid);
  else
    report_caution_values(file, plot, grid);
}
