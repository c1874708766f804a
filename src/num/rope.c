/* Rotary position embedding. */
#include "num/rope.h"

#include <math.h>

void rope_table(size_t positions, size_t head_dim, double theta, real *cosines, real *sines) {
  const size_t half = head_dim / 2;
#pragma omp parallel for schedule(static)
  for (size_t p = 0; p < positions; p++)
    for (size_t i = 0; i < half; i++) {
      const double angle = (double)p * pow(theta, -2.0 * (double)i / (double)head_dim);
      cosines[p * half + i] = (real)cos(angle);
      sines[p * half + i] = (real)sin(angle);
    }
}

void rope_rotate(size_t rows, size_t n_heads, size_t head_dim, const size_t *positions, const real *cosines,
                 const real *sines, int inverse, real *x, size_t stride) {
  const size_t half = head_dim / 2;
  const real direction = inverse ? -1 : 1;
#pragma omp parallel for schedule(static)
  for (size_t t = 0; t < rows; t++) {
    const real *c = cosines + positions[t] * half, *s = sines + positions[t] * half;
    for (size_t h = 0; h < n_heads; h++) {
      real *a = x + t * stride + h * head_dim, *b = a + half;
      for (size_t i = 0; i < half; i++) {
        const real u = a[i], v = b[i], sine = direction * s[i];
        a[i] = u * c[i] - v * sine;
        b[i] = v * c[i] + u * sine;
      }
    }
  }
}
