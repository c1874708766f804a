/* What stands beside a drift: how much further it is than that of another model or layer, what recording the frozen
 * model again gives, what unrelated rows give, and what is left without outlier columns. All of it is measured on the
 * same samples with the same resamples, so that it is paired. */
#include "base/memory.h"
#include "base/sitename.h"
#include "command/drift/beside.h"
#include "probes/drift/interval.h"
#include "probes/drift/shifted.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FLOORS = 10 }; /* pairings of unrelated rows that a floor is the mean of */

/* Rows that a plan has of each sample of the store. Freed by the caller. */
static size_t *rows_of_samples(const RowPlan *plan, size_t n_samples) {
  size_t *rows = mem_alloc(n_samples, sizeof *rows);
  for (size_t s = 0; s < plan->n_samples; s++) rows[plan->samples[s]] = plan->begin[s + 1] - plan->begin[s];
  return rows;
}

/* Leaves in both plans the samples of which both have the same rows: unfinished stores end early, others hold NaN. */
static Status intersect(DriftStores *one, DriftStores *other, Error *err) {
  const size_t n = store_contents(one->a)->n_samples;
  DriftStores *const both[] = {one, other};
  size_t *const rows[] = {rows_of_samples(&one->plan, n), rows_of_samples(&other->plan, n)};
  bool *out = mem_alloc(n, sizeof *out);
  Status status = STATUS_OK;
  for (size_t k = 0; k < 2; k++) {
    RowPlan *plan = &both[k]->plan;
    for (size_t s = 0; s < plan->n_samples; s++) {
      const uint32_t sample = plan->samples[s];
      out[s] = rows[0][sample] != rows[1][sample];
    }
    const size_t before = plan->n_samples;
    row_plan_leave_out(plan, out);
    both[k]->n_unshared += before - plan->n_samples;
    if (plan->n_samples == 0)
      status = error_set(err, STATUS_DATA, "%s and %s: no sample is left that both can be compared on",
                         store_path(one->b), store_path(other->b));
  }
  free(rows[0]);
  free(rows[1]);
  free(out);
  return status;
}

/* Of the sites of `other`, keeps those that are compared. */
static Status keep_sites(const DriftStores *stores, DriftStores *other, Error *err) {
  size_t n = 0;
  for (size_t i = 0; i < other->n_a; i++)
    for (size_t k = 0; k < stores->n_a; k++)
      if (stores->sites_a[k] == other->sites_a[i]) {
        other->sites_a[n] = other->sites_a[i];
        other->sites_b[n++] = other->sites_b[i];
        break;
      }
  other->n_a = other->n_b = n;
  if (n) return STATUS_OK;
  return error_set(err, STATUS_DATA, "%s has none of the sites that %s and %s are compared at", store_path(other->b),
                   store_path(stores->a), store_path(stores->b));
}

/* Of the samples that --rows drew; a draw of its own would be another where a store is not complete. */
static Status open_beside(const char *path_a, const char *path, const DriftSettings *settings, DriftStores *stores,
                          DriftStores *other, Error *err) {
  DriftSettings all_rows = *settings;
  all_rows.rows = 0;
  Status status = drift_stores_open(path_a, path, &all_rows, other, err);
  if (status == STATUS_OK) status = keep_sites(stores, other, err);
  if (status == STATUS_OK) status = intersect(stores, other, err);
  return status;
}

/* A recording of another model is no noise. */
static Status check_noise(const DriftStores *noise, Error *err) {
  const StoreContents *a = store_contents(noise->a), *again = store_contents(noise->b);
  const char *one = a->weights_sha256, *two = again->weights_sha256;
  if (!one || !two || !one[0] || !two[0] || strcmp(one, two) == 0) return STATUS_OK;
  return error_set(err, STATUS_DATA,
                   "--noise %s: recorded from weights %.12s, expected those of %s, %.12s: noise is what the frozen model "
                   "gives again",
                   store_path(noise->b), two, store_path(noise->a), one);
}

Status drift_beside_open(const char *path_a, const DriftSettings *settings, DriftStores *stores, DriftBeside *beside,
                         Error *err) {
  Status status = STATUS_OK;
  beside->has_difference = settings->against || settings->against_layer;
  beside->has_noise = settings->noise;
  beside->has_floor = settings->floor;
  beside->has_without = settings->without_outliers > 0;
  if (settings->against) status = open_beside(path_a, settings->against, settings, stores, &beside->against_stores, err);
  if (status == STATUS_OK && settings->noise)
    status = open_beside(path_a, settings->noise, settings, stores, &beside->noise_stores, err);
  if (status == STATUS_OK && settings->noise) status = check_noise(&beside->noise_stores, err);
  if (status == STATUS_OK && settings->against && settings->noise)
    status = intersect(&beside->against_stores, stores, err);
  if (status == STATUS_OK && beside->has_without)
    status = drift_outliers_find(stores, settings->without_outliers, &beside->outliers, err);
  return status;
}

