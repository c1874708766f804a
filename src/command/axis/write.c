/* The files of `fathom axis`: axes with their words and how they were borne out (train/axis_file.h reads them), and
 * control vectors. */
#include "base/memory.h"
#include "base/sitename.h"
#include "command/axis/axis.h"
#include "weights/gguf_write.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A column of numbers, one a site, under a name. */
typedef struct Column {
  const char *name;
  double *values;
} Column;

enum { N_COLUMNS = 15 };

static void fill_columns(const AxisData *data, const AxisResults *r, Column *columns) {
  static const char *const names[N_COLUMNS] = {"layer", "midpoint", "scale",      "separation", "auc",
                                               "auc_lo", "auc_hi",  "g",          "g_lo",       "g_hi",
                                               "p",     "p_max",    "random_auc", "random_lo",  "random_hi"};
  for (size_t c = 0; c < N_COLUMNS; c++) columns[c] = (Column){names[c], mem_alloc(data->n_sites, sizeof(double))};
  for (size_t k = 0; k < data->n_sites; k++) {
    const ValueAxis *a = &r->axes[k];
    const AxisEvaluation *e = &r->evaluations[k];
    const int layer = site_name_parse(a->site).layer;
    const double values[N_COLUMNS] = {layer == SITE_NO_LAYER ? NAN : layer,
                                      a->midpoint, a->scale, a->separation,
                                      e->auc.value, e->auc.lo, e->auc.hi,
                                      e->g.value, e->g.lo, e->g.hi,
                                      r->p[k], r->p_max[k],
                                      e->random.value, e->random.lo, e->random.hi};
    for (size_t c = 0; c < N_COLUMNS; c++) columns[c].values[k] = values[c];
  }
}

static Status write_columns(Result *result, const AxisData *data, const AxisResults *r, Error *err) {
  Column columns[N_COLUMNS];
  fill_columns(data, r, columns);
  Status status = result_write_strings(result, "site", (const char *const *)data->sites, data->n_sites, err);
  for (size_t c = 0; c < N_COLUMNS; c++) {
    if (status == STATUS_OK)
      status = result_write_array(result, columns[c].name, 1, &data->n_sites, columns[c].values, err);
    free(columns[c].values);
  }
  return status;
}

static Status write_projections(Result *result, const AxisData *data, const AxisResults *r, Error *err) {
  static const char *const names[] = {"projection", "projection_lo", "projection_hi"};
  const size_t c = data->words.n_categories, shape[] = {data->n_sites, c}, n = shape[0] * c;
  double *values = mem_alloc(n, sizeof *values), *units = mem_alloc(c, sizeof *units);
  Status status = STATUS_OK;
  for (size_t k = 0; k < 3 && status == STATUS_OK; k++) {
    for (size_t i = 0; i < n; i++) {
      const Bounded *b = &r->projections[i];
      values[i] = k == 0 ? b->value : k == 1 ? b->lo : b->hi;
    }
    status = result_write_array(result, names[k], 2, shape, values, err);
  }
  for (size_t i = 0; i < c; i++) units[i] = (double)r->units[i];
  if (status == STATUS_OK) status = result_write_array(result, "projection_n", 1, &c, units, err);
  free(values);
  free(units);
  return status;
}

static Status write_words(Result *result, const AxisData *data, const AxisResults *r, const char *only_pos,
                          Error *err) {
  const AxisWords *w = &data->words;
  const size_t scores[] = {data->n_sites, w->n}, covariates[] = {w->n, w->n_covariates};
  const char **names = mem_alloc(w->n, sizeof *names);
  double *fold = mem_alloc(w->n, sizeof *fold);
  for (size_t i = 0; i < w->n; i++) {
    names[i] = w->categories[w->category[i]];
    fold[i] = i < w->n_pole_words ? (double)r->design.fold[i] : NAN;
  }
  Status status = result_write_strings(result, "category", (const char *const *)w->categories, w->n_categories, err);
  if (status == STATUS_OK) status = result_write_strings(result, "words/word", (const char *const *)w->words, w->n, err);
  if (status == STATUS_OK)
    status = result_write_strings(result, "words/lemma", (const char *const *)w->lemmas, w->n, err);
  if (status == STATUS_OK) status = result_write_strings(result, "words/category", names, w->n, err);
  if (status == STATUS_OK) status = result_write_array(result, "words/fold", 1, &w->n, fold, err);
  if (status == STATUS_OK) status = result_write_array(result, "words/score", 2, scores, r->scores, err);
  if (status == STATUS_OK && only_pos) status = result_write_strings(result, "words/only_pos", &only_pos, 1, err);
  if (status == STATUS_OK && w->n_covariates) {
    status = result_write_strings(result, "covariate", (const char *const *)w->covariates, w->n_covariates, err);
    if (status == STATUS_OK) status = result_write_array(result, "words/covariates", 2, covariates, w->covariate, err);
  }
  free(names);
  free(fold);
  return status;
}

