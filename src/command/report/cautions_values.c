/* What to beware of in evaluations and in results on values: chance, length, prompts in place of models, ends of tables
 * that were picked for being there. */
#include "base/file.h"
#include "base/memory.h"
#include "command/report/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Numbers of a result, or none: n is then 0. */
static double *numbers(const PlotFile *plot, const char *name, size_t *n) {
  double *values = NULL;
  *n = 0;
  if (!result_has(plot->result, name) || plot_read_array(plot, name, 1, n, &values, NULL) != STATUS_OK) *n = 0;
  return values;
}

static void caution_accuracy(ReportFile *file, const Grid *grid) {
  for (size_t r = 0; r < grid->n_rows; r++) {
    const char *name = file_name(grid_text(grid, r, "path"));
    const double accuracy = grid_number(grid, r, "accuracy"), lo = grid_number(grid, r, "lo"),
                 hi = grid_number(grid, r, "hi"), length = grid_number(grid, r, "length_accuracy"),
                 n = grid_number(grid, r, "n"), n_prompts = grid_number(grid, r, "prompts"),
                 dropped = grid_number(grid, r, "n_dropped");
    if (lo <= 0.5 && hi >= 0.5)
      report_caution(file, "%s: an accuracy of %.3g on %.0f pairs is not told apart from chance.", name, accuracy, n);
    if (length >= lo)
      report_caution(
          file, "%s: the rule that sees only which answer is %s scores %.3g, which the model is not clearly above.",
          name, grid_text(grid, r, "length_rule"), length);
    if (n_prompts < n)
      report_caution(file, "%s: %.0f pairs share %.0f prompts; the interval takes each pair for itself.", name, n,
                     n_prompts);
    if (dropped > 0.05 * (n + dropped))
      report_caution(file, "%s: %.0f of %.0f rows were left out.", name, dropped, n + dropped);
    if (grid_number(grid, r, "no_prompt_accuracy") >= lo)
      report_caution(file, "%s: without the prompt the accuracy is %.3g: what it shows is not about the prompt.", name,
                     grid_number(grid, r, "no_prompt_accuracy"));
  }
}

/* Sites whose axis does no better than random ones, and p values that do not allow for having looked at all of them. */
static void caution_axis(ReportFile *file, const PlotFile *plot, const Grid *grid) {
  size_t n_auc, n_random, n_p, n_units, within = 0, lost = 0;
  double *auc = numbers(plot, "auc", &n_auc), *random = numbers(plot, "random_hi", &n_random),
         *p = numbers(plot, "p", &n_p), *p_max = numbers(plot, "p_max", &n_p),
         *units = numbers(plot, "projection_n", &n_units);
  for (size_t k = 0; k < n_auc && k < n_random; k++) within += auc[k] <= random[k];
  for (size_t k = 0; k < n_p && p && p_max; k++) lost += p[k] < 0.05 && !(p_max[k] < 0.05);
  if (within) report_caution(file, "At %zu of %zu sites the AUC lies within what random axes reach.", within, n_auc);
  if (lost)
    report_caution(file, "At %zu sites p is below .05 and p_max, which allows for having looked at all sites, is not.",
                   lost);
  if (n_units > 1 && (units[0] < 10 || units[1] < 10))
    report_caution(file, "%.0f and %.0f lemmas: poles of fewer than 10 say little beyond these words.", units[0],
                   units[1]);
  if (!result_has(plot->result, "covariate"))
    report_caution(file, "Nothing was regressed out: that the words can be told apart does not say by what; frequency, "
                         "length, part of speech and valence are the first suspects.");
  free(auc);
  free(random);
  free(p);
  free(p_max);
  free(units);
  (void)grid;
}

static void caution_bias(ReportFile *file, const Grid *grid) {
  bool has_models = false, has_prompts = false;
  for (size_t r = 0; r < grid->n_rows; r++) {
    has_models |= grid_is(grid, r, "unit", "models");
    has_prompts |= grid_is(grid, r, "unit", "prompts");
    if (grid_is(grid, r, "unit", "models") && grid_number(grid, r, "least_p") > 0.05)
      report_caution(file, "%s, %s: so few models cannot give a p below %.3g.", grid_text(grid, r, "contrast"),
                     grid_text(grid, r, "categories"), grid_number(grid, r, "least_p"));
  }
  if (has_prompts)
    report_caution(file,
                   "A p over prompts is about these very models: prompts are many and alike, and it is small whatever "
                   "is true of other models.%s",
                   has_models ? "" : " No test here has models as its unit.");
}

