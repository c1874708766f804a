/* The view of named tensors: records in file order and an index of their names. */
#include "weights/weights.h"

#include "base/memory.h"
#include "base/names.h"

#include <assert.h>
#include <stdlib.h>

struct Weights {
  Names names;
  Tensor *tensors; /* [room], as many used as there are names */
  size_t room;
  Names skipped_names;
  SkippedTensor *skipped; /* [as many as skipped_names], dtypes owned */
};

Weights *weights_new(void) { return mem_alloc(1, sizeof(Weights)); }

void weights_free(Weights *weights) {
  if (!weights) return;
  for (size_t i = 0; i < weights->skipped_names.count; i++) free((char *)weights->skipped[i].dtype);
  names_clear(&weights->names);
  names_clear(&weights->skipped_names);
  free(weights->tensors);
  free(weights->skipped);
  free(weights);
}

size_t weights_count(const Weights *weights) { return weights->names.count; }

const Tensor *weights_at(const Weights *weights, size_t index) {
  assert(index < weights->names.count);
  return &weights->tensors[index];
}

const Tensor *weights_find(const Weights *weights, const char *name) {
  size_t index;
  return names_find(&weights->names, name, &index) ? &weights->tensors[index] : NULL;
}

size_t weights_skipped_count(const Weights *weights) { return weights->skipped_names.count; }

const SkippedTensor *weights_skipped_at(const Weights *weights, size_t index) {
  assert(index < weights->skipped_names.count);
  return &weights->skipped[index];
}

const SkippedTensor *weights_skipped_find(const Weights *weights, const char *name) {
  size_t index;
  return names_find(&weights->skipped_names, name, &index) ? &weights->skipped[index] : NULL;
}

static Status second(const char *file, const char *name, const char *other, Error *err) {
  return error_set(err, STATUS_DATA, "%s: a second tensor named %s%s%s", file, name,
                   other == file ? "" : "; the first is in ", other == file ? "" : other);
}

Status weights_skip(Weights *weights, const SkippedTensor *tensor, Error *err) {
  const size_t index = weights->skipped_names.count;
  const Tensor *read = weights_find(weights, tensor->name);
  if (read) return second(tensor->file, tensor->name, read->file, err);
  if (!names_add(&weights->skipped_names, tensor->name))
    return second(tensor->file, tensor->name, weights_skipped_find(weights, tensor->name)->file, err);
  weights->skipped = mem_resize(weights->skipped, index + 1, sizeof *weights->skipped);
  weights->skipped[index] = *tensor;
  weights->skipped[index].name = weights->skipped_names.items[index];
  weights->skipped[index].dtype = mem_copy_string(tensor->dtype);
  return STATUS_OK;
}

/* count and n_bytes from dtype and shape; the unused dimensions become 1. */
static Status measure(Tensor *tensor, Error *err) {
  const DtypeInfo *info = dtype_info(tensor->dtype);
  const size_t given = tensor->n_bytes;
  assert(tensor->n_dims <= TENSOR_MAX_DIMS);
  tensor->count = 1;
  for (size_t i = 0; i < TENSOR_MAX_DIMS; i++) {
    if (i >= tensor->n_dims) tensor->shape[i] = 1;
    if (tensor->shape[i] == 0)
      return error_set(err, STATUS_DATA, "%s: tensor %s: dimension %zu is 0", tensor->file, tensor->name, i);
    if (!size_multiply(tensor->count, tensor->shape[i], &tensor->count))
      return error_set(err, STATUS_DATA, "%s: tensor %s: its shape has more elements than can be counted", tensor->file,
                       tensor->name);
  }
  const size_t row = tensor->n_dims ? tensor->shape[tensor->n_dims - 1] : 1;
  if (row % info->block != 0)
    return error_set(err, STATUS_DATA, "%s: tensor %s: rows of %zu elements, expected a multiple of %s's block of %zu",
                     tensor->file, tensor->name, row, info->name, info->block);
  if (!dtype_size(tensor->dtype, tensor->count, &tensor->n_bytes))
    return error_set(err, STATUS_DATA, "%s: tensor %s: its shape has more bytes than can be counted", tensor->file,
                     tensor->name);
  if (tensor->n_bytes != given)
    return error_set(err, STATUS_DATA, "%s: tensor %s: %zu bytes of data, expected %zu for %zu elements of %s",
                     tensor->file, tensor->name, given, tensor->n_bytes, tensor->count, info->name);
  return STATUS_OK;
}

Status weights_add(Weights *weights, const Tensor *tensor, Error *err) {
  Tensor record = *tensor;
  const Status status = measure(&record, err);
  if (status != STATUS_OK) return status;
  const size_t index = weights->names.count;
  const SkippedTensor *skipped = weights_skipped_find(weights, tensor->name);
  if (skipped) return second(tensor->file, tensor->name, skipped->file, err);
  if (!names_add(&weights->names, tensor->name))
    return second(tensor->file, tensor->name, weights_find(weights, tensor->name)->file, err);
  if (index == weights->room) {
    weights->room = weights->room ? 2 * weights->room : 64;
    weights->tensors = mem_resize(weights->tensors, weights->room, sizeof *weights->tensors);
  }
  record.name = weights->names.items[index];
  weights->tensors[index] = record;
  return STATUS_OK;
}
