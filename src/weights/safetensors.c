/* safetensors files, read and written:
 *
 *   | u64 header length | JSON header | data ... |
 *   header: {"__metadata__": {text: text}, "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
 *
 * Offsets count from the start of the data; together the tensors cover it without hole or overlap. */
#include "weights/safetensors.h"

#include "base/cursor.h"
#include "base/json.h"
#include "base/memory.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum {
  HEADER_LIMIT = 100 * 1000 * 1000, /* the format's own limit */
  ALIGNMENT = 8,                    /* of the data, when writing */
  BLOCK = 4096                      /* elements narrowed at a time */
};

typedef struct Span {
  size_t begin, end;
  const char *name;
} Span;

/* A whole number that a double holds exactly. */
static bool whole_number(const Json *node, size_t *value) {
  const double number = json_number(node, -1);
  if (!(number >= 0 && number <= 0x1p53 && number == floor(number))) return false;
  *value = (size_t)number;
  return true;
}

static Status read_shape(const char *path, const Json *entry, Tensor *tensor, Error *err) {
  const Json *shape = json_get(entry, "shape");
  if (!json_is_array(shape))
    return error_set(err, STATUS_DATA, "%s: tensor %s: \"shape\" is missing or no array", path, tensor->name);
  tensor->n_dims = json_count(shape);
  if (tensor->n_dims > TENSOR_MAX_DIMS)
    return error_set(err, STATUS_DATA, "%s: tensor %s has %zu dimensions, expected at most %d", path, tensor->name,
                     tensor->n_dims, TENSOR_MAX_DIMS);
  size_t i = 0;
  for (const Json *node = json_first(shape); node; node = json_next(node), i++)
    if (!whole_number(node, &tensor->shape[i]))
      return error_set(err, STATUS_DATA, "%s: tensor %s: dimension %zu is no whole number", path, tensor->name, i);
  return STATUS_OK;
}

static Status read_span(const char *path, const Json *entry, const Cursor *data, Span *span, Error *err) {
  const Json *offsets = json_get(entry, "data_offsets");
  if (!json_is_array(offsets) || json_count(offsets) != 2 || !whole_number(json_at(offsets, 0), &span->begin) ||
      !whole_number(json_at(offsets, 1), &span->end))
    return error_set(err, STATUS_DATA, "%s: tensor %s: \"data_offsets\" is missing or not two whole numbers", path,
                     span->name);
  if (span->begin > span->end || span->end > data->size)
    return error_set(err, STATUS_DATA,
                     "%s: tensor %s: data from %zu to %zu, expected within the file's %zu bytes of data", path,
                     span->name, span->begin, span->end, data->size);
  return STATUS_OK;
}

/* span: where the tensor's bytes lie, for the check of the whole. */
static Status read_entry(const char *path, const Json *entry, const Cursor *data, bool skips, Weights *weights,
                         Span *span, Error *err) {
  Tensor tensor = {.name = json_key(entry), .file = path};
  const char *type = json_string(json_get(entry, "dtype"), NULL);
  span->name = tensor.name;
  if (!type) return error_set(err, STATUS_DATA, "%s: tensor %s: \"dtype\" is missing or no string", path, tensor.name);
  const bool is_read = dtype_from_safetensors(type, &tensor.dtype);
  if (!is_read && !skips)
    return error_set(err, STATUS_DATA, "%s: tensor %s has dtype %s, expected F32, F16 or BF16", path, tensor.name,
                     type);
  Status status = read_shape(path, entry, &tensor, err);
  if (status == STATUS_OK) status = read_span(path, entry, data, span, err);
  if (status != STATUS_OK) return status;
  tensor.bytes = data->bytes + span->begin;
  tensor.n_bytes = span->end - span->begin;
  if (is_read) return weights_add(weights, &tensor, err);
  SkippedTensor skipped = {tensor.name, type, path, tensor.n_dims, {0}, tensor.bytes, tensor.n_bytes};
  memcpy(skipped.shape, tensor.shape, sizeof skipped.shape);
  return weights_skip(weights, &skipped, err);
}

static int by_begin(const void *a, const void *b) {
  const Span *x = a, *y = b;
  return (x->begin > y->begin) - (x->begin < y->begin);
}

/* Sorts the spans. */
static Status check_cover(const char *path, Span *spans, size_t n, size_t size, Error *err) {
  qsort(spans, n, sizeof *spans, by_begin);
  size_t at = 0;
  for (size_t i = 0; i < n; i++) {
    if (spans[i].begin != at)
      return error_set(err, STATUS_DATA, "%s: tensor %s begins at byte %zu of the data, expected %zu (%s)", path,
                       spans[i].name, spans[i].begin, at, spans[i].begin < at ? "an overlap" : "a hole");
    at = spans[i].end;
  }
  if (at != size)
    return error_set(err, STATUS_DATA, "%s: the tensors need %zu bytes of data, the file has %zu", path, at, size);
  return STATUS_OK;
}

