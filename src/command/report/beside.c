/* What a result of drift holds beside each value: how much further it is than another, the noise, what unrelated data
 * give, and what is left without the largest dimensions. Its table, what it says, and what to beware of. */
#include "base/memory.h"
#include "command/report/report.h"
#include "probes/drift/measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE, AGAINST, DIFFERENCE, DIFFERENCE_LO, DIFFERENCE_HI, NOISE, UNDER_NOISE, FLOOR, FLOOR_LEAST, FLOOR_MOST, WITHOUT, WITHOUT_LO, WITHOUT_HI, NUMBERS };
static const char *const number_names[NUMBERS] = {
    "value", "against", "difference", "difference_lo", "difference_hi", "noise", "under_noise", "floor", "floor_least", "floor_most", "without_outliers",
    "without_lo", "without_hi"};

typedef struct Beside {
  char **sites, **measures;
  size_t n_sites, n_measures, k;
  double *numbers[NUMBERS]; /* [n_sites, n_measures] each, or NULL */
  double *columns, *shares; /* [n_sites, k] dimensions left out, [n_sites] their share of the variance; or NULL */
} Beside;

static void clear(Beside *b) {
  string_list_free(b->sites, b->n_sites);
  string_list_free(b->measures, b->n_measures);
  for (size_t i = 0; i < NUMBERS; i++) free(b->numbers[i]);
  free(b->columns);
  free(b->shares);
}

static Status read_beside(const PlotFile *plot, Beside *b, Error *err) {
  *b = (Beside){0};
  Status status = plot_read_strings(plot, "site", &b->sites, &b->n_sites, err);
  if (status == STATUS_OK) status = plot_read_strings(plot, "measure", &b->measures, &b->n_measures, err);
  size_t shape[] = {b->n_sites, b->n_measures}, of_columns[] = {b->n_sites, 0};
  for (size_t i = 0; i < NUMBERS && status == STATUS_OK; i++)
    if (result_has(plot->result, number_names[i]))
      status = plot_read_array(plot, number_names[i], 2, shape, &b->numbers[i], err);
  if (status != STATUS_OK || !b->numbers[WITHOUT]) return status;
  status = plot_read_array(plot, "outliers", 2, of_columns, &b->columns, err);
  b->k = of_columns[1];
  return status == STATUS_OK ? plot_read_array(plot, "outlier_share", 1, shape, &b->shares, err) : status;
}

/* --- the table --- */

static char *dimension_words(const Beside *b, size_t site) {
  char *words = mem_copy_string("");
  for (size_t j = 0; j < b->k; j++) {
    char *longer = mem_format("%s%s%.0f", words, j ? ", " : "", b->columns[site * b->k + j]);
    free(words);
    words = longer;
  }
  return words;
}

static void print_row(const Beside *b, size_t site, size_t measure, Table *table) {
  const size_t at = site * b->n_measures + measure;
  char *dimensions = b->columns ? dimension_words(b, site) : NULL;
  table_string(table, b->sites[site]);
  table_string(table, b->measures[measure]);
  for (size_t i = 0; i < NUMBERS; i++) {
    const double number = b->numbers[i] ? b->numbers[i][at] : NAN;
    if (i == UNDER_NOISE)
      table_string(table, isnan(number) ? NULL : number > 0 ? "yes" : "no");
    else
      plot_number(table, number);
  }
  table_string(table, dimensions);
  plot_number(table, b->shares ? b->shares[site] : NAN);
  free(dimensions);
}

static Status make_grid(const Beside *b, Grid *grid, Error *err) {
  const char *names[NUMBERS + 4] = {"site", "measure"};
  const Provenance nobody = {0};
  FILE *out = tmpfile();
  if (!out) return error_system(err, "cannot make a temporary file");
  memcpy(names + 2, number_names, sizeof number_names);
  names[NUMBERS + 2] = "outliers";
  names[NUMBERS + 3] = "outlier_share";
  Table *table = table_begin(out, false, &nobody, names, NUMBERS + 4);
  for (size_t s = 0; s < b->n_sites; s++)
    for (size_t m = 0; m < b->n_measures; m++) print_row(b, s, m, table);
  Status status = table_end(table, err);
  if (status == STATUS_OK) status = grid_read(out, grid, err);
  fclose(out);
  return status;
}

