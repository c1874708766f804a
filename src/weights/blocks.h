/* Widening of ggml's blocks to float32, one function a type: dtype.c's table calls them, nobody else.
 *
 * src may have any alignment; n is a multiple of the type's block. Exactness: a value is a product of an f16 scale (11
 * significant bits), a small integer scale and a quant, at most 24 bits in all, so it is exact in float32; where a
 * minimum is added or subtracted (itself such a product) only that sum rounds. The result is therefore the same
 * whatever the order of the products is, and whether or not the compiler contracts product and sum into a fused
 * multiply-add. The bits of each type are counted beside its function; a type with more must not be added without a
 * look at that. */
#ifndef FATHOM_WEIGHTS_BLOCKS_H
#define FATHOM_WEIGHTS_BLOCKS_H

#include "base/half.h"

/* blocks_small.c: 32 elements a block. */
enum { BLOCK_SMALL = 32 };
void blocks_widen_q4_0(const uint8_t *restrict src, size_t n, float *restrict dst);
void blocks_widen_q4_1(const uint8_t *restrict src, size_t n, float *restrict dst);
void blocks_widen_q5_0(const uint8_t *restrict src, size_t n, float *restrict dst);
void blocks_widen_q5_1(const uint8_t *restrict src, size_t n, float *restrict dst);
void blocks_widen_q8_0(const uint8_t *restrict src, size_t n, float *restrict dst);
void blocks_widen_iq4_nl(const uint8_t *restrict src, size_t n, float *restrict dst);
void blocks_widen_mxfp4(const uint8_t *restrict src, size_t n, float *restrict dst);

/* blocks_super.c: 256 elements a block, with scales of their own for every 16 or 32. */
enum { BLOCK_SUPER = 256 };
void blocks_widen_q2_k(const uint8_t *restrict src, size_t n, float *restrict dst);
void blocks_widen_q3_k(const uint8_t *restrict src, size_t n, float *restrict dst);
void blocks_widen_q4_k(const uint8_t *restrict src, size_t n, float *restrict dst);
void blocks_widen_q5_k(const uint8_t *restrict src, size_t n, float *restrict dst);
void blocks_widen_q6_k(const uint8_t *restrict src, size_t n, float *restrict dst);
void blocks_widen_iq4_xs(const uint8_t *restrict src, size_t n, float *restrict dst);
void blocks_widen_tq1_0(const uint8_t *restrict src, size_t n, float *restrict dst);
void blocks_widen_tq2_0(const uint8_t *restrict src, size_t n, float *restrict dst);

/* The 16 levels of IQ4_NL and IQ4_XS. */
extern const float blocks_iq4_levels[16];

static inline uint16_t blocks_u16(const uint8_t *p) {
  uint16_t value;
  memcpy(&value, p, sizeof value);
  return value;
}

static inline float blocks_f16(const uint8_t *p) { return half_f16_to_f32(blocks_u16(p)); }

/* 16 values at a time, through the compiler's vector extension. */
typedef float BlockValues __attribute__((vector_size(64)));
typedef int32_t BlockQuants __attribute__((vector_size(64)));

/* The low and the high halves of 16 bytes: elements 0..15 and 16..31 of 32. */
static inline void blocks_nibbles(const uint8_t *restrict bytes, BlockQuants *low, BlockQuants *high) {
  for (size_t j = 0; j < 16; j++) {
    (*low)[j] = bytes[j] & 0xf;
    (*high)[j] = bytes[j] >> 4;
  }
}

/* dst[0..31] = d * q */
static inline void blocks_scale(const BlockQuants *low, const BlockQuants *high, float d, float *restrict dst) {
  const BlockValues first = __builtin_convertvector(*low, BlockValues) * d,
                    second = __builtin_convertvector(*high, BlockValues) * d;
  memcpy(dst, &first, sizeof first);
  memcpy(dst + 16, &second, sizeof second);
}

/* dst[0..31] = d * q + m */
static inline void blocks_scale_add(const BlockQuants *low, const BlockQuants *high, float d, float m,
                                    float *restrict dst) {
  const BlockValues first = __builtin_convertvector(*low, BlockValues) * d + m,
                    second = __builtin_convertvector(*high, BlockValues) * d + m;
  memcpy(dst, &first, sizeof first);
  memcpy(dst + 16, &second, sizeof second);
}

/* dst[0..31] = d * table[nibble], where the compiler can with one instruction for 16 look-ups. */
static inline void blocks_look_up(const uint8_t *restrict bytes, const float *restrict table, float d,
                                  float *restrict dst) {
#if __has_builtin(__builtin_shuffle)
  BlockValues values;
  BlockQuants low, high;
  memcpy(&values, table, sizeof values);
  blocks_nibbles(bytes, &low, &high);
  const BlockValues first = __builtin_shuffle(values, low) * d, second = __builtin_shuffle(values, high) * d;
  memcpy(dst, &first, sizeof first);
  memcpy(dst + 16, &second, sizeof second);
#else
  for (size_t j = 0; j < 16; j++) {
    dst[j] = d * table[bytes[j] & 0xf];
    dst[16 + j] = d * table[bytes[j] >> 4];
  }
#endif
}

#endif
