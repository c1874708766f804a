/* 16-bit floats, a value at a time in loops that the compiler turns into vectors. Narrowing rounds to nearest even;
 * NaN stays NaN (made quiet), what is too large becomes infinity. */
#ifndef FATHOM_BASE_HALF_H
#define FATHOM_BASE_HALF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t half_bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static inline float half_float_of(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* bfloat16 is the upper half of a float32. Adding 0x7fff and the bit that will be last rounds to nearest even. */
static inline uint16_t half_bf16_from_f32(float value) {
  const uint32_t bits = half_bits_of(value);
  const uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  const uint32_t nan = bits >> 16 | 0x40;
  return (uint16_t)((bits & 0x7fffffff) > 0x7f800000 ? nan : rounded);
}

static inline float half_bf16_to_f32(uint16_t bits) { return half_float_of((uint32_t)bits << 16); }

/* binary16: sign, 5 bits of exponent (bias 15), 10 of mantissa. Normal numbers are rounded in their bits after moving
 * the exponent's bias from 127 to 15. Below 2^-14 the result counts units of 2^-24: adding 0.5, whose last bit is worth
 * 2^-24, makes the adder round there. */
static inline uint16_t half_f16_from_f32(float value) {
  const uint32_t bits = half_bits_of(value), sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
  const uint32_t normal = (size - (112u << 23) + 0xfff + (size >> 13 & 1)) >> 13;
  const uint32_t small = half_bits_of(half_float_of(size) + 0.5f) - half_bits_of(0.5f);
  const uint32_t nan = 0x7e00 | (size >> 13 & 0x3ff);
  uint32_t result = size < 113u << 23 ? small : normal;
  result = size >= 143u << 23 ? 0x7c00 : result; /* 2^16 and above; what rounds up to 2^16 is infinity by itself */
  result = size > 0x7f800000 ? nan : result;
  return (uint16_t)(sign | result);
}

/* Multiplying by 2^112 moves the bias back and is exact, for subnormal numbers too. */
static inline float half_f16_to_f32(uint16_t bits) {
  const uint32_t sign = (uint32_t)(bits & 0x8000) << 16, size = (uint32_t)(bits & 0x7fff) << 13;
  const uint32_t finite = half_bits_of(half_float_of(size) * 0x1p112f);
  return half_float_of(sign | (size >= 31u << 23 ? size | 0x7f800000 : finite));
}

static inline void half_bf16_narrow(const float *from, size_t n, uint16_t *to) {
  for (size_t i = 0; i < n; i++) to[i] = half_bf16_from_f32(from[i]);
}

static inline void half_bf16_widen(const uint16_t *from, size_t n, float *to) {
  for (size_t i = 0; i < n; i++) to[i] = half_bf16_to_f32(from[i]);
}

static inline void half_f16_narrow(const float *from, size_t n, uint16_t *to) {
  for (size_t i = 0; i < n; i++) to[i] = half_f16_from_f32(from[i]);
}

static inline void half_f16_widen(const uint16_t *from, size_t n, float *to) {
  for (size_t i = 0; i < n; i++) to[i] = half_f16_to_f32(from[i]);
}

#endif
