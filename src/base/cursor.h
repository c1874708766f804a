/* A bounded reader over bytes from an untrusted file: little endian, every read checked, no pointer casts. After the
 * first short read `short_by` is set and every later read gives zeros, so a run of reads can be checked once. */
#ifndef FATHOM_BASE_CURSOR_H
#define FATHOM_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct Cursor {
  const uint8_t *bytes;
  size_t size, at;
  size_t short_by; /* bytes missing at the first read that did not fit; 0 = all reads fitted */
} Cursor;

static inline Cursor cursor_over(const void *bytes, size_t size) { return (Cursor){bytes, size, 0, 0}; }

/* The next n bytes, or NULL. */
static inline const uint8_t *cursor_take(Cursor *c, size_t n) {
  if (c->short_by || n > c->size - c->at) {
    if (!c->short_by) c->short_by = n - (c->size - c->at);
    return NULL;
  }
  const uint8_t *p = c->bytes + c->at;
  c->at += n;
  return p;
}

static inline uint64_t cursor_unsigned(Cursor *c, size_t n_bytes) {
  const uint8_t *p = cursor_take(c, n_bytes);
  uint64_t value = 0;
  for (size_t i = 0; p && i < n_bytes; i++) value |= (uint64_t)p[i] << 8 * i;
  return value;
}

static inline uint8_t cursor_u8(Cursor *c) { return (uint8_t)cursor_unsigned(c, 1); }
static inline uint16_t cursor_u16(Cursor *c) { return (uint16_t)cursor_unsigned(c, 2); }
static inline uint32_t cursor_u32(Cursor *c) { return (uint32_t)cursor_unsigned(c, 4); }
static inline uint64_t cursor_u64(Cursor *c) { return cursor_unsigned(c, 8); }

static inline float cursor_f32(Cursor *c) {
  const uint32_t bits = cursor_u32(c);
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static inline double cursor_f64(Cursor *c) {
  const uint64_t bits = cursor_u64(c);
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

#endif
