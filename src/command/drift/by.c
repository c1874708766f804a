/* fathom drift --by: which way the change is split, and the table and the result file of those ways that give parts. */
#include "command/drift/by.h"

#include "base/memory.h"
#include "store/result.h"

#include <stdlib.h>
#include <string.h>

static Status write_texts(Result *result, const PartTable *t, Error *err) {
  static const char *const names[] = {"site", "part", "measure"};
  const char **texts = mem_alloc(t->n, sizeof *texts);
  Status status = STATUS_OK;
  for (size_t k = 0; k < 3 && status == STATUS_OK; k++) {
    for (size_t i = 0; i < t->n; i++)
      texts[i] = k == 0 ? t->rows[i].site : k == 1 ? t->rows[i].part : t->rows[i].measure;
    status = result_write_strings(result, names[k], texts, t->n, err);
  }
  free(texts);
  return status;
}

static Status write_numbers(Result *result, const PartTable *t, Error *err) {
  static const char *const names[] = {"layer", "value", "lo", "hi", "n", "n_rows"};
  double *values = mem_alloc(t->n, sizeof *values);
  Status status = STATUS_OK;
  for (size_t k = 0; k < 6 && status == STATUS_OK; k++) {
    for (size_t i = 0; i < t->n; i++) {
      const PartRow *row = &t->rows[i];
      const double all[] = {drift_layer(row->site), row->value,      row->interval.low,
                            row->interval.high,     (double)row->n, (double)row->n_rows};
      values[i] = all[k];
    }
    status = result_write_array(result, names[k], 1, &t->n, values, err);
  }
  free(values);
  return status;
}

static void note(const PartTable *t, Table *table) {
  drift_note_rows(table, t->stores);
  drift_note_sites(table, t->stores);
  drift_note_compute(table, t->stores);
  drift_note_intervals(table, t->settings);
  table_note(table, "%s", t->note);
  if (t->selection) drift_note_measures(table, t->selection);
}

static Status write_notes(const PartTable *t, Result *result, Error *err) {
  Table *notes = table_notebook();
  note(t, notes);
  return result_write_notes(result, notes, err);
}

static Status write_result(const PartTable *t, const Provenance *provenance, Error *err) {
  char *interval = drift_interval_words(t->settings), *compute = drift_compute_words(t->stores);
  Result *result = NULL;
  Status status = result_create(t->settings->output, t->kind, provenance, &result, err);
  if (status == STATUS_OK) status = result_write_attribute(result, "by", t->settings->by, err);
  if (status == STATUS_OK)
    status = result_write_attribute(result, "difference", t->difference ? t->difference : "", err);
  if (status == STATUS_OK && interval) status = result_write_attribute(result, "interval", interval, err);
  if (status == STATUS_OK) status = result_write_attribute(result, "compute_dtype", compute, err);
  if (status == STATUS_OK) status = drift_write_nonfinite(t->stores, result, err);
  if (status == STATUS_OK) status = write_texts(result, t, err);
  if (status == STATUS_OK) status = write_numbers(result, t, err);
  if (status == STATUS_OK) status = write_notes(t, result, err);
  if (status == STATUS_OK && t->write_more) status = t->write_more(t->more, result, err);
  free(interval);
  free(compute);
  if (status == STATUS_OK) return result_finish(result, err);
  result_close(result);
  return status;
}

static Status print(const PartTable *t, const Provenance *provenance, Error *err) {
  static const char *const columns[] = {"site", "layer", "by", "part", "measure", "value", "lo", "hi", "n", "n_rows"};
  Table *table = table_begin(stdout, t->settings->common.json, provenance, columns, 10);
  note(t, table);
  for (size_t i = 0; i < t->n; i++) {
    const PartRow *row = &t->rows[i];
    table_string(table, row->site);
    table_number(table, drift_layer(row->site));
    table_string(table, t->settings->by);
    table_string(table, row->part);
    table_string(table, row->measure);
    table_number(table, row->value);
    table_number(table, row->interval.low);
    table_number(table, row->interval.high);
    table_count(table, row->n);
    table_count(table, row->n_rows);
  }
  return table_end(table, err);
}

Status part_table_finish(const PartTable *table, Error *err) {
  const Provenance provenance = drift_provenance(table->call, table->settings, table->stores);
  const Status status = table->settings->output ? write_result(table, &provenance, err) : STATUS_OK;
  return status == STATUS_OK ? print(table, &provenance, err) : status;
}

bool drift_by_has_measures(const char *by) {
  return !by || !(strcmp(by, "branch") == 0 || strcmp(by, "margin") == 0 || strcmp(by, "sample") == 0);
}

Status drift_by_check(const DriftSelection *selection, Error *err) {
  for (size_t m = 0; m < selection->n_measures; m++)
    if (selection->measures[m]->needs == NEEDS_LABELS)
      return error_set(err, STATUS_USAGE, "--by: %s is fit on all rows, not on parts of them", selection->measures[m]->name);
  return STATUS_OK;
}

Status drift_by(const Invocation *call, const DriftSettings *settings, const DriftStores *stores,
                const DriftSelection *selection, Error *err) {
  if (strcmp(settings->by, "branch") == 0) return drift_by_branch(call, settings, stores, err);
  if (strcmp(settings->by, "margin") == 0) return drift_by_margin(call, settings, stores, err);
  if (strcmp(settings->by, "sample") == 0) return drift_by_sample(call, settings, stores, err);
  return drift_by_part(call, settings, stores, selection, err);
}
