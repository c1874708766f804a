/* What a report says at its top: of each result, in a sentence or two, the thing that it was made to find out, with its
 * interval where it has one. */
#include "base/file.h"
#include "base/memory.h"
#include "command/report.h"
#include "probes/drift/measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- sentences --- */

/* "0.123 [0.1, 0.15]"; freed by the caller. */
static char *bounded(double value, double lo, double hi) {
  if (isnan(lo) || isnan(hi)) return mem_format("%.4g", value);
  return mem_format("%.4g [%.4g, %.4g]", value, lo, hi);
}

static char *bounded_row(const Grid *grid, size_t row, const char *value) {
  return bounded(grid_number(grid, row, value), grid_number(grid, row, "lo"), grid_number(grid, row, "hi"));
}

/* Takes both texts. */
static void add(ReportFile *file, char *lead, char *text) {
  file->findings = mem_resize(file->findings, file->n_findings + 1, sizeof *file->findings);
  file->findings[file->n_findings++] = (Finding){lead, text};
  texts_add(&file->caption, mem_format("%s %s", lead, text));
}

static bool is(const Grid *grid, size_t row, const char *column, const char *text) {
  return strcmp(grid_text(grid, row, column), text) == 0;
}

/* --- drift --- */

/* The value that a measure has for identical models; false where none tells how far two are apart. */
static bool identical_value(const char *name, double *value) {
  size_t which;
  const Measure *measure = measure_find(name, &which);
  return measure && grid_is_number(measure->values[which].identical, value) && !isnan(*value);
}

static bool reaches(const Grid *grid, size_t row, const Mover *m, double identical) {
  const double lo = grid_number(grid, row, "lo"), hi = grid_number(grid, row, "hi");
  return m->value > identical ? hi >= m->lo : lo <= m->hi;
}

static void add_mover(ReportFile *file, const Grid *grid, const char *name) {
  double identical;
  size_t most = grid->n_rows;
  if (!identical_value(name, &identical)) return;
  size_t which;
  measure_find(name, &which);
  Mover m = {.is_first = which == 0};
  for (size_t r = 0; r < grid->n_rows; r++) {
    const double value = grid_number(grid, r, "value");
    if (!is(grid, r, "measure", name) || isnan(value)) continue;
    m.n_sites++;
    if (most == grid->n_rows || fabs(value - identical) > fabs(m.value - identical)) {
      most = r;
      m.value = value;
    }
  }
  if (most == grid->n_rows) return;
  m.distance = fabs(m.value - identical);
  m.lo = grid_number(grid, most, "lo");
  m.hi = grid_number(grid, most, "hi");
  m.n = grid_number(grid, most, "n");
  for (size_t r = 0; r < grid->n_rows; r++)
    m.n_alike += r != most && is(grid, r, "measure", name) && reaches(grid, r, &m, identical);
  m.measure = mem_copy_string(name);
  m.site = mem_copy_string(grid_text(grid, most, "site"));
  file->movers = mem_resize(file->movers, file->n_movers + 1, sizeof *file->movers);
  file->movers[file->n_movers++] = m;
  if (!m.is_first) return;
  char *value = bounded(m.value, m.lo, m.hi);
  texts_add(&file->caption, mem_format("%s is furthest from that of identical models at %s: %s.", name, m.site, value));
  free(value);
}

static void find_movers(ReportFile *file, const Grid *grid) {
  for (size_t r = 0; r < grid->n_rows; r++) {
    bool is_first = true;
    for (size_t k = 0; k < r && is_first; k++) is_first = !is(grid, k, "measure", grid_text(grid, r, "measure"));
    if (is_first) add_mover(file, grid, grid_text(grid, r, "measure"));
  }
}

/* Of models of as many layers: how many layers are most like the layer of the same name. Of others: which are most
 * alike. */
static void find_matches(ReportFile *file, const Grid *grid) {
  const char *measure = grid->n_rows ? grid_text(grid, 0, "measure") : "";
  size_t n = 0, same = 0, at = 0, most = grid->n_rows, n_other = 0;
  while (at < grid->n_rows) {
    const char *site = grid_text(grid, at, "site_a");
    const size_t first = at;
    size_t best = grid->n_rows;
    for (; at < grid->n_rows && is(grid, at, "site_a", site) && is(grid, at, "measure", measure); at++) {
      const double value = grid_number(grid, at, "value");
      if (!isnan(value) && (best == grid->n_rows || value > grid_number(grid, best, "value"))) best = at;
    }
    if (at == first) break; /* the rows of another measure */
    n_other = at - first;
    n++;
    if (best == grid->n_rows) continue;
    same += is(grid, best, "site_b", site);
    if (most == grid->n_rows || grid_number(grid, best, "value") > grid_number(grid, most, "value")) most = best;
  }
  if (n == n_other && n)
    add(file, mem_format("%zu of %zu", same, n),
        mem_format("sites are most like the site of the same name in the other model (%s).", measure));
  else if (most < grid->n_rows)
    add(file, mem_copy_string(grid_text(grid, most, "site_a")),
        mem_format("of A and %s of B are most alike: %s %.4g.", grid_text(grid, most, "site_b"), measure,
                   grid_number(grid, most, "value")));
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
  add(file, mem_format("%.0f steps:", steps),
      isnan(drift)
          ? mem_format("%s.", accuracy)
          : mem_format("%s; relative squared drift of the last batch, mean over blocks: %.3g.", accuracy, drift));
  free(accuracy);
}