/* --- what it says --- */

/* The measure that is spoken of, and its value for identical models; n_measures where none has one. */
static size_t leading_measure(const Beside *b, double *identical) {
  size_t lead = b->n_measures;
  for (size_t m = 0; m < b->n_measures; m++) {
    double value;
    if (!report_identical_value(b->measures[m], &value)) continue;
    if (lead < b->n_measures && strcmp(b->measures[m], "relative_l2") != 0) continue;
    lead = m;
    *identical = value;
  }
  return lead;
}

static void find_difference(ReportFile *file, const PlotFile *plot, const Beside *b) {
  double identical = 0;
  const size_t m = leading_measure(b, &identical), n = b->n_measures;
  size_t most = b->n_sites, told = 0, with_interval = 0;
  char *other = NULL;
  if (!b->numbers[DIFFERENCE] || !b->numbers[AGAINST] || m == n) return;
  const bool of_model = result_read_attribute(plot->result, "against_store", &other, NULL) == STATUS_OK;
  if (!of_model && result_read_attribute(plot->result, "against_layer", &other, NULL) != STATUS_OK) return;
  for (size_t s = 0; s < b->n_sites; s++) {
    const double difference = b->numbers[DIFFERENCE][s * n + m];
    if (isnan(difference)) continue;
    if (most == b->n_sites || fabs(difference) > fabs(b->numbers[DIFFERENCE][most * n + m])) most = s;
    if (!b->numbers[DIFFERENCE_LO] || !b->numbers[DIFFERENCE_HI] || isnan(b->numbers[DIFFERENCE_LO][s * n + m])) continue;
    with_interval++;
    told += b->numbers[DIFFERENCE_LO][s * n + m] > 0 || b->numbers[DIFFERENCE_HI][s * n + m] < 0;
  }
  if (most < b->n_sites) {
    const size_t at = most * n + m;
    const double value = b->numbers[VALUE][at], against = b->numbers[AGAINST][at];
    const bool has_interval = with_interval && !isnan(b->numbers[DIFFERENCE_LO][at]);
    char *interval = has_interval ? mem_format(" [%.4g, %.4g]", b->numbers[DIFFERENCE_LO][at], b->numbers[DIFFERENCE_HI][at])
                                  : mem_copy_string("");
    char *counted = with_interval ? mem_format("; the interval of the difference leaves out 0 at %zu of %zu sites", told, with_interval)
                                  : mem_copy_string("");
    report_find(file, mem_copy_string(b->sites[most]),
                mem_format("differs most from %s%s, and has drifted %s: %s %.4g against %.4g, difference %.4g%s%s.",
                           of_model ? "that of " : "block ", other,
                           fabs(value - identical) > fabs(against - identical) ? "further" : "less", b->measures[m], value,
                           against, b->numbers[DIFFERENCE][at], interval, counted));
    free(interval);
    free(counted);
  }
  free(other);
}

/* --- what to beware of --- */

static void caution_noise(ReportFile *file, const Beside *b) {
  size_t n = 0, judged = 0, first = 0;
  for (size_t i = 0; i < b->n_sites * b->n_measures; i++) {
    judged += !isnan(b->numbers[UNDER_NOISE][i]);
    if (b->numbers[UNDER_NOISE][i] > 0 && n++ == 0) first = i;
  }
  if (n)
    report_caution(file, "%zu of %zu values are not told from the noise, that is, from the frozen model recorded again: %s at %s%s.",
                   n, judged, b->measures[first % b->n_measures], b->sites[first / b->n_measures],
                   n > 1 ? " is the first of them" : "");
}

/* How far from identical models the nearest of the pairings of unrelated rows are. */
static double floor_distance(const Beside *b, size_t at, double identical) {
  if (!b->numbers[FLOOR_LEAST] || !b->numbers[FLOOR_MOST]) return fabs(b->numbers[FLOOR][at] - identical);
  return fmin(fabs(b->numbers[FLOOR_LEAST][at] - identical), fabs(b->numbers[FLOOR_MOST][at] - identical));
}