static Status write_sentences(Result *result, const CarrierSet *set, Error *err) {
  static const char *const names[] = {"sentences/id", "sentences/pos", "sentences/before", "sentences/after"};
  const char **texts = mem_alloc(set->count, sizeof *texts);
  Status status = STATUS_OK;
  for (size_t k = 0; k < 4 && set->count > 0 && status == STATUS_OK; k++) {
    for (size_t i = 0; i < set->count; i++) {
      const Carrier *c = &set->items[i];
      texts[i] = k == 0 ? c->id : k == 1 ? c->pos : k == 2 ? c->before : c->after;
    }
    status = result_write_strings(result, names[k], texts, set->count, err);
  }
  free(texts);
  return status;
}

static Status write_texts(Result *result, const AxisData *data, Error *err) {
  const Status status = result_write_strings(result, "texts/rule", (const char *const[]){data->rule}, 1, err);
  if (status != STATUS_OK) return status;
  return result_write_strings(result, "texts/sha256", (const char *const[]){data->texts_sha256}, 1, err);
}

static Status write_axes(Result *result, const AxisData *data, const AxisResults *r, Error *err) {
  Status status = STATUS_OK;
  for (size_t k = 0; k < data->n_sites && status == STATUS_OK; k++) {
    const size_t shape[] = {data->words.n, data->widths[k]};
    char *direction = mem_format("direction/%s", data->sites[k]), *rows = mem_format("rows/%s", data->sites[k]);
    status = result_write_array(result, direction, 1, &data->widths[k], r->axes[k].direction, err);
    if (status == STATUS_OK) status = result_write_floats(result, rows, 2, shape, data->rows[k], err);
    free(direction);
    free(rows);
  }
  return status;
}

static Status write_notes(Result *result, const AxisSettings *s, const AxisData *data, const AxisResults *r, Error *err) {
  Table *notes = table_notebook();
  axis_note_results(s, data, r, notes);
  return result_write_notes(result, notes, err);
}

Status axis_write(const char *path, const AxisSettings *s, const Provenance *provenance, const AxisData *data,
                  const AxisResults *r, Error *err) {
  Result *result = NULL;
  char *folds = mem_format("%zu", s->folds);
  Status status = result_create(path, "axis", provenance, &result, err);
  if (status == STATUS_OK) status = result_write_attribute(result, "method", s->method, err);
  if (status == STATUS_OK) status = result_write_attribute(result, "folds", folds, err);
  if (status == STATUS_OK) status = axis_write_poles(result, &data->words, err);
  if (status == STATUS_OK) status = result_write_attribute(result, "architecture", data->architecture, err);
  if (status == STATUS_OK && s->bootstrap) status = result_write_attribute(result, "interval", "95 % over lemmas", err);
  if (status == STATUS_OK) status = write_notes(result, s, data, r, err);
  if (status == STATUS_OK) status = write_columns(result, data, r, err);
  if (status == STATUS_OK) status = write_projections(result, data, r, err);
  if (status == STATUS_OK) status = write_words(result, data, r, s->pos, err);
  if (status == STATUS_OK) status = write_sentences(result, &data->carriers, err);
  if (status == STATUS_OK) status = write_texts(result, data, err);
  if (status == STATUS_OK) status = write_axes(result, data, r, err);
  if (status == STATUS_OK)
    status = result_finish(result, err);
  else
    result_close(result);
  free(folds);
  return status;
}

/* llama.cpp adds tensor direction.N to what block N gives, N from 1 on: block 0 cannot be steered. */
static bool is_steerable(const char *site, int *layer) {
  const SiteName name = site_name_parse(site);
  *layer = name.layer;
  return strcmp(name.kind, "resid_post") == 0 && name.layer >= 1;
}

Status axis_check_sites(const AxisSettings *s, const char *const *sites, size_t n_sites, Error *err) {
  int layer;
  if (!s->control_vector) return STATUS_OK;
  for (size_t k = 0; k < n_sites; k++)
    if (is_steerable(sites[k], &layer)) return STATUS_OK;
  return error_set(err, STATUS_USAGE,
                   "--control-vector: no axis at resid_post of block 1 or above, the sites that can be steered");
}

Status axis_write_control_vector(const char *path, const ValueAxis *axes, size_t n_axes, const char *architecture,
                                 Error *err) {
  GgufVector *vectors = mem_alloc(n_axes, sizeof *vectors);
  float **values = mem_alloc(n_axes, sizeof *values);
  size_t n = 0;
  int layer;
  for (size_t k = 0; k < n_axes; k++) {
    if (!is_steerable(axes[k].site, &layer)) continue;
    values[n] = mem_alloc(axes[k].width, sizeof **values);
    for (size_t j = 0; j < axes[k].width; j++) values[n][j] = (float)(axes[k].direction[j] * axes[k].scale);
    vectors[n] = (GgufVector){mem_format("direction.%d", layer), axes[k].width, values[n]};
    n++;
  }
  const GgufPair pairs[] = {{"general.architecture", "controlvector", 0},
                            {"controlvector.model_hint", architecture, 0},
                            {"controlvector.layer_count", NULL, (uint32_t)n}};
  assert(n > 0);
  const Status status = gguf_write(path, pairs, 3, vectors, n, err);
  for (size_t k = 0; k < n; k++) {
    free((char *)vectors[k].name);
    free(values[k]);
  }
  free(vectors);
  free(values);
  return status;
}
