/* ggml's blocks of 32 elements: one scale, perhaps one minimum, and the quants. In nibbles the low half of 16 bytes is
 * elements 0..15 and the high half 16..31. */
#include "weights/blocks.h"

enum { HALF = BLOCK_SMALL / 2 };

/*  | f16 d | 16 bytes of nibbles |    w = d * (q - 8), 11 + 3 bits */
void blocks_widen_q4_0(const uint8_t *restrict src, size_t n, float *restrict dst) {
  for (size_t b = 0; b < n / BLOCK_SMALL; b++, src += 2 + HALF, dst += BLOCK_SMALL) {
    const float d = blocks_f16(src);
    BlockQuants low, high;
    blocks_nibbles(src + 2, &low, &high);
    low -= 8, high -= 8;
    blocks_scale(&low, &high, d, dst);
  }
}

/*  | f16 d | f16 m | 16 bytes of nibbles |    w = d * q + m, 11 + 4 bits before the sum */
void blocks_widen_q4_1(const uint8_t *restrict src, size_t n, float *restrict dst) {
  for (size_t b = 0; b < n / BLOCK_SMALL; b++, src += 4 + HALF, dst += BLOCK_SMALL) {
    const float d = blocks_f16(src), m = blocks_f16(src + 2);
    BlockQuants low, high;
    blocks_nibbles(src + 4, &low, &high);
    blocks_scale_add(&low, &high, d, m, dst);
  }
}

/* Adds the fifth bits to 32 quants: bit i of the word is element i's. */
static inline void add_fifth(const uint8_t *restrict word, BlockQuants *low, BlockQuants *high) {
  static const BlockQuants places = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  *low |= (blocks_u16(word) >> places & 1) << 4;
  *high |= (blocks_u16(word + 2) >> places & 1) << 4;
}

/*  | f16 d | u32 fifth bits | 16 bytes of nibbles |    w = d * (q - 16), 11 + 4 bits */
void blocks_widen_q5_0(const uint8_t *restrict src, size_t n, float *restrict dst) {
  for (size_t b = 0; b < n / BLOCK_SMALL; b++, src += 6 + HALF, dst += BLOCK_SMALL) {
    const float d = blocks_f16(src);
    BlockQuants low, high;
    blocks_nibbles(src + 6, &low, &high);
    add_fifth(src + 2, &low, &high);
    low -= 16, high -= 16;
    blocks_scale(&low, &high, d, dst);
  }
}

/*  | f16 d | f16 m | u32 fifth bits | 16 bytes of nibbles |    w = d * q + m, 11 + 5 bits before the sum */
void blocks_widen_q5_1(const uint8_t *restrict src, size_t n, float *restrict dst) {
  for (size_t b = 0; b < n / BLOCK_SMALL; b++, src += 8 + HALF, dst += BLOCK_SMALL) {
    const float d = blocks_f16(src), m = blocks_f16(src + 2);
    BlockQuants low, high;
    blocks_nibbles(src + 8, &low, &high);
    add_fifth(src + 4, &low, &high);
    blocks_scale_add(&low, &high, d, m, dst);
  }
}

/*  | f16 d | 32 signed bytes |    w = d * q, 11 + 7 bits */
void blocks_widen_q8_0(const uint8_t *restrict src, size_t n, float *restrict dst) {
  for (size_t b = 0; b < n / BLOCK_SMALL; b++, src += 2 + BLOCK_SMALL, dst += BLOCK_SMALL) {
    const float d = blocks_f16(src);
    for (size_t j = 0; j < BLOCK_SMALL; j++) dst[j] = d * (float)(int8_t)src[2 + j];
  }
}

const float blocks_iq4_levels[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

/*  | f16 d | 16 bytes of nibbles |    w = d * level[q], 11 + 7 bits */
void blocks_widen_iq4_nl(const uint8_t *restrict src, size_t n, float *restrict dst) {
  for (size_t b = 0; b < n / BLOCK_SMALL; b++, src += 2 + HALF, dst += BLOCK_SMALL)
    blocks_look_up(src + 2, blocks_iq4_levels, blocks_f16(src), dst);
}

/* Half of the power of two 2^(e - 127), because the levels below are doubled; the two smallest are subnormal. */
static float half_power(uint8_t e) {
  return half_float_of(e < 2 ? UINT32_C(0x00200000) << e : (uint32_t)(e - 1) << 23);
}

/*  | u8 e | 16 bytes of nibbles, e2m1 floats |    w = 2^(e - 128) * level[q], 4 bits (OCP Microscaling Formats 1.0) */
void blocks_widen_mxfp4(const uint8_t *restrict src, size_t n, float *restrict dst) {
  static const float levels[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
  for (size_t b = 0; b < n / BLOCK_SMALL; b++, src += 1 + HALF, dst += BLOCK_SMALL)
    blocks_look_up(src + 1, levels, half_power(src[0]), dst);
}
