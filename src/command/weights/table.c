/* What is said of the pairs: a row each, a row for every block and one for all, as a table and as a result file. */
#include "base/memory.h"
#include "command/weights/weights.h"
#include "store/result.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const weight_measures[WEIGHT_MEASURES] = {"frobenius", "relative_frobenius", "spectral", "relative_spectral",
                                                      "effective_rank"};

/* A pair, or several taken as one. */
typedef struct WeightRow {
  char *tensor; /* owned */
  const char *kind;
  double layer, rows, columns; /* NaN: none */
  double base, values[WEIGHT_MEASURES];
  bool has[WEIGHT_MEASURES];
} WeightRow;

typedef struct RowList {
  WeightRow *items;
  size_t count;
} RowList;

static void clear_rows(RowList *rows) {
  for (size_t i = 0; i < rows->count; i++) free(rows->items[i].tensor);
  free(rows->items);
}

static WeightRow pair_row(const WeightPair *pair) {
  WeightRow row = {.tensor = mem_copy_string(pair->tensor),
                   .kind = pair->kind,
                   .layer = pair->layer == SIZE_MAX ? NAN : (double)pair->layer,
                   .rows = (double)pair->rows,
                   .columns = (double)pair->columns,
                   .base = pair->base};
  memcpy(row.values, pair->values, sizeof row.values);
  for (int m = 0; m < WEIGHT_MEASURES; m++) row.has[m] = !pair->is_vector || m <= WEIGHT_RELATIVE_FROBENIUS;
  return row;
}

/* Pairs [first, end) as one long vector: their Frobenius norms are its. */
static WeightRow joined_row(const WeightPair *pairs, size_t first, size_t end, char *name, const char *kind) {
  WeightRow row = {.tensor = name, .kind = kind, .layer = NAN, .rows = NAN, .columns = NAN};
  double difference = 0, base = 0;
  for (size_t i = first; i < end; i++) {
    difference += pairs[i].values[WEIGHT_FROBENIUS] * pairs[i].values[WEIGHT_FROBENIUS];
    base += pairs[i].base * pairs[i].base;
  }
  row.base = sqrt(base);
  for (int m = 0; m < WEIGHT_MEASURES; m++) row.values[m] = NAN;
  row.values[WEIGHT_FROBENIUS] = sqrt(difference);
  row.values[WEIGHT_RELATIVE_FROBENIUS] = difference == 0 ? 0 : base > 0 ? sqrt(difference / base) : NAN;
  row.has[WEIGHT_FROBENIUS] = row.has[WEIGHT_RELATIVE_FROBENIUS] = true;
  return row;
}

/* A block's row stands behind its weights'; the one of all at the end. */
static RowList list_rows(const WeightsRun *run) {
  const WeightPair *pairs = run->pairs;
  const size_t n = run->n_pairs;
  RowList rows = {mem_alloc(2 * n + 1, sizeof *rows.items), 0};
  for (size_t i = 0, first = 0; i < n; i++) {
    if (i && pairs[i].layer != pairs[i - 1].layer) first = i;
    rows.items[rows.count++] = pair_row(&pairs[i]);
    if (pairs[i].layer == SIZE_MAX || (i + 1 < n && pairs[i + 1].layer == pairs[i].layer)) continue;
    WeightRow *row = &rows.items[rows.count++];
    *row = joined_row(pairs, first, i + 1, mem_format("blocks.%zu", pairs[i].layer), "block");
    row->layer = (double)pairs[i].layer;
  }
  rows.items[rows.count++] = joined_row(pairs, 0, n, mem_copy_string("all"), "all");
  return rows;
}

Provenance weights_provenance(const Invocation *call, const WeightsRun *run) {
  Provenance p = invocation_provenance(call, "weights", &run->settings->common);
  const bool on_one = run->sides[1].adapter && run->sides[0].source == run->sides[1].source;
  for (int k = 0; k < (on_one ? 1 : 2); k++) {
    p.models[p.n_models].path = run->sides[k].path;
    p.models[p.n_models++].sha256 = source_digest(run->sides[k].source);
  }
  if (!run->sides[1].adapter) return p;
  p.models[p.n_models].path = adapter_path(run->sides[1].adapter);
  p.models[p.n_models++].sha256 = adapter_digest(run->sides[1].adapter);
  return p;
}