static void find_sweep(ReportFile *file, const PlotFile *plot, const Grid *grid) {
  size_t done = 0, shape[] = {0, 3}, n = grid->n_rows, best = n;
  double *aog = NULL;
  for (size_t r = 0; r < n; r++) done += is(grid, r, "status", "done");
  add(file, mem_format("%zu of %zu", done, n), mem_copy_string("runs are done."));
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
    char *value = bounded(of[0], of[1], of[2]);
    add(file, mem_copy_string(grid_text(grid, best, "method")),
        mem_format("gains most on other data: AOG (ours) %s points over the run without an anchor%s.", value,
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
    char *value = bounded(of[0], of[1], of[2]);
    add(file, mem_copy_string(names[i][1]),
        mem_format("%s points over %s.", value, reference ? reference : "the reference"));
    free(value);
    free(of);
  }
  free(reference);
}

static void find_accuracies(ReportFile *file, const Grid *grid) {
  for (size_t r = 0; r < grid->n_rows; r++) {
    if (!grid_has(grid, "accuracy")) return;
    char *accuracy = bounded_row(grid, r, "accuracy");
    const double gain = grid_number(grid, r, "gain");
    char *gained = bounded(gain, grid_number(grid, r, "gain_lo"), grid_number(grid, r, "gain_hi"));
    char *more = isnan(gain) ? mem_copy_string("") : mem_format("; %s points over the reference", gained);
    const bool is_chance = grid_number(grid, r, "lo") <= 0.5 && grid_number(grid, r, "hi") >= 0.5;
    add(file, mem_copy_string(file_name(grid_text(grid, r, "path"))),
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
  add(file, mem_format("%.0f steps:", steps),
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
      if (!is(grid, r, "measure", "relative_frobenius") || isnan(value) || is(grid, r, "kind", "all") ||
          is(grid, r, "kind", "block") != blocks)
        continue;
      if (best == grid->n_rows || value > grid_number(grid, best, "value")) best = r;
    }
    if (best == grid->n_rows) continue;
    const char *layer = grid_text(grid, best, "layer"), *kind = grid_text(grid, best, "kind");
    const bool in_block = strcmp(layer, "-") != 0;
    add(file,
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

/* --- values --- */

/* The row of a measure with the largest |value|. */
static size_t largest(const Grid *grid, const char *measure) {
  size_t best = grid->n_rows;
  for (size_t r = 0; r < grid->n_rows; r++) {
    if (!is(grid, r, "measure", measure) || isnan(grid_number(grid, r, "value"))) continue;
    if (best == grid->n_rows || fabs(grid_number(grid, r, "value")) > fabs(grid_number(grid, best, "value"))) best = r;
  }
  return best;
}

static void find_values(ReportFile *file, const Grid *grid) {
  static const char *const said[][2] = {{"auc", "tells the two poles apart best: held-out AUC"},
                                        {"shift", "has the largest shift:"},
                                        {"rotation", "has turned most: degrees"},
                                        {"projection", "has the group furthest along the axis:"}};
  for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
    const size_t r = largest(grid, said[i][0]);
    if (r == grid->n_rows || (i == 3 && file->n_findings)) continue;
    char *value = bounded_row(grid, r, "value");
    const bool is_chance = i == 0 && !(grid_number(grid, r, "lo") > 0.5);
    const char *group = grid_text(grid, r, "group");
    const bool named = strcmp(group, "-") != 0 && group[0];
    add(file, mem_copy_string(grid_text(grid, r, "site")),
        mem_format("%s %s%s%s%s.",
                   is_chance ? "has the best axis, which is not told apart from chance: held-out AUC" : said[i][1],
                   value, named ? " (" : "", named ? group : "", named ? ")" : ""));
    free(value);
  }
}

/* The row in which two parts differ most in relative_l2. */
static size_t largest_difference(const Grid *grid) {
  static const char lead[] = "relative_l2: ";
  for (size_t r = 0; r < grid->n_rows; r++)
    if (strncmp(grid_text(grid, r, "measure"), lead, sizeof lead - 1) == 0) return largest(grid, grid_text(grid, r, "measure"));
  return grid->n_rows;
}

/* Where the change enters or lies, or what goes with it. */
static void find_parts(ReportFile *file, const Grid *grid) {
  const size_t n = grid->n_rows, all = largest(grid, "share_all"), margin = largest(grid, "spearman");
  const size_t difference = largest_difference(grid), share = largest(grid, "share");
  const size_t r = all < n ? all : margin < n ? margin : difference < n ? difference : share;
  if (r == n) return;
  const char *part = grid_text(grid, r, "part"), *site = grid_text(grid, r, "site");
  const bool none = grid_number(grid, r, "lo") <= 0 && 0 <= grid_number(grid, r, "hi");
  char *value = bounded_row(grid, r, "value");
  if (r == all)
    add(file, mem_format("%s of block %s", part, grid_text(grid, r, "layer")),
        mem_format("has the largest share in the change of %s: %s.", site, value));
  else if (r == margin)
    add(file, mem_copy_string(site),
        mem_format("has the closest rank correlation of the drift of pairs with their margins (%s): %s%s.", part, value,
                   none ? ", which is not told apart from none" : ""));
  else if (r == difference)
    add(file, mem_copy_string(site),
        mem_format("has the largest difference of relative_l2, %s: %s%s.", part, value, none ? ", which is not told apart from none" : ""));
  else
    add(file, mem_copy_string(site), mem_format("has the largest share of its change in one part: %s of %s %s.", value, grid_text(grid, r, "by"), part));
  free(value);
}

/* The site with the furthest of all samples, and those that follow there. */
static void find_samples(ReportFile *file, const Grid *grid) {
  enum { NAMED = 3 };
  const size_t best = largest(grid, "relative_l2");
  if (best == grid->n_rows) return;
  char *names = mem_copy_string("");
  for (size_t r = best; r < grid->n_rows && is(grid, r, "panel", grid_text(grid, best, "panel")); r++) {
    if (grid_number(grid, r, "rank") > NAMED) continue;
    char *longer = mem_format("%s%s“%s” (%.3g)", names, names[0] ? ", " : "", grid_text(grid, r, "text"), grid_number(grid, r, "value"));
    free(names);
    names = longer;
  }
  add(file, mem_copy_string(grid_text(grid, best, "panel")), mem_format("has the samples that drift furthest: %s.", names));
  free(names);
}

static void find_tests(ReportFile *file, const Grid *grid) {
  for (size_t r = 0; r < grid->n_rows; r++)
    add(file, mem_copy_string(grid_text(grid, r, "contrast")),
        mem_format("%s: %.4g ranks, p = %.3g over %s (%.0f of them).", grid_text(grid, r, "categories"),
                   grid_number(grid, r, "statistic"), grid_number(grid, r, "p"), grid_text(grid, r, "unit"),
                   grid_number(grid, r, "n")));
}

/* The ends of every panel. */
static void find_words(ReportFile *file, const Grid *grid) {
  enum { NAMED = 5 };
  for (size_t r = 0; r < grid->n_rows; r++) {
    if (!is(grid, r, "end", "top") || grid_number(grid, r, "rank") != 1) continue;
    char *ends[2] = {mem_copy_string(""), mem_copy_string("")};
    for (size_t k = r; k < grid->n_rows && is(grid, k, "panel", grid_text(grid, r, "panel")); k++) {
      const size_t end = is(grid, k, "end", "bottom");
      if (grid_number(grid, k, "rank") > NAMED) continue;
      char *longer = mem_format("%s%s“%s”", ends[end], ends[end][0] ? ", " : "", grid_text(grid, k, "text"));
      free(ends[end]);
      ends[end] = longer;
    }
    add(file, mem_copy_string(grid_text(grid, r, "panel")),
        mem_format("(%s): highest %s; lowest %s.", grid_text(grid, r, "measure"), ends[0], ends[1]));
    free(ends[0]);
    free(ends[1]);
  }
}

void report_add_findings(ReportFile *file, const PlotFile *plot, const Grid *grid) {
  if (strcmp(file->kind, "drift") == 0)
    find_movers(file, grid);
  else if (strcmp(file->kind, "cross") == 0)
    find_matches(file, grid);
  else if (strcmp(file->kind, "run") == 0)
    find_run(file, grid);
  else if (strcmp(file->kind, "lm-run") == 0)
    find_language(file, grid);
  else if (strcmp(file->kind, "weights") == 0)
    find_weights(file, grid);
  else if (strcmp(file->kind, "sweep") == 0)
    find_sweep(file, plot, grid);
  else if (strcmp(file->kind, "eval") == 0)
    find_evaluation(file, plot, grid);
  else if (strcmp(file->kind, "bias") == 0)
    find_tests(file, grid);
  else if (strcmp(file->kind, "parts") == 0)
    find_parts(file, grid);
  else if (strcmp(file->kind, "samples") == 0)
    find_samples(file, grid);
  else if (grid_has(grid, "panel"))
    find_words(file, grid);
  else if (grid_has(grid, "measure"))
    find_values(file, grid);
}
