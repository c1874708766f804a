/* The calibration as a result: the rows of the table, and how far every value of drift is from nothing, site by site. */
#include "base/memory.h"
#include "command/calibrate/calibrate.h"
#include "command/drift/drift.h"
#include "store/result.h"

#include <stdlib.h>

static Status write_rows(Result *result, const Calibration *c, Error *err) {
  const size_t n = c->n_rows;
  const char **texts = mem_alloc(n, sizeof *texts);
  double *numbers = mem_alloc(n, sizeof *numbers);
  Status status = STATUS_OK;
  for (int t = 0; t < ROW_TEXTS && status == STATUS_OK; t++) {
    for (size_t i = 0; i < n; i++) texts[i] = calibrate_text(&c->rows[i], t);
    status = result_write_strings(result, calibrate_text_names[t], texts, n, err);
  }
  for (int k = 0; k < ROW_NUMBERS && status == STATUS_OK; k++) {
    for (size_t i = 0; i < n; i++) numbers[i] = calibrate_number(&c->rows[i], k);
    status = result_write_array(result, calibrate_number_names[k], 1, &n, numbers, err);
  }
  free(texts);
  free(numbers);
  return status;
}

static Status write_curves(Result *result, const Calibration *c, Error *err) {
  const CalibrateCurves *k = &c->curves;
  const size_t shape[] = {k->n_truths, k->n_rules, k->n_sites};
  const char **names = mem_alloc(k->n_rules, sizeof *names);
  double *tolerances = mem_alloc(k->n_rules, sizeof *tolerances), *layers = mem_alloc(k->n_sites, sizeof *layers);
  for (size_t r = 0; r < k->n_rules; r++) {
    names[r] = calibrate_rules[r].measure;
    tolerances[r] = calibrate_rules[r].tolerance;
  }
  for (size_t i = 0; i < k->n_sites; i++) layers[i] = drift_layer(k->sites[i]);
  Status status = result_write_strings(result, "curves/truth", calibrate_truths, k->n_truths, err);
  if (status == STATUS_OK) status = result_write_strings(result, "curves/measure", names, k->n_rules, err);
  if (status == STATUS_OK) status = result_write_strings(result, "curves/site", (const char *const *)k->sites, k->n_sites, err);
  if (status == STATUS_OK) status = result_write_array(result, "curves/layer", 1, &k->n_sites, layers, err);
  if (status == STATUS_OK) status = result_write_array(result, "curves/tolerance", 1, &k->n_rules, tolerances, err);
  if (status == STATUS_OK) status = result_write_array(result, "curves/distance", 3, shape, k->distances, err);
  if (status == STATUS_OK) status = result_write_array(result, "curves/edited_layer", 1, &(size_t){1}, &(double){(double)c->layer}, err);
  free(names);
  free(tolerances);
  free(layers);
  return status;
}

static Status write_notes(Result *result, const Calibration *c, Error *err) {
  Table *notes = table_notebook();
  calibrate_note(c, notes);
  return result_write_notes(result, notes, err);
}

Status calibrate_write(const Calibration *c, const Provenance *from, Error *err) {
  Result *result = NULL;
  Status status = result_create(c->settings->output, "calibration", from, &result, err);
  if (status == STATUS_OK) status = write_rows(result, c, err);
  if (status == STATUS_OK) status = write_curves(result, c, err);
  if (status == STATUS_OK) status = write_notes(result, c, err);
  if (status == STATUS_OK)
    status = result_finish(result, err);
  else
    result_close(result);
  return status;
}
