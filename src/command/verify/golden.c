/* The file of another implementation's activations: its sequences, which tokens and columns it holds, and that all of
 * it fits the model. Running the model is verify.c's. */
#include "base/memory.h"
#include "command/info/info.h"
#include "command/verify/verify.h"
#include "weights/safetensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS ".columns" /* behind an array's name: which of the columns it holds */

/* An array of whole numbers in [0, most], n of them; freed by the caller. */
static Status read_numbers(const Golden *g, const char *name, size_t least, double most, double **numbers, size_t *n,
                           Error *err) {
  const Tensor *tensor = weights_find(g->arrays, name);
  if (!tensor) return error_set(err, STATUS_DATA, "%s: array %s is missing", g->path, name);
  if (tensor->dtype != DTYPE_F32 || tensor->n_dims != 1 || tensor->count < least) {
    char *shape = info_shape(tensor->shape, tensor->n_dims);
    error_set(err, STATUS_DATA, "%s: array %s is %s %s, expected F32 and at least [%zu]", g->path, name,
              dtype_info(tensor->dtype)->name, shape, least);
    free(shape);
    return STATUS_DATA;
  }
  float *widened = mem_alloc(tensor->count, sizeof *widened);
  dtype_widen(tensor->dtype, tensor->bytes, tensor->count, widened);
  *n = tensor->count;
  *numbers = mem_alloc(*n, sizeof **numbers);
  Status status = STATUS_OK;
  for (size_t i = 0; status == STATUS_OK && i < *n; i++) {
    (*numbers)[i] = (double)widened[i];
    if (!(widened[i] >= 0 && (*numbers)[i] <= most && widened[i] == floorf(widened[i])))
      status = error_set(err, STATUS_DATA, "%s: %s[%zu] is %g, expected a whole number from 0 to %.0f", g->path, name,
                         i, (*numbers)[i], most);
  }
  free(widened);
  return status;
}

static Status read_sequences(Golden *g, size_t vocab_size, Error *err) {
  double *ids = NULL, *offsets = NULL;
  size_t n_offsets = 0;
  Status status = read_numbers(g, "ids", 1, (double)vocab_size - 1, &ids, &g->n_tokens, err);
  if (status == STATUS_OK) status = read_numbers(g, "offsets", 2, (double)g->n_tokens, &offsets, &n_offsets, err);
  if (status == STATUS_OK) {
    g->n_sequences = n_offsets - 1;
    g->ids = mem_alloc(g->n_tokens, sizeof *g->ids);
    g->offsets = mem_alloc(n_offsets, sizeof *g->offsets);
    for (size_t i = 0; i < g->n_tokens; i++) g->ids[i] = (int32_t)ids[i];
    for (size_t i = 0; i < n_offsets; i++) g->offsets[i] = (size_t)offsets[i];
    if (g->offsets[0] != 0 || g->offsets[g->n_sequences] != g->n_tokens)
      status = error_set(err, STATUS_DATA, "%s: offsets go from %zu to %zu, expected from 0 to the %zu ids", g->path,
                         g->offsets[0], g->offsets[g->n_sequences], g->n_tokens);
  }
  for (size_t s = 0; status == STATUS_OK && s < g->n_sequences; s++)
    if (g->offsets[s + 1] <= g->offsets[s])
      status = error_set(err, STATUS_DATA, "%s: offsets[%zu] is %zu behind %zu: every sequence has a token", g->path,
                         s + 1, g->offsets[s + 1], g->offsets[s]);
  free(ids);
  free(offsets);
  return status;
}

/* Where positions are learned there is none beyond the table. */
static Status check_lengths(const Golden *g, const ModelConfig *c, Error *err) {
  for (size_t s = 0; c->has[ROLE_POSITIONS] && s < g->n_sequences; s++)
    if (g->offsets[s + 1] - g->offsets[s] > c->max_positions)
      return error_set(err, STATUS_DATA, "%s: sequence %zu has %zu tokens, the model learned %zu positions", g->path, s,
                       g->offsets[s + 1] - g->offsets[s], c->max_positions);
  return STATUS_OK;
}

/* Numbers that say which tokens or columns there are: ascending, all below `end`. */
static Status read_places(const Golden *g, const char *name, size_t end, size_t **places, size_t *n, Error *err) {
  double *numbers = NULL;
  Status status = read_numbers(g, name, 1, (double)end - 1, &numbers, n, err);
  if (status != STATUS_OK) {
    free(numbers);
    return status;
  }
  *places = mem_alloc(*n, sizeof **places);
  for (size_t i = 0; status == STATUS_OK && i < *n; i++) {
    (*places)[i] = (size_t)numbers[i];
    if (i > 0 && (*places)[i] <= (*places)[i - 1])
      status = error_set(err, STATUS_DATA, "%s: %s[%zu] is %zu behind %zu, expected ascending numbers", g->path, name,
                         i, (*places)[i], (*places)[i - 1]);
  }
  free(numbers);
  return status;
}

static Status read_rows(Golden *g, Error *err) {
  if (weights_find(g->arrays, "rows")) return read_places(g, "rows", g->n_tokens, &g->rows, &g->n_rows, err);
  g->n_rows = g->n_tokens;
  g->rows = mem_alloc(g->n_rows, sizeof *g->rows);
  for (size_t i = 0; i < g->n_rows; i++) g->rows[i] = i;
  return STATUS_OK;
}