static void caution_scan(ReportFile *file, const PlotFile *plot) {
  size_t n, n_prompts = 0, counts[4] = {0};
  char **groups = NULL;
  double *encoding = numbers(plot, "answers/reencoding", &n);
  for (size_t i = 0; i < n; i++)
    if (encoding[i] >= 0 && encoding[i] < 4) counts[(size_t)encoding[i]]++;
  static const char *const ways[] = {NULL, "are other tokens when their text is encoded", "are nothing in the template",
                                     "are no text"};
  for (size_t k = 1; k < 4; k++)
    if (counts[k])
      report_caution(file, "%zu of %zu tokens %s: their rewards are those of the ids.", counts[k], n, ways[k]);
  if (plot_read_strings(plot, "prompts/group", &groups, &n_prompts, NULL) == STATUS_OK && n_prompts < 5)
    report_caution(file, "%zu prompts: means over so few hang on their wording.", n_prompts);
  report_caution(file,
                 "Answers at either end were picked for being there: their intervals, each for itself, are too short.");
  string_list_free(groups, n_prompts);
  free(encoding);
}

static void caution_implicit(ReportFile *file, const PlotFile *plot) {
  size_t shape[] = {0, 2};
  double *mass = NULL, means[2] = {0};
  if (result_has(plot->result, "prompt/mass") &&
      plot_read_array(plot, "prompt/mass", 2, shape, &mass, NULL) == STATUS_OK)
    for (size_t i = 0; i < 2 * shape[0]; i++) means[i % 2] += mass[i] / (double)shape[0];
  for (size_t k = 0; k < 2 && mass; k++)
    if (means[k] < 0.9)
      report_caution(file,
                     "Only %.2g of the probability of model %zu lies on tokens that both vocabularies have: the rest "
                     "is in no row.",
                     means[k], k + 1);
  if (shape[0] && shape[0] < 5) report_caution(file, "%zu prompts: means over so few hang on their wording.", shape[0]);
  if (result_has(plot->result, "token/text"))
    report_caution(
        file,
        "Tokens and words at either end were picked for being there: their intervals, each for itself, are too short.");
  report_caution(file, "Two models are two: nothing here says whether their families or ways of training differ.");
  free(mass);
}

/* What a calibration says is about made models: what failed there, and what it was not asked. */
static void caution_calibration(ReportFile *file, const Grid *grid) {
  for (size_t r = 0; r < grid->n_rows; r++) {
    const char *truth = grid_text(grid, r, "truth"), *instrument = grid_text(grid, r, "instrument"),
               *measure = grid_text(grid, r, "measure");
    if (grid_is(grid, r, "verdict", "missed"))
      report_caution(file, "%s: %s missed it (%s): do not trust it on others.", truth, instrument, measure);
    if (grid_is(grid, r, "verdict", "false alarm") || grid_number(grid, r, "false_alarms") > 0)
      report_caution(file, "%s: a false alarm of %s (%s).", truth, instrument, measure);
  }
  report_caution(file, "Truths are planted in small models: the rows of the least noise say how little each measure of drift still sees there, not in yours.");
}

void report_caution_values(ReportFile *file, const PlotFile *plot, const Grid *grid) {
  if (strcmp(file->kind, "eval") == 0)
    caution_accuracy(file, grid);
  else if (strcmp(file->kind, "axis") == 0)
    caution_axis(file, plot, grid);
  else if (strcmp(file->kind, "bias") == 0)
    caution_bias(file, grid);
  else if (strcmp(file->kind, "scan") == 0)
    caution_scan(file, plot);
  else if (strcmp(file->kind, "implicit") == 0)
    caution_implicit(file, plot);
  else if (strcmp(file->kind, "calibration") == 0)
    caution_calibration(file, grid);
}
