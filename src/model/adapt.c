/* Matching an adapter's names with parameters, and merging its factors. */
#include "model/adapt.h"

#include "base/memory.h"
#include "model/tensor_layout.h"
#include "num/gemm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WEIGHT ".weight"

/* What the tensor may be called in an adapter: any of the names it has in files. false past the last. */
static bool spelling(const ModelConfig *c, const Parameter *p, size_t i, char name[TENSOR_NAME]) {
  if (i > 0) return tensor_other_name(c, p->role, p->name, i - 1, name);
  snprintf(name, TENSOR_NAME, "%s", p->name);
  return true;
}

static const AdapterTensor *find_tensor(const ModelConfig *c, const Adapter *adapter, const Parameter *p) {
  char name[TENSOR_NAME];
  const AdapterTensor *found = NULL;
  for (size_t i = 0; !found && spelling(c, p, i, name); i++) found = adapter_tensor_find(adapter, name);
  return found;
}

const AdapterFactors *adapt_module(const ModelConfig *c, const Adapter *adapter, const Parameter *p) {
  char name[TENSOR_NAME];
  const AdapterFactors *found = NULL;
  for (size_t i = 0; !found && spelling(c, p, i, name); i++) {
    const size_t n = strlen(name), suffix = strlen(WEIGHT);
    if (n <= suffix || strcmp(name + n - suffix, WEIGHT) != 0) continue;
    name[n - suffix] = 0;
    found = adapter_factors_find(adapter, name);
  }
  return found;
}

const Tensor *adapt_find(const ModelConfig *c, const Adapter *adapter, const Parameter *p) {
  const AdapterTensor *found = find_tensor(c, adapter, p);
  return found ? found->tensor : NULL;
}

/* Against [out, in] of the module, which may be a stack of several parameters. */
static Status check_factors(const ModelConfig *c, const AdapterFactors *f, const Parameter *p, Error *err) {
  TensorPlace place;
  tensor_place(c, p, false, &place);
  size_t out = place.units, in = p->columns;
  const Tensor *a = f->a, *b = f->b;
  if (f->is_embedding) { /* A [rank, V], B [D, rank] for W [V, D] */
    const size_t swap = out;
    out = in;
    in = swap;
  }
  const Tensor *wrong = a->shape[1] != in ? a : b->shape[0] != out ? b : NULL;
  if (!wrong) return STATUS_OK;
  return error_set(err, STATUS_DATA,
                   "%s: tensor %s has shape [%zu, %zu], expected [%zu, %zu]: an adapter for another base", wrong->file,
                   wrong->name, wrong->shape[0], wrong->shape[1], wrong == a ? f->rank : out,
                   wrong == a ? in : f->rank);
}

static Status not_in_base(const Tensor *tensor, const char *what, Error *err) {
  return error_set(err, STATUS_DATA,
                   "%s: tensor %s is for %s, which this base does not have: an adapter for another base", tensor->file,
                   tensor->name, what);
}

Status adapt_check(const ModelConfig *c, const ParameterTable *t, const Adapter *adapter, const char *head,
                   Error *err) {
  const size_t n_factors = adapter_factors_count(adapter), n_tensors = adapter_tensors_count(adapter);
  bool *factors_used = mem_alloc(n_factors, sizeof *factors_used),
       *tensors_used = mem_alloc(n_tensors, sizeof *tensors_used);
  Status status = STATUS_OK;
  for (size_t i = 0; i < t->count && status == STATUS_OK; i++) {
    const Parameter *p = &t->items[i];
    /* The parameter of that name is not this head's where the head has another layout. */
    const bool is_other_head = p->role == ROLE_SCORE && !(head && strcmp(head, "score") == 0);
    const AdapterFactors *f = is_other_head ? NULL : adapt_module(c, adapter, p);
    const AdapterTensor *saved = find_tensor(c, adapter, p);
    if (f) status = check_factors(c, f, p, err);
    if (f) factors_used[f - adapter_factors_at(adapter, 0)] = true;
    if (saved) tensors_used[saved - adapter_tensors_at(adapter, 0)] = true;
  }
  for (size_t i = 0; i < n_factors && status == STATUS_OK; i++)
    if (!factors_used[i])
      status = not_in_base(adapter_factors_at(adapter, i)->a, adapter_factors_at(adapter, i)->module, err);
  for (size_t i = 0; i < n_tensors && status == STATUS_OK; i++) {
    const AdapterTensor *saved = adapter_tensors_at(adapter, i);
    const bool of_head = head && strncmp(saved->name, head, strlen(head)) == 0 && saved->name[strlen(head)] == '.';
    if (!tensors_used[i] && !of_head) status = not_in_base(saved->tensor, saved->name, err);
  }
  free(factors_used);
  free(tensors_used);
  return status;
}

