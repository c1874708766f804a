/* The tables of results of `fathom drift --by margin`: the correlations over the layers are drawn as parts are (parts.c),
 * and here are the pairs themselves, drift against margin. */
#include "base/memory.h"
#include "base/sitename.h"
#include "command/plot/plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct PairsResult {
  char **ids, **sites, **parts;
  size_t n, n_sites, n_parts;             /* pairs, sites, and rows of the table: as many for each site */
  double *margins;                        /* [n] after - before, or after */
  double *drift;                          /* [n_sites, n] */
  double *correlations, *lows, *highs;    /* [n_parts] */
} PairsResult;

static void pairs_clear(PairsResult *p) {
  string_list_free(p->ids, p->n);
  string_list_free(p->sites, p->n_sites);
  string_list_free(p->parts, p->n_parts);
  free(p->margins);
  free(p->drift);
  free(p->correlations);
  free(p->lows);
  free(p->highs);
}

/* The margins after, less those before where the result has them. */
static Status read_margins(const PlotFile *file, PairsResult *p, Error *err) {
  double *before = NULL;
  Status status = plot_read_array(file, "pairs/margin_after", 1, &p->n, &p->margins, err);
  if (status != STATUS_OK || !result_has(file->result, "pairs/margin_before")) return status;
  status = plot_read_array(file, "pairs/margin_before", 1, &p->n, &before, err);
  for (size_t i = 0; i < p->n && status == STATUS_OK; i++) p->margins[i] -= before[i];
  free(before);
  return status;
}

static Status pairs_read(const PlotFile *file, PairsResult *p, Error *err) {
  *p = (PairsResult){0};
  Status status = plot_read_strings(file, "pairs/id", &p->ids, &p->n, err);
  if (status == STATUS_OK) status = plot_read_strings(file, "pairs/site", &p->sites, &p->n_sites, err);
  if (status == STATUS_OK) status = read_margins(file, p, err);
  size_t shape[] = {p->n_sites, p->n};
  if (status == STATUS_OK) status = plot_read_array(file, "pairs/relative_l2", 2, shape, &p->drift, err);
  if (status == STATUS_OK) status = plot_read_strings(file, "part", &p->parts, &p->n_parts, err);
  if (status == STATUS_OK) status = plot_read_array(file, "value", 1, &p->n_parts, &p->correlations, err);
  if (status == STATUS_OK) status = plot_read_array(file, "lo", 1, &p->n_parts, &p->lows, err);
  if (status == STATUS_OK) status = plot_read_array(file, "hi", 1, &p->n_parts, &p->highs, err);
  if (status == STATUS_OK && p->n_parts != 2 * p->n_sites)
    status = error_set(err, STATUS_DATA, "%s: part has %zu entries, expected two for each of %zu sites", file->path, p->n_parts, p->n_sites);
  return status;
}

/* The first of a site's two correlations is with what is drawn up. */
static void write_pair(const PlotFile *file, const PairsResult *p, size_t site, size_t pair, Table *table) {
  const int layer = site_name_parse(p->sites[site]).layer;
  char *id = plot_plain_text(p->ids[pair]);
  table_string(table, file->label);
  table_string(table, p->sites[site]);
  table_number(table, layer == SITE_NO_LAYER ? NAN : layer);
  table_string(table, id);
  table_string(table, p->parts[2 * site]);
  plot_number(table, p->drift[site * p->n + pair]);
  plot_number(table, p->margins[pair]);
  plot_number(table, p->correlations[2 * site]);
  plot_number(table, p->lows[2 * site]);
  plot_number(table, p->highs[2 * site]);
  free(id);
}

static Status write_pairs(const PlotFile *files, size_t n_files, Table *table, Error *err) {
  Status status = STATUS_OK;
  plot_note_interval(files, n_files, table);
  for (size_t i = 0; i < n_files && status == STATUS_OK; i++) {
    PairsResult p;
    status = pairs_read(&files[i], &p, err);
    for (size_t k = 0; k < p.n_sites * p.n && status == STATUS_OK; k++) write_pair(&files[i], &p, k / p.n, k % p.n, table);
    pairs_clear(&p);
  }
  return status;
}

const Figure figure_pairs = {
    .name = "pairs",
    .kind = "margins",
    .script = "pairs.gp",
    .columns = {"file", "site", "layer", "pair", "against", "drift", "margin", "correlation", "lo", "hi"},
    .write = write_pairs,
};
