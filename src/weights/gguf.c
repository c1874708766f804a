/* The GGUF file: header, tensor records and where their bytes lie. Metadata is gguf_metadata.c's.
 *
 *   | "GGUF" | u32 version | u64 tensors | u64 keys | keys and values ... | tensor records ... | padding | data ... |
 *   record: | u64 length | name | u32 dims | u64 shape[dims], innermost first | u32 type | u64 offset into data | */
#include "weights/gguf.h"

#include "base/memory.h"
#include "weights/gguf_parts.h"

#include <stdlib.h>

enum {
  ALIGNMENT_DEFAULT = 32,
  ALIGNMENT_LIMIT = 1 << 20,
  RECORD_BYTES = 8 + 1 + 4 + 4 + 8 /* the shortest tensor record */
};

typedef struct Record {
  char *name;
  Dtype dtype;
  size_t n_dims, shape[TENSOR_MAX_DIMS], n_bytes;
  uint64_t offset; /* from the start of the data */
} Record;

/* Magic and version, with a word for the files that people mistake for ours. */
static Status check_header(Gguf *gguf, Cursor *cursor, Error *err) {
  const uint8_t *magic = cursor_take(cursor, 4);
  if (!magic) return error_set(err, STATUS_DATA, "%s: %zu bytes, too short for a GGUF file", gguf->path, cursor->size);
  const bool swapped = memcmp(magic, "FUGG", 4) == 0;
  if (!swapped && memcmp(magic, "GGUF", 4) != 0)
    return error_set(err, STATUS_DATA, "%s: starts with bytes %02x %02x %02x %02x, expected a GGUF file (\"GGUF\")",
                     gguf->path, magic[0], magic[1], magic[2], magic[3]);
  gguf->version = cursor_u32(cursor);
  const Status status = gguf_check_read(gguf, cursor, "the", "header", err);
  if (status != STATUS_OK) return status;
  if (swapped || (gguf->version && (gguf->version & 0xffff) == 0))
    return error_set(err, STATUS_DATA, "%s: a big-endian GGUF file, expected little-endian", gguf->path);
  if (gguf->version < 2 || gguf->version > 3)
    return error_set(err, STATUS_DATA, "%s: GGUF version %u, expected 2 or 3", gguf->path, (unsigned)gguf->version);
  return STATUS_OK;
}

static Status read_alignment(const Gguf *gguf, size_t *alignment, Error *err) {
  int64_t value = ALIGNMENT_DEFAULT;
  if (gguf_has(gguf, "general.alignment") && !gguf_integer(gguf, "general.alignment", &value))
    return error_set(err, STATUS_DATA, "%s: general.alignment is not an integer", gguf->path);
  if (value < 1 || value > ALIGNMENT_LIMIT || (value & (value - 1)))
    return error_set(err, STATUS_DATA, "%s: general.alignment is %lld, expected a power of two up to %d", gguf->path,
                     (long long)value, ALIGNMENT_LIMIT);
  *alignment = (size_t)value;
  return STATUS_OK;
}

/* A part of a split model lacks tensors; its keys say so before a missing tensor would. */
static Status check_not_split(const Gguf *gguf, Error *err) {
  int64_t parts = 1;
  if (gguf_integer(gguf, "split.count", &parts) && parts > 1)
    return error_set(err, STATUS_DATA,
                     "%s: one of %lld parts of a split model; merge them with llama-gguf-split --merge", gguf->path,
                     (long long)parts);
  return STATUS_OK;
}

static Status read_shape(const Gguf *gguf, Cursor *cursor, Record *record, Error *err) {
  const uint32_t n_dims = cursor_u32(cursor);
  Status status = gguf_check_read(gguf, cursor, "tensor", record->name, err);
  if (status != STATUS_OK) return status;
  if (n_dims < 1 || n_dims > TENSOR_MAX_DIMS)
    return error_set(err, STATUS_DATA, "%s: tensor %s has %u dimensions, expected 1 to %d", gguf->path, record->name,
                     (unsigned)n_dims, TENSOR_MAX_DIMS);
  record->n_dims = n_dims;
  for (size_t i = n_dims; i-- > 0;) record->shape[i] = (size_t)cursor_u64(cursor);
  return gguf_check_read(gguf, cursor, "tensor", record->name, err);
}

/* Bytes of the data, as far as they can be counted; weights_add checks the shape in full. */
static size_t count_bytes(const Record *record) {
  size_t count = 1, n_bytes = 0;
  for (size_t i = 0; i < record->n_dims; i++)
    if (!size_multiply(count, record->shape[i], &count)) return 0;
  return dtype_size(record->dtype, count, &n_bytes) ? n_bytes : 0;
}

static Status read_record(const Gguf *gguf, Cursor *cursor, size_t index, Record *record, Error *err) {
  Status status = gguf_read_name(gguf, cursor, "tensor", index, &record->name, err);
  if (status != STATUS_OK) return status;
  if ((status = read_shape(gguf, cursor, record, err)) != STATUS_OK) return status;
  const uint32_t type = cursor_u32(cursor);
  record->offset = cursor_u64(cursor);
  if ((status = gguf_check_read(gguf, cursor, "tensor", record->name, err)) != STATUS_OK) return status;
  if (!dtype_from_gguf(type, &record->dtype)) {
    const char *name = dtype_ggml_name(type);
    return error_set(err, STATUS_DATA, "%s: tensor %s has ggml type %u%s%s%s, which this fathom cannot read",
                     gguf->path, record->name, (unsigned)type, name ? " (" : "", name ? name : "", name ? ")" : "");
  }
  record->n_bytes = count_bytes(record);
  return STATUS_OK;
}

