/* One SIMD register of reals through the compiler's vector extension: no intrinsics, so that float and double and every
 * instruction set share the source. */
#ifndef FATHOM_NUM_VEC_H
#define FATHOM_NUM_VEC_H

#include "num/real.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __AVX512F__
#define VEC_BYTES 64
#elif defined(__AVX__)
#define VEC_BYTES 32
#else
#define VEC_BYTES 16
#endif

enum { VEC_LANES = VEC_BYTES / sizeof(real) };

typedef real vec __attribute__((vector_size(VEC_BYTES)));
typedef real vec_unaligned __attribute__((vector_size(VEC_BYTES), aligned(sizeof(real)), may_alias));

#ifdef FATHOM_DOUBLE
typedef int64_t vec_bits __attribute__((vector_size(VEC_BYTES)));
#else
typedef int32_t vec_bits __attribute__((vector_size(VEC_BYTES)));
#endif

static inline vec vec_load(const real *p) { return *(const vec_unaligned *)p; }
static inline void vec_store(real *p, vec v) { *(vec_unaligned *)p = v; }
static inline vec vec_all(real x) { return x - (vec){0}; }

/* The first n < VEC_LANES values, the rest filled. */
static inline vec vec_load_part(const real *p, size_t n, real fill) {
  vec v = vec_all(fill);
  memcpy(&v, p, n * sizeof *p);
  return v;
}
static inline void vec_store_part(real *p, vec v, size_t n) { memcpy(p, &v, n * sizeof *p); }

/* Sum and maximum over the lanes, in a fixed tree order. */
static inline real vec_sum(vec v) {
  real lanes[VEC_LANES];
  memcpy(lanes, &v, sizeof v);
  for (size_t half = VEC_LANES / 2; half > 0; half /= 2)
    for (size_t i = 0; i < half; i++) lanes[i] += lanes[i + half];
  return lanes[0];
}
static inline real vec_max(vec v) {
  real lanes[VEC_LANES];
  memcpy(lanes, &v, sizeof v);
  for (size_t half = VEC_LANES / 2; half > 0; half /= 2)
    for (size_t i = 0; i < half; i++) lanes[i] = lanes[i] > lanes[i + half] ? lanes[i] : lanes[i + half];
  return lanes[0];
}

/* Lane by lane: a where a > b, else b (also where either is NaN). */
static inline vec vec_larger(vec a, vec b) {
  const vec_bits mask = (vec_bits)(a > b);
  return (vec)((mask & (vec_bits)a) | (~mask & (vec_bits)b));
}

/* Rows become columns: log2(lanes) rounds of perfect shuffles. */
static inline void vec_transpose(vec rows[VEC_LANES]) {
  vec_bits low, high;
  for (int i = 0; i < VEC_LANES; i++) {
    low[i] = i / 2 + i % 2 * VEC_LANES;
    high[i] = low[i] + VEC_LANES / 2;
  }
#pragma GCC unroll 4
  for (size_t round = VEC_LANES; round > 1; round /= 2) {
    vec next[VEC_LANES];
#pragma GCC unroll 8
    for (size_t i = 0; i < VEC_LANES / 2; i++) {
      next[2 * i] = __builtin_shuffle(rows[i], rows[i + VEC_LANES / 2], low);
      next[2 * i + 1] = __builtin_shuffle(rows[i], rows[i + VEC_LANES / 2], high);
    }
#pragma GCC unroll 16
    for (size_t i = 0; i < VEC_LANES; i++) rows[i] = next[i];
  }
}

#ifdef FATHOM_DOUBLE
static inline vec vec_exp(vec x) {
  for (size_t i = 0; i < VEC_LANES; i++) x[i] = exp(x[i]);
  return x;
}
#else
/* e^x within 2 ulp for x <= 88; 0 below -87.3 (no subnormals); NaN stays NaN. x = n ln 2 + r, |r| <= ln 2 / 2, e^r by
 * its Taylor polynomial of degree 7 (remainder 2^-27 of e^r), n put into the exponent. */
static inline vec vec_exp(vec x) {
  const vec_bits under = x < vec_all(-87.3f), is_nan = x != x;
  const vec y = -vec_larger(-vec_larger(x, vec_all(-87.3f)), vec_all(-88.0f));
  const float round = 12582912.0f; /* 1.5 * 2^23: adding it rounds to a whole number, kept in the low bits */
  const vec shifted = y * 1.44269504f + round, n = shifted - round;
  vec r = y - n * 0.693359375f; /* ln 2 in two parts, the first exact in 10 bits */
  r = r + n * 2.12194440e-4f;
  vec p = vec_all(1.0f / 5040);
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const vec_bits exponent = ((vec_bits)shifted - (vec_bits)vec_all(round)) << 23;
  const vec_bits value = ((vec_bits)p + exponent) & ~under;
  return (vec)((value & ~is_nan) | ((vec_bits)x & is_nan));
}
#endif

#endif
