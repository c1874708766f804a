/* The tables of results of `fathom drift --by`: parts, or correlations with margins, over the layers; and the samples that
 * drift most. */
#include "base/memory.h"
#include "base/sitename.h"
#include "command/plot/plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct PartsResult {
  char **sites, **parts, **measures, *by, *difference;
  size_t n;
  double *values, *lows, *highs;
} PartsResult;

static void parts_clear(PartsResult *p) {
  string_list_free(p->sites, p->n);
  string_list_free(p->parts, p->n);
  string_list_free(p->measures, p->n);
  free(p->by);
  free(p->difference);
  free(p->values);
  free(p->lows);
  free(p->highs);
}

static Status parts_read(const PlotFile *file, PartsResult *p, Error *err) {
  *p = (PartsResult){0};
  Status status = result_read_attribute(file->result, "by", &p->by, err);
  if (status == STATUS_OK) status = result_read_attribute(file->result, "difference", &p->difference, err);
  if (status == STATUS_OK) status = plot_read_strings(file, "site", &p->sites, &p->n, err);
  if (status == STATUS_OK) status = plot_read_strings(file, "part", &p->parts, &p->n, err);
  if (status == STATUS_OK) status = plot_read_strings(file, "measure", &p->measures, &p->n, err);
  if (status == STATUS_OK) status = plot_read_array(file, "value", 1, &p->n, &p->values, err);
  if (status == STATUS_OK) status = plot_read_array(file, "lo", 1, &p->n, &p->lows, err);
  if (status == STATUS_OK) status = plot_read_array(file, "hi", 1, &p->n, &p->highs, err);
  return status;
}

/* A branch is a kind of site at a layer: its own where the deepest site is split over all of them. */
static void write_row(const PlotFile *file, const PartsResult *p, size_t i, Table *table) {
  const bool branch = strcmp(p->by, "branch") == 0, difference = strcmp(p->parts[i], p->difference) == 0;
  const SiteName part = site_name_parse(p->parts[i]), site = site_name_parse(p->sites[i]);
  const bool own = branch && strcmp(p->measures[i], "share_all") == 0;
  const int layer = own ? part.layer : site.layer;
  if (branch && part.kind[0] == 0) return; /* rounding */
  char *series = plot_plain_text(branch ? part.kind : p->parts[i]);
  char *panel = difference ? mem_format("%s: %s", p->measures[i], series) : mem_copy_string(p->measures[i]);
  table_string(table, file->label);
  table_string(table, p->by);
  table_string(table, panel);
  table_string(table, p->sites[i]);
  table_number(table, layer == SITE_NO_LAYER ? NAN : layer);
  table_string(table, series);
  plot_number(table, p->values[i]);
  plot_number(table, p->lows[i]);
  plot_number(table, p->highs[i]);
  free(series);
  free(panel);
}

static Status write_parts(const PlotFile *files, size_t n_files, Table *table, Error *err) {
  Status status = STATUS_OK;
  plot_note_interval(files, n_files, table);
  for (size_t i = 0; i < n_files && status == STATUS_OK; i++) {
    PartsResult parts;
    status = parts_read(&files[i], &parts, err);
    for (size_t k = 0; k < parts.n && status == STATUS_OK; k++) write_row(&files[i], &parts, k, table);
    parts_clear(&parts);
  }
  return status;
}

#define PARTS_COLUMNS {"file", "by", "measure", "site", "layer", "part", "value", "lo", "hi"}
const Figure figure_parts = {"parts", "parts", "parts.gp", PARTS_COLUMNS, write_parts};
const Figure figure_margins = {"margins", "margins", "parts.gp", PARTS_COLUMNS, write_parts};

typedef struct SamplesResult {
  char **sites, **samples, **labels, **groups;
  size_t n;
  double *ranks, *values;
} SamplesResult;

static void samples_clear(SamplesResult *s) {
  string_list_free(s->sites, s->n);
  string_list_free(s->samples, s->n);
  string_list_free(s->labels, s->n);
  string_list_free(s->groups, s->n);
  free(s->ranks);
  free(s->values);
}

static Status samples_read(const PlotFile *file, SamplesResult *s, Error *err) {
  *s = (SamplesResult){0};
  Status status = plot_read_strings(file, "site", &s->sites, &s->n, err);
  if (status == STATUS_OK) status = plot_read_strings(file, "sample", &s->samples, &s->n, err);
  if (status == STATUS_OK) status = plot_read_strings(file, "label", &s->labels, &s->n, err);
  if (status == STATUS_OK) status = plot_read_strings(file, "group", &s->groups, &s->n, err);
  if (status == STATUS_OK) status = plot_read_array(file, "rank", 1, &s->n, &s->ranks, err);
  if (status == STATUS_OK) status = plot_read_array(file, "relative_l2", 1, &s->n, &s->values, err);
  return status;
}

/* Drawn by the script of words; labels are the colours, or else groups. */
static Status write_samples(const PlotFile *files, size_t n_files, Table *table, Error *err) {
  Status status = STATUS_OK;
  for (size_t i = 0; i < n_files && status == STATUS_OK; i++) {
    SamplesResult s;
    status = samples_read(&files[i], &s, err);
    for (size_t k = 0; k < s.n && status == STATUS_OK; k++) {
      char *sample = plot_plain_text(s.samples[k]);
      char *category = plot_plain_text(s.labels[k][0] ? s.labels[k] : s.groups[k][0] ? s.groups[k] : "-");
      table_string(table, files[i].label);
      table_string(table, s.sites[k]);
      table_string(table, "relative_l2");
      table_string(table, "top");
      table_number(table, s.ranks[k]);
      table_string(table, sample);
      table_string(table, category);
      plot_number(table, s.values[k]);
      table_number(table, NAN);
      table_number(table, NAN);
      free(sample);
      free(category);
    }
    samples_clear(&s);
  }
  return status;
}

const Figure figure_samples = {
    .name = "samples",
    .kind = "samples",
    .script = "words.gp",
    .columns = {"file", "panel", "measure", "end", "rank", "text", "category", "value", "lo", "hi"},
    .write = write_samples,
};
