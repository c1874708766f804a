/* The table of element types, and widening of those that are single values; blocks are blocks_*.c's. */
#include "weights/dtype.h"

#include "base/half.h"
#include "base/memory.h"
#include "weights/blocks.h"

#include <assert.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "weight files are little endian, and the wideners copy their words as they are"
#endif

static void widen_row_f32(const uint8_t *src, size_t n, float *dst) { memcpy(dst, src, n * sizeof *dst); }

static void widen_row_f16(const uint8_t *src, size_t n, float *dst) {
  for (size_t i = 0; i < n; i++) dst[i] = half_f16_to_f32(blocks_u16(src + 2 * i));
}

static void widen_row_bf16(const uint8_t *src, size_t n, float *dst) {
  for (size_t i = 0; i < n; i++) dst[i] = half_bf16_to_f32(blocks_u16(src + 2 * i));
}

static const struct {
  DtypeInfo info; /* name, name in safetensors, ggml's number, elements and bytes of a block */
  DtypeWiden *widen;
} rows[DTYPE_COUNT] = {
    [DTYPE_F32] = {{"F32", "F32", 0, 1, 4}, widen_row_f32},
    [DTYPE_F16] = {{"F16", "F16", 1, 1, 2}, widen_row_f16},
    [DTYPE_BF16] = {{"BF16", "BF16", 30, 1, 2}, widen_row_bf16},
    [DTYPE_Q4_0] = {{"Q4_0", NULL, 2, BLOCK_SMALL, 18}, blocks_widen_q4_0},
    [DTYPE_Q4_1] = {{"Q4_1", NULL, 3, BLOCK_SMALL, 20}, blocks_widen_q4_1},
    [DTYPE_Q5_0] = {{"Q5_0", NULL, 6, BLOCK_SMALL, 22}, blocks_widen_q5_0},
    [DTYPE_Q5_1] = {{"Q5_1", NULL, 7, BLOCK_SMALL, 24}, blocks_widen_q5_1},
    [DTYPE_Q8_0] = {{"Q8_0", NULL, 8, BLOCK_SMALL, 34}, blocks_widen_q8_0},
    [DTYPE_Q2_K] = {{"Q2_K", NULL, 10, BLOCK_SUPER, 84}, blocks_widen_q2_k},
    [DTYPE_Q3_K] = {{"Q3_K", NULL, 11, BLOCK_SUPER, 110}, blocks_widen_q3_k},
    [DTYPE_Q4_K] = {{"Q4_K", NULL, 12, BLOCK_SUPER, 144}, blocks_widen_q4_k},
    [DTYPE_Q5_K] = {{"Q5_K", NULL, 13, BLOCK_SUPER, 176}, blocks_widen_q5_k},
    [DTYPE_Q6_K] = {{"Q6_K", NULL, 14, BLOCK_SUPER, 210}, blocks_widen_q6_k},
    [DTYPE_IQ4_NL] = {{"IQ4_NL", NULL, 20, BLOCK_SMALL, 18}, blocks_widen_iq4_nl},
    [DTYPE_IQ4_XS] = {{"IQ4_XS", NULL, 23, BLOCK_SUPER, 136}, blocks_widen_iq4_xs},
    [DTYPE_TQ1_0] = {{"TQ1_0", NULL, 34, BLOCK_SUPER, 54}, blocks_widen_tq1_0},
    [DTYPE_TQ2_0] = {{"TQ2_0", NULL, 35, BLOCK_SUPER, 66}, blocks_widen_tq2_0},
    [DTYPE_MXFP4] = {{"MXFP4", NULL, 39, BLOCK_SMALL, 17}, blocks_widen_mxfp4},
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
      [35] = "TQ2_0",  [39] = "MXFP4", [40] = "NVFP4",   [41] = "Q1_0",
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

DtypeWiden *dtype_widener(Dtype dtype) {
  assert((unsigned)dtype < DTYPE_COUNT);
  return rows[dtype].widen;
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
