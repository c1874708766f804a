/* ggml's blocks of 256 elements: parts of 16 or 32 elements have integer scales of their own, which the block's f16
 * scales multiply. Quants of two or four bits lie across 32 bytes: the lowest bits of the bytes are 32 elements in
 * order, the next bits the next 32. */
#include "weights/blocks.h"

enum { PART = 32, HALF = 16 };

/* dst[i] = scale * (bits of a byte) - minimum, for 16 or 32 elements. */
static inline void spread(const uint8_t *restrict bytes, size_t count, int shift, int mask, float scale, float minimum,
                          float *restrict dst) {
  for (size_t i = 0; i < count; i++) dst[i] = scale * (float)(bytes[i] >> shift & mask) - minimum;
}

/*  | 16 bytes: scale, minimum (4 bits each) of 16 elements | 64 bytes of 2 bits | f16 d | f16 dmin |
 *  w = d * scale * q - dmin * minimum, 11 + 4 + 2 bits before the sum */
void blocks_widen_q2_k(const uint8_t *restrict src, size_t n, float *restrict dst) {
  for (size_t b = 0; b < n / BLOCK_SUPER; b++, src += 84, dst += BLOCK_SUPER) {
    const float d = blocks_f16(src + 80), dmin = blocks_f16(src + 82);
    for (size_t part = 0; part < BLOCK_SUPER / HALF; part++) {
      const uint8_t *bytes = src + 16 + part / 8 * 32 + part % 2 * HALF;
      spread(bytes, HALF, (int)(part / 2 % 4 * 2), 3, d * (float)(src[part] & 0xf), dmin * (float)(src[part] >> 4),
             dst + part * HALF);
    }
  }
}

/* The scale of 16 elements in Q3_K, 6 bits less 32. Its low 4 bits are nibbles of 8 bytes, its high 2 bits pairs of the
 * 4 bytes behind them. */
static inline int q3_scale(const uint8_t *scales, size_t part) {
  const int low = scales[part % 8] >> part / 8 * 4 & 0xf, high = scales[8 + part % 4] >> part / 4 * 2 & 3;
  return (low | high << 4) - 32;
}

/*  | 32 bytes: third bits | 64 bytes of 2 bits | 12 bytes of scales | f16 d |
 *  w = d * (scale - 32) * (q - 4), 11 + 5 + 2 bits; bit p of third byte i belongs to element 32 p + i */
void blocks_widen_q3_k(const uint8_t *restrict src, size_t n, float *restrict dst) {
  for (size_t b = 0; b < n / BLOCK_SUPER; b++, src += 110, dst += BLOCK_SUPER) {
    const float d = blocks_f16(src + 108);
    for (size_t part = 0; part < BLOCK_SUPER / HALF; part++) {
      const uint8_t *third = src + part % 2 * HALF, *low = src + 32 + part / 8 * 32 + part % 2 * HALF;
      const int third_shift = (int)(part / 2), shift = (int)(part / 2 % 4 * 2);
      const float scale = d * (float)q3_scale(src + 96, part);
      float *out = dst + part * HALF;
      for (size_t i = 0; i < HALF; i++)
        out[i] = scale * (float)((low[i] >> shift & 3) + ((third[i] >> third_shift & 1) << 2) - 4);
    }
  }
}

/* Scale and minimum (6 bits each) of 32 elements in Q4_K and Q5_K. Of the 12 bytes the first 4 hold the scales of parts
 * 0..3 in their low 6 bits, the next 4 their minima; the last 4 hold the low 4 bits of scale and minimum of parts 4..7,
 * whose high 2 bits are on top of the first 8. */
static inline void q4_scale(const uint8_t *scales, size_t part, int *scale, int *minimum) {
  if (part < 4) {
    *scale = scales[part] & 63;
    *minimum = scales[part + 4] & 63;
  } else {
    *scale = (scales[part + 4] & 0xf) | (scales[part - 4] >> 6) << 4;
    *minimum = scales[part + 4] >> 4 | (scales[part] >> 6) << 4;
  }
}

/*  | f16 d | f16 dmin | 12 bytes of scales and minima | 128 bytes of nibbles |
 *  w = d * scale * q - dmin * minimum, 11 + 6 + 4 bits before the sum */
void blocks_widen_q4_k(const uint8_t *restrict src, size_t n, float *restrict dst) {
  for (size_t b = 0; b < n / BLOCK_SUPER; b++, src += 144, dst += BLOCK_SUPER) {
    const float d = blocks_f16(src), dmin = blocks_f16(src + 2);
    for (size_t part = 0; part < BLOCK_SUPER / PART; part++) {
      int scale, minimum;
      q4_scale(src + 4, part, &scale, &minimum);
      spread(src + 16 + part / 2 * PART, PART, (int)(part % 2 * 4), 0xf, d * (float)scale, dmin * (float)minimum,
             dst + part * PART);
    }
  }
}

/*  | f16 d | f16 dmin | 12 bytes of scales and minima | 32 bytes: fifth bits | 128 bytes of nibbles |
 *  w as above, 11 + 6 + 5 bits before the sum; bit p of fifth byte i belongs to element 32 p + i */