/* The element types of a side's weights, "F32, Q4_1"; freed by the caller. */
static char *type_words(const WeightsRun *run, int side) {
  bool seen[DTYPE_COUNT] = {false};
  char *words = mem_copy_string("");
  for (size_t i = 0; i < run->n_pairs; i++) {
    const WeightSource *w = side ? &run->pairs[i].w1 : &run->pairs[i].w0;
    if (w->tensor) seen[w->tensor->dtype] = true;
  }
  for (int i = 0; i < DTYPE_COUNT; i++) {
    if (!seen[i]) continue;
    char *longer = mem_format("%s%s%s", words, *words ? ", " : "", dtype_info((Dtype)i)->name);
    free(words);
    words = longer;
  }
  return words;
}

static void note(const WeightsRun *run, Table *table) {
  size_t n_factors = 0;
  char *types[2] = {type_words(run, 0), type_words(run, 1)};
  for (size_t i = 0; i < run->n_pairs; i++) n_factors += run->pairs[i].has_factors;
  if (strcmp(types[0], types[1]) == 0)
    table_note(table, "weights are stored as %s", types[0]);
  else
    table_note(table, "weights are stored as %s in %s and as %s in %s: what rounding changed is part of the drift", types[0],
               run->sides[0].name, types[1], run->sides[1].name);
  if (run->sides[1].adapter)
    table_note(table, "%zu weights have factors of %s%s", n_factors, adapter_path(run->sides[1].adapter),
               run->sides[0].source == run->sides[1].source ? ", which are measured without forming their product" : "");
  for (size_t i = 0; i < run->n_notes; i++) table_note(table, "%s", run->notes[i]);
  table_note(table, "effective_rank is at most the smaller of rows and columns; '-': nothing has changed");
  free(types[0]);
  free(types[1]);
}

Status weights_print(const WeightsRun *run, const Provenance *provenance, Error *err) {
  static const char *const columns[] = {"tensor", "layer", "kind", "rows", "columns", "measure", "value"};
  Table *table = table_begin(stdout, run->settings->common.json, provenance, columns, 7);
  RowList rows = list_rows(run);
  note(run, table);
  for (size_t i = 0; i < rows.count; i++)
    for (int m = 0; m < WEIGHT_MEASURES; m++) {
      const WeightRow *row = &rows.items[i];
      if (!row->has[m]) continue;
      table_string(table, row->tensor);
      table_number(table, row->layer);
      table_string(table, row->kind);
      table_number(table, row->rows);
      table_number(table, row->columns);
      table_string(table, weight_measures[m]);
      table_number(table, row->values[m]);
    }
  clear_rows(&rows);
  return table_end(table, err);
}

static Status write_notes(const WeightsRun *run, Result *result, Error *err) {
  Table *notes = table_notebook();
  note(run, notes);
  return result_write_notes(result, notes, err);
}

Status weights_write(const WeightsRun *run, const Provenance *provenance, Error *err) {
  RowList rows = list_rows(run);
  const size_t n = rows.count, shape[] = {n, WEIGHT_MEASURES};
  const char **tensors = mem_alloc(n, sizeof *tensors), **kinds = mem_alloc(n, sizeof *kinds);
  double *numbers = mem_alloc(4 * n, sizeof *numbers), *layers = numbers, *heights = layers + n, *widths = heights + n,
         *bases = widths + n, *values = mem_alloc(n * WEIGHT_MEASURES, sizeof *values);
  for (size_t i = 0; i < n; i++) {
    const WeightRow *row = &rows.items[i];
    tensors[i] = row->tensor;
    kinds[i] = row->kind;
    layers[i] = row->layer;
    heights[i] = row->rows;
    widths[i] = row->columns;
    bases[i] = row->base;
    memcpy(values + i * WEIGHT_MEASURES, row->values, sizeof row->values);
  }
  Result *result = NULL;
  Status status = result_create(run->settings->output, "weights", provenance, &result, err);
  if (status == STATUS_OK) status = result_write_strings(result, "tensor", tensors, n, err);
  if (status == STATUS_OK) status = result_write_strings(result, "kind", kinds, n, err);
  if (status == STATUS_OK) status = result_write_strings(result, "measure", weight_measures, WEIGHT_MEASURES, err);
  if (status == STATUS_OK) status = result_write_array(result, "layer", 1, shape, layers, err);
  if (status == STATUS_OK) status = result_write_array(result, "rows", 1, shape, heights, err);
  if (status == STATUS_OK) status = result_write_array(result, "columns", 1, shape, widths, err);
  if (status == STATUS_OK) status = result_write_array(result, "base", 1, shape, bases, err);
  if (status == STATUS_OK) status = result_write_array(result, "value", 2, shape, values, err);
  if (status == STATUS_OK) status = write_notes(run, result, err);
  if (status == STATUS_OK)
    status = result_finish(result, err);
  else
    result_close(result);
  free(tensors);
  free(kinds);
  free(numbers);
  free(values);
  clear_rows(&rows);
  return status;
}
