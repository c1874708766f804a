/* SwiGLU (Shazeer 2020) and its gradient. */
#include "num/activation.h"

#include "num/vec.h"

static inline vec sigmoid(vec g) { return 1 / (1 + vec_exp(-g)); }

void activation_swiglu_forward(size_t rows, size_t f, const real *gate_up, real *out) {
#pragma omp parallel for schedule(static)
  for (size_t t = 0; t < rows; t++) {
    const real *gate = gate_up + t * 2 * f, *up = gate + f;
    real *row = out + t * f;
    size_t i = 0;
    for (; i + VEC_LANES <= f; i += VEC_LANES) {
      const vec g = vec_load(gate + i);
      vec_store(row + i, g * sigmoid(g) * vec_load(up + i));
    }
    if (i < f) {
      const vec g = vec_load_part(gate + i, f - i, 0);
      vec_store_part(row + i, g * sigmoid(g) * vec_load_part(up + i, f - i, 0), f - i);
    }
  }
}

/* dgate = dout up s (1 + g (1 - s)), dup = dout g s, with s = sigmoid(g). */
static inline void gradient(vec *gate, vec *up, vec dout) {
  const vec s = sigmoid(*gate), silu = *gate * s;
  const vec dgate = dout * *up * s * (1 + *gate * (1 - s));
  *up = dout * silu;
  *gate = dgate;
}

void activation_swiglu_backward(size_t rows, size_t f, real *gate_up, const real *dout) {
#pragma omp parallel for schedule(static)
  for (size_t t = 0; t < rows; t++) {
    real *gate = gate_up + t * 2 * f, *up = gate + f;
    const real *d = dout + t * f;
    size_t i = 0;
    for (; i + VEC_LANES <= f; i += VEC_LANES) {
      vec g = vec_load(gate + i), u = vec_load(up + i);
      gradient(&g, &u, vec_load(d + i));
      vec_store(gate + i, g);
      vec_store(up + i, u);
    }
    if (i < f) {
      vec g = vec_load_part(gate + i, f - i, 0), u = vec_load_part(up + i, f - i, 0);
      gradient(&g, &u, vec_load_part(d + i, f - i, 0));
      vec_store_part(gate + i, g, f - i);
      vec_store_part(up + i, u, f - i);
    }
  }
}
