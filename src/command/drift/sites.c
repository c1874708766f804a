/* Sites measured, as many at a time as memory allows. */
#include "base/log.h"
#include "base/memory.h"
#include "command/drift/drift.h"
#include "probes/drift/columns.h"
#include "probes/drift/drift.h"
#include "probes/drift/interval.h"
#include "probes/drift/shifted.h"
#include "probes/drift/subsample.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

DriftAnswers drift_answers_new(size_t n_sites, size_t n_printed, size_t n_resamples) {
  const size_t n = n_sites * n_printed;
  DriftAnswers a = {n_sites, n_printed, n_resamples, mem_alloc(n, sizeof(double)), mem_alloc(n, sizeof(double)),
                    mem_alloc(n, sizeof(double)), n_resamples ? mem_alloc(n * n_resamples, sizeof(double)) : NULL};
  for (size_t i = 0; i < n; i++) a.value[i] = a.low[i] = a.high[i] = NAN;
  for (size_t i = 0; i < n * n_resamples; i++) a.resampled[i] = NAN;
  return a;
}

void drift_answers_clear(DriftAnswers *a) {
  free(a->value);
  free(a->low);
  free(a->high);
  free(a->resampled);
  *a = (DriftAnswers){0};
}

/* What the sites are measured with, and where to. */
typedef struct Work {
  const DriftStores *stores;
  const DriftSelection *selection;
  const DriftSettings *settings;
  DriftAnswers *to;
} Work;

static Status measure_site(void *context, size_t i, Error *err) {
  const Work *w = context;
  const DriftStores *stores = w->stores;
  const DriftSelection *s = w->selection;
  const DriftSettings *settings = w->settings;
  DriftAnswers *to = w->to;
  StoreRows rows_a = {stores->a, stores->sites_a[i]}, rows_b = {stores->b, stores->sites_b[i]};
  const RowSide of_a = drift_side(&rows_a), in_place = drift_side(&rows_b);
  ShiftedRows shifted = {&in_place, &stores->plan, stores->shift};
  const RowSide of_b = stores->shift ? rows_shift(&shifted) : in_place;
  const DriftOutliers *out = stores->outliers;
  NarrowRows narrow_a = {&of_a, out ? out->k : 0, out ? out->columns + i * out->k : NULL}, narrow_b = narrow_a;
  narrow_b.from = &of_b;
  const RowSource source = {out ? columns_leave_out(&narrow_a) : of_a, out ? columns_leave_out(&narrow_b) : of_b};
  Estimate *estimates = mem_alloc(s->n_values, sizeof *estimates);
  Interval *intervals = mem_alloc(s->n_values, sizeof *intervals);
  const size_t n_resamples = to->n_resamples;
  double *resampled = n_resamples ? mem_alloc(s->n_values * n_resamples, sizeof *resampled) : NULL;
  DriftLens lens;
  const bool is_read = drift_lens_at(&stores->lens, source.x.site, &lens);
  const DriftAids aids = {.seed = settings->common.seed,
                          .lens = is_read ? &lens : NULL,
                          .row_class = stores->row_class,
                          .n_classes = stores->n_classes};
  const Status status =
      drift_measure(&source, &stores->plan, s->measures, s->n_measures, &aids, settings->bootstrap > 0, estimates, err);
  if (status == STATUS_OK)
    intervals_resample(stores->plan.n_samples, s->n_values, estimates, settings->bootstrap, settings->common.seed,
                       intervals, resampled);
  for (size_t v = 0, at = i * s->n_printed; v < s->n_values && status == STATUS_OK; v++) {
    if (!s->printed[v]) continue;
    if (resampled)
      memcpy(to->resampled + at * n_resamples, resampled + v * n_resamples, n_resamples * sizeof *resampled);
    to->value[at] = estimates[v].value;
    to->low[at] = intervals[v].low;
    to->high[at++] = intervals[v].high;
  }
  estimates_clear(estimates, s->n_values);
  free(estimates);
  free(intervals);
  free(resampled);
  return status;
}

/* Bytes that a site takes: matrices of its measures, blocks of rows as read, centred and multiplied, rows and pairs of rows of subsamples, and
 * a few numbers a sample for every value and for the intervals. */
