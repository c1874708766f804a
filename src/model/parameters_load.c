/* Loading the parameters from any of the file formats. */
#include "base/file.h"
#include "base/memory.h"
#include "model/adapt.h"
#include "model/parameters.h"
#include "model/tensor_layout.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static void print_shape(const size_t *shape, size_t n, char text[128]) {
  text[0] = 0;
  for (size_t i = 0, used = 0; i < n; i++)
    used += (size_t)snprintf(text + used, 128 - used, "%s%zu", i ? ", " : "", shape[i]);
}

/* Vectors may have any number of leading dimensions of 1, as some writers put them. */
static Status check_shape(const TensorPlace *place, const Tensor *tensor, Error *err) {
  bool fits = tensor->n_dims == place->n_dims;
  for (size_t i = 0; fits && i < place->n_dims; i++) fits = tensor->shape[i] == place->shape[i];
  if (place->n_dims == 1 || place->shape[0] == 1)
    fits = tensor->count == place->shape[place->n_dims - 1] && tensor->shape[tensor->n_dims - 1] == tensor->count;
  if (fits) return STATUS_OK;
  char found[128], expected[128];
  print_shape(tensor->shape, tensor->n_dims, found);
  print_shape(place->shape, place->n_dims, expected);
  return error_set(err, STATUS_DATA, "%s: tensor %s has shape [%s], expected [%s]", tensor->file, tensor->name, found,
                   expected);
}

/* n elements, widened; true where every value is finite. */
static bool load_run(const Tensor *tensor, const uint8_t *from, size_t n, real *out) {
#ifdef FATHOM_DOUBLE
  float *widened = mem_alloc(n, sizeof *widened);
  dtype_widen(tensor->dtype, from, n, widened);
  for (size_t i = 0; i < n; i++) out[i] = (real)widened[i];
  free(widened);
#else
  dtype_widen(tensor->dtype, from, n, out);
#endif
  int n_bad = 0; /* x - x is 0 for finite x, else NaN */
  for (size_t i = 0; i < n; i++) n_bad += !(out[i] - out[i] == 0);
  return n_bad == 0;
}

/* Rows [first, end) of the parameter. The run (a row, stored or ours, or a whole vector) that is not finite, SIZE_MAX
 * where none; out NULL: rows are only looked at. */
static size_t load_rows(const ModelConfig *c, const Parameter *p, const TensorPlace *place, const Tensor *tensor,
                        size_t row_bytes, size_t first, size_t end, real *out) {
  size_t bad = SIZE_MAX;
#pragma omp parallel reduction(min : bad)
  {
    real *row = out ? NULL : mem_alloc(p->columns, sizeof *row);
#pragma omp for schedule(static)
    for (size_t r = first; r < end; r++) {
      const uint8_t *from = tensor->bytes + tensor_place_unit(c, place, r) * row_bytes;
      if (!load_run(tensor, from, p->columns, out ? out + (r - first) * p->columns : row) && r < bad) bad = r;
    }
    free(row);
  }
  return bad;
}

/* [columns, units]: each stored row is a column of the stack. */
static size_t load_columns(const ModelConfig *c, const Parameter *p, const TensorPlace *place, const Tensor *tensor,
                           size_t row_bytes, size_t first, size_t end, real *out) {
  size_t bad = SIZE_MAX;
#pragma omp parallel for schedule(static) reduction(min : bad)
  for (size_t j = 0; j < p->columns; j++) {
    real *row = mem_alloc(place->units, sizeof *row);
    if (!load_run(tensor, tensor->bytes + j * row_bytes, place->units, row) && j < bad) bad = j;
    for (size_t r = first; r < end; r++) out[(r - first) * p->columns + j] = row[tensor_place_unit(c, place, r)];
    free(row);
  }
  return bad;
}

static size_t load_vector(const ModelConfig *c, const Parameter *p, const TensorPlace *place, const Tensor *tensor,
                          real *out) {
  real *all = mem_alloc(place->units, sizeof *all);
  const bool is_finite = load_run(tensor, tensor->bytes, place->units, all);
  for (size_t i = 0; i < p->columns; i++) out[i] = all[tensor_place_unit(c, place, i)] - place->minus;
  free(all);
  return is_finite ? SIZE_MAX : 0;
}

static Status load_part(const ModelConfig *c, const Parameter *p, const TensorPlace *place, const Tensor *tensor,
                        size_t first, size_t end, real *out, Error *err) {
  const size_t run = p->is_vector || place->transposed ? place->units : p->columns;
  size_t row_bytes = 0;
  if (!dtype_size(tensor->dtype, run, &row_bytes))
    return error_set(err, STATUS_DATA, "%s: tensor %s: rows of %zu are not whole blocks of %s", tensor->file,
                     tensor->name, run, dtype_info(tensor->dtype)->name);
  const size_t bad = p->is_vector        ? load_vector(c, p, place, tensor, out)
                     : place->transposed ? load_columns(c, p, place, tensor, row_bytes, first, end, out)
                                         : load_rows(c, p, place, tensor, row_bytes, first, end, out);
  if (bad == SIZE_MAX) return STATUS_OK;
  return error_set(err, STATUS_DATA, "%s: tensor %s holds a value that is not finite (row %zu)", tensor->file,
                   tensor->name, bad);
}

