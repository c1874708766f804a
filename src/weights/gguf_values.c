/* GGUF metadata handed out: scalars converted from the file's bytes, arrays through their index. */
#include "base/memory.h"
#include "weights/gguf_parts.h"

#include <assert.h>

size_t gguf_key_count(const Gguf *gguf) { return gguf->keys.count; }

const char *gguf_key(const Gguf *gguf, size_t index) {
  assert(index < gguf->keys.count);
  return gguf->keys.items[index];
}

GgufType gguf_key_type(const Gguf *gguf, size_t index) {
  assert(index < gguf->keys.count);
  return gguf->values[index].type;
}

static const GgufValue *find(const Gguf *gguf, const char *key) {
  size_t index;
  return names_find(&gguf->keys, key, &index) ? &gguf->values[index] : NULL;
}

bool gguf_has(const Gguf *gguf, const char *key) { return find(gguf, key) != NULL; }

static bool is_integer(GgufType type) { return type <= GGUF_INT32 || type == GGUF_UINT64 || type == GGUF_INT64; }

static bool is_real(GgufType type) { return type == GGUF_FLOAT32 || type == GGUF_FLOAT64; }

/* An unsigned 64-bit number above INT64_MAX becomes INT64_MAX: no count or id is that large. */
static int64_t integer_at(GgufType type, const uint8_t *bytes) {
  Cursor c = cursor_over(bytes, gguf_scalar_size(type));
  const uint64_t raw = cursor_unsigned(&c, c.size);
  switch (type) {
  case GGUF_INT8: return (int8_t)raw;
  case GGUF_INT16: return (int16_t)raw;
  case GGUF_INT32: return (int32_t)raw;
  case GGUF_INT64: return (int64_t)raw;
  default: return raw > INT64_MAX ? INT64_MAX : (int64_t)raw;
  }
}

static double real_at(GgufType type, const uint8_t *bytes) {
  Cursor c = cursor_over(bytes, gguf_scalar_size(type));
  return type == GGUF_FLOAT32   ? (double)cursor_f32(&c)
         : type == GGUF_FLOAT64 ? cursor_f64(&c)
                                : (double)integer_at(type, bytes);
}

bool gguf_integer(const Gguf *gguf, const char *key, int64_t *value) {
  const GgufValue *found = find(gguf, key);
  if (!found || !is_integer(found->type)) return false;
  *value = integer_at(found->type, found->bytes);
  return true;
}

bool gguf_real(const Gguf *gguf, const char *key, double *value) {
  const GgufValue *found = find(gguf, key);
  if (!found || !(is_real(found->type) || is_integer(found->type))) return false;
  *value = real_at(found->type, found->bytes);
  return true;
}

bool gguf_bool(const Gguf *gguf, const char *key, bool *value) {
  const GgufValue *found = find(gguf, key);
  if (!found || found->type != GGUF_BOOL) return false;
  *value = found->bytes[0] != 0;
  return true;
}

bool gguf_text(const Gguf *gguf, const char *key, GgufText *value) {
  const GgufValue *found = find(gguf, key);
  if (!found || found->type != GGUF_STRING) return false;
  *value = found->text;
  return true;
}

const GgufArray *gguf_array(const Gguf *gguf, const char *key) {
  const GgufValue *found = find(gguf, key);
  return found && found->type == GGUF_ARRAY ? &found->array : NULL;
}

size_t gguf_array_count(const GgufArray *array) { return array->count; }
GgufType gguf_array_type(const GgufArray *array) { return array->type; }

GgufText gguf_array_text(const GgufArray *array, size_t index) {
  assert(array->type == GGUF_STRING && index < array->count);
  return array->texts[index];
}

static const uint8_t *element(const GgufArray *array, size_t index) {
  assert(index < array->count);
  return array->items + index * gguf_scalar_size(array->type);
}

int64_t gguf_array_integer(const GgufArray *array, size_t index) {
  assert(is_integer(array->type) || array->type == GGUF_BOOL);
  return integer_at(array->type, element(array, index));
}

double gguf_array_real(const GgufArray *array, size_t index) {
  assert(is_integer(array->type) || is_real(array->type));
  return real_at(array->type, element(array, index));
}