static Status read_columns(Golden *g, Check *c, Error *err) {
  char *name = mem_format("%s" COLUMNS, c->name);
  Status status = STATUS_OK;
  c->n_columns = c->width;
  if (weights_find(g->arrays, name)) status = read_places(g, name, c->width, &c->columns, &c->n_columns, err);
  free(name);
  return status;
}

const float *golden_row(Golden *g, const Check *c, size_t row) {
  size_t bytes = 0;
  dtype_size(c->golden->dtype, c->n_columns, &bytes);
  dtype_widen(c->golden->dtype, c->golden->bytes + row * bytes, c->n_columns, g->scratch);
  return g->scratch;
}

/* Checks an array's shape and values, and keeps its largest magnitude. */
static Status measure_array(Golden *g, Check *c, Error *err) {
  const Tensor *t = c->golden;
  if (t->n_dims != 2 || t->shape[0] != g->n_rows || t->shape[1] != c->n_columns) {
    char *shape = info_shape(t->shape, t->n_dims);
    error_set(err, STATUS_DATA, "%s: array %s has shape %s, expected [%zu, %zu]", g->path, c->name, shape, g->n_rows,
              c->n_columns);
    free(shape);
    return STATUS_DATA;
  }
  for (size_t row = 0; row < g->n_rows; row++) {
    const float *values = golden_row(g, c, row);
    for (size_t i = 0; i < c->n_columns; i++) {
      if (!isfinite(values[i]))
        return error_set(err, STATUS_DATA, "%s: array %s holds a value that is not finite (row %zu, column %zu)",
                         g->path, c->name, row, i);
      c->largest = fmax(c->largest, fabs((double)values[i]));
    }
  }
  return STATUS_OK;
}

/* What an array of the golden is compared with: a site of the model, logits, or nothing the model knows. */
static Status find_check(const Golden *g, const Tensor *tensor, const Model *model, Check *check, Error *err) {
  *check = (Check){.golden = tensor, .name = tensor->name, .worst = -1};
  for (size_t i = 0; i < g->sites.count; i++)
    if (strcmp(g->sites.items[i].name, tensor->name) == 0) check->site = &g->sites.items[i];
  check->width = check->site ? check->site->width : model->config.vocab_size;
  if (!check->site && strcmp(tensor->name, "logits") != 0)
    return error_set(err, STATUS_DATA, "%s: array %s is no site of this model", g->path, tensor->name);
  if (!check->site && model->has_score)
    return error_set(err, STATUS_DATA, "%s: there are logits, but the model has a reward head in their place", g->path);
  return STATUS_OK;
}

/* Does this array say which tokens or columns the others hold? */
static bool is_index(const Golden *g, const char *name) {
  const size_t size = strlen(name), suffix = sizeof COLUMNS - 1;
  if (strcmp(name, "ids") == 0 || strcmp(name, "offsets") == 0 || strcmp(name, "rows") == 0) return true;
  if (size <= suffix || strcmp(name + size - suffix, COLUMNS) != 0) return false;
  char *of = mem_format("%.*s", (int)(size - suffix), name);
  const bool found = weights_find(g->arrays, of) != NULL;
  free(of);
  return found;
}

/* In the order of the pass; logits come after every site. */
static int by_order(const void *a, const void *b) {
  const Site *x = ((const Check *)a)->site, *y = ((const Check *)b)->site;
  if (!x || !y) return !x - !y;
  return (x > y) - (x < y);
}

static Status read_checks(Golden *g, const Model *model, Error *err) {
  const size_t n = weights_count(g->arrays);
  size_t widest = model->config.vocab_size;
  Status status = STATUS_OK;
  sites_of_model(&model->config, &g->sites);
  for (size_t i = 0; i < g->sites.count; i++)
    if (g->sites.items[i].width > widest) widest = g->sites.items[i].width;
  g->scratch = mem_alloc(widest, sizeof *g->scratch);
  g->checks = mem_alloc(n, sizeof *g->checks);
  for (size_t i = 0; status == STATUS_OK && i < n; i++) {
    const Tensor *tensor = weights_at(g->arrays, i);
    if (is_index(g, tensor->name)) continue;
    Check *check = &g->checks[g->n_checks++];
    status = find_check(g, tensor, model, check, err);
    if (status == STATUS_OK) status = read_columns(g, check, err);
    if (status == STATUS_OK) status = measure_array(g, check, err);
  }
  if (status == STATUS_OK && g->n_checks == 0)
    status = error_set(err, STATUS_DATA, "%s: no site to compare, expected arrays such as %s", g->path,
                       g->sites.items[g->sites.count - 2].name);
  if (status == STATUS_OK) qsort(g->checks, g->n_checks, sizeof *g->checks, by_order);
  return status;
}

Status golden_open(const char *path, Golden *golden, Error *err) {
  *golden = (Golden){.path = path, .arrays = weights_new()};
  return safetensors_open(path, &golden->map, golden->arrays, err);
}

Status golden_read(Golden *golden, const Model *model, Error *err) {
  Status status = read_sequences(golden, model->config.vocab_size, err);
  if (status == STATUS_OK) status = check_lengths(golden, &model->config, err);
  if (status == STATUS_OK) status = read_rows(golden, err);
  return status == STATUS_OK ? read_checks(golden, model, err) : status;
}

void golden_clear(Golden *golden) {
  for (size_t i = 0; i < golden->n_checks; i++) free(golden->checks[i].columns);
  free(golden->checks);
  free(golden->scratch);
  free(golden->rows);
  free(golden->offsets);
  free(golden->ids);
  sites_clear(&golden->sites);
  weights_free(golden->arrays);
  file_unmap(&golden->map);
  *golden = (Golden){0};
}