Status parameters_read_rows(const ModelConfig *c, const Parameter *p, const TensorPlace *place, const Tensor *tensor,
                            size_t first, size_t n, real *out, Error *err) {
  assert(n <= p->rows && first <= p->rows - n);
  return load_part(c, p, place, tensor, first, first + n, out, err);
}

bool parameters_read_row(const ModelConfig *c, const Parameter *p, const TensorPlace *place, const Tensor *tensor,
                         size_t row, real *out) {
  size_t row_bytes = 0;
  if (p->is_vector || place->transposed || !dtype_size(tensor->dtype, p->columns, &row_bytes)) return false;
  load_run(tensor, tensor->bytes + tensor_place_unit(c, place, row) * row_bytes, p->columns, out);
  return true;
}

const Tensor *parameters_find(const ModelConfig *c, const Parameter *p, const Source *source, const Adapter *adapter,
                              TensorPlace *place) {
  const Tensor *own = adapter ? adapt_find(c, adapter, p) : NULL;
  const bool in_gguf = source_gguf(source) && !own;
  if (!tensor_place(c, p, in_gguf, place) || own) return own;
  const Tensor *tensor = tensor_find(c, p, source, place->name);
  if (tensor || p->role != ROLE_LM_HEAD || !adapter || !adapt_unties(c, adapter)) return tensor;
  Parameter embedding = *p; /* an adapter has untied the two */
  embedding.role = ROLE_EMBED;
  tensor_place(c, &embedding, in_gguf, place);
  return tensor_find(c, &embedding, source, place->name);
}

/* A bias in the files that the settings switch off: one of the two is wrong. Looked for in block 0. */
static Status check_left_out(const ModelConfig *c, const Source *source, Error *err) {
  static const Role biases[] = {ROLE_Q_BIAS,    ROLE_K_BIAS,  ROLE_V_BIAS,   ROLE_O_BIAS,
                                ROLE_GATE_BIAS, ROLE_UP_BIAS, ROLE_DOWN_BIAS};
  for (size_t i = 0; i < sizeof biases / sizeof biases[0]; i++) {
    const Parameter bias = {.role = biases[i], .is_vector = true, .rows = 1};
    TensorPlace place;
    if (c->has[biases[i]] || !tensor_place(c, &bias, source_gguf(source) != NULL, &place)) continue;
    if (tensor_find(c, &bias, source, place.name))
      return error_set(err, STATUS_DATA, "%s: tensor %s is there, but the config says that the model has no such bias",
                       source_path(source), place.name);
  }
  return STATUS_OK;
}

/* Not of the reward head, and of factors that are trained: those begin with other values. */
static bool is_loaded(const Parameter *p) {
  return p->role != ROLE_SCORE && p->role != ROLE_LORA_A && p->role != ROLE_LORA_B;
}

static Status missing(const ModelConfig *c, const Parameter *p, const Source *source, const char *name, Error *err) {
  const SkippedTensor *skipped = tensor_find_skipped(c, p, source, name);
  if (skipped)
    return error_set(err, STATUS_DATA, "%s: tensor %s has dtype %s, expected F32, F16 or BF16", skipped->file,
                     skipped->name, skipped->dtype);
  return error_set(err, STATUS_DATA, "%s: tensor %s is missing", source_path(source), name);
}

Status parameters_check(const ModelConfig *c, const ParameterTable *t, const Source *source, const Adapter *adapter,
                        bool has_score, Error *err) {
  TensorPlace place;
  for (size_t i = 0; i < t->count; i++) {
    const Parameter *p = &t->items[i];
    if (!is_loaded(p)) continue;
    const Tensor *tensor = parameters_find(c, p, source, adapter, &place);
    if (!tensor && p->role == ROLE_LM_HEAD && has_score) continue;
    if (!tensor) return missing(c, p, source, place.name, err);
    const Status status = check_shape(&place, tensor, err);
    if (status != STATUS_OK) return status;
  }
  return check_left_out(c, source, err);
}

Status parameters_load(const ModelConfig *c, const ParameterTable *t, const Source *source, const Adapter *adapter,
                       real *values, Error *err) {
  const Tensor *last = NULL;
  for (size_t i = 0; i < t->count; i++) {
    const Parameter *p = &t->items[i];
    TensorPlace place;
    const Tensor *tensor = !is_loaded(p) ? NULL : parameters_find(c, p, source, adapter, &place);
    if (last && last != tensor) file_forget(last->bytes, last->n_bytes); /* else it would stand in memory twice */
    last = tensor;
    if (!tensor) continue;
    real *out = p->in_file ? NULL : values + p->offset;
    Status status = load_part(c, p, &place, tensor, 0, p->rows, out, err);
    if (status == STATUS_OK && adapter && out) status = adapt_merge(c, adapter, p, out, err);
    if (status != STATUS_OK) return status;
  }
  if (last) file_forget(last->bytes, last->n_bytes);
  return STATUS_OK;
}
