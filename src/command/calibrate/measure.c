/* Drift between the base model and another, by the functions of fathom drift. */
#include "base/memory.h"
#include "command/calibrate/calibrate.h"
#include "command/drift/drift.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct CalibrateMeasured {
  DriftStores stores;
  DriftSelection selection;
  const MeasureValue **values; /* [n_printed] */
  DriftAnswers answers;
};

void calibrate_measured_free(CalibrateMeasured *m) {
  if (!m) return;
  drift_answers_clear(&m->answers);
  free(m->values);
  drift_stores_close(&m->stores);
  drift_selection_clear(&m->selection);
  free(m);
}

Status calibrate_measure(const Calibration *c, const char *store, const char *sites, size_t resamples, CalibrateMeasured **out,
                         Error *err) {
  char *base = calibrate_path(c, "base"), *a = calibrate_path(c, "base.h5"), *b = calibrate_path(c, store),
       *names = calibrate_measures();
  const DriftSettings settings = {
      .common = c->settings->common, .measures = names, .sites = sites, .lens = base, .bootstrap = resamples};
  CalibrateMeasured *m = mem_alloc(1, sizeof *m);
  Status status = drift_select(names, true, &m->selection, err);
  if (status == STATUS_OK) status = drift_stores_open(a, b, &settings, &m->stores, err);
  if (status == STATUS_OK) {
    m->answers = drift_answers_new(m->stores.n_a, m->selection.n_printed, 0);
    m->values = mem_alloc(m->selection.n_printed, sizeof *m->values);
    for (size_t v = 0, n = 0; v < m->selection.n_values; v++)
      if (m->selection.printed[v]) m->values[n++] = m->selection.values[v];
    status = drift_measure_sites(&m->stores, &m->selection, &settings, &m->answers, err);
  }
  free(base);
  free(a);
  free(b);
  free(names);
  *out = status == STATUS_OK ? m : NULL;
  if (status != STATUS_OK) calibrate_measured_free(m);
  return status;
}

size_t calibrate_count_sites(const CalibrateMeasured *m) { return m->stores.n_a; }

const char *calibrate_site(const CalibrateMeasured *m, size_t site) {
  return store_contents(m->stores.a)->sites[m->stores.sites_a[site]].name;
}

size_t calibrate_find_site(const Calibration *c, const CalibrateMeasured *m, const char *name) {
  char *full = mem_format("blocks.%zu.%s", c->layer, name);
  size_t i = 0;
  while (i < m->stores.n_a && strcmp(calibrate_site(m, i), full) != 0) i++;
  assert(i < m->stores.n_a); /* calibrate_record has recorded it */
  free(full);
  return i;
}

static size_t find_value(const CalibrateMeasured *m, const char *name) {
  size_t v = 0;
  while (v < m->selection.n_printed && strcmp(m->values[v]->name, name) != 0) v++;
  assert(v < m->selection.n_printed); /* calibrate_measures names them all */
  return v;
}

CalibrateReading calibrate_reading(const CalibrateMeasured *m, const CalibrateRule *rule, size_t site) {
  const size_t at = site * m->selection.n_printed, v = find_value(m, rule->measure);
  const DriftAnswers *a = &m->answers;
  return (CalibrateReading){a->value[at + v], a->low[at + v], a->high[at + v],
                            rule->beside ? a->value[at + find_value(m, rule->beside)] : rule->identical};
}
