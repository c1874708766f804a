/* The table of element types and their widening to float32.
 *
 * Exactness: a block's value is scale * q (+ minimum) with scale and minimum in f16. The scale has 11 significant bits
 * and q at most 8, so the product is exact in float32 and only the addition rounds: the result is the same whether or
 * not the compiler contracts the two into a fused multiply-add. A type whose product needs more than 24 bits must not
 * be added here without a look at that. */
#include "weights/dtype.h"

#include "base/half.h"
#include "base/memory.h"

#include <assert.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "weight files are little endian, and the wideners copy their words as they are"
#endif

enum { BLOCK = 32, HALF = BLOCK / 2 }; /* elements of a ggml block of the types below */

/* Unaligned little-endian load. */
static uint16_t load_u16(const uint8_t *p) {
  uint16_t value;
  memcpy(&value, p, sizeof value);
  return value;
}

static void widen_row_f32(const uint8_t *src, size_t n, float *dst) { memcpy(dst, src, n * sizeof *dst); }

static void widen_row_f16(const uint8_t *src, size_t n, float *dst) {
  for (size_t i = 0; i < n; i++) dst[i] = half_f16_to_f32(load_u16(src + 2 * i));
}

static void widen_row_bf16(const uint8_t *src, size_t n, float *dst) {
  for (size_t i = 0; i < n; i++) dst[i] = half_bf16_to_f32(load_u16(src + 2 * i));
}

/*  | f16 d | 16 bytes: low nibbles are elements 0..15, high nibbles 16..31 |    w = d * (q - 8) */
static void widen_row_q4_0(const uint8_t *restrict src, size_t n, float *restrict dst) {
  enum { BYTES = 2 + HALF };
  for (size_t b = 0; b < n / BLOCK; b++, src += BYTES, dst += BLOCK) {
    const float d = half_f16_to_f32(load_u16(src));
    for (size_t j = 0; j < HALF; j++) {
      dst[j] = d * (float)((src[2 + j] & 0xf) - 8);
      dst[HALF + j] = d * (float)((src[2 + j] >> 4) - 8);
    }
  }
}

/*  | f16 d | f16 m | 16 bytes of nibbles as above |    w = d * q + m */
static void widen_row_q4_1(const uint8_t *restrict src, size_t n, float *restrict dst) {
  enum { BYTES = 4 + HALF };
  for (size_t b = 0; b < n / BLOCK; b++, src += BYTES, dst += BLOCK) {
    const float d = half_f16_to_f32(load_u16(src)), m = half_f16_to_f32(load_u16(src + 2));
    for (size_t j = 0; j < HALF; j++) {
      dst[j] = d * (float)(src[4 + j] & 0xf) + m;
      dst[HALF + j] = d * (float)(src[4 + j] >> 4) + m;
    }
  }
}

/*  | f16 d | 32 signed bytes |    w = d * q */
static void widen_row_q8_0(const uint8_t *restrict src, size_t n, float *restrict dst) {
  enum { BYTES = 2 + BLOCK };
  for (size_t b = 0; b < n / BLOCK; b++, src += BYTES, dst += BLOCK) {
    const float d = half_f16_to_f32(load_u16(src));
    for (size_t j = 0; j < BLOCK; j++) dst[j] = d * (float)(int8_t)src[2 + j];
  }
}

static const struct {
  DtypeInfo info; /* name, name in safetensors, ggml's number, elements and bytes of a block */
  void (*widen)(const uint8_t *src, size_t n, float *dst);
} rows[DTYPE_COUNT] = {
    [DTYPE_F32] = {{"F32", "F32", 0, 1, 4}, widen_row_f32},
    [DTYPE_F16] = {{"F16", "F16", 1, 1, 2}, widen_row_f16},
    [DTYPE_BF16] = {{"BF16", "BF16", 30, 1, 2}, widen_row_bf16},
    [DTYPE_Q4_0] = {{"Q4_0", NULL, 2, BLOCK, 18}, widen_row_q4_0},
    [DTYPE_Q4_1] = {{"Q4_1", NULL, 3, BLOCK, 20}, widen_row_q4_1},
    [DTYPE_Q8_0] = {{"Q8_0", NULL, 8, BLOCK, 34}, widen_row_q8_0},
};

const DtypeInfo *dtype_info(Dtype dtype) {
  assert((unsigned)dtype < DTYPE_COUNT);
  return &rows[dtype].info;
}

bool dtype_from_gguf(uint32_t number, Dtype *dtype) {
  for (int i = 0; i < DTYPE_COUNT; i++)
    if (rows[i].info.gguf >= 0 && (uint32_t)rows[i].info.gguf == number) {
      *dtype = (Dtype)i;
      return true;
    }
  return false;
}

bool dtype_from_safetensors(const char *name, Dtype *dtype) {
  for (int i = 0; i < DTYPE_COUNT; i++)
    if (rows[i].info.safetensors && strcmp(rows[i].info.safetensors, name) == 0) {
      *dtype = (Dtype)i;
      return true;
    }
  return false;
}

/* Numbers from ggml.h; gaps are types that ggml has removed. */
const char *dtype_ggml_name(uint32_t number) {
  static const char *const names[] = {
      [0] = "F32",     [1] = "F16",    [2] = "Q4_0",     [3] = "Q4_1",    [6] = "Q5_0",     [7] = "Q5_1",
      [8] = "Q8_0",    [9] = "Q8_1",   [10] = "Q2_K",    [11] = "Q3_K",   [12] = "Q4_K",    [13] = "Q5_K",
      [14] = "Q6_K",   [15] = "Q8_K",  [16] = "IQ2_XXS", [17] = "IQ2_XS", [18] = "IQ3_XXS", [19] = "IQ1_S",
      [20] = "IQ4_NL", [21] = "IQ3_S", [22] = "IQ2_S",   [23] = "IQ4_XS", [24] = "I8",      [25] = "I16",
      [26] = "I32",    [27] = "I64",   [28] = "F64",     [29] = "IQ1_M",  [30] = "BF16",    [34] = "TQ1_0",
      [35] = "TQ2_0",  [39] = "MXFP4",
  };
  return number < sizeof names / sizeof names[0] ? names[number] : NULL;
}

bool dtype_size(Dtype dtype, size_t n, size_t *bytes) {
  const DtypeInfo *info = dtype_info(dtype);
  return n % info->block == 0 && size_multiply(n / info->block, info->bytes, bytes);
}

void dtype_widen(Dtype dtype, const void *src, size_t n, float *dst) {
  assert((unsigned)dtype < DTYPE_COUNT && n % rows[dtype].info.block == 0);
  rows[dtype].widen(src, n, dst);
}

void dtype_narrow(Dtype dtype, const float *src, size_t n, void *dst) {
  uint8_t *out = dst;
  switch (dtype) {
  case DTYPE_F32: memcpy(out, src, n * sizeof *src); return;
  case DTYPE_F16:
    for (size_t i = 0; i < n; i++) {
      const uint16_t bits = half_f16_from_f32(src[i]);
      memcpy(out + 2 * i, &bits, sizeof bits);
    }
    return;
  case DTYPE_BF16:
    for (size_t i = 0; i < n; i++) {
      const uint16_t bits = half_bf16_from_f32(src[i]);
      memcpy(out + 2 * i, &bits, sizeof bits);
    }
    return;
  default: assert(!"only float types are written");
  }
}