/* Values that are as far from identical models as unrelated data. */
static void caution_floor(ReportFile *file, const Beside *b) {
  size_t n = 0, judged = 0, first = 0;
  for (size_t i = 0; i < b->n_sites * b->n_measures; i++) {
    double identical;
    if (!report_identical_value(b->measures[i % b->n_measures], &identical) || isnan(b->numbers[FLOOR][i])) continue;
    judged += !isnan(b->numbers[VALUE][i]);
    if (fabs(b->numbers[VALUE][i] - identical) >= floor_distance(b, i, identical) && n++ == 0) first = i;
  }
  if (n)
    report_caution(file, "%zu of %zu values are no nearer to identical models than unrelated data (floor): %s at %s%s.", n, judged,
                   b->measures[first % b->n_measures], b->sites[first / b->n_measures], n > 1 ? " is the first of them" : "");
}

/* Where a few dimensions hold the variance, or decide the value. */
static void caution_outliers(ReportFile *file, const Beside *b) {
  const double much = 1.5;
  size_t n = 0, widest = 0, furthest = 0;
  double most = 1;
  for (size_t s = 1; s < b->n_sites; s++)
    if (b->shares[s] > b->shares[widest] || isnan(b->shares[widest])) widest = s;
  for (size_t i = 0; i < b->n_sites * b->n_measures; i++) {
    double identical;
    if (!report_identical_value(b->measures[i % b->n_measures], &identical)) continue;
    const double with = fabs(b->numbers[VALUE][i] - identical), without = fabs(b->numbers[WITHOUT][i] - identical);
    const double ratio = with > without ? with / without : without / with; /* NaN where neither is any */
    n += ratio > much;
    if (!(ratio > most)) continue;
    most = ratio;
    furthest = i;
  }
  char *dimensions = dimension_words(b, widest);
  if (b->n_sites && b->shares[widest] >= 0.5)
    report_caution(file, "At %s %.0f %% of the variance lies in dimension%s %s: distances are mostly about %s.", b->sites[widest],
                   100 * b->shares[widest], b->k > 1 ? "s" : "", dimensions, b->k > 1 ? "these" : "this one");
  if (n)
    report_caution(file,
                   "%s at %s is %.4g, and %.4g without the %zu largest dimension%s: few dimensions decide %zu of the values by "
                   "more than half.",
                   b->measures[furthest % b->n_measures], b->sites[furthest / b->n_measures], b->numbers[VALUE][furthest],
                   b->numbers[WITHOUT][furthest], b->k, b->k > 1 ? "s" : "", n);
  free(dimensions);
}

/* What was not looked at, and how to. */
static void caution_unknown(ReportFile *file, const Beside *b) {
  const bool no_noise = !b->numbers[NOISE], no_dimensions = !b->numbers[WITHOUT];
  if (!no_noise && !no_dimensions) return;
  report_caution(file, "Nothing here says %s%s%s.", no_noise ? "how much of this recording the frozen model again would give (--noise)" : "",
                 no_noise && no_dimensions ? ", or " : "",
                 no_dimensions ? "whether a few large dimensions decide the values (--without-outliers)" : "");
}

Status report_write_beside(Report *report, ReportFile *file, const PlotFile *plot, FILE *out, Error *err) {
  Beside b;
  Grid grid = {0};
  Status status = read_beside(plot, &b, err);
  const bool is_any = b.numbers[DIFFERENCE] || b.numbers[NOISE] || b.numbers[FLOOR] || b.numbers[WITHOUT];
  if (status == STATUS_OK && is_any) status = make_grid(&b, &grid, err);
  if (status == STATUS_OK) {
    find_difference(file, plot, &b);
    if (b.numbers[UNDER_NOISE]) caution_noise(file, &b);
    if (b.numbers[FLOOR]) caution_floor(file, &b);
    if (b.numbers[WITHOUT]) caution_outliers(file, &b);
    caution_unknown(file, &b);
  }
  if (status == STATUS_OK && is_any) report_write_grid(report, &grid, "Beside the drift", NULL, out);
  grid_clear(&grid);
  clear(&b);
  return status;
}
