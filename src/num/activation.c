/* Activations and their slopes a register at a time. The loops are written once for all kinds and inlined with the kind
 * as a constant, so that each kind has loops of its own without a branch in them. */
#include "num/activation.h"

#include "num/vec.h"

#include <assert.h>

#define INLINE __attribute__((always_inline)) static inline

INLINE vec sigmoid(vec x) { return 1 / (1 + vec_exp(-x)); }

/* The tanh form is x sigmoid(2u), u = sqrt(2/pi) (x + 0.044715 x^3): 1 + tanh u would cancel where u is negative. */
#define GELU_SLOPE ((real)1.5957691216057308) /* 2 sqrt(2/pi) */
#define GELU_CUBE ((real)0.044715)
#define SQRT_HALF ((real)0.70710678118654752)
#define NORMAL_DENSITY ((real)0.39894228040143268) /* 1 / sqrt(2 pi) */

INLINE vec gelu_sigmoid(vec x) { return sigmoid(GELU_SLOPE * x * (1 + GELU_CUBE * x * x)); }
INLINE vec normal_cumulative(vec x) { return (real)0.5 * (1 + vec_erf(x * SQRT_HALF)); }

INLINE vec value_of(Activation act, vec x) {
  switch (act) {
  case ACTIVATION_SILU: return x * sigmoid(x);
  case ACTIVATION_GELU_TANH: return x * gelu_sigmoid(x);
  case ACTIVATION_GELU_ERF: return x * normal_cumulative(x);
  case ACTIVATION_RELU: return vec_select(x < 0, (vec){0}, x);
  }
  return x;
}

/* act(x) and act'(x). */
INLINE vec value_and_slope(Activation act, vec x, vec *slope) {
  switch (act) {
  case ACTIVATION_SILU: {
    const vec s = sigmoid(x);
    *slope = s * (1 + x * (1 - s));
    return x * s;
  }
  case ACTIVATION_GELU_TANH: {
    const vec s = gelu_sigmoid(x);
    *slope = s * (1 + x * (1 - s) * GELU_SLOPE * (1 + 3 * GELU_CUBE * x * x));
    return x * s;
  }
  case ACTIVATION_GELU_ERF: {
    const vec below = normal_cumulative(x);
    *slope = below + x * NORMAL_DENSITY * vec_exp((real)-0.5 * x * x);
    return x * below;
  }
  case ACTIVATION_RELU: *slope = vec_select(x > 0, vec_all(1), (vec){0}); return vec_select(x < 0, (vec){0}, x);
  }
  return x;
}

INLINE void gated_forward_row(Activation act, size_t f, const real *gate, const real *up, real *out) {
  size_t i = 0;
  for (; i + VEC_LANES <= f; i += VEC_LANES) vec_store(out + i, value_of(act, vec_load(gate + i)) * vec_load(up + i));
  if (i < f) {
    const vec g = value_of(act, vec_load_part(gate + i, f - i, 0));
    vec_store_part(out + i, g * vec_load_part(up + i, f - i, 0), f - i);
  }
}

/* gate <- dout up act'(gate), up <- dout act(gate). */
INLINE void gated_gradient(Activation act, vec *gate, vec *up, vec dout) {
  vec slope;
  const vec value = value_and_slope(act, *gate, &slope);
  *gate = dout * *up * slope;
  *up = dout * value;
}

INLINE void gated_backward_row(Activation act, size_t f, real *gate, real *up, const real *dout) {
  size_t i = 0;
  for (; i + VEC_LANES <= f; i += VEC_LANES) {
    vec g = vec_load(gate + i), u = vec_load(up + i);
    gated_gradient(act, &g, &u, vec_load(dout + i));
    vec_store(gate + i, g);
    vec_store(up + i, u);
  }
  if (i < f) {
    vec g = vec_load_part(gate + i, f - i, 0), u = vec_load_part(up + i, f - i, 0);
    gated_gradient(act, &g, &u, vec_load_part(dout + i, f - i, 0));
    vec_store_part(gate + i, g, f - i);
    vec_store_part(up + i, u, f - i);
  }
}

INLINE void plain_forward_row(Activation act, size_t f, const real *x, real *out) {
  size_t i = 0;
  for (; i + VEC_LANES <= f; i += VEC_LANES) vec_store(out + i, value_of(act, vec_load(x + i)));
  if (i < f) vec_store_part(out + i, value_of(act, vec_load_part(x + i, f - i, 0)), f - i);
}

INLINE void plain_backward_row(Activation act, size_t f, real *x, const real *dout) {
  vec slope;
  size_t i = 0;
  for (; i + VEC_LANES <= f; i += VEC_LANES) {
    value_and_slope(act, vec_load(x + i), &slope);
    vec_store(x + i, slope * vec_load(dout + i));
  }
  if (i < f) {
    value_and_slope(act, vec_load_part(x + i, f - i, 0), &slope);
    vec_store_part(x + i, slope * vec_load_part(dout + i, f - i, 0), f - i);
  }
}

/* Calls one of the functions above with the kind as a constant. The choice is made row by row: the body of a parallel
 * loop becomes a function of its own before anything is inlined, and there the kind is a variable. */
#define FOR_KIND(function, ...)                                                                                        \
  switch (act) {                                                                                                       \
  case ACTIVATION_SILU: function(ACTIVATION_SILU, __VA_ARGS__); break;                                                 \
  case ACTIVATION_GELU_TANH: function(ACTIVATION_GELU_TANH, __VA_ARGS__); break;                                       \
  case ACTIVATION_GELU_ERF: function(ACTIVATION_GELU_ERF, __VA_ARGS__); break;                                         \
  case ACTIVATION_RELU: function(ACTIVATION_RELU, __VA_ARGS__); break;                                                 \
  default: assert(!"kind of activation");                                                                              \
  }

void activation_gated_forward(Activation act, size_t rows, size_t f, const real *gate_up, real *out) {
#pragma omp parallel for schedule(static)
  for (size_t t = 0; t < rows; t++)
    FOR_KIND(gated_forward_row, f, gate_up + t * 2 * f, gate_up + t * 2 * f + f, out + t * f)
}

void activation_gated_backward(Activation act, size_t rows, size_t f, real *gate_up, const real *dout) {
#pragma omp parallel for schedule(static)
  for (size_t t = 0; t < rows; t++)
    FOR_KIND(gated_backward_row, f, gate_up + t * 2 * f, gate_up + t * 2 * f + f, dout + t * f)
}

void activation_plain_forward(Activation act, size_t rows, size_t f, const real *x, real *out) {
#pragma omp parallel for schedule(static)
  for (size_t t = 0; t < rows; t++) FOR_KIND(plain_forward_row, f, x + t * f, out + t * f)
}

void activation_plain_backward(Activation act, size_t rows, size_t f, real *x, const real *dout) {
#pragma omp parallel for schedule(static)
  for (size_t t = 0; t < rows; t++) FOR_KIND(plain_backward_row, f, x + t * f, dout + t * f)
}

void softcap_forward(size_t n, real cap, real *x) {
  const real inverse = 1 / cap;
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < n; i += VEC_LANES) {
    if (n - i >= VEC_LANES)
      vec_store(x + i, cap * vec_tanh(vec_load(x + i) * inverse));
    else
      vec_store_part(x + i, cap * vec_tanh(vec_load_part(x + i, n - i, 0) * inverse), n - i);
  }
}

void softcap_backward(size_t n, real cap, const real *y, real *dy) {
  const real inverse = 1 / cap;
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < n; i++) {
    const real t = y[i] * inverse;
    dy[i] *= 1 - t * t;
  }
}
