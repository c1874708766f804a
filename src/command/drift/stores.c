/* Two activation stores, and the rows and sites they are compared on. */
#include "base/log.h"
#include "base/memory.h"
#include "base/sitename.h"
#include "command/drift/drift.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static Status open_store(const char *path, Store **store, Error *err) {
  const Status status = store_open(path, store, err);
  if (status == STATUS_OK && !store_is_complete(*store))
    log_warn("%s is not complete: its first %zu of %zu rows are used", path, store_rows_done(*store),
             store_contents(*store)->n_rows);
  return status;
}

/* What counts as one independent observation, row by row: the sample, or for the two sides of a preference pair, which
 * share their prompt, the pair (the number of its first side). Freed by the caller. */
static uint32_t *row_units(const StoreContents *c) {
  uint32_t *units = mem_alloc(c->n_rows, sizeof *units);
  for (size_t i = 0; i < c->n_rows; i++) {
    const uint32_t sample = c->row_sample[i];
    units[i] = sample - store_is_second_side(c, sample);
  }
  return units;
}

/* The rows both stores hold. Position 0 of each sequence is left out, except where a row stands for
 * its whole sample by rule (last, mean). Samples that an unfinished store cuts in two are left out whole. */
static Status plan_rows(DriftStores *stores, bool keep_first, Error *err) {
  const StoreContents *c = store_contents(stores->a);
  const size_t done_a = store_rows_done(stores->a), done_b = store_rows_done(stores->b), all = c->n_rows;
  const bool whole = c->token_rule && (strcmp(c->token_rule, "last") == 0 || strcmp(c->token_rule, "mean") == 0);
  stores->n_rows = done_a < done_b ? done_a : done_b;
  bool *keep = mem_alloc(all, sizeof *keep), *cut = mem_alloc(c->n_samples, sizeof *cut);
  for (size_t i = stores->n_rows; i < all; i++) cut[c->row_sample[i]] = true;
  for (size_t i = 0; i < stores->n_rows; i++) {
    const bool first = !keep_first && !whole && c->row_token[i] == 0;
    keep[i] = !first && !cut[c->row_sample[i]];
    stores->first_left_out = stores->first_left_out || first;
  }
  uint32_t *units = row_units(c);
  Status status = row_plan_make(stores->n_rows, units, keep, &stores->plan, err);
  free(units);
  if (status != STATUS_OK) status = error_prefix(err, "%s", store_path(stores->a));
  if (status == STATUS_OK && stores->plan.n_rows == 0)
    status =
        error_set(err, STATUS_DATA, "%s: no row is left of %zu%s", store_path(stores->a), stores->n_rows,
                  stores->first_left_out ? ": position 0 of each sequence is left out, --keep-first keeps it" : "");
  free(keep);
  free(cut);
  return status;
}

/* The chosen sites of one store, by number. */
static Status choose(Store *store, const DriftSettings *settings, size_t **sites, size_t *n, Error *err) {
  const StoreContents *c = store_contents(store);
  const char **names = mem_alloc(c->n_sites, sizeof *names);
  bool *chosen = mem_alloc(c->n_sites, sizeof *chosen);
  for (size_t i = 0; i < c->n_sites; i++) names[i] = c->sites[i].name;
  const Status status =
      sites_select(settings->sites, settings->layers, names, c->n_sites, store_path(store), chosen, err);
  *sites = mem_alloc(c->n_sites, sizeof **sites);
  *n = 0;
  for (size_t i = 0; i < c->n_sites && status == STATUS_OK; i++)
    if (chosen[i]) (*sites)[(*n)++] = i;
  free(chosen);
  free(names);
  return status;
}

static bool is_among(const Store *store, const size_t *sites, size_t n, const char *name, size_t *found) {
  for (size_t i = 0; i < n; i++)
    if (strcmp(store_contents(store)->sites[sites[i]].name, name) == 0) {
      *found = sites[i];
      return true;
    }
  return false;
}

