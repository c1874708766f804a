/* Parsing of GGUF's keys and values:
 *
 *   | u64 length | key | u32 type | value |        a string is | u64 length | bytes |,
 *                                                 an array     | u32 type | u64 count | elements |
 *
 * Scalars stay in the file; strings of an array are indexed here, once. */
#include "base/memory.h"
#include "base/utf8.h"
#include "weights/gguf_parts.h"

#include <stdlib.h>

enum {
  NAME_LIMIT = 65535,   /* bytes of a key: the format's own limit */
  ARRAY_DEPTH = 4,      /* arrays inside arrays */
  KEY_BYTES = 8 + 4 + 1 /* the shortest key with its value */
};

size_t gguf_scalar_size(GgufType type) {
  static const uint8_t sizes[] = {
      [GGUF_UINT8] = 1,  [GGUF_INT8] = 1,    [GGUF_UINT16] = 2,  [GGUF_INT16] = 2,  [GGUF_UINT32] = 4,
      [GGUF_INT32] = 4,  [GGUF_FLOAT32] = 4, [GGUF_BOOL] = 1,    [GGUF_STRING] = 0, [GGUF_ARRAY] = 0,
      [GGUF_UINT64] = 8, [GGUF_INT64] = 8,   [GGUF_FLOAT64] = 8,
  };
  return sizes[type];
}

Status gguf_check_read(const Gguf *gguf, const Cursor *cursor, const char *what, const char *name, Error *err) {
  if (!cursor->short_by) return STATUS_OK;
  return error_set(err, STATUS_DATA, "%s: truncated: %s %s needs %zu bytes more than the file has after byte %zu",
                   gguf->path, what, name, cursor->short_by, cursor->at);
}

/* A length or count larger than what is left would need is refused before it is multiplied or allocated. */
static Status check_count(const Gguf *gguf, const Cursor *cursor, const char *what, uint64_t count, size_t least,
                          Error *err) {
  const size_t left = cursor->size - cursor->at;
  if (count <= left / least) return STATUS_OK;
  return error_set(err, STATUS_DATA, "%s: %s claims %llu elements of at least %zu bytes, but only %zu bytes are left",
                   gguf->path, what, (unsigned long long)count, least, left);
}

Status gguf_read_name(const Gguf *gguf, Cursor *cursor, const char *what, size_t index, char **name, Error *err) {
  const uint64_t size = cursor_u64(cursor);
  if (!cursor->short_by && (size == 0 || size > NAME_LIMIT))
    return error_set(err, STATUS_DATA, "%s: %s %zu has a name of %llu bytes, expected 1 to %d", gguf->path, what, index,
                     (unsigned long long)size, NAME_LIMIT);
  const uint8_t *bytes = cursor_take(cursor, (size_t)size);
  const Status status = gguf_check_read(gguf, cursor, what, "name", err);
  if (status != STATUS_OK) return status;
  if (memchr(bytes, 0, (size_t)size) || utf8_valid_prefix((const char *)bytes, (size_t)size) != size)
    return error_set(err, STATUS_DATA, "%s: %s %zu has a name that is not UTF-8 text", gguf->path, what, index);
  *name = mem_alloc((size_t)size + 1, 1);
  memcpy(*name, bytes, (size_t)size);
  return STATUS_OK;
}

static Status read_type(const Gguf *gguf, Cursor *cursor, const char *key, GgufType *type, Error *err) {
  const uint32_t number = cursor_u32(cursor);
  const Status status = gguf_check_read(gguf, cursor, "key", key, err);
  if (status != STATUS_OK) return status;
  if (number > GGUF_FLOAT64)
    return error_set(err, STATUS_DATA, "%s: key %s has value type %u, expected 0 to %d", gguf->path, key,
                     (unsigned)number, GGUF_FLOAT64);
  *type = (GgufType)number;
  return STATUS_OK;
}

static Status read_text(const Gguf *gguf, Cursor *cursor, const char *key, GgufText *text, Error *err) {
  const uint64_t size = cursor_u64(cursor);
  const uint8_t *bytes = cursor_take(cursor, (size_t)size);
  *text = (GgufText){(const char *)bytes, (size_t)size};
  return gguf_check_read(gguf, cursor, "key", key, err);
}

