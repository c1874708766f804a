/* Two models' axes of the same words: how far the second model's words lie from the first's along the first's axis, and
 * the angle between the axes. */
#include "base/log.h"
#include "base/memory.h"
#include "command/axis/axis.h"
#include "probes/values/axis_compare.h"

#include <stdlib.h>
#include <string.h>

/* Site by site: axis of x, axis of y. */
typedef struct SitePair {
  size_t x, y;
} SitePair;

static Status pair_sites(const AxisSettings *s, const AxisFile *x, const AxisFile *y, SitePair *pairs, size_t *n,
                         Error *err) {
  bool *chosen = mem_alloc(x->n_axes, sizeof *chosen);
  Status status = axis_choose(s, x, chosen, err);
  *n = 0;
  for (size_t k = 0; k < x->n_axes && status == STATUS_OK; k++) {
    size_t other;
    if (!chosen[k]) continue;
    if (axis_file_find(y, x->axes[k].site, &other))
      pairs[(*n)++] = (SitePair){k, other};
    else if (s->sites || s->layers)
      status = error_set(err, STATUS_USAGE, "%s is in %s and not in %s", x->axes[k].site, x->path, y->path);
    if (status == STATUS_OK && *n && pairs[*n - 1].x == k && x->axes[k].width != y->axes[other].width)
      status = error_set(err, STATUS_DATA,
                         "%s is %zu wide in %s and %zu in %s: an axis is compared between a model and one trained from "
                         "it", x->axes[k].site, x->axes[k].width, x->path, y->axes[other].width, y->path);
  }
  free(chosen);
  if (status == STATUS_OK && *n == 0)
    status = error_set(err, STATUS_DATA, "%s and %s have no site in common", x->path, y->path);
  return status;
}

/* The numbers of one site: shifts of all pole words and of every category, and the rotation. */
typedef struct SiteShift {
  Bounded *shifts; /* [1 + n_categories] */
  size_t *n;       /* [1 + n_categories] lemmas */
  Bounded rotation;
  size_t n_lemmas;
} SiteShift;

static Bounded bound(const AxisSettings *s, const Estimate *e, size_t n_units) {
  Interval interval;
  intervals_bootstrap(n_units, 1, e, s->bootstrap, s->common.seed, &interval);
  return (Bounded){e->value, interval.low, interval.high};
}

static void measure_shifts(const AxisSettings *s, const AxisFile *x, const ValueAxis *axis, const float *rows_x,
                           const float *rows_y, SiteShift *to) {
  const AxisWords *w = &x->words;
  double *moved = mem_alloc(w->n, sizeof *moved);
  bool *chosen = mem_alloc(w->n, sizeof *chosen);
  for (size_t i = 0; i < w->n; i++)
    moved[i] = (axis_project(axis, rows_y + i * axis->width) - axis_project(axis, rows_x + i * axis->width)) / axis->scale;
  for (size_t c = 0; c <= w->n_categories; c++) {
    for (size_t i = 0; i < w->n; i++) chosen[i] = c == 0 ? i < w->n_pole_words : w->category[i] == c - 1;
    Estimate mean = axis_lemma_mean(w->n, moved, chosen, w->lemma, w->n_lemmas, &to->n[c]);
    to->shifts[c] = bound(s, &mean, to->n[c]);
    free(mean.pseudo);
  }
  free(moved);
  free(chosen);
}

static Status measure_rotation(const AxisSettings *s, const AxisFile *x, const ValueAxis *axis, const float *rows_x,
                               const float *rows_y, SiteShift *to, Error *err) {
  const AxisWords *w = &x->words;
  const AxisDesign design = {
      .n = w->n_pole_words, .first = w->first, .lemma = w->lemma, .n_lemmas = w->n_pole_lemmas};
  Estimate angle;
  size_t n_units;
  const Status status = axis_rotation(&design, x->method, w->covariate, w->n_covariates, axis->width, rows_x, rows_y,
                                      s->common.seed, &angle, &n_units, err);
  if (status != STATUS_OK) return error_prefix(err, "%s", axis->site);
  to->rotation = bound(s, &angle, n_units);
  if (to->rotation.lo < 0) to->rotation.lo = 0; /* an angle */
  to->n_lemmas = w->n_pole_lemmas;
  free(angle.pseudo);
  return STATUS_OK;
}

static Status measure_site(const AxisSettings *s, const AxisFile *x, const AxisFile *y, SitePair pair, SiteShift *to,
                           Error *err) {
  float *rows_x = NULL, *rows_y = NULL;
  const ValueAxis *axis = &x->axes[pair.x];
  Status status;
#pragma omp critical(fathom_store)
  {
    status = axis_file_rows(x, pair.x, &rows_x, err);
    if (status == STATUS_OK) status = axis_file_rows(y, pair.y, &rows_y, err);
  }
  if (status == STATUS_OK) {
    measure_shifts(s, x, axis, rows_x, rows_y, to);
    status = measure_rotation(s, x, axis, rows_x, rows_y, to, err);
  }
  free(rows_x);
  free(rows_y);
  return status;
}

