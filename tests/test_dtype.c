/* weights/dtype and base/half: every f16 and bf16 pattern, rounding at every midpoint, and blocks against the gguf package. */
#include "base/cursor.h"
#include "base/file.h"
#include "base/half.h"
#include "base/memory.h"
#include "tests/tap.h"
#include "weights/dtype.h"

#include <stdlib.h>

static uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

/* The value of an f16 by its definition. */
static double half_value(unsigned bits) {
  const int sign = bits >> 15 ? -1 : 1, exponent = bits >> 10 & 31, mantissa = bits & 1023;
  if (exponent == 31) return mantissa ? NAN : sign * INFINITY;
  return exponent ? sign * ldexp(1024 + mantissa, exponent - 25) : sign * ldexp(mantissa, -24);
}

static void test_half(void) {
  size_t wrong_value = 0, wrong_return = 0, wrong_row = 0;
  uint16_t *all = mem_alloc(65536, sizeof *all), *back = mem_alloc(65536, sizeof *back);
  float *wide = mem_alloc(65536, sizeof *wide);
  for (unsigned i = 0; i < 65536; i++) {
    const float value = half_f16_to_f32((uint16_t)i);
    const double expected = half_value(i);
    wrong_value += isnan(expected) ? !isnan(value) : value != (float)expected || !!signbit(value) != (i >> 15);
    wrong_return += half_f16_from_f32(value) != (isnan(expected) ? i | 0x200 : i);
    all[i] = (uint16_t)i;
  }
  ok(wrong_value == 0, "every f16 has the value its bits define");
  ok(wrong_return == 0, "every f16 survives widening and narrowing; NaN becomes quiet");
  dtype_widen(DTYPE_F16, all, 65536, wide);
  dtype_narrow(DTYPE_F16, wide, 65536, back);
  for (unsigned i = 0; i < 65536; i++) wrong_row += bits_of(wide[i]) != bits_of(half_f16_to_f32((uint16_t)i)) || back[i] != half_f16_from_f32(wide[i]);
  ok(wrong_row == 0, "whole rows of f16 as single values");
  free(all);
  free(back);
  free(wide);
}

static void test_bfloat(void) {
  size_t wrong = 0;
  for (unsigned i = 0; i < 65536; i++) {
    const uint16_t half = (uint16_t)i;
    float wide;
    uint16_t back;
    dtype_widen(DTYPE_BF16, &half, 1, &wide);
    dtype_narrow(DTYPE_BF16, &wide, 1, &back);
    const unsigned expected = isnan(wide) ? i | 0x40 : i;
    wrong += bits_of(wide) != i << 16 || bits_of(half_bf16_to_f32(half)) != i << 16 || back != expected ||
             half_bf16_from_f32(wide) != expected;
  }
  ok(wrong == 0, "every bf16 survives widening and narrowing; NaN becomes quiet");
}

/* Between neighbours h and h + 1: the midpoint goes to the even one, anything beside it to the nearer one. For the
 * largest finite h the neighbour is infinity, whose midpoint is as if the range went on. */
static size_t wrong_roundings(unsigned h, float low, float mid, float high, uint16_t (*narrow)(float)) {
  const unsigned even = h & 1 ? h + 1 : h;
  return (narrow(mid) != even) + (narrow(nextafterf(mid, low)) != h) + (narrow(nextafterf(mid, high)) != h + 1) +
         (narrow(-mid) != (even | 0x8000)) + (narrow(-nextafterf(mid, low)) != (h | 0x8000));
}

