/* Elements of arrays from elsewhere as float32, 64-bit integers and UTF-8. */
#include "base/cursor.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "weights/array_parts.h"
#include "weights/dtype.h"

#include <assert.h>
#include <stdlib.h>

bool array_is_float(const Array *a) { return a->type <= ARRAY_F64; }

bool array_is_integer(const Array *a) { return a->type == ARRAY_SIGNED || a->type == ARRAY_UNSIGNED; }

bool array_is_text(const Array *a) { return a->type == ARRAY_UTF32 || a->type == ARRAY_BYTES; }

Status array_measure(Array *a, Error *err) {
  const size_t held = a->bytes.size - a->bytes.skip;
  size_t needed = 0;
  bool fits = true;
  a->count = 1;
  for (size_t i = 0; i < a->n_dims; i++) fits = fits && size_multiply(a->count, a->shape[i], &a->count);
  if (a->type == ARRAY_OTHER) return STATUS_OK; /* of an element's size nothing is known */
  fits = fits && size_multiply(a->count, a->item, &needed);
  if (!fits) return error_set(err, STATUS_DATA, "its shape is too large");
  if (needed == held) return STATUS_OK;
  return error_set(err, STATUS_DATA, "its shape needs %zu bytes, but %zu follow the header%s", needed, held,
                   needed < held ? "" : ": truncated?");
}

static void swap_bytes(uint8_t *bytes, size_t item, size_t n) {
  for (size_t i = 0; i < n; i++, bytes += item)
    for (size_t j = 0; j < item / 2; j++) {
      const uint8_t byte = bytes[j];
      bytes[j] = bytes[item - 1 - j];
      bytes[item - 1 - j] = byte;
    }
}

void array_widen(const Array *a, uint8_t *bytes, size_t n, float *to) {
  if (a->is_big_endian) swap_bytes(bytes, a->item, n);
  switch (a->type) {
  case ARRAY_F16: dtype_widen(DTYPE_F16, bytes, n, to); break;
  case ARRAY_BF16: dtype_widen(DTYPE_BF16, bytes, n, to); break;
  case ARRAY_F32: dtype_widen(DTYPE_F32, bytes, n, to); break;
  default:
    assert(a->type == ARRAY_F64);
    for (size_t i = 0; i < n; i++) {
      double value;
      memcpy(&value, bytes + i * sizeof value, sizeof value);
      to[i] = (float)value;
    }
  }
}

bool array_integer(const Array *a, const uint8_t *bytes, int64_t *value) {
  uint64_t bits = 0;
  for (size_t i = 0; i < a->item; i++) bits |= (uint64_t)bytes[a->is_big_endian ? a->item - 1 - i : i] << 8 * i;
  const unsigned unused = 64 - 8 * (unsigned)a->item;
  *value = a->type == ARRAY_SIGNED ? (int64_t)(bits << unused) >> unused : (int64_t)bits;
  return a->type == ARRAY_SIGNED || *value >= 0;
}

static char *text_of_utf32(const Array *a, const uint8_t *bytes) {
  char *text = mem_alloc(a->item + 1, 1); /* UTF-8 is never longer */
  size_t size = 0;
  for (size_t i = 0; i < a->item; i += 4) {
    uint32_t code = 0, unused;
    for (size_t j = 0; j < 4; j++) code |= (uint32_t)bytes[a->is_big_endian ? i + 3 - j : i + j] << 8 * j;
    char encoded[4];
    const size_t n = code <= 0x10ffff ? utf8_encode(code, encoded) : 0;
    if (n == 0 || utf8_decode(encoded, n, &unused) != n) {
      free(text);
      return NULL;
    }
    memcpy(text + size, encoded, n);
    size += n;
  }
  text[size] = 0;
  while (size > 0 && text[size - 1] == 0) size--;
  if (!memchr(text, 0, size)) return text;
  free(text);
  return NULL;
}

char *array_text(const Array *a, const uint8_t *bytes) {
  if (a->type == ARRAY_UTF32) return text_of_utf32(a, bytes);
  size_t size = a->item;
  while (size > 0 && bytes[size - 1] == 0) size--;
  if (memchr(bytes, 0, size) || utf8_valid_prefix((const char *)bytes, size) != size) return NULL;
  char *text = mem_alloc(size + 1, 1);
  memcpy(text, bytes, size);
  return text;
}
