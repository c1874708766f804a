/* Site against site of the same name: measured, printed, written, judged. */
#include "base/memory.h"
#include "command/drift/beside.h"
#include "probes/drift/subsample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Neighbours of one measure may share a note. */
void drift_note_measures(Table *table, const DriftSelection *s) {
  const char *last = "";
  for (size_t v = 0; v < s->n_values; v++) {
    const char *note = s->printed[v] ? s->values[v]->note : NULL;
    if (!note || strcmp(note, last) == 0) continue;
    table_note(table, "%s", note);
    last = note;
  }
}

static void note_subsample(const DriftStores *stores, const DriftSelection *s, const DriftSettings *settings,
                           Table *table) {
  for (size_t m = 0; m < s->n_measures; m++) {
    if (!s->measures[m]->subsampled) continue;
    RowSubsample *sub = row_subsample_new(&stores->plan, settings->common.seed);
    table_note(table, "%s: %zu rows of %zu samples%s", s->measures[m]->name, sub->n_rows, sub->n_samples,
               sub->n_rows < stores->plan.n_rows ? ", whole samples drawn with the seed, the same for every site" : "");
    row_subsample_free(sub);
  }
}

static void note(const DriftStores *stores, const DriftSelection *s, const DriftSettings *settings,
                 const DriftBeside *beside, Table *table) {
  drift_note_rows(table, stores);
  drift_note_sites(table, stores);
  drift_note_compute(table, stores);
  drift_note_intervals(table, settings);
  drift_note_measures(table, s);
  if (stores->row_class) table_note(table, "labels: %zu classes", stores->n_classes);
  if (settings->lens) table_note(table, "lens: final norm and head of %s, on both sides", settings->lens);
  note_subsample(stores, s, settings, table);
  drift_beside_note(beside, settings, table);
}

static void print(const DriftStores *stores, const DriftSelection *s, const DriftSettings *settings,
                  const DriftAnswers *from, const DriftBeside *beside, Table *table) {
  const StoreContents *c = store_contents(stores->a);
  const size_t n = stores->plan.n_samples;
  note(stores, s, settings, beside, table);
  for (size_t i = 0; i < stores->n_a; i++) {
    const char *site = c->sites[stores->sites_a[i]].name;
    for (size_t v = 0, at = i * s->n_printed; v < s->n_values; v++) {
      if (!s->printed[v]) continue;
      table_string(table, site);
      table_number(table, drift_layer(site));
      table_string(table, s->values[v]->name);
      table_number(table, from->value[at]);
      table_number(table, from->low[at]);
      table_number(table, from->high[at]);
      table_count(table, n);
      drift_beside_print(beside, i, at++, table);
    }
  }
}

static Status write_notes(const DriftStores *stores, const DriftSelection *s, const DriftSettings *settings,
                          const DriftBeside *beside, Result *result, Error *err) {
  Table *notes = table_notebook();
  note(stores, s, settings, beside, notes);
  return result_write_notes(result, notes, err);
}

static Status write_result(const DriftStores *stores, const DriftSelection *s, const DriftSettings *settings,
                           const Provenance *provenance, const DriftAnswers *from, const DriftBeside *beside,
                           Error *err) {
  const size_t n_sites = stores->n_a, shape[] = {n_sites, s->n_printed};
  const char **sites = mem_alloc(n_sites, sizeof *sites), **names = mem_alloc(s->n_printed, sizeof *names);
  double *layers = mem_alloc(n_sites, sizeof *layers), *counts = mem_alloc(n_sites * s->n_printed, sizeof *counts);
  for (size_t i = 0; i < n_sites; i++) {
    sites[i] = store_contents(stores->a)->sites[stores->sites_a[i]].name;
    layers[i] = drift_layer(sites[i]);
  }
  for (size_t v = 0, m = 0; v < s->n_values; v++)
    if (s->printed[v]) names[m++] = s->values[v]->name;
  for (size_t i = 0; i < n_sites * s->n_printed; i++) counts[i] = (double)stores->plan.n_samples;
  char *interval = drift_interval_words(settings), *compute = drift_compute_words(stores);
  Result *result = NULL;
  Status status = result_create(settings->output, "drift", provenance, &result, err);
  if (status == STATUS_OK && interval) status = result_write_attribute(result, "interval", interval, err);
  if (status == STATUS_OK) status = result_write_attribute(result, "compute_dtype", compute, err);
  if (status == STATUS_OK) status = drift_write_nonfinite(stores, result, err);
  if (status == STATUS_OK) status = result_write_strings(result, "site", sites, n_sites, err);
  if (status == STATUS_OK) status = result_write_strings(result, "measure", names, s->n_printed, err);
  if (status == STATUS_OK) status = result_write_array(result, "layer", 1, shape, layers, err);
  if (status == STATUS_OK) status = result_write_array(result, "value", 2, shape, from->value, err);
  if (status == STATUS_OK) status = result_write_array(result, "lo", 2, shape, from->low, err);
  if (status == STATUS_OK) status = result_write_array(result, "hi", 2, shape, from->high, err);
  if (status == STATUS_OK) status = result_write_array(result, "n", 2, shape, counts, err);
  if (status == STATUS_OK) status = drift_beside_write(beside, settings, result, err);
  if (status == STATUS_OK) status = write_notes(stores, s, settings, beside, result, err);
  if (status == STATUS_OK)
    status = result_finish(result, err);
  else
    result_close(result);
  free(sites);
  free(names);
  free(layers);
  free(counts);
  free(interval);
  free(compute);
  return status;
}

