/* Files of arrays: which kind of file it is, the list of its arrays, and short arrays as a whole. */
#include "weights/arrays.h"

#include "base/memory.h"
#include "base/names.h"
#include "weights/array_parts.h"
#include "weights/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Status open_npy(ArrayFile *file, Error *err) {
  file->is_npy = true;
  file->items = mem_alloc(1, sizeof *file->items);
  file->count = 1;
  file->items->name = mem_copy_string("");
  file->items->bytes = (ArrayBytes){.stored = file->map.bytes, .stored_size = file->map.size, .size = file->map.size};
  return npy_read_header(file->items, err);
}

static Status check_names(const ArrayFile *file, Error *err) {
  Names names = {0};
  Status status = STATUS_OK;
  for (size_t i = 0; i < file->count && status == STATUS_OK; i++)
    if (!names_add(&names, file->items[i].name))
      status = error_set(err, STATUS_DATA, "a second array named %.200s", file->items[i].name);
  names_clear(&names);
  return status;
}

/* --- safetensors --- */

static Array *add_tensor(ArrayFile *file, const char *name, const char *dtype, size_t n_dims, const size_t *shape,
                         const uint8_t *bytes, size_t n_bytes) {
  Array *array = &file->items[file->count++];
  array->name = mem_copy_string(name);
  snprintf(array->type_name, sizeof array->type_name, "%s", dtype);
  array->n_dims = n_dims;
  memcpy(array->shape, shape, n_dims * sizeof *shape);
  array->bytes = (ArrayBytes){.stored = bytes, .stored_size = n_bytes, .size = n_bytes};
  return array;
}

/* "I64", "U8": integers; "F64" is the one type of floats that weights never have. */
static void set_skipped_type(Array *array) {
  const char *name = array->type_name;
  const long bits = strtol(name + 1, NULL, 10);
  array->type = ARRAY_OTHER;
  array->item = (size_t)bits / 8;
  if (strcmp(name, "F64") == 0) array->type = ARRAY_F64;
  if (bits != 8 && bits != 16 && bits != 32 && bits != 64) return;
  if (name[0] == 'I') array->type = ARRAY_SIGNED;
  if (name[0] == 'U') array->type = ARRAY_UNSIGNED;
}

static Status open_safetensors(ArrayFile *file, Error *err) {
  file->tensors = weights_new();
  Status status = safetensors_open_model(file->path, &file->map, file->tensors, err);
  if (status != STATUS_OK) return status;
  const size_t n = weights_count(file->tensors), n_skipped = weights_skipped_count(file->tensors);
  file->items = mem_alloc(n + n_skipped, sizeof *file->items);
  for (size_t i = 0; i < n; i++) {
    const Tensor *t = weights_at(file->tensors, i);
    const DtypeInfo *info = dtype_info(t->dtype);
    Array *array = add_tensor(file, t->name, info->safetensors, t->n_dims, t->shape, t->bytes, t->n_bytes);
    array->type = t->dtype == DTYPE_F32 ? ARRAY_F32 : t->dtype == DTYPE_F16 ? ARRAY_F16 : ARRAY_BF16;
    array->item = info->bytes;
    array->count = t->count;
  }
  for (size_t i = 0; i < n_skipped && status == STATUS_OK; i++) {
    const SkippedTensor *t = weights_skipped_at(file->tensors, i);
    Array *array = add_tensor(file, t->name, t->dtype, t->n_dims, t->shape, t->bytes, t->n_bytes);
    set_skipped_type(array);
    status = array_measure(array, err);
    if (status != STATUS_OK) error_prefix(err, "%s: tensor %.200s", file->path, array->name);
  }
  return status;
}

