/* The tables of results of `fathom calibrate`: the verdict on every measure and truth, and how far each measure is from nothing at every
 * site, before and behind the block that was edited. */
#include "base/memory.h"
#include "command/plot/plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- verdicts --- */

enum { TRUTH, INSTRUMENT, MEASURE, VERDICT, TEXTS };
static const char *const text_names[TEXTS] = {"truth", "instrument", "measure", "verdict"};
enum { VALUE, FALSE_ALARMS, NUMBERS };
static const char *const number_names[NUMBERS] = {"value", "false_alarms"};

typedef struct Rows {
  size_t n;
  char **texts[TEXTS];      /* [n] each */
  double *numbers[NUMBERS]; /* [n] each */
} Rows;

static void clear_rows(Rows *r) {
  for (size_t t = 0; t < TEXTS; t++) string_list_free(r->texts[t], r->n);
  for (size_t k = 0; k < NUMBERS; k++) free(r->numbers[k]);
}

static Status read_rows(const PlotFile *file, Rows *r, Error *err) {
  Status status = STATUS_OK;
  *r = (Rows){0};
  for (size_t t = 0; t < TEXTS && status == STATUS_OK; t++) status = plot_read_strings(file, text_names[t], &r->texts[t], &r->n, err);
  for (size_t k = 0; k < NUMBERS && status == STATUS_OK; k++)
    status = plot_read_array(file, number_names[k], 1, &r->n, &r->numbers[k], err);
  return status;
}

/* The worse, the higher: of rows that share a cell the worst counts. */
static int badness(const Rows *r, size_t i) {
  static const char *const order[] = {"not asked", "blind", "quiet", "found", "missed", "false alarm"};
  enum { N = sizeof order / sizeof order[0] };
  if (r->numbers[FALSE_ALARMS][i] > 0) return N - 1;
  for (int k = 0; k < N; k++)
    if (strcmp(r->texts[VERDICT][i], order[k]) == 0) return k;
  return N - 1;
}

static bool share_cell(const Rows *r, size_t i, size_t k) {
  return strcmp(r->texts[TRUTH][i], r->texts[TRUTH][k]) == 0 && strcmp(r->texts[INSTRUMENT][i], r->texts[INSTRUMENT][k]) == 0 &&
         strcmp(r->texts[MEASURE][i], r->texts[MEASURE][k]) == 0;
}

static void write_cell(const PlotFile *file, const Rows *r, size_t first, Table *table) {
  size_t worst = first, n = 0;
  for (size_t i = first; i < r->n; i++) {
    if (!share_cell(r, first, i)) continue;
    if (badness(r, i) > badness(r, worst)) worst = i;
    n++;
  }
  char *truth = plot_plain_text(r->texts[TRUTH][worst]),
       *measure = mem_format("%s %s", r->texts[INSTRUMENT][worst], r->texts[MEASURE][worst]), *plain = plot_plain_text(measure);
  table_string(table, file->label);
  table_string(table, truth);
  table_string(table, plain);
  table_string(table, r->numbers[FALSE_ALARMS][worst] > 0 ? "false alarm" : r->texts[VERDICT][worst]);
  plot_number(table, n == 1 ? r->numbers[VALUE][worst] : NAN);
  table_count(table, n);
  free(truth);
  free(measure);
  free(plain);
}

static Status write_verdicts(const PlotFile *files, size_t n_files, Table *table, Error *err) {
  Status status = STATUS_OK;
  for (size_t f = 0; f < n_files && status == STATUS_OK; f++) {
    Rows rows;
    status = read_rows(&files[f], &rows, err);
    for (size_t i = 0; i < rows.n && status == STATUS_OK; i++) {
      size_t before = 0;
      while (before < i && !share_cell(&rows, before, i)) before++;
      if (before == i) write_cell(&files[f], &rows, i, table);
    }
    clear_rows(&rows);
  }
  return status;
}

const Figure figure_verdicts = {
    .name = "verdicts",
    .kind = "calibration",
    .script = "verdicts.gp",
    .columns = {"file", "truth", "measure", "verdict", "value", "rows"},
    .write = write_verdicts,
};

/* --- curves --- */

typedef struct Curves {
  char **truths, **measures, **sites;
  size_t n_truths, n_measures, n_sites;
  double *layers, *tolerances, *distances, *edited;
} Curves;

static void clear_curves(Curves *c) {
  string_list_free(c->truths, c->n_truths);
  string_list_free(c->measures, c->n_measures);
  string_list_free(c->sites, c->n_sites);
  free(c->layers);
  free(c->tolerances);
  free(c->distances);
  free(c->edited);
}

static Status read_curves(const PlotFile *file, Curves *c, Error *err) {
  *c = (Curves){0};
  Status status = plot_read_strings(file, "curves/truth", &c->truths, &c->n_truths, err);
  if (status == STATUS_OK) status = plot_read_strings(file, "curves/measure", &c->measures, &c->n_measures, err);
  if (status == STATUS_OK) status = plot_read_strings(file, "curves/site", &c->sites, &c->n_sites, err);
  size_t shape[] = {c->n_truths, c->n_measures, c->n_sites}, one = 1;
  if (status == STATUS_OK) status = plot_read_array(file, "curves/layer", 1, &c->n_sites, &c->layers, err);
  if (status == STATUS_OK) status = plot_read_array(file, "curves/tolerance", 1, &c->n_measures, &c->tolerances, err);
  if (status == STATUS_OK) status = plot_read_array(file, "curves/distance", 3, shape, &c->distances, err);
  if (status == STATUS_OK) status = plot_read_array(file, "curves/edited_layer", 1, &one, &c->edited, err);
  return status;
}

/* Where a site stands among the blocks: the stream behind a block at its number, what is in the block before it. */
static double place_of(const char *site, double layer) {
  static const char *const inside[] = {"hook_v", "hook_attn_out", "hook_mlp_out"};
  for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++)
    if (strstr(site, inside[i])) return layer - 0.75 + 0.25 * (double)i;
  return layer;
}

static void write_curve(const PlotFile *file, const Curves *c, size_t t, size_t m, Table *table) {
  for (size_t i = 0; i < c->n_sites; i++) {
    char *truth = plot_plain_text(c->truths[t]), *measure = plot_plain_text(c->measures[m]);
    table_string(table, file->label);
    table_string(table, truth);
    table_string(table, measure);
    table_string(table, c->sites[i]);
    plot_number(table, place_of(c->sites[i], c->layers[i]));
    plot_number(table, c->edited[0]);
    plot_number(table, c->distances[(t * c->n_measures + m) * c->n_sites + i]);
    free(truth);
    free(measure);
  }
}

/* Measures that mean nothing where nothing changed have no distance to draw. */
static Status write_planted(const PlotFile *files, size_t n_files, Table *table, Error *err) {
  Status status = STATUS_OK;
  for (size_t f = 0; f < n_files && status == STATUS_OK; f++) {
    Curves c;
    status = read_curves(&files[f], &c, err);
    for (size_t t = 0; t < c.n_truths && status == STATUS_OK; t++)
      for (size_t m = 0; m < c.n_measures; m++)
        if (isfinite(c.tolerances[m])) write_curve(&files[f], &c, t, m, table);
    clear_curves(&c);
  }
  return status;
}

const Figure figure_planted = {
    .name = "planted",
    .kind = "calibration",
    .script = "planted.gp",
    .columns = {"file", "truth", "measure", "site", "place", "edited_layer", "distance"},
    .write = write_planted,
};