static size_t site_bytes(const DriftStores *stores, size_t i, const DriftSelection *s) {
  const size_t dx = store_contents(stores->a)->sites[stores->sites_a[i]].width;
  const size_t dy = store_contents(stores->b)->sites[stores->sites_b[i]].width, d = dx > dy ? dx : dy;
  const size_t block = stores->plan.longest > ROW_BLOCK ? stores->plan.longest : ROW_BLOCK;
  const size_t pairs = SUBSAMPLE_ROWS * SUBSAMPLE_ROWS / 2;
  const size_t copies = (stores->outliers ? 1 : 0) + (stores->shift ? 2 : 0); /* of a block, on their way to the measures */
  size_t matrices = 0, subsamples = 0;
  for (size_t m = 0; s && m < s->n_measures; m++) {
    matrices += s->measures[m]->matrices;
    subsamples += s->measures[m]->subsampled;
  }
  const size_t numbers = subsamples * pairs * 4 + (s ? 3 * s->n_values * stores->plan.n_samples : 0);
  return ((matrices * d + (12 + copies) * block + 3 * subsamples * SUBSAMPLE_ROWS) * d + numbers) * sizeof(double);
}

size_t drift_site_bytes(const DriftStores *stores, const DriftSelection *s) {
  size_t most = 0;
  for (size_t i = 0; i < stores->n_a; i++) {
    const size_t bytes = site_bytes(stores, i, s);
    if (bytes > most) most = bytes;
  }
  return most;
}

/* How many sites are measured at a time: as many as there are threads and memory allows. */
static Status sites_at_a_time(const DriftSettings *settings, size_t n_sites, size_t bytes, size_t *n, Error *err) {
  const size_t needed = (bytes >> 20) + 1;
  if (settings->memory && bytes > settings->memory)
    return drift_by_has_measures(settings->by)
               ? error_set(err, STATUS_USAGE,
                           "--memory %zuM: these measures of one site take %zuM; --measures takes some of them, --rows fewer samples",
                           settings->memory >> 20, needed)
               : error_set(err, STATUS_USAGE, "--memory %zuM: one site takes %zuM; --rows takes fewer samples", settings->memory >> 20,
                           needed);
  *n = (settings->memory ? settings->memory : DRIFT_MEMORY) / (bytes ? bytes : 1);
  if (*n == 0) *n = 1;
  if (*n > (size_t)omp_get_max_threads()) *n = (size_t)omp_get_max_threads();
  if (*n > n_sites) *n = n_sites;
  return STATUS_OK;
}

Status drift_each_site(const DriftSettings *settings, size_t n, size_t bytes, DriftSiteWork work, void *context, Error *err) {
  size_t together = 1;
  const Status fits = sites_at_a_time(settings, n, bytes, &together, err);
  if (fits != STATUS_OK) return fits;
  Error *errors = mem_alloc(n, sizeof *errors);
  Status *states = mem_alloc(n, sizeof *states), status = STATUS_OK;
  Progress progress = progress_begin("drift", "sites", n);
  size_t done = 0;
  bool failed = false;
#pragma omp parallel for schedule(dynamic) num_threads((int)together)
  for (size_t i = 0; i < n; i++) {
    bool skip;
#pragma omp atomic read
    skip = failed;
    if (skip) continue;
    states[i] = work(context, i, &errors[i]);
    if (states[i] != STATUS_OK) {
#pragma omp atomic write
      failed = true;
    }
#pragma omp critical(drift_progress)
    progress_show(&progress, ++done);
  }
  progress_end(&progress);
  for (size_t i = 0; i < n && status == STATUS_OK; i++)
    if (states[i] != STATUS_OK) {
      *err = errors[i];
      status = states[i];
    }
  free(errors);
  free(states);
  return status;
}

Status drift_measure_sites(DriftStores *stores, const DriftSelection *s, const DriftSettings *settings,
                           DriftAnswers *to, Error *err) {
  Work work = {stores, s, settings, to};
  for (size_t m = 0; m < s->n_measures; m++) {
    if (s->measures[m]->needs != NEEDS_LABELS || stores->row_class) continue;
    const Status status = drift_labels_read(stores, err);
    if (status != STATUS_OK) return status;
  }
  /* Values in every resample, as they are drawn and as they are kept, beside those of all sites. */
  const size_t drawn = (2 * s->n_values + 1) * settings->bootstrap * sizeof(double), kept = stores->kept_bytes;
  const size_t bytes = drift_site_bytes(stores, s) + drawn;
  DriftSettings left = *settings;
  if (settings->memory && kept && bytes + kept > settings->memory)
    return error_set(err, STATUS_USAGE,
                     "--memory %zuM: these measures of one site take %zuM, resamples of all sites that are subtracted %zuM; "
                     "--bootstrap takes fewer of them",
                     settings->memory >> 20, (bytes >> 20) + 1, (kept >> 20) + 1);
  if (settings->memory) left.memory -= kept;
  return drift_each_site(&left, stores->n_a, bytes, measure_site, &work, err);
}