static void test_rounding(void) {
  size_t wrong = 0;
  for (unsigned h = 0; h < 0x7c00; h++) {
    const double low = half_value(h), high = h + 1 == 0x7c00 ? 65536 : half_value(h + 1);
    wrong += wrong_roundings(h, (float)low, (float)((low + high) / 2), (float)high, half_f16_from_f32);
  }
  ok(wrong == 0, "f32 to f16 rounds to nearest even between all neighbours");
  wrong = 0;
  for (unsigned h = 0; h < 0x7f7f; h++) {
    uint32_t bits = h << 16 | 0x8000;
    float mid;
    memcpy(&mid, &bits, sizeof mid);
    wrong += wrong_roundings(h, half_bf16_to_f32((uint16_t)h), mid, half_bf16_to_f32((uint16_t)(h + 1)), half_bf16_from_f32);
  }
  ok(wrong == 0, "f32 to bf16 rounds to nearest even between all neighbours");
  ok(half_f16_from_f32(1e6f) == 0x7c00 && half_f16_from_f32(-INFINITY) == 0xfc00 && half_f16_from_f32(1e-30f) == 0 &&
         half_f16_from_f32(-0.0f) == 0x8000 && half_bf16_from_f32(3.4e38f) == 0x7f80 && half_bf16_from_f32(INFINITY) == 0x7f80,
     "overflow, infinities and zeros");
  uint32_t bits = 0x7f800001; /* a NaN whose kept bits are all zero */
  float nan;
  memcpy(&nan, &bits, sizeof nan);
  ok(isnan(half_f16_to_f32(half_f16_from_f32(nan))) && isnan(half_bf16_to_f32(half_bf16_from_f32(nan))), "NaN does not become infinity");
}

/* One record of blocks.bin (see make_blocks.py), from an unaligned copy. */
static bool test_record(Cursor *c) {
  const uint8_t *name = cursor_take(c, 8);
  if (!name) return false;
  const size_t n_bytes = cursor_u32(c), n_values = cursor_u32(c);
  const uint8_t *blocks = cursor_take(c, n_bytes), *expected = cursor_take(c, 4 * n_values);
  if (!expected) return false;
  Dtype dtype = DTYPE_COUNT;
  for (int i = 0; i < DTYPE_COUNT; i++)
    if (strcmp(dtype_info((Dtype)i)->name, (const char *)name) == 0) dtype = (Dtype)i;
  size_t size = 0;
  if (!ok(dtype != DTYPE_COUNT && dtype_size(dtype, n_values, &size) && size == n_bytes, "%s is in the table", name))
    return true;
  uint8_t *copy = mem_alloc(n_bytes + 1, 1);
  float *values = mem_alloc(n_values, sizeof *values);
  memcpy(copy + 1, blocks, n_bytes);
  dtype_widen(dtype, copy + 1, n_values, values);
  ok(memcmp(values, expected, 4 * n_values) == 0, "%s widens bit for bit as the gguf package does (%zu values)", name, n_values);
  free(copy);
  free(values);
  return true;
}

static void test_blocks(void) {
  Error err = {0};
  FileMap map = {0};
  char *path = file_join(getenv("SRCDIR") ? getenv("SRCDIR") : ".", "tests/fixtures/blocks.bin");
  ok(file_map(path, &map, &err) == STATUS_OK, "the fixture opens %s", err.text);
  Cursor c = cursor_over(map.bytes, map.size);
  size_t n = 0;
  while (test_record(&c)) n++;
  ok(n == DTYPE_COUNT - DTYPE_Q4_0, "all quantised types have a record");
  file_unmap(&map);
  free(path);
}

static void test_table(void) {
  Dtype dtype;
  size_t size = 7;
  ok(dtype_from_gguf(3, &dtype) && dtype == DTYPE_Q4_1 && !dtype_from_gguf(16, &dtype) && !dtype_from_gguf(UINT32_MAX, &dtype),
     "ggml numbers");
  ok(dtype_from_safetensors("BF16", &dtype) && dtype == DTYPE_BF16 && !dtype_from_safetensors("Q8_0", &dtype) &&
         !dtype_from_safetensors("I64", &dtype), "safetensors names");
  ok(strcmp(dtype_ggml_name(12), "Q4_K") == 0 && !dtype_ggml_name(4) && !dtype_ggml_name(4000), "names of types by number");
  ok(!dtype_size(DTYPE_Q4_0, 33, &size) && !dtype_size(DTYPE_F32, SIZE_MAX / 2, &size) && size == 7,
     "broken blocks and overflow are refused");
}

int main(void) {
  test_half();
  test_bfloat();
  test_rounding();
  test_blocks();
  test_table();
  return tap_end();
}
