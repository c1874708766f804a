/* A small GGUF file with a key of every type and tensors of three, every field marked so that tests can break it. */
#ifndef FATHOM_TESTS_SMALL_GGUF_H
#define FATHOM_TESTS_SMALL_GGUF_H

#include "tests/bytes.h"
#include "weights/gguf.h"

static void put_text(Bytes *b, const char *text) {
  put_int(b, 8, strlen(text));
  put(b, text, strlen(text));
}

static void put_key(Bytes *b, const char *name, GgufType type) {
  put_text(b, name);
  put_int(b, 4, type);
}

static void put_array(Bytes *b, GgufType type, size_t count) {
  put_int(b, 4, type);
  put_int(b, 8, count);
}

static uint64_t double_bits(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static uint32_t float_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

enum { SMALL_KEYS = 19 };

__attribute__((unused)) static void put_small_keys(Bytes *b) {
  mark(b, "key 0");
  put_text(b, "general.architecture");
  mark(b, "type 0");
  put_int(b, 4, GGUF_STRING);
  mark(b, "text 0");
  put_text(b, "testing");
  put_key(b, "general.alignment", GGUF_UINT32), mark(b, "alignment"), put_int(b, 4, 64);
  put_key(b, "t.u8", GGUF_UINT8), put_int(b, 1, 200);
  put_key(b, "t.i8", GGUF_INT8), put_int(b, 1, (uint64_t)-100);
  put_key(b, "t.u16", GGUF_UINT16), put_int(b, 2, 60000);
  put_key(b, "t.i16", GGUF_INT16), put_int(b, 2, (uint64_t)-30000);
  put_key(b, "t.i32", GGUF_INT32), put_int(b, 4, (uint64_t)-2000000000);
  put_key(b, "t.f32", GGUF_FLOAT32), put_int(b, 4, float_bits(2.385f));
  put_key(b, "t.bool", GGUF_BOOL), mark(b, "bool"), put_int(b, 1, 1);
  put_key(b, "t.u64", GGUF_UINT64), put_int(b, 8, UINT64_MAX);
  put_key(b, "t.i64", GGUF_INT64), put_int(b, 8, (uint64_t)INT64_MIN);
  put_key(b, "t.f64", GGUF_FLOAT64), put_int(b, 8, double_bits(-1.25e100));
  put_key(b, "t.empty", GGUF_STRING), put_text(b, "");
  put_key(b, "a.text", GGUF_ARRAY), mark(b, "array type"), put_array(b, GGUF_STRING, 3);
  mark(b, "element 0"), put_text(b, "one"), put_text(b, ""), put_text(b, "\xff\n");
  put_key(b, "a.i16", GGUF_ARRAY), put_int(b, 4, GGUF_INT16), mark(b, "count"), put_int(b, 8, 2);
  put_int(b, 2, 7), put_int(b, 2, (uint64_t)-7);
  put_key(b, "a.f32", GGUF_ARRAY), put_array(b, GGUF_FLOAT32, 1), put_int(b, 4, float_bits(0.5f));
  put_key(b, "a.bool", GGUF_ARRAY), put_array(b, GGUF_BOOL, 2), mark(b, "bools"), put_int(b, 2, 0x0100);
  put_key(b, "a.a", GGUF_ARRAY), put_array(b, GGUF_ARRAY, 2), put_array(b, GGUF_STRING, 1), put_text(b, "deep");
  mark(b, "inner"), put_array(b, GGUF_ARRAY, 1), put_array(b, GGUF_UINT8, 3), put_int(b, 3, 0x030201);
  mark(b, "last key"), put_key(b, "a.none", GGUF_ARRAY), put_array(b, GGUF_STRING, 0);
}

/* Tensors: x.weight F32 [2, 3], y.weight F16 [5], z.weight Q8_0 [2, 1, 32], at 0, 64 and 128. */
__attribute__((unused)) static void put_small_records(Bytes *b) {
  mark(b, "name x"), put_text(b, "x.weight"), mark(b, "dims x"), put_int(b, 4, 2);
  mark(b, "shape x"), put_int(b, 8, 3), put_int(b, 8, 2), mark(b, "dtype x"), put_int(b, 4, 0), mark(b, "offset x"), put_int(b, 8, 0);
  put_int(b, 8, 8), mark(b, "name y"), put(b, "y.weight", 8), put_int(b, 4, 1);
  mark(b, "shape y"), put_int(b, 8, 5), put_int(b, 4, 1), mark(b, "offset y"), put_int(b, 8, 64);
  put_text(b, "z.weight"), put_int(b, 4, 3), mark(b, "shape z"), put_int(b, 8, 32), put_int(b, 8, 1);
  mark(b, "outer z"), put_int(b, 8, 2), mark(b, "dtype z"), put_int(b, 4, 8), mark(b, "offset z"), put_int(b, 8, 128);
}

__attribute__((unused)) static Bytes small_gguf(uint32_t version) {
  Bytes b = {0};
  mark(&b, "magic"), put(&b, "GGUF", 4);
  mark(&b, "version"), put_int(&b, 4, version);
  mark(&b, "tensors"), put_int(&b, 8, 3);
  mark(&b, "keys"), put_int(&b, 8, SMALL_KEYS);
  put_small_keys(&b);
  put_small_records(&b);
  mark(&b, "padding");
  while (b.size % 64) put_int(&b, 1, 0);
  mark(&b, "data");
  for (int i = 0; i < 6; i++) put_int(&b, 4, float_bits(1.5f + (float)i));
  while (b.size % 64) put_int(&b, 1, 0);
  for (int i = 0; i < 5; i++) put_int(&b, 2, 0x3c00u + (unsigned)i);
  while (b.size % 64) put_int(&b, 1, 0);
  for (int block = 0; block < 2; block++) {
    put_int(&b, 2, 0x3800); /* 0.5 */
    for (int i = 0; i < 32; i++) put_int(&b, 1, (uint64_t)(i - 16));
  }
  return b;
}

#endif
