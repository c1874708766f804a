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

/* Lane by lane: a where the mask (of a comparison) is set, else b. */
static inline vec vec_select(vec_bits mask, vec a, vec b) {
  return (vec)((mask & (vec_bits)a) | (~mask & (vec_bits)b));
}

/* Lane by lane: a where a > b, else b (also where either is NaN). */
static inline vec vec_larger(vec a, vec b) {
  const vec_bits mask = (vec_bits)(a > b);
  return (vec)((mask & (vec_bits)a) | (~mask & (vec_bits)b));
}

/* Lane by lane: the magnitude of a with the sign of b. */
static inline vec vec_with_sign(vec a, vec b) {
  const vec_bits sign = (vec_bits)vec_all(-(real)0.0);
  return (vec)(((vec_bits)a & ~sign) | ((vec_bits)b & sign));
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
static inline vec vec_tanh(vec x) {
  for (size_t i = 0; i < VEC_LANES; i++) x[i] = tanh(x[i]);
  return x;
}
static inline vec vec_erf(vec x) {
  for (size_t i = 0; i < VEC_LANES; i++) x[i] = erf(x[i]);
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

/* tanh x within 2 ulp; NaN stays NaN. Below 0.6: x + x z P(z), z = x^2, P interpolating at Chebyshev's points on
 * [0, 0.36] (1e-8 of tanh); above: 1 - 2 / (e^2x + 1). */
static inline vec vec_tanh(vec x) {
  const vec magnitude = vec_with_sign(x, vec_all(0)), z = x * x;
  vec p = vec_all(-0.006269119714f);
  p = p * z + 0.02111095904f;
  p = p * z - 0.05387394885f;
  p = p * z + 0.1333291537f;
  p = p * z - 0.3333333033f;
  const vec small = x + x * z * p, large = 1 - 2 / (vec_exp(2 * magnitude) + 1);
  return vec_select(magnitude < 0.6f, small, vec_with_sign(large, x));
}

/* erf x within 2 ulp; NaN stays NaN. Below 1: x P(x^2); above: 1 - e^Q(x - 2.5), Q close to ln(1 - erf), up to 4, where
 * erf rounds to 1. P and Q interpolate at Chebyshev's points (1.3e-9 of erf, 4e-10). */
static inline vec vec_erf(vec x) {
  const vec magnitude = vec_with_sign(x, vec_all(0)), z = x * x;
  vec p = vec_all(7.875875063e-5f);
  p = p * z - 0.0008016864287f;
  p = p * z + 0.005189087423f;
  p = p * z - 0.02685421201f;
  p = p * z + 0.1128359472f;
  p = p * z - 0.3761262667f;
  p = p * z + 1.128379166f;
  const vec s = vec_select(magnitude > 4, vec_all(4), magnitude) - 2.5f;
  vec q = vec_all(1.637151415e-6f);
  q = q * s - 1.33150144e-5f;
  q = q * s + 7.729137615e-5f;
  q = q * s - 0.0004201225235f;
  q = q * s + 0.002165303549f;
  q = q * s - 0.01085854164f;
  q = q * s - 0.9438937036f;
  q = q * s - 5.352680674f;
  q = q * s - 7.806815273f;
  return vec_select(magnitude < 1, x * p, vec_with_sign(1 - vec_exp(q), x));
}
#endif

#endif