/* STATUS_NO where a value is above its limit; what is undefined cannot be said to be below it. */
static Status judge(const DriftStores *stores, const DriftSelection *s, const DriftLimit *limits, size_t n,
                    const DriftAnswers *from, Error *err) {
  for (size_t k = 0; k < n; k++)
    for (size_t i = 0; i < stores->n_a; i++)
      for (size_t v = 0, at = i * s->n_printed; v < s->n_values; v++) {
        if (!s->printed[v]) continue;
        const double value = from->value[at++];
        if (strcmp(s->values[v]->name, limits[k].measure) != 0 || value <= limits[k].most) continue;
        const char *site = store_contents(stores->a)->sites[stores->sites_a[i]].name;
        if (isnan(value))
          return error_set(err, STATUS_NO, "%s: %s is undefined, limit %g", site, s->values[v]->name, limits[k].most);
        return error_set(err, STATUS_NO, "%s: %s is %.6g, limit %g", site, s->values[v]->name, value, limits[k].most);
      }
  return STATUS_OK;
}

Status drift_check_widths(const DriftStores *stores, const DriftSelection *s, Error *err) {
  for (size_t m = 0; m < s->n_measures; m++)
    if (!s->measures[m]->same_width) return STATUS_OK;
  for (size_t i = 0; i < stores->n_a; i++) {
    const StoreSite *a = &store_contents(stores->a)->sites[stores->sites_a[i]],
                    *b = &store_contents(stores->b)->sites[stores->sites_b[i]];
    if (a->width != b->width)
      return error_set(err, STATUS_DATA, "%s and %s: %s has width %zu against %zu, and %s needs one width",
                       store_path(stores->a), store_path(stores->b), a->name, a->width, b->width, s->measures[0]->name);
  }
  return STATUS_OK;
}

/* How many resamples of each value are kept to be subtracted, and their part of the memory: those of the drift, of what it
 * is compared with and of one more at a time. */
static Status keep_resamples(DriftStores *stores, const DriftSelection *s, const DriftSettings *settings,
                             DriftBeside *beside, size_t *n, Error *err) {
  enum { SETS = 3 };
  *n = beside->has_difference || beside->has_noise ? settings->bootstrap : 0;
  const size_t most = settings->memory ? settings->memory : DRIFT_MEMORY;
  const double bytes = (double)SETS * (double)stores->n_a * (double)s->n_printed * (double)*n * sizeof(double);
  if (bytes <= (double)most) {
    stores->kept_bytes = beside->against_stores.kept_bytes = beside->noise_stores.kept_bytes = (size_t)bytes;
    return STATUS_OK;
  }
  return error_set(err, STATUS_USAGE,
                   "--bootstrap %zu: what is subtracted keeps the resamples of %zu values, %.0f MiB where --memory is %zu MiB: "
                   "--sites, --layers and --measures take fewer",
                   *n, stores->n_a * s->n_printed, bytes / (1 << 20), most >> 20);
}

Status drift_compare(const Invocation *call, const DriftSettings *settings, DriftStores *stores, DriftBeside *beside,
                     const DriftSelection *s, const DriftLimit *limits, Error *err) {
  const char *columns[7 + DRIFT_BESIDE_COLUMNS] = {"site", "layer", "measure", "value", "lo", "hi", "n"};
  const size_t n_columns = drift_beside_columns(beside, columns, 7);
  Provenance provenance = drift_provenance(call, settings, stores);
  drift_beside_provenance(beside, &provenance);
  size_t n_kept;
  Status status = keep_resamples(stores, s, settings, beside, &n_kept, err);
  if (status != STATUS_OK) return status;
  DriftAnswers answers = drift_answers_new(stores->n_a, s->n_printed, n_kept);
  status = drift_check_widths(stores, s, err);
  if (status == STATUS_OK) status = drift_measure_sites(stores, s, settings, &answers, err);
  if (status == STATUS_OK) status = drift_beside_measure(stores, s, settings, &answers, beside, err);
  if (status == STATUS_OK && settings->output)
    status = write_result(stores, s, settings, &provenance, &answers, beside, err);
  if (status == STATUS_OK) {
    Table *table = table_begin(stdout, settings->common.json, &provenance, columns, n_columns);
    print(stores, s, settings, &answers, beside, table);
    status = table_end(table, err);
  }
  if (status == STATUS_OK) status = judge(stores, s, limits, settings->fail_above.count, &answers, err);
  drift_answers_clear(&answers);
  return status;
}
