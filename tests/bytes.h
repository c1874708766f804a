/* Files made at test time: a growing run of bytes with marked places to patch, and a scratch folder to write it to. */
#ifndef FATHOM_TESTS_BYTES_H
#define FATHOM_TESTS_BYTES_H

#include "base/file.h"
#include "base/memory.h"
#include "base/rng.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MARKS = 64 };

typedef struct Bytes {
  uint8_t *data;
  size_t size, room;
  struct {
    const char *name;
    size_t at;
  } marks[MARKS];
  size_t n_marks;
} Bytes;

__attribute__((unused)) static void put(Bytes *b, const void *data, size_t size) {
  if (!b->data || b->size + size > b->room) b->data = mem_resize(b->data, b->room = 2 * (b->size + size), 1);
  if (size) memcpy(b->data + b->size, data, size);
  b->size += size;
}

/* value as n little-endian bytes. */
__attribute__((unused)) static void put_int(Bytes *b, size_t n, uint64_t value) {
  for (size_t i = 0; i < n; i++) put(b, &(uint8_t){(uint8_t)(value >> 8 * i)}, 1);
}

/* The next byte to be put can be found under this name. */
__attribute__((unused)) static void mark(Bytes *b, const char *name) {
  if (b->n_marks == MARKS) abort();
  b->marks[b->n_marks].name = name;
  b->marks[b->n_marks++].at = b->size;
}

__attribute__((unused)) static void patch(Bytes *b, const char *name, size_t n, uint64_t value) {
  for (size_t m = 0; m < b->n_marks; m++)
    if (strcmp(b->marks[m].name, name) == 0) {
      for (size_t i = 0; i < n; i++) b->data[b->marks[m].at + i] = (uint8_t)(value >> 8 * i);
      return;
    }
  abort(); /* the test names a mark that is not there */
}

__attribute__((unused)) static Bytes copy_of(const Bytes *b) {
  Bytes copy = *b;
  copy.data = mem_alloc(b->size, 1);
  memcpy(copy.data, b->data, b->size);
  return copy;
}

__attribute__((unused)) static void drop(Bytes *b) {
  free(b->data);
  *b = (Bytes){0};
}

/* The file path, cut to size bytes. Anew: some file systems flush a file that is truncated and rewritten. */
__attribute__((unused)) static void write_bytes(const char *path, const Bytes *b, size_t size) {
  unlink(path);
  FILE *stream = fopen(path, "wb");
  if (!stream || fwrite(b->data, 1, size, stream) != size || fclose(stream) != 0) abort();
}

/* One to eight faults: a flipped bit, an extreme number over eight or four bytes, bytes cut out or doubled. */
__attribute__((unused)) static void damage(Bytes *b, Rng *rng) {
  static const uint64_t extremes[] = {0, 1, 3, 0x7f, 0xff, 0x7fffffff, 0xffffffff, 0x100000000, INT64_MAX, UINT64_MAX, UINT64_MAX - 7};
  for (uint64_t n = 1 + rng_below(rng, 8); n > 0 && b->size > 16; n--) {
    const size_t at = rng_below(rng, b->size - 8), cut = 1 + rng_below(rng, 8);
    const uint64_t value = extremes[rng_below(rng, sizeof extremes / sizeof extremes[0])];
    switch (rng_below(rng, 8)) {
    case 0: memcpy(b->data + at, &value, 8); break;
    case 1: memcpy(b->data + at, &value, 4); break;
    case 2: memmove(b->data + at, b->data + at + cut, b->size - at - cut), b->size -= cut; break;
    case 3: memmove(b->data + at + cut, b->data + at, b->size - at - cut); break;
    default: b->data[at] ^= (uint8_t)(1u << rng_below(rng, 8));
    }
  }
}

#endif
