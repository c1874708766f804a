/* The parameter table, and loading it from any of the file formats. */
#include "model/parameters.h"

#include "base/file.h"
#include "base/memory.h"
#include "model/adapt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void role_shape(const ModelConfig *c, Role role, size_t *rows, size_t *columns) {
  const size_t d = c->hidden_size, q = c->n_heads * c->head_dim, kv = c->n_kv_heads * c->head_dim;
  *rows = 1; /* norm gains and the score head */
  *columns = d;
  switch (role) {
  case ROLE_LM_HEAD:
  case ROLE_EMBED: *rows = c->vocab_size; break;
  case ROLE_Q: *rows = q; break;
  case ROLE_K:
  case ROLE_V: *rows = kv; break;
  case ROLE_O: *rows = d, *columns = q; break;
  case ROLE_GATE:
  case ROLE_UP: *rows = c->intermediate_size; break;
  case ROLE_DOWN: *rows = d, *columns = c->intermediate_size; break;
  default: break;
  }
}

/* pattern holds one %zu at most: the table's own text. */
static void format_name(const char *pattern, size_t layer, char name[PARAMETER_NAME]) {
  const char *hole = strstr(pattern, "%zu");
  if (hole)
    snprintf(name, PARAMETER_NAME, "%.*s%zu%s", (int)(hole - pattern), pattern, layer, hole + 3);
  else
    snprintf(name, PARAMETER_NAME, "%s", pattern);
}

static size_t add(const ModelConfig *c, ParameterTable *t, Role role, size_t layer) {
  Parameter *p = &t->items[t->count++];
  *p = (Parameter){.role = role, .layer = layer, .offset = t->total};
  role_shape(c, role, &p->rows, &p->columns);
  format_name(c->family->names[role].hf, layer, p->name);
  t->total += p->rows * p->columns;
  return p->offset;
}

void parameters_init(const ModelConfig *c, ParameterTable *t) {
  const size_t per_block = ROLE_LAST_IN_BLOCK - ROLE_FIRST_IN_BLOCK + 1;
  *t = (ParameterTable){.items = mem_alloc(4 + per_block * c->n_layers, sizeof *t->items),
                        .layers = mem_alloc(c->n_layers, sizeof *t->layers)};
  if (!c->tied_embeddings) t->lm_head = add(c, t, ROLE_LM_HEAD, 0);
  t->embed = add(c, t, ROLE_EMBED, 0);
  if (c->tied_embeddings) t->lm_head = t->embed;
  for (size_t l = 0; l < c->n_layers; l++) {
    size_t at[ROLE_COUNT];
    for (int role = ROLE_FIRST_IN_BLOCK; role <= ROLE_LAST_IN_BLOCK; role++) at[role] = add(c, t, (Role)role, l);
    t->layers[l] =
        (LayerOffsets){at[ROLE_ATTN_NORM], at[ROLE_Q], at[ROLE_O], at[ROLE_MLP_NORM], at[ROLE_GATE], at[ROLE_DOWN]};
  }
  t->final_norm = add(c, t, ROLE_FINAL_NORM, 0);
  t->score = add(c, t, ROLE_SCORE, 0);
}

void parameters_clear(ParameterTable *t) {
  free(t->items);
  free(t->layers);
  *t = (ParameterTable){0};
}

/* Row r of a head-wise matrix in Hugging Face's half-split order is this row of one ordered for neighbour pairs. */
static size_t neighbour_row(size_t r, size_t head_dim) {
  const size_t in_head = r % head_dim, half = head_dim / 2;
  return r - in_head + in_head % half * 2 + in_head / half;
}

static Status check_shape(const Parameter *p, const Tensor *tensor, Error *err) {
  const bool fits = p->rows == 1 ? tensor->count == p->columns && tensor->shape[tensor->n_dims - 1] == p->columns
                                 : tensor->n_dims == 2 && tensor->shape[0] == p->rows && tensor->shape[1] == p->columns;
  if (fits) return STATUS_OK;
  char found[128] = "";
  for (size_t i = 0, used = 0; i < tensor->n_dims; i++)
    used += (size_t)snprintf(found + used, sizeof found - used, "%s%zu", i ? ", " : "", tensor->shape[i]);
  return error_set(err, STATUS_DATA, "%s: tensor %s has shape [%s], expected [%zu, %zu]", tensor->file, tensor->name,
                   found, p->rows, p->columns);
}