static Status measure(const AxisSettings *s, const AxisFile *x, const AxisFile *y, const SitePair *pairs, size_t n,
                      SiteShift *shifts, Error *err) {
  Error *errors = mem_alloc(n, sizeof *errors);
  Status *states = mem_alloc(n, sizeof *states), status = STATUS_OK;
  Progress progress = progress_begin("axis", "sites", n);
  size_t done = 0;
#pragma omp parallel for schedule(dynamic)
  for (size_t k = 0; k < n; k++) {
    states[k] = measure_site(s, x, y, pairs[k], &shifts[k], &errors[k]);
#pragma omp critical(axis_progress)
    progress_show(&progress, ++done);
  }
  progress_end(&progress);
  for (size_t k = 0; k < n && status == STATUS_OK; k++)
    if (states[k] != STATUS_OK) {
      *err = errors[k];
      status = states[k];
    }
  free(errors);
  free(states);
  return status;
}

static void list_rows(const AxisFile *x, const SitePair *pairs, size_t n, const SiteShift *shifts, AxisRows *rows) {
  for (size_t k = 0; k < n; k++) {
    const char *site = x->axes[pairs[k].x].site;
    for (size_t c = 0; c <= x->words.n_categories; c++)
      axis_rows_add(rows, (AxisRow){site, "shift", c == 0 ? "both poles" : x->words.categories[c - 1],
                                    shifts[k].shifts[c], shifts[k].n[c]});
    axis_rows_add(rows, (AxisRow){site, "rotation", "both poles", shifts[k].rotation, shifts[k].n_lemmas});
  }
}

static Status print(const AxisSettings *s, const Provenance *from, const AxisFile *x, const AxisFile *y,
                    const AxisRows *rows, const char *interval, Error *err) {
  Table *table = axis_rows_begin(s, from, rows);
  table_note(table, "shift: how much further to %s the words of %s lie than those of %s, on the axis of %s, in standard "
                    "deviations of its words along it; mean over lemmas",
             x->words.categories[0], y->path, x->path, x->path);
  table_note(table, "rotation: degrees between the axes fit on the words of either, by %s", x->method_name);
  if (interval) table_note(table, "interval: %s; of rotation by a jackknife over at most %d groups of lemmas", interval,
                           AXIS_MOST_GROUPS);
  table_note(table, "n: lemmas");
  return axis_rows_end(table, rows, err);
}

/* The model that a file of axes was made from, where it says one. */
static void name_model(const AxisFile *file, char ***paths, size_t *n_paths, char ***digests, size_t *n_digests,
                       Provenance *from) {
  if (result_read_strings(file->result, "models/path", paths, n_paths, NULL) != STATUS_OK ||
      result_read_strings(file->result, "models/sha256", digests, n_digests, NULL) != STATUS_OK || *n_paths != 1 ||
      *n_digests != 1)
    return;
  from->models[from->n_models].path = (*paths)[0];
  from->models[from->n_models++].sha256 = (*digests)[0];
}

static Status compare(const Invocation *call, const AxisSettings *s, const AxisFile *x, const AxisFile *y, Error *err) {
  SitePair *pairs = mem_alloc(x->n_axes, sizeof *pairs);
  size_t n = 0;
  Status status = pair_sites(s, x, y, pairs, &n, err);
  SiteShift *shifts = mem_alloc(n, sizeof *shifts);
  AxisRows rows = {.what = "measure"};
  for (size_t k = 0; k < n; k++) {
    shifts[k].shifts = mem_alloc(1 + x->words.n_categories, sizeof(Bounded));
    shifts[k].n = mem_alloc(1 + x->words.n_categories, sizeof(size_t));
  }
  if (status == STATUS_OK) status = measure(s, x, y, pairs, n, shifts, err);
  if (status == STATUS_OK) {
    char *interval = axis_interval_words(s, "lemmas");
    Provenance from = invocation_provenance(call, "axis", &s->common);
    char **models[2] = {0}, **digests[2] = {0};
    size_t n_models[2] = {0}, n_digests[2] = {0};
    name_model(x, &models[0], &n_models[0], &digests[0], &n_digests[0], &from);
    name_model(y, &models[1], &n_models[1], &digests[1], &n_digests[1], &from);
    list_rows(x, pairs, n, shifts, &rows);
    if (s->output) status = axis_rows_write(s->output, "axis-shift", &from, &x->words, interval, &rows, err);
    if (status == STATUS_OK) status = print(s, &from, x, y, &rows, interval, err);
    free(interval);
    for (size_t i = 0; i < 2; i++) {
      string_list_free(models[i], n_models[i]);
      string_list_free(digests[i], n_digests[i]);
    }
  }
  for (size_t k = 0; k < n; k++) {
    free(shifts[k].shifts);
    free(shifts[k].n);
  }
  free(shifts);
  free(rows.items);
  free(pairs);
  return status;
}

Status axis_shift(const Invocation *call, const AxisSettings *s, Error *err) {
  AxisFile x = {0}, y = {0};
  Status status = axis_file_open(call->args[0], &x, err);
  if (status == STATUS_OK) status = axis_file_open(call->args[1], &y, err);
  if (status == STATUS_OK) status = axis_check_agreement(&x, &y, err);
  if (status == STATUS_OK) status = compare(call, s, &x, &y, err);
  axis_file_close(&x);
  axis_file_close(&y);
  return status;
}
