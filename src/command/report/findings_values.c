/* What results on values say: axes, bias, scans and implicit rewards; and what a calibration does. */
#include "base/memory.h"
#include "command/report/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void find_values(ReportFile *file, const Grid *grid) {
  static const char *const said[][2] = {{"auc", "tells the two poles apart best: held-out AUC"},
                                        {"shift", "has the largest shift:"},
                                        {"rotation", "has turned most:"},
                                        {"projection", "has the group furthest along the axis:"}};
  for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
    const size_t r = report_largest(grid, said[i][0]);
    if (r == grid->n_rows || (i == 3 && file->n_findings)) continue;
    char *value = report_bounded_row(grid, r, "value");
    const bool is_chance = i == 0 && !(grid_number(grid, r, "lo") > 0.5);
    const char *group = grid_text(grid, r, "group");
    const bool named = strcmp(group, "-") != 0 && group[0];
    report_find(file, mem_copy_string(grid_text(grid, r, "site")),
        mem_format("%s %s%s%s%s%s.",
                   is_chance ? "has the best axis, which is not told apart from chance: held-out AUC" : said[i][1],
                   value, i == 2 ? " degrees" : "", named ? " (" : "", named ? group : "", named ? ")" : ""));
    free(value);
  }
}

/* Tests with models as their unit, where there are any: those over prompts say less, and are many. */
static void find_tests(ReportFile *file, const Grid *grid) {
  size_t n_models = 0;
  for (size_t r = 0; r < grid->n_rows; r++) n_models += grid_is(grid, r, "unit", "models");
  for (size_t r = 0; r < grid->n_rows; r++) {
    if (n_models && !grid_is(grid, r, "unit", "models")) continue;
    report_find(file, mem_copy_string(grid_text(grid, r, "contrast")),
        mem_format("%s: %.4g ranks, p = %.3g over %s (%.0f of them).", grid_text(grid, r, "categories"),
                   grid_number(grid, r, "statistic"), grid_number(grid, r, "p"), grid_text(grid, r, "unit"),
                   grid_number(grid, r, "n")));
  }
  if (n_models && n_models < grid->n_rows)
    report_find(file, mem_format("%zu more tests", grid->n_rows - n_models),
                mem_copy_string("have prompts as their unit, and are in the table."));
}

/* The ends of every panel. */
static void find_words(ReportFile *file, const Grid *grid) {
  enum { NAMED = 5 };
  for (size_t r = 0; r < grid->n_rows; r++) {
    if (!grid_is(grid, r, "end", "top") || grid_number(grid, r, "rank") != 1) continue;
    char *ends[2] = {mem_copy_string(""), mem_copy_string("")};
    for (size_t k = r; k < grid->n_rows && grid_is(grid, k, "panel", grid_text(grid, r, "panel")); k++) {
      const size_t end = grid_is(grid, k, "end", "bottom");
      if (grid_number(grid, k, "rank") > NAMED) continue;
      char *longer = mem_format("%s%s“%s”", ends[end], ends[end][0] ? ", " : "", grid_text(grid, k, "text"));
      free(ends[end]);
      ends[end] = longer;
    }
    report_find(file, mem_copy_string(grid_text(grid, r, "panel")),
        mem_format("(%s): highest %s; lowest %s.", grid_text(grid, r, "measure"), ends[0], ends[1]));
    free(ends[0]);
    free(ends[1]);
  }
}

/* The implicit reward of whole answers as a judge of preference pairs. */
static void find_pairs(ReportFile *file, const Grid *grid) {
  for (size_t r = 0; r < grid->n_rows; r++) {
    if (isnan(grid_number(grid, r, "accuracy"))) continue;
    const bool is_chance = grid_number(grid, r, "lo") <= 0.5 && grid_number(grid, r, "hi") >= 0.5;
    char *accuracy = report_bounded_row(grid, r, "accuracy");
    report_find(file, mem_format("%s:", grid_text(grid, r, "form")),
                mem_format("the implicit reward prefers the chosen answer in a share of %s of %.0f pairs%s; margin %.4g nats.", accuracy,
                           grid_number(grid, r, "n"), is_chance ? ", not told apart from chance" : "", grid_number(grid, r, "margin")));
    free(accuracy);
  }
}

static void find_truths(ReportFile *file, const Grid *grid) {
  static const char *const verdicts[] = {"found", "missed", "blind", "quiet", "false alarm", "not asked"};
  size_t counts[6] = {0};
  double elsewhere = 0, places = 0;
  for (size_t r = 0; r < grid->n_rows; r++) {
    for (size_t v = 0; v < 6; v++) counts[v] += grid_is(grid, r, "verdict", verdicts[v]);
    elsewhere += grid_number(grid, r, "false_alarms");
    places += grid_number(grid, r, "places");
  }
  report_find(file, mem_format("%zu of %zu", counts[0], counts[0] + counts[1]),
              mem_format("rows in which what was planted must be found say so; %zu are of measures that are blind to it and were, %zu "
                         "quiet where nothing was planted, %zu claim nothing; false alarms: %zu there, %.0f at %.0f places where "
                         "nothing had changed.",
                         counts[2], counts[3], counts[5], counts[4], elsewhere, places));
}

void report_find_values(ReportFile *file, const Grid *grid) {
  if (strcmp(file->kind, "bias") == 0)
    find_tests(file, grid);
  else if (strcmp(file->kind, "calibration") == 0)
    find_truths(file, grid);
  else if (grid_has(grid, "accuracy_1"))
    find_pairs(file, grid);
  else if (grid_has(grid, "panel"))
    find_words(file, grid);
  else if (grid_has(grid, "measure"))
    find_values(file, grid);
}