void drift_beside_close(DriftBeside *beside) {
  drift_stores_close(&beside->against_stores);
  drift_stores_close(&beside->noise_stores);
  drift_answers_clear(&beside->against);
  drift_answers_clear(&beside->noise);
  drift_answers_clear(&beside->difference);
  drift_answers_clear(&beside->floor);
  drift_answers_clear(&beside->without);
  drift_outliers_clear(&beside->outliers);
  free(beside->floor_least);
  free(beside->floor_most);
  free(beside->under_noise);
  *beside = (DriftBeside){0};
}

/* One site's answers to another place. */
static void copy_site(const DriftAnswers *from, size_t i, DriftAnswers *to, size_t k) {
  const size_t n = from->n_printed, many = n * from->n_resamples;
  memcpy(to->value + k * n, from->value + i * n, n * sizeof(double));
  memcpy(to->low + k * n, from->low + i * n, n * sizeof(double));
  memcpy(to->high + k * n, from->high + i * n, n * sizeof(double));
  if (many) memcpy(to->resampled + k * many, from->resampled + i * many, many * sizeof(double));
}

/* The drift of another model at the sites of the stores, NaN at those that it lacks. */
static Status measure_other(const DriftStores *stores, DriftStores *other, const DriftSelection *s,
                            const DriftSettings *settings, DriftAnswers *to, Error *err) {
  DriftAnswers found = drift_answers_new(other->n_a, s->n_printed, settings->bootstrap);
  *to = drift_answers_new(stores->n_a, s->n_printed, settings->bootstrap);
  const Status status = drift_measure_sites(other, s, settings, &found, err);
  for (size_t i = 0; i < other->n_a && status == STATUS_OK; i++)
    for (size_t k = 0; k < stores->n_a; k++)
      if (stores->sites_a[k] == other->sites_a[i]) copy_site(&found, i, to, k);
  drift_answers_clear(&found);
  return status;
}

static SiteName site_at(const DriftStores *stores, size_t i) {
  return site_name_parse(store_contents(stores->a)->sites[stores->sites_a[i]].name);
}

/* The block of --against-layer. */
static Status read_layer(const DriftStores *stores, const char *text, int *layer, Error *err) {
  const StoreContents *c = store_contents(stores->a);
  int last = SITE_NO_LAYER;
  for (size_t i = 0; i < c->n_sites; i++) {
    const int at = site_name_parse(c->sites[i].name).layer;
    if (at > last) last = at;
  }
  const size_t n = (size_t)(last + 1);
  bool *chosen = mem_alloc(n, sizeof *chosen);
  const Status status = layers_parse(text, "--against-layer", n, chosen, err);
  size_t count = 0;
  for (size_t i = 0; i < n; i++)
    if (chosen[i]) count++, *layer = (int)i;
  free(chosen);
  if (status != STATUS_OK || count == 1) return status;
  return error_set(err, STATUS_USAGE, "--against-layer %s: expected one block, found %zu", text, count);
}

/* The drift of the sites of one layer, at all sites of their kinds; NaN elsewhere. */
static Status spread_layer(const DriftStores *stores, const char *text, const DriftAnswers *answers, DriftAnswers *to,
                           Error *err) {
  int layer = 0;
  const Status status = read_layer(stores, text, &layer, err);
  if (status != STATUS_OK) return status;
  bool found = false;
  *to = drift_answers_new(answers->n_sites, answers->n_printed, answers->n_resamples);
  for (size_t i = 0; i < stores->n_a; i++) {
    const SiteName from = site_at(stores, i);
    for (size_t k = 0; k < stores->n_a && from.layer == layer; k++) {
      const SiteName at = site_at(stores, k);
      if (at.layer == SITE_NO_LAYER || strcmp(at.kind, from.kind) != 0) continue;
      copy_site(answers, i, to, k);
      found = true;
    }
  }
  if (found) return STATUS_OK;
  return error_set(err, STATUS_USAGE, "--against-layer %s: no site of block %d is among those compared", text, layer);
}

static void forget_resamples(DriftAnswers *answers) {
  free(answers->resampled);
  answers->resampled = NULL;
  answers->n_resamples = 0;
}