static Status check_bools(const Gguf *gguf, const char *key, const uint8_t *bytes, size_t count, Error *err) {
  for (size_t i = 0; i < count; i++)
    if (bytes[i] > 1)
      return error_set(err, STATUS_DATA, "%s: key %s: a boolean of %u, expected 0 or 1", gguf->path, key, bytes[i]);
  return STATUS_OK;
}

static Status read_array(const Gguf *gguf, Cursor *cursor, const char *key, int depth, GgufArray *array, Error *err) {
  *array = (GgufArray){0};
  if (depth > ARRAY_DEPTH)
    return error_set(err, STATUS_DATA, "%s: key %s: arrays nested deeper than %d", gguf->path, key, ARRAY_DEPTH);
  Status status = read_type(gguf, cursor, key, &array->type, err);
  if (status != STATUS_OK) return status;
  const uint64_t count = cursor_u64(cursor);
  if ((status = gguf_check_read(gguf, cursor, "key", key, err)) != STATUS_OK) return status;
  const size_t size = gguf_scalar_size(array->type);
  const size_t least = size ? size : array->type == GGUF_STRING ? 8 : 4 + 8;
  if ((status = check_count(gguf, cursor, key, count, least, err)) != STATUS_OK) return status;
  array->count = (size_t)count;
  array->items = cursor->bytes + cursor->at;
  if (size) {
    cursor_take(cursor, array->count * size);
    return array->type == GGUF_BOOL ? check_bools(gguf, key, array->items, array->count, err) : STATUS_OK;
  }
  if (array->type == GGUF_STRING) {
    status = mem_try(array->count, sizeof *array->texts, (void **)&array->texts, err);
    if (status != STATUS_OK) return error_prefix(err, "%s: key %s", gguf->path, key);
  }
  for (size_t i = 0; i < array->count && status == STATUS_OK; i++) {
    GgufArray inner = {0};
    status = array->texts ? read_text(gguf, cursor, key, &array->texts[i], err)
                          : read_array(gguf, cursor, key, depth + 1, &inner, err);
    free(inner.texts); /* nested arrays are checked and stepped over: nothing in use has any */
  }
  return status;
}

static Status read_value(const Gguf *gguf, Cursor *cursor, const char *key, GgufValue *value, Error *err) {
  const Status status = read_type(gguf, cursor, key, &value->type, err);
  if (status != STATUS_OK) return status;
  if (value->type == GGUF_STRING) return read_text(gguf, cursor, key, &value->text, err);
  if (value->type == GGUF_ARRAY) return read_array(gguf, cursor, key, 1, &value->array, err);
  value->bytes = cursor_take(cursor, gguf_scalar_size(value->type));
  if (!value->bytes) return gguf_check_read(gguf, cursor, "key", key, err);
  return value->type == GGUF_BOOL ? check_bools(gguf, key, value->bytes, 1, err) : STATUS_OK;
}

Status gguf_read_metadata(Gguf *gguf, Cursor *cursor, uint64_t n_keys, Error *err) {
  Status status = check_count(gguf, cursor, "the header's count of keys", n_keys, KEY_BYTES, err);
  if (status != STATUS_OK) return status;
  size_t room = 0;
  for (size_t i = 0; i < n_keys && status == STATUS_OK; i++) {
    char *key = NULL;
    status = gguf_read_name(gguf, cursor, "key", i, &key, err);
    if (status == STATUS_OK && !names_add(&gguf->keys, key))
      status = error_set(err, STATUS_DATA, "%s: key %s appears twice", gguf->path, key);
    if (status == STATUS_OK) {
      if (i == room) {
        room = room ? 2 * room : 32;
        gguf->values = mem_resize(gguf->values, room, sizeof *gguf->values);
      }
      gguf->values[i] = (GgufValue){0};
      status = read_value(gguf, cursor, key, &gguf->values[i], err);
    }
    free(key);
  }
  return status;
}