static const char *site_name(const Store *store, size_t site) { return store_contents(store)->sites[site].name; }

static Status missing(const Store *from, size_t site, const Store *in, Error *err) {
  return error_set(err, STATUS_USAGE, "%s is in %s and not in %s", site_name(from, site), store_path(from),
                   store_path(in));
}

/* Counts a site of one store that the other lacks. */
static void pass_over(const char *name, size_t *n, const char **first) {
  if ((*n)++ == 0) *first = name;
}

/* Site by site: those of one name in both. Where the user asked for sites, each must be in both. */
static Status pair_sites(DriftStores *s, bool asked, Error *err) {
  size_t n = 0, found;
  size_t *paired = mem_alloc(s->n_a, sizeof *paired);
  for (size_t i = 0; i < s->n_b; i++) {
    const char *name = site_name(s->b, s->sites_b[i]);
    if (is_among(s->a, s->sites_a, s->n_a, name, &found)) continue;
    pass_over(name, &s->n_only_b, &s->only_b);
    if (!asked) continue;
    free(paired);
    return missing(s->b, s->sites_b[i], s->a, err);
  }
  for (size_t i = 0; i < s->n_a; i++) {
    if (is_among(s->b, s->sites_b, s->n_b, site_name(s->a, s->sites_a[i]), &found)) {
      s->sites_a[n] = s->sites_a[i];
      paired[n++] = found;
    } else if (asked) {
      free(paired);
      return missing(s->a, s->sites_a[i], s->b, err);
    } else {
      pass_over(site_name(s->a, s->sites_a[i]), &s->n_only_a, &s->only_a);
    }
  }
  free(s->sites_b);
  s->sites_b = paired;
  s->n_a = s->n_b = n;
  if (n) return STATUS_OK;
  return error_set(err, STATUS_DATA, "%s and %s have no site in common: %s against %s (--cross compares all with all)",
                   store_path(s->a), store_path(s->b), s->only_a, s->only_b);
}

Status drift_stores_open(const char *path_a, const char *path_b, const DriftSettings *settings, DriftStores *stores,
                         Error *err) {
  *stores = (DriftStores){0};
  Status status = open_store(path_a, &stores->a, err);
  if (status == STATUS_OK) status = open_store(path_b, &stores->b, err);
  if (status == STATUS_OK) status = store_check_same_rows(stores->a, stores->b, err);
  if (status == STATUS_OK) status = plan_rows(stores, settings->keep_first, err);
  if (status == STATUS_OK && settings->lens) status = drift_lens_open(settings->lens, stores->a, &stores->lens, err);
  stores->n_samples = stores->plan.n_samples;
  if (status == STATUS_OK && settings->rows)
    status = row_plan_sample(&stores->plan, settings->rows, settings->common.seed, err);
  if (status == STATUS_OK) status = choose(stores->a, settings, &stores->sites_a, &stores->n_a, err);
  if (status == STATUS_OK) status = choose(stores->b, settings, &stores->sites_b, &stores->n_b, err);
  if (status == STATUS_OK && !settings->cross) status = pair_sites(stores, settings->sites || settings->layers, err);
  if (status == STATUS_OK && settings->skip_nonfinite) status = drift_skip_nonfinite(stores, err);
  if (status != STATUS_OK) drift_stores_close(stores);
  return status;
}

void drift_stores_close(DriftStores *stores) {
  store_close(stores->a);
  store_close(stores->b);
  drift_lens_close(&stores->lens);
  row_plan_clear(&stores->plan);
  free(stores->sites_a);
  free(stores->sites_b);
  free(stores->row_class);
  *stores = (DriftStores){0};
}

static Status read_store(void *context, size_t first, size_t n, float *rows, Error *err) {
  const StoreRows *from = context;
  return store_read_rows(from->store, from->site, first, n, rows, err);
}

RowSide drift_side(StoreRows *context) {
  const StoreContents *c = store_contents(context->store);
  const StoreSite *site = &c->sites[context->site];
  return (RowSide){site->width,
                   read_store,
                   context,
                   store_path(context->store),
                   site->name,
                   c->sample_ids,
                   "--skip-nonfinite leaves such samples out",
                   c->row_sample};
}