/* answers - other. */
static DriftAnswers subtract(const DriftAnswers *answers, const DriftAnswers *other) {
  const size_t n = answers->n_sites * answers->n_printed, many = answers->n_resamples;
  DriftAnswers difference = drift_answers_new(answers->n_sites, answers->n_printed, 0);
  for (size_t i = 0; i < n; i++) {
    difference.value[i] = answers->value[i] - other->value[i];
    if (!many) continue;
    const Interval interval = interval_of_difference(many, answers->resampled + i * many, other->resampled + i * many);
    difference.low[i] = interval.low;
    difference.high[i] = interval.high;
  }
  return difference;
}

/* Is a drift not told from noise? beyond: drift minus noise. A measure whose value for identical models is 1 falls with
 * drift, one whose value is 0 rises; of others nothing is said. */
static double is_under(const char *identical, double beyond, double low, double high) {
  const bool falls = strcmp(identical, "1") == 0;
  if (isnan(beyond) || (!falls && strcmp(identical, "0") != 0)) return NAN;
  const double least = falls ? -high : low;
  return isnan(least) ? !((falls ? -beyond : beyond) > 0) : !(least > 0);
}

static void mark_noise(const DriftSelection *s, const DriftAnswers *answers, DriftBeside *beside) {
  DriftAnswers beyond = subtract(answers, &beside->noise);
  beside->under_noise = mem_alloc(answers->n_sites * answers->n_printed, sizeof(double));
  for (size_t i = 0, at = 0; i < answers->n_sites; i++)
    for (size_t v = 0; v < s->n_values; v++) {
      if (!s->printed[v]) continue;
      beside->under_noise[at] = is_under(s->values[v]->identical, beyond.value[at], beyond.low[at], beyond.high[at]);
      at++;
    }
  drift_answers_clear(&beyond);
}

/* What the rows of the other model give when they are those of other samples; NaN where one sample is too long. */
static Status measure_floor(const DriftStores *stores, const DriftSelection *s, const DriftSettings *settings,
                            DriftBeside *beside, Error *err) {
  const size_t n = stores->n_a * s->n_printed;
  size_t shifts[FLOORS];
  DriftStores shifted = *stores;
  DriftSettings plain = *settings;
  DriftAnswers *mean = &beside->floor, one = drift_answers_new(stores->n_a, s->n_printed, 0);
  Status status = STATUS_OK;
  *mean = drift_answers_new(stores->n_a, s->n_printed, 0);
  double *least = beside->floor_least = mem_alloc(n, sizeof *least);
  double *most = beside->floor_most = mem_alloc(n, sizeof *most);
  const size_t n_floors = beside->n_floors = rows_shifts_draw(&stores->plan, settings->common.seed, FLOORS, shifts);
  for (size_t i = 0; i < n; i++) least[i] = most[i] = NAN;
  plain.bootstrap = 0;
  for (size_t k = 0; k < n_floors && status == STATUS_OK; k++) {
    shifted.shift = shifts[k];
    status = drift_measure_sites(&shifted, s, &plain, &one, err);
    for (size_t i = 0; i < n; i++) {
      const double value = one.value[i], before = k ? mean->value[i] : 0;
      mean->value[i] = before + value / (double)n_floors; /* NaN where one is */
      least[i] = k ? fmin(least[i], value) : value;
      most[i] = k ? fmax(most[i], value) : value;
    }
  }
  drift_answers_clear(&one);
  return status;
}

static Status measure_without(const DriftStores *stores, const DriftSelection *s, const DriftSettings *settings,
                              DriftBeside *beside, Error *err) {
  DriftStores narrow = *stores;
  narrow.outliers = &beside->outliers;
  beside->without = drift_answers_new(stores->n_a, s->n_printed, 0);
  return drift_measure_sites(&narrow, s, settings, &beside->without, err);
}

Status drift_beside_measure(const DriftStores *stores, const DriftSelection *s, const DriftSettings *settings,
                            const DriftAnswers *answers, DriftBeside *beside, Error *err) {
  Status status = STATUS_OK;
  if (settings->against)
    status = measure_other(stores, &beside->against_stores, s, settings, &beside->against, err);
  else if (settings->against_layer)
    status = spread_layer(stores, settings->against_layer, answers, &beside->against, err);
  if (status == STATUS_OK && beside->has_difference) beside->difference = subtract(answers, &beside->against);
  forget_resamples(&beside->against);
  if (status == STATUS_OK && beside->has_noise)
    status = measure_other(stores, &beside->noise_stores, s, settings, &beside->noise, err);
  if (status == STATUS_OK && beside->has_noise) mark_noise(s, answers, beside);
  if (status == STATUS_OK && beside->has_floor) status = measure_floor(stores, s, settings, beside, err);
  if (status == STATUS_OK && beside->has_without) status = measure_without(stores, s, settings, beside, err);
  return status;
}
