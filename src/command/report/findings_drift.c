/* What results of drift say: the site that moved most by each measure, the layers that are most alike, the part and the
 * samples in which the change lies. */
#include "base/memory.h"
#include "command/report/report.h"
#include "probes/drift/measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool report_identical_value(const char *name, double *value) {
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
  if (!report_identical_value(name, &identical)) return;
  size_t which;
  measure_find(name, &which);
  Mover m = {.is_first = which == 0};
  for (size_t r = 0; r < grid->n_rows; r++) {
    const double value = grid_number(grid, r, "value");
    if (!grid_is(grid, r, "measure", name) || isnan(value)) continue;
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
    m.n_alike += r != most && grid_is(grid, r, "measure", name) && reaches(grid, r, &m, identical);
  m.measure = mem_copy_string(name);
  m.site = mem_copy_string(grid_text(grid, most, "site"));
  file->movers = mem_resize(file->movers, file->n_movers + 1, sizeof *file->movers);
  file->movers[file->n_movers++] = m;
  if (!m.is_first) return;
  char *value = report_bounded(m.value, m.lo, m.hi);
  texts_add(&file->caption, mem_format("%s is furthest from that of identical models at %s: %s.", name, m.site, value));
  free(value);
}

static void find_movers(ReportFile *file, const Grid *grid) {
  for (size_t r = 0; r < grid->n_rows; r++) {
    bool is_first = true;
    for (size_t k = 0; k < r && is_first; k++) is_first = !grid_is(grid, k, "measure", grid_text(grid, r, "measure"));
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
    for (; at < grid->n_rows && grid_is(grid, at, "site_a", site) && grid_is(grid, at, "measure", measure); at++) {
      const double value = grid_number(grid, at, "value");
      if (!isnan(value) && (best == grid->n_rows || value > grid_number(grid, best, "value"))) best = at;
    }
    if (at == first) break; /* the rows of another measure */
    n_other = at - first;
    n++;
    if (best == grid->n_rows) continue;
    same += grid_is(grid, best, "site_b", site);
    if (most == grid->n_rows || grid_number(grid, best, "value") > grid_number(grid, most, "value")) most = best;
  }
  if (n == n_other && n)
    report_find(file, mem_format("%zu of %zu", same, n),
        mem_format("sites are most like the site of the same name in the other model (%s).", measure));
  else if (most < grid->n_rows)
    report_find(file, mem_copy_string(grid_text(grid, most, "site_a")),
        mem_format("of A and %s of B are most alike: %s %.4g.", grid_text(grid, most, "site_b"), measure,
                   grid_number(grid, most, "value")));
}

/* The row in which two parts differ most in relative_l2. */
static size_t largest_difference(const Grid *grid) {
  static const char lead[] = "relative_l2: ";
  for (size_t r = 0; r < grid->n_rows; r++)
    if (strncmp(grid_text(grid, r, "measure"), lead, sizeof lead - 1) == 0) return report_largest(grid, grid_text(grid, r, "measure"));
  return grid->n_rows;
}

static const char *not_told(const Grid *grid, size_t r) {
  const bool none = grid_number(grid, r, "lo") <= 0 && 0 <= grid_number(grid, r, "hi");
  return none ? ", which is not told apart from none" : "";
}

/* Where the change enters or lies. */
static void find_parts(ReportFile *file, const Grid *grid) {
  const size_t n = grid->n_rows, all = report_largest(grid, "share_all"), difference = largest_difference(grid), share = report_largest(grid, "share");
  const size_t r = all < n ? all : difference < n ? difference : share;
  if (r == n) return;
  const char *part = grid_text(grid, r, "part"), *site = grid_text(grid, r, "site");
  char *value = report_bounded_row(grid, r, "value");
  if (r == all)
    report_find(file, mem_format("%s of block %s", part, grid_text(grid, r, "layer")),
        mem_format("has the largest share in the change of %s: %s.", site, value));
  else if (r == difference)
    report_find(file, mem_copy_string(site),
        mem_format("has the largest difference of relative_l2, %s: %s%s.", part, value, not_told(grid, r)));
  else
    report_find(file, mem_copy_string(site), mem_format("has the largest share of its change in one part: %s of %s %s.", value, grid_text(grid, r, "by"), part));
  free(value);
}

/* The closest of many correlations is close by chance, too, so their number stands beside it. */
static void find_margins(ReportFile *file, const Grid *grid) {
  const size_t r = report_largest(grid, "spearman");
  size_t n = 0, told = 0;
  if (r == grid->n_rows) return;
  for (size_t i = 0; i < grid->n_rows; i++) {
    n += !isnan(grid_number(grid, i, "value"));
    told += grid_number(grid, i, "lo") > 0 || grid_number(grid, i, "hi") < 0;
  }
  char *value = report_bounded_row(grid, r, "value");
  report_find(file, mem_copy_string(grid_text(grid, r, "site")),
      mem_format("has the closest rank correlation of the drift of pairs with their margins (%s): %s%s. Of all %zu correlations %zu have "
                 "an interval that leaves out 0.",
                 grid_text(grid, r, "part"), value, not_told(grid, r), n, told));
  free(value);
}

/* The site with the furthest of all samples, and those that follow there. */
static void find_samples(ReportFile *file, const Grid *grid) {
  enum { NAMED = 3 };
  const size_t best = report_largest(grid, "relative_l2");
  if (best == grid->n_rows) return;
  char *names = mem_copy_string("");
  for (size_t r = best; r < grid->n_rows && grid_is(grid, r, "panel", grid_text(grid, best, "panel")); r++) {
    if (grid_number(grid, r, "rank") > NAMED) continue;
    char *longer = mem_format("%s%s“%s” (%.3g)", names, names[0] ? ", " : "", grid_text(grid, r, "text"), grid_number(grid, r, "value"));
    free(names);
    names = longer;
  }
  report_find(file, mem_copy_string(grid_text(grid, best, "panel")), mem_format("has the samples that drift furthest: %s.", names));
  free(names);
}

bool report_find_drift(ReportFile *file, const Grid *grid) {
  if (strcmp(file->kind, "drift") == 0)
    find_movers(file, grid);
  else if (strcmp(file->kind, "cross") == 0)
    find_matches(file, grid);
  else if (strcmp(file->kind, "parts") == 0)
    find_parts(file, grid);
  else if (strcmp(file->kind, "margins") == 0)
    find_margins(file, grid);
  else if (strcmp(file->kind, "samples") == 0)
    find_samples(file, grid);
  else
    return false;
  return true;
}