/* One row, widened; true where every value is finite. */
static bool load_row(const Tensor *tensor, const uint8_t *from, size_t columns, real *out) {
#ifdef FATHOM_DOUBLE
  float *widened = mem_alloc(columns, sizeof *widened);
  dtype_widen(tensor->dtype, from, columns, widened);
  for (size_t i = 0; i < columns; i++) out[i] = widened[i];
  free(widened);
#else
  dtype_widen(tensor->dtype, from, columns, out);
#endif
  real sum = 0; /* 0 * x is 0 for finite x, else NaN */
  for (size_t i = 0; i < columns; i++) sum += out[i] * 0;
  return sum == 0;
}

static Status load_tensor(const ModelConfig *c, const Parameter *p, const Tensor *tensor, bool reorder, real *out,
                          Error *err) {
  size_t row_bytes = 0, bad_row = SIZE_MAX;
  if (!dtype_size(tensor->dtype, p->columns, &row_bytes))
    return error_set(err, STATUS_DATA, "%s: tensor %s: rows of %zu are not whole blocks of %s", tensor->file,
                     tensor->name, p->columns, dtype_info(tensor->dtype)->name);
#pragma omp parallel for schedule(static) reduction(min : bad_row)
  for (size_t r = 0; r < p->rows; r++) {
    const size_t from = reorder ? neighbour_row(r, c->head_dim) : r;
    if (!load_row(tensor, tensor->bytes + from * row_bytes, p->columns, out + r * p->columns) && r < bad_row)
      bad_row = r;
  }
  if (bad_row == SIZE_MAX) return STATUS_OK;
  return error_set(err, STATUS_DATA, "%s: tensor %s holds a value that is not finite (row %zu)", tensor->file,
                   tensor->name, bad_row);
}

/* The tensor of a parameter, NULL where it is missing; name is what it is called in this source. The adapter's own
 * tensors have Hugging Face's layout whatever the base's. */
static const Tensor *find_tensor(const ModelConfig *c, const Parameter *p, const Source *source, const Adapter *adapter,
                                 char name[PARAMETER_NAME], bool *in_gguf) {
  const TensorNames names = c->family->names[p->role];
  const Tensor *own = adapter ? adapt_find(c, adapter, p) : NULL;
  *in_gguf = source_gguf(source) && !own;
  const char *pattern = *in_gguf ? names.gguf : names.hf;
  name[0] = 0;
  if (own || !pattern) return own;
  format_name(pattern, p->layer, name);
  const Tensor *tensor = weights_find(source_weights(source), name);
  /* An adapter has untied the two. */
  if (!tensor && p->role == ROLE_LM_HEAD && adapter && adapt_unties(c, adapter))
    tensor = weights_find(source_weights(source),
                          *in_gguf ? c->family->names[ROLE_EMBED].gguf : c->family->names[ROLE_EMBED].hf);
  return tensor;
}

Status parameters_check(const ModelConfig *c, const ParameterTable *t, const Source *source, const Adapter *adapter,
                        bool has_score, Error *err) {
  char name[PARAMETER_NAME];
  bool in_gguf;
  for (size_t i = 0; i < t->count; i++) {
    const Parameter *p = &t->items[i];
    if (p->role == ROLE_SCORE) continue;
    const Tensor *tensor = find_tensor(c, p, source, adapter, name, &in_gguf);
    if (!tensor && p->role == ROLE_LM_HEAD && has_score) continue;
    if (!tensor) return error_set(err, STATUS_DATA, "%s: tensor %s is missing", source_path(source), name);
    const Status status = check_shape(p, tensor, err);
    if (status != STATUS_OK) return status;
  }
  return STATUS_OK;
}

Status parameters_load(const ModelConfig *c, const ParameterTable *t, const Source *source, const Adapter *adapter,
                       real *values, Error *err) {
  for (size_t i = 0; i < t->count; i++) {
    const Parameter *p = &t->items[i];
    char name[PARAMETER_NAME];
    bool in_gguf;
    const Tensor *tensor = p->role == ROLE_SCORE ? NULL : find_tensor(c, p, source, adapter, name, &in_gguf);
    if (!tensor) continue;
    const bool reorder = in_gguf && c->family->gguf_neighbour_rope && (p->role == ROLE_Q || p->role == ROLE_K);
    Status status = load_tensor(c, p, tensor, reorder, values + p->offset, err);
    if (status == STATUS_OK && adapter) status = adapt_merge(c, adapter, p, values + p->offset, err);
    if (status != STATUS_OK) return status;
    file_forget(tensor->bytes, tensor->n_bytes); /* else a float32 file would stand in memory twice */
  }
  return STATUS_OK;
}