bool adapt_unties(const ModelConfig *c, const Adapter *adapter) {
  static const Role roles[] = {ROLE_EMBED, ROLE_LM_HEAD};
  for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
    Parameter p = {.role = roles[i]};
    TensorPlace place;
    tensor_place(c, &p, false, &place);
    memcpy(p.name, place.name, sizeof p.name);
    if (adapt_module(c, adapter, &p) || find_tensor(c, adapter, &p)) return true;
  }
  return false;
}

Status adapt_read(const Tensor *tensor, real *out, Error *err) {
  float *values = mem_alloc(tensor->count, sizeof *values);
  bool is_finite = true;
  dtype_widen(tensor->dtype, tensor->bytes, tensor->count, values);
  for (size_t i = 0; i < tensor->count; i++) {
    out[i] = (real)values[i];
    is_finite = is_finite && isfinite(out[i]);
  }
  free(values);
  return is_finite ? STATUS_OK
                   : error_set(err, STATUS_DATA, "%s: tensor %s holds a value that is not finite", tensor->file,
                               tensor->name);
}

/* out [columns, rows] from in [rows, columns]. */
static void transpose(size_t rows, size_t columns, const real *in, real *out) {
  for (size_t r = 0; r < rows; r++)
    for (size_t j = 0; j < columns; j++) out[j * rows + r] = in[r * columns + j];
}

/* The rows of B [units, rank] that are for this parameter of a stack. */
static void pick_rows(const ModelConfig *c, const Parameter *p, size_t rank, const real *b, real *out) {
  TensorPlace place;
  tensor_place(c, p, false, &place);
  for (size_t r = 0; r < p->rows; r++)
    memcpy(out + r * rank, b + tensor_place_unit(c, &place, r) * rank, rank * sizeof *out);
}

Status adapt_factors(const ModelConfig *c, const Adapter *adapter, const Parameter *p, AdaptFactors *out, Error *err) {
  const AdapterFactors *f = adapt_module(c, adapter, p);
  *out = (AdaptFactors){0};
  if (!f) return STATUS_OK;
  const size_t rank = f->rank;
  real *a = mem_alloc(f->a->count, sizeof *a), *b = mem_alloc(f->b->count, sizeof *b);
  Status status = adapt_read(f->a, a, err);
  if (status == STATUS_OK) status = adapt_read(f->b, b, err);
  if (status == STATUS_OK) {
    *out = (AdaptFactors){rank, f->scale, mem_alloc(rank * p->columns, sizeof *a), mem_alloc(p->rows * rank, sizeof *b)};
    if (f->is_embedding) { /* W [V, D] gets (B A)', A [rank, V], B [D, rank] */
      transpose(p->columns, rank, b, out->a);
      transpose(rank, p->rows, a, out->b);
    } else {
      memcpy(out->a, a, rank * p->columns * sizeof *a);
      pick_rows(c, p, rank, b, out->b);
    }
  }
  free(a);
  free(b);
  return status;
}

void adapt_factors_clear(AdaptFactors *factors) {
  free(factors->a);
  free(factors->b);
  *factors = (AdaptFactors){0};
}

Status adapt_merge(const ModelConfig *c, const Adapter *adapter, const Parameter *p, real *values, Error *err) {
  AdaptFactors f;
  const Status status = adapt_factors(c, adapter, p, &f, err);
  for (size_t i = 0; status == STATUS_OK && i < p->rows * f.rank; i++) f.b[i] = (real)(f.scale * (double)f.b[i]);
  if (status == STATUS_OK && f.rank)
    gemm(false, false, p->rows, p->columns, f.rank, f.b, f.rank, f.a, p->columns, true, values, p->columns);
  adapt_factors_clear(&f);
  return status;
}