static Status read_entries(const char *path, const Json *header, const Cursor *data, bool skips, Weights *weights,
                           Error *err) {
  Status status = STATUS_OK;
  size_t n = 0;
  Span *spans = mem_alloc(json_count(header), sizeof *spans);
  for (const Json *entry = json_first(header); entry && status == STATUS_OK; entry = json_next(entry))
    if (strcmp(json_key(entry), "__metadata__") != 0) status = read_entry(path, entry, data, skips, weights, &spans[n++], err);
  if (status == STATUS_OK) status = check_cover(path, spans, n, data->size, err);
  free(spans);
  return status;
}

static Status read_file(const char *path, const FileMap *map, bool skips, Weights *weights, Error *err) {
  Cursor cursor = cursor_over(map->bytes, map->size);
  const uint64_t size = cursor_u64(&cursor);
  if (cursor.short_by)
    return error_set(err, STATUS_DATA, "%s: %zu bytes, too short for a safetensors file", path, map->size);
  if (size < 2 || size > HEADER_LIMIT)
    return error_set(err, STATUS_DATA, "%s: a header of %llu bytes, expected 2 to %d: not a safetensors file?", path,
                     (unsigned long long)size, HEADER_LIMIT);
  const char *text = (const char *)cursor_take(&cursor, (size_t)size);
  if (!text)
    return error_set(err, STATUS_DATA, "%s: truncated: a header of %llu bytes, but only %zu follow", path,
                     (unsigned long long)size, map->size - cursor.at);
  Json *header;
  char *name = mem_format("%s: header", path);
  Status status = json_parse(text, (size_t)size, name, &header, err);
  free(name);
  if (status != STATUS_OK) return status;
  const Cursor data = cursor_over(cursor.bytes + cursor.at, cursor.size - cursor.at);
  status = json_is_object(header) ? read_entries(path, header, &data, skips, weights, err)
                                  : error_set(err, STATUS_DATA, "%s: the header is no JSON object", path);
  json_free(header);
  return status;
}

static Status open_file(const char *path, bool skips, FileMap *map, Weights *weights, Error *err) {
  Status status = file_map(path, map, err);
  if (status == STATUS_OK) status = read_file(path, map, skips, weights, err);
  if (status != STATUS_OK) file_unmap(map);
  return status;
}

Status safetensors_open(const char *path, FileMap *map, Weights *weights, Error *err) {
  return open_file(path, false, map, weights, err);
}

Status safetensors_open_model(const char *path, FileMap *map, Weights *weights, Error *err) {
  return open_file(path, true, map, weights, err);
}

/* The JSON header, padded with blanks so that the data start aligned; freed by the caller. */
static char *make_header(const SafetensorsEntry *entries, size_t n_entries, Dtype dtype) {
  Json *root = json_new_object();
  json_add_string(json_add_object(root, "__metadata__"), "format", "pt");
  size_t at = 0;
  for (size_t i = 0; i < n_entries; i++) {
    Json *entry = json_add_object(root, entries[i].name);
    json_add_string(entry, "dtype", dtype_info(dtype)->safetensors);
    Json *shape = json_add_array(entry, "shape"), *offsets = json_add_array(entry, "data_offsets");
    size_t n_bytes = dtype_info(dtype)->bytes;
    for (size_t d = 0; d < entries[i].n_dims; d++) {
      json_add_number(shape, NULL, (double)entries[i].shape[d]);
      n_bytes *= entries[i].shape[d];
    }
    json_add_number(offsets, NULL, (double)at);
    json_add_number(offsets, NULL, (double)(at += n_bytes));
  }
  char *text = json_print(root, false);
  json_free(root);
  const size_t size = strlen(text), padded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  text = mem_resize(text, padded + 1, 1);
  memset(text + size, ' ', padded - size);
  text[padded] = 0;
  return text;
}

/* false where the stream refuses: commit then says so. */
static bool write_values(FILE *stream, const float *values, size_t n, Dtype dtype) {
  uint8_t block[BLOCK * sizeof(float)];
  const size_t size = dtype_info(dtype)->bytes;
  for (size_t done = 0; done < n;) {
    const size_t step = n - done < BLOCK ? n - done : BLOCK;
    dtype_narrow(dtype, values + done, step, block);
    if (fwrite(block, size, step, stream) != step) return false;
    done += step;
  }
  return true;
}

static void write_file(FILE *stream, const SafetensorsEntry *entries, size_t n_entries, Dtype dtype) {
  char *header = make_header(entries, n_entries, dtype);
  const uint64_t size = strlen(header);
  uint8_t prefix[8];
  for (int i = 0; i < 8; i++) prefix[i] = (uint8_t)(size >> 8 * i);
  bool good = fwrite(prefix, 1, 8, stream) == 8 && fwrite(header, 1, size, stream) == size;
  for (size_t i = 0; i < n_entries && good; i++) {
    size_t count = 1;
    for (size_t d = 0; d < entries[i].n_dims; d++) count *= entries[i].shape[d];
    good = write_values(stream, entries[i].values, count, dtype);
  }
  free(header);
}

Status safetensors_write(const char *path, const SafetensorsEntry *entries, size_t n_entries, Dtype dtype, Error *err) {
  assert(dtype_info(dtype)->safetensors);
  FileWriter writer;
  const Status status = file_writer_open(&writer, path, err);
  if (status != STATUS_OK) return status;
  write_file(writer.stream, entries, n_entries, dtype);
  return file_writer_commit(&writer, err);
}
