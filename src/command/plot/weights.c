/* The table of results of `fathom weights`: measures over the blocks, by kind of weight. */
#include "base/memory.h"
#include "command/plot/plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct WeightsResult {
  char **kinds, **measures;
  size_t n, n_measures;
  double *layers; /* [n] */
  double *values; /* [n, n_measures] */
} WeightsResult;

static void clear(WeightsResult *w) {
  string_list_free(w->kinds, w->n);
  string_list_free(w->measures, w->n_measures);
  free(w->layers);
  free(w->values);
}

static Status read(const PlotFile *file, WeightsResult *w, Error *err) {
  *w = (WeightsResult){0};
  Status status = plot_read_strings(file, "kind", &w->kinds, &w->n, err);
  if (status == STATUS_OK) status = plot_read_strings(file, "measure", &w->measures, &w->n_measures, err);
  size_t shape[] = {w->n, w->n_measures};
  if (status == STATUS_OK) status = plot_read_array(file, "layer", 1, shape, &w->layers, err);
  if (status == STATUS_OK) status = plot_read_array(file, "value", 2, shape, &w->values, err);
  return status;
}

static bool same_place(const WeightsResult *w, size_t a, size_t b) {
  const bool outside = isnan(w->layers[a]) && isnan(w->layers[b]);
  return (outside || w->layers[a] == w->layers[b]) && strcmp(w->kinds[a], w->kinds[b]) == 0;
}

/* Has the kind a spectral norm somewhere? Else it is a vector, or several weights as one. */
static bool is_matrix(const WeightsResult *w, size_t i) {
  bool matrix = false;
  for (size_t m = 0; m < w->n_measures; m++)
    matrix = matrix || (strcmp(w->measures[m], "spectral") == 0 && isfinite(w->values[i * w->n_measures + m]));
  return matrix;
}

/* Experts of a block share its place: their means. Rows of one block and kind lie no further apart than a block is long. */
static void write_place(const PlotFile *file, const WeightsResult *w, size_t i, size_t end, Table *table) {
  for (size_t m = 0; m < w->n_measures; m++) {
    double sum = 0;
    size_t count = 0;
    for (size_t k = i; k < end; k++) {
      const double value = w->values[k * w->n_measures + m];
      if (!same_place(w, i, k) || !isfinite(value)) continue;
      sum += value;
      count++;
    }
    table_string(table, file->label);
    table_number(table, w->layers[i]);
    char *kind = plot_plain_text(w->kinds[i]);
    table_string(table, kind);
    free(kind);
    table_string(table, w->measures[m]);
    plot_number(table, count ? sum / (double)count : NAN);
  }
}

/* Matrices before vectors, so that the former have the seven colours. */
static void write_file(const PlotFile *file, const WeightsResult *w, Table *table) {
  for (int matrices = 1; matrices >= 0; matrices--)
    for (size_t i = 0, begin = 0, end = 0; i < w->n; i++) {
      if (i == end) {
        begin = i;
        while (end < w->n && (w->layers[end] == w->layers[i] || (isnan(w->layers[end]) && isnan(w->layers[i])))) end++;
      }
      bool seen = false;
      for (size_t k = begin; k < i && !seen; k++) seen = same_place(w, i, k);
      if (!seen && is_matrix(w, i) == matrices) write_place(file, w, i, end, table);
    }
}

static Status write_weights(const PlotFile *files, size_t n_files, Table *table, Error *err) {
  Status status = STATUS_OK;
  for (size_t i = 0; i < n_files && status == STATUS_OK; i++) {
    WeightsResult w;
    status = read(&files[i], &w, err);
    if (status == STATUS_OK) write_file(&files[i], &w, table);
    clear(&w);
  }
  return status;
}

const Figure figure_weights = {
    .name = "weights",
    .kind = "weights",
    .script = "weights.gp",
    .columns = {"file", "layer", "kind", "measure", "value"},
    .write = write_weights,
};