void blocks_widen_q5_k(const uint8_t *restrict src, size_t n, float *restrict dst) {
  for (size_t b = 0; b < n / BLOCK_SUPER; b++, src += 176, dst += BLOCK_SUPER) {
    const float d = blocks_f16(src), dmin = blocks_f16(src + 2);
    const uint8_t *fifth = src + 16;
    for (size_t part = 0; part < BLOCK_SUPER / PART; part++) {
      int scale, minimum;
      q4_scale(src + 4, part, &scale, &minimum);
      const uint8_t *nibbles = src + 48 + part / 2 * PART;
      const int shift = (int)(part % 2 * 4), fifth_shift = (int)part;
      const float ds = d * (float)scale, dm = dmin * (float)minimum;
      float *out = dst + part * PART;
      for (size_t i = 0; i < PART; i++)
        out[i] = ds * (float)((nibbles[i] >> shift & 0xf) + ((fifth[i] >> fifth_shift & 1) << 4)) - dm;
    }
  }
}

/*  | 128 bytes of nibbles | 64 bytes: fifth and sixth bits | 16 signed scales of 16 elements | f16 d |
 *  w = d * scale * (q - 32), 11 + 7 + 5 bits; nibbles lie across 64 bytes, low ones first */
void blocks_widen_q6_k(const uint8_t *restrict src, size_t n, float *restrict dst) {
  for (size_t b = 0; b < n / BLOCK_SUPER; b++, src += 210, dst += BLOCK_SUPER) {
    const float d = blocks_f16(src + 208);
    for (size_t part = 0; part < BLOCK_SUPER / HALF; part++) {
      const uint8_t *nibbles = src + part / 8 * 64 + part % 4 * HALF,
                    *high = src + 128 + part / 8 * 32 + part % 2 * HALF;
      const int shift = (int)(part / 4 % 2 * 4), high_shift = (int)(part / 2 % 4 * 2);
      const float scale = d * (float)(int8_t)src[192 + part];
      float *out = dst + part * HALF;
      for (size_t i = 0; i < HALF; i++)
        out[i] = scale * (float)((nibbles[i] >> shift & 0xf) + ((high[i] >> high_shift & 3) << 4) - 32);
    }
  }
}

/*  | f16 d | u16: high 2 bits of 8 scales | 4 bytes: low 4 bits | 128 bytes of nibbles, 16 for each 32 elements |
 *  w = d * (scale - 32) * level[q], 11 + 5 + 7 bits */
void blocks_widen_iq4_xs(const uint8_t *restrict src, size_t n, float *restrict dst) {
  for (size_t b = 0; b < n / BLOCK_SUPER; b++, src += 136, dst += BLOCK_SUPER) {
    const float d = blocks_f16(src);
    const int high = blocks_u16(src + 2);
    for (size_t part = 0; part < BLOCK_SUPER / PART; part++) {
      const int scale = (src[4 + part / 2] >> part % 2 * 4 & 0xf) | (high >> 2 * part & 3) << 4;
      blocks_look_up(src + 8 + part * HALF, blocks_iq4_levels, d * (float)(scale - 32), dst + part * PART);
    }
  }
}

/* count bytes hold `digits` ternary digits each, first digits first: a byte is the fraction of 256 whose expansion in
 * base three they are, so the first digit is byte * 3 / 256, and multiplying by three (modulo 256) brings up the next.
 */
static inline void ternary(const uint8_t *restrict bytes, size_t count, size_t digits, float d, float *restrict dst) {
  unsigned power = 1;
  for (size_t digit = 0; digit < digits; digit++, power *= 3)
    for (size_t i = 0; i < count; i++)
      dst[digit * count + i] = d * (float)((int)((bytes[i] * power & 0xff) * 3 >> 8) - 1);
}

/*  | 32 bytes of 5 ternary digits | 16 of 5 | 4 of 4 | f16 d |    w = d * (q - 1), 11 + 1 bits */
void blocks_widen_tq1_0(const uint8_t *restrict src, size_t n, float *restrict dst) {
  for (size_t b = 0; b < n / BLOCK_SUPER; b++, src += 54, dst += BLOCK_SUPER) {
    const float d = blocks_f16(src + 52);
    ternary(src, 32, 5, d, dst);
    ternary(src + 32, 16, 5, d, dst + 160);
    ternary(src + 48, 4, 4, d, dst + 240);
  }
}

/*  | 64 bytes of 2 bits | f16 d |    w = d * (q - 1), 11 + 2 bits */
void blocks_widen_tq2_0(const uint8_t *restrict src, size_t n, float *restrict dst) {
  for (size_t b = 0; b < n / BLOCK_SUPER; b++, src += 66, dst += BLOCK_SUPER) {
    const float d = blocks_f16(src + 64);
    for (size_t part = 0; part < BLOCK_SUPER / PART; part++) {
      const uint8_t *bytes = src + part / 4 * PART;
      const int shift = (int)(part % 4 * 2);
      for (size_t i = 0; i < PART; i++) dst[part * PART + i] = d * (float)((bytes[i] >> shift & 3) - 1);
    }
  }
}