double drift_layer(const char *site) {
  const int layer = site_name_parse(site).layer;
  return layer == SITE_NO_LAYER ? NAN : layer;
}

Provenance drift_provenance(const Invocation *call, const DriftSettings *settings, const DriftStores *stores) {
  Provenance p = invocation_provenance(call, "drift", &settings->common);
  const Store *const both[] = {stores->a, stores->b};
  for (size_t i = 0; i < 2; i++) {
    const StoreContents *c = store_contents(both[i]);
    p.models[p.n_models].path = c->model ? c->model : "";
    p.models[p.n_models++].sha256 = c->weights_sha256 ? c->weights_sha256 : "";
  }
  return p;
}

void drift_note_rows(Table *table, const DriftStores *stores) {
  table_note(table, "%zu rows of %zu samples%s", stores->plan.n_rows, stores->plan.n_samples,
             stores->first_left_out ? "; position 0 of each sequence is left out (--keep-first keeps it)" : "");
  const size_t drawn = stores->plan.n_samples + stores->n_nonfinite + stores->n_unshared;
  if (drawn < stores->n_samples)
    table_note(table, "subsample: %zu of %zu samples, drawn whole with the seed above", drawn, stores->n_samples);
  if (stores->n_nonfinite)
    table_note(table, "%zu samples with a NaN or an infinity at one of these sites are left out of both stores",
               stores->n_nonfinite);
  if (stores->n_unshared)
    table_note(table, "%zu samples that are not whole and finite in every store are left out", stores->n_unshared);
}

static void note_only(Table *table, size_t n, const char *first, const Store *store) {
  if (n == 1) table_note(table, "not compared: %s, which is in %s alone", first, store_path(store));
  if (n > 1) table_note(table, "not compared: %s and %zu more, which are in %s alone", first, n - 1, store_path(store));
}

void drift_note_sites(Table *table, const DriftStores *stores) {
  const StoreSite *a = store_contents(stores->a)->sites, *b = store_contents(stores->b)->sites;
  size_t n = 0, first = 0;
  for (size_t i = stores->n_a; i-- > 0;)
    if (a[stores->sites_a[i]].width != b[stores->sites_b[i]].width) n++, first = i;
  if (n)
    table_note(
        table,
        "widths differ at %zu sites, the first %s: %zu against %zu; measures that need one width are undefined there",
        n, a[stores->sites_a[first]].name, a[stores->sites_a[first]].width, b[stores->sites_b[first]].width);
  note_only(table, stores->n_only_a, stores->only_a, stores->a);
  note_only(table, stores->n_only_b, stores->only_b, stores->b);
}

static const char *compute_word(const Store *store) {
  const char *word = store_contents(store)->compute_dtype;
  return word && word[0] ? word : "unknown";
}

char *drift_compute_words(const DriftStores *stores) {
  const char *a = compute_word(stores->a), *b = compute_word(stores->b);
  return strcmp(a, b) == 0 ? mem_copy_string(a) : mem_format("%s and %s", a, b);
}

void drift_note_compute(Table *table, const DriftStores *stores) {
  const bool same = strcmp(compute_word(stores->a), compute_word(stores->b)) == 0;
  char *words = drift_compute_words(stores);
  table_note(table, "computed in %s%s", words, same ? "" : ": their rounding is part of the drift");
  free(words);
}

char *drift_interval_words(const DriftSettings *settings) {
  if (!settings->bootstrap) return NULL;
  return mem_format("95 %% over samples, %zu resamples, the same for every site and measure", settings->bootstrap);
}

void drift_note_intervals(Table *table, const DriftSettings *settings) {
  char *words = drift_interval_words(settings);
  if (words) table_note(table, "interval: %s", words);
  free(words);
  table_note(table, "n: independent samples; the two sides of a preference pair count as one");
}