/* data: the cursor over everything behind the padding. */
static Status add_tensor(Gguf *gguf, const Cursor *data, const Record *record, size_t alignment, Error *err) {
  if (record->offset % alignment != 0)
    return error_set(err, STATUS_DATA, "%s: tensor %s starts at offset %llu, expected a multiple of %zu", gguf->path,
                     record->name, (unsigned long long)record->offset, alignment);
  if (record->offset > data->size || record->n_bytes > data->size - record->offset)
    return error_set(err, STATUS_DATA,
                     "%s: truncated: tensor %s needs %zu bytes at offset %llu of the data, which has %zu bytes",
                     gguf->path, record->name, record->n_bytes, (unsigned long long)record->offset, data->size);
  Tensor tensor = {.name = record->name,
                   .dtype = record->dtype,
                   .n_dims = record->n_dims,
                   .n_bytes = record->n_bytes,
                   .bytes = data->bytes + record->offset,
                   .file = gguf->path};
  memcpy(tensor.shape, record->shape, sizeof tensor.shape);
  return weights_add(gguf->weights, &tensor, err);
}

static int by_offset(const void *a, const void *b) {
  const Record *x = a, *y = b;
  return (x->offset > y->offset) - (x->offset < y->offset);
}

/* Sorts the records. */
static Status check_overlap(const Gguf *gguf, Record *records, size_t n, Error *err) {
  qsort(records, n, sizeof *records, by_offset);
  for (size_t i = 1; i < n; i++)
    if (records[i].offset - records[i - 1].offset < records[i - 1].n_bytes)
      return error_set(err, STATUS_DATA, "%s: the data of tensors %s and %s overlap", gguf->path, records[i - 1].name,
                       records[i].name);
  return STATUS_OK;
}

static Status read_tensors(Gguf *gguf, Cursor *cursor, uint64_t n_tensors, Error *err) {
  size_t alignment = 0;
  Status status = read_alignment(gguf, &alignment, err);
  if (status != STATUS_OK) return status;
  if (n_tensors > (cursor->size - cursor->at) / RECORD_BYTES)
    return error_set(err, STATUS_DATA, "%s: the header claims %llu tensors, but only %zu bytes are left for them",
                     gguf->path, (unsigned long long)n_tensors, cursor->size - cursor->at);
  Record *records = mem_alloc((size_t)n_tensors, sizeof *records);
  for (size_t i = 0; i < n_tensors && status == STATUS_OK; i++) status = read_record(gguf, cursor, i, &records[i], err);
  const size_t skip = (alignment - cursor->at % alignment) % alignment;
  if (status == STATUS_OK && n_tensors) {
    cursor_take(cursor, skip);
    status = gguf_check_read(gguf, cursor, "the", "padding before the data", err);
  }
  const Cursor data = cursor_over(cursor->bytes + cursor->at, cursor->size - cursor->at);
  for (size_t i = 0; i < n_tensors && status == STATUS_OK; i++)
    status = add_tensor(gguf, &data, &records[i], alignment, err);
  if (status == STATUS_OK) status = check_overlap(gguf, records, (size_t)n_tensors, err);
  for (size_t i = 0; i < n_tensors; i++) free(records[i].name);
  free(records);
  return status;
}

static Status read_all(Gguf *gguf, Error *err) {
  Cursor cursor = cursor_over(gguf->map.bytes, gguf->map.size);
  Status status = check_header(gguf, &cursor, err);
  if (status != STATUS_OK) return status;
  const uint64_t n_tensors = cursor_u64(&cursor), n_keys = cursor_u64(&cursor);
  if ((status = gguf_check_read(gguf, &cursor, "the", "header", err)) != STATUS_OK) return status;
  if ((status = gguf_read_metadata(gguf, &cursor, n_keys, err)) != STATUS_OK) return status;
  if ((status = check_not_split(gguf, err)) != STATUS_OK) return status;
  return read_tensors(gguf, &cursor, n_tensors, err);
}

Status gguf_open(const char *path, Gguf **out, Error *err) {
  *out = NULL;
  Gguf *gguf = mem_alloc(1, sizeof *gguf);
  gguf->path = mem_copy_string(path);
  gguf->weights = weights_new();
  Status status = file_map(path, &gguf->map, err);
  if (status == STATUS_OK) status = read_all(gguf, err);
  if (status == STATUS_OK)
    *out = gguf;
  else
    gguf_close(gguf);
  return status;
}

void gguf_close(Gguf *gguf) {
  if (!gguf) return;
  for (size_t i = 0; i < gguf->keys.count && gguf->values; i++) free(gguf->values[i].array.texts);
  free(gguf->values);
  names_clear(&gguf->keys);
  weights_free(gguf->weights);
  file_unmap(&gguf->map);
  free(gguf->path);
  free(gguf);
}

const char *gguf_path(const Gguf *gguf) { return gguf->path; }
uint32_t gguf_version(const Gguf *gguf) { return gguf->version; }
const FileMap *gguf_map(const Gguf *gguf) { return &gguf->map; }
const Weights *gguf_weights(const Gguf *gguf) { return gguf->weights; }