Status arrays_open(const char *path, ArrayFile *file, Error *err) {
  *file = (ArrayFile){.path = mem_copy_string(path)};
  Status status = file_map(path, &file->map, err);
  if (status != STATUS_OK) {
    arrays_close(file);
    return status;
  }
  const bool is_npy = file->map.size >= 6 && memcmp(file->map.bytes, "\x93NUMPY", 6) == 0,
             is_zip = file->map.size >= 4 && memcmp(file->map.bytes, "PK\3\4", 4) == 0;
  if (is_npy || is_zip || !file_has_suffix(path, ".safetensors")) {
    if (is_npy)
      status = open_npy(file, err);
    else if (is_zip)
      status = npz_read_members(&file->map, &file->items, &file->count, err);
    else
      status = error_set(err, STATUS_DATA, "expected a .npy or .npz of numpy, or a .safetensors");
    if (status == STATUS_OK) status = check_names(file, err);
    if (status != STATUS_OK) error_prefix(err, "%s", path);
  } else {
    file_unmap(&file->map);
    status = open_safetensors(file, err);
  }
  if (status != STATUS_OK) arrays_close(file);
  return status;
}

void arrays_close(ArrayFile *file) {
  for (size_t i = 0; i < file->count; i++) free(file->items[i].name);
  free(file->items);
  if (file->tensors) weights_free(file->tensors);
  file_unmap(&file->map);
  free(file->path);
  *file = (ArrayFile){0};
}

const Array *arrays_find(const ArrayFile *file, const char *name) {
  for (size_t i = 0; i < file->count; i++)
    if (strcmp(file->items[i].name, name) == 0) return &file->items[i];
  return NULL;
}

/* --- short arrays --- */

typedef Status TakeElement(const Array *array, const uint8_t *bytes, size_t i, void *values, Error *err);

static Status take_integer(const Array *array, const uint8_t *bytes, size_t i, void *values, Error *err) {
  if (array_integer(array, bytes, (int64_t *)values + i)) return STATUS_OK;
  return error_set(err, STATUS_DATA, "entry %zu is too large", i);
}

static Status take_text(const Array *array, const uint8_t *bytes, size_t i, void *values, Error *err) {
  ((char **)values)[i] = array_text(array, bytes);
  return ((char **)values)[i] ? STATUS_OK : error_set(err, STATUS_DATA, "entry %zu is no text of Unicode", i);
}

static Status read_elements(const Array *array, TakeElement *take, void *values, uint8_t *bytes, Error *err) {
  ArrayStream stream;
  Status status = STATUS_OK;
  array_stream_open(&stream, &array->bytes);
  for (size_t i = 0; i < array->count && status == STATUS_OK; i++) {
    status = array_stream_read(&stream, array->bytes.skip + i * array->item, array->item, bytes, err);
    if (status == STATUS_OK) status = take(array, bytes, i, values, err);
  }
  if (status == STATUS_OK) status = array_stream_check(&stream, err);
  array_stream_close(&stream);
  return status;
}

static Status read_whole(const ArrayFile *file, const Array *array, TakeElement *take, size_t size, void **values,
                         Error *err) {
  void *bytes = NULL;
  Status status = STATUS_OK;
  *values = NULL;
  if (array->n_dims != 1) status = error_set(err, STATUS_DATA, "%zu dimensions, expected one", array->n_dims);
  if (status == STATUS_OK) status = mem_try(array->item, 1, &bytes, err);
  if (status == STATUS_OK) status = mem_try(array->count, size, values, err);
  if (status == STATUS_OK) status = read_elements(array, take, *values, bytes, err);
  free(bytes);
  if (status == STATUS_OK) return status;
  for (size_t i = 0; take == take_text && *values && i < array->count; i++) free(((char **)*values)[i]);
  free(*values);
  *values = NULL;
  return error_prefix(err, "%s: array %s", file->path, array->name);
}

Status array_read_integers(const ArrayFile *file, const Array *array, int64_t **values, Error *err) {
  return read_whole(file, array, take_integer, sizeof **values, (void **)values, err);
}

Status array_read_texts(const ArrayFile *file, const Array *array, char ***texts, Error *err) {
  return read_whole(file, array, take_text, sizeof **texts, (void **)texts, err);
}
