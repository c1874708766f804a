/* What stands beside a drift, as columns of the table, notes and datasets of the result. */
#include "base/memory.h"
#include "command/drift/beside.h"

#include <math.h>
#include <stdlib.h>

size_t drift_beside_columns(const DriftBeside *beside, const char **columns, size_t n) {
  static const char *const difference[] = {"against", "difference", "difference_lo", "difference_hi"};
  for (size_t i = 0; i < 4 && beside->has_difference; i++) columns[n++] = difference[i];
  static const char *const noise[] = {"noise", "under_noise"};
  for (size_t i = 0; i < 2 && beside->has_noise; i++) columns[n++] = noise[i];
  static const char *const floors[] = {"floor", "floor_least", "floor_most"};
  for (size_t i = 0; i < 3 && beside->has_floor; i++) columns[n++] = floors[i];
  static const char *const without[] = {"without_outliers", "without_lo", "without_hi", "outliers", "outlier_share"};
  for (size_t i = 0; i < 5 && beside->has_without; i++) columns[n++] = without[i];
  return n;
}

static void add_model(const DriftStores *stores, Provenance *provenance) {
  if (!stores->b) return;
  const StoreContents *c = store_contents(stores->b);
  provenance->models[provenance->n_models].path = c->model ? c->model : "";
  provenance->models[provenance->n_models++].sha256 = c->weights_sha256 ? c->weights_sha256 : "";
}

void drift_beside_provenance(const DriftBeside *beside, Provenance *provenance) {
  add_model(&beside->against_stores, provenance);
  add_model(&beside->noise_stores, provenance);
}

static size_t count_under(const DriftBeside *beside) {
  size_t n = 0;
  for (size_t i = 0; i < beside->noise.n_sites * beside->noise.n_printed; i++) n += beside->under_noise[i] == 1;
  return n;
}

void drift_beside_note(const DriftBeside *beside, const DriftSettings *settings, Table *table) {
  const char *paired = settings->bootstrap ? "; its interval is paired: the same resamples for both" : "";
  if (settings->against)
    table_note(table, "against: the drift of %s from the same frozen model; difference: value - against%s",
               settings->against, paired);
  if (settings->against_layer)
    table_note(table, "against: the drift of block %s at the site of the same kind; difference: value - against%s",
               settings->against_layer, paired);
  if (beside->has_floor && beside->n_floors == 0)
    table_note(table, "floor: none, since one sample has most of the rows");
  else if (beside->has_floor)
    table_note(table,
               "floor: what unrelated data gives: the same rows, each paired with one of another sample; mean of %zu such "
               "pairings drawn with the seed above, floor_least and floor_most of them (fathom's own)",
               beside->n_floors);
  if (beside->has_without)
    table_note(table,
               "without_outliers: the same without the columns named under outliers on both sides, those of largest variance in "
               "the frozen model, which hold outlier_share of it");
  if (!beside->has_noise) return;
  table_note(table,
             "noise: the drift of %s, the frozen model recorded again; under_noise: yes where the value is not told from "
             "that%s",
             settings->noise,
             settings->bootstrap ? ": the paired interval of value - noise reaches 0 (without an interval: value is no further from "
                                   "what identical models give)"
                                 : ": it is no further from what identical models give");
  table_note(table, "%zu values are under the noise", count_under(beside));
}

static void print_without(const DriftBeside *beside, size_t site, size_t at, Table *table) {
  char *columns = drift_outliers_words(&beside->outliers, site);
  table_number(table, beside->without.value[at]);
  table_number(table, beside->without.low[at]);
  table_number(table, beside->without.high[at]);
  table_string(table, columns);
  table_number(table, beside->outliers.share[site]);
  free(columns);
}

void drift_beside_print(const DriftBeside *beside, size_t site, size_t at, Table *table) {
  if (beside->has_difference) {
    table_number(table, beside->against.value[at]);
    table_number(table, beside->difference.value[at]);
    table_number(table, beside->difference.low[at]);
    table_number(table, beside->difference.high[at]);
  }
  if (beside->has_noise) {
    const double under = beside->under_noise[at];
    table_number(table, beside->noise.value[at]);
    table_string(table, isnan(under) ? NULL : under > 0 ? "yes" : "no");
  }
  if (beside->has_floor) {
    table_number(table, beside->floor.value[at]);
    table_number(table, beside->floor_least[at]);
    table_number(table, beside->floor_most[at]);
  }
  if (beside->has_without) print_without(beside, site, at, table);
}

static Status write_values(Result *result, const char *name, const DriftAnswers *of, const double *values, Error *err) {
  const size_t shape[] = {of->n_sites, of->n_printed};
  return result_write_array(result, name, 2, shape, values, err);
}

static Status write_without(const DriftBeside *beside, Result *result, Error *err) {
  const DriftAnswers *without = &beside->without;
  const size_t shape[] = {without->n_sites, beside->outliers.k};
  double *columns = mem_alloc(shape[0] * shape[1], sizeof *columns);
  for (size_t i = 0; i < shape[0] * shape[1]; i++) columns[i] = (double)beside->outliers.columns[i];
  Status status = write_values(result, "without_outliers", without, without->value, err);
  if (status == STATUS_OK) status = write_values(result, "without_lo", without, without->low, err);
  if (status == STATUS_OK) status = write_values(result, "without_hi", without, without->high, err);
  if (status == STATUS_OK) status = result_write_array(result, "outliers", 2, shape, columns, err);
  if (status == STATUS_OK) status = result_write_array(result, "outlier_share", 1, shape, beside->outliers.share, err);
  free(columns);
  return status;
}

Status drift_beside_write(const DriftBeside *beside, const DriftSettings *settings, Result *result, Error *err) {
  const DriftAnswers *difference = &beside->difference;
  Status status = STATUS_OK;
  if (beside->has_difference) {
    status = result_write_attribute(result, settings->against ? "against_store" : "against_layer",
                                    settings->against ? settings->against : settings->against_layer, err);
    if (status == STATUS_OK) status = write_values(result, "against", difference, beside->against.value, err);
    if (status == STATUS_OK) status = write_values(result, "difference", difference, difference->value, err);
    if (status == STATUS_OK) status = write_values(result, "difference_lo", difference, difference->low, err);
    if (status == STATUS_OK) status = write_values(result, "difference_hi", difference, difference->high, err);
  }
  if (status == STATUS_OK && beside->has_floor) {
    status = write_values(result, "floor", &beside->floor, beside->floor.value, err);
    if (status == STATUS_OK) status = write_values(result, "floor_least", &beside->floor, beside->floor_least, err);
    if (status == STATUS_OK) status = write_values(result, "floor_most", &beside->floor, beside->floor_most, err);
  }
  if (status == STATUS_OK && beside->has_without) status = write_without(beside, result, err);
  if (!beside->has_noise || status != STATUS_OK) return status;
  status = result_write_attribute(result, "noise_store", settings->noise, err);
  if (status == STATUS_OK) status = write_values(result, "noise", &beside->noise, beside->noise.value, err);
  if (status == STATUS_OK) status = write_values(result, "under_noise", &beside->noise, beside->under_noise, err);
  return status;
}
