/* AdamW. */
#include "train/adamw.h"

#include <math.h>

enum { CHUNK = 1 << 16 }; /* values summed by one thread at a time */

void adamw_update(const AdamwStep *s, size_t n, real *values, const real *gradient, real *first, real *second) {
  const real b1 = (real)s->beta1, b2 = (real)s->beta2, scale = (real)s->gradient_scale, epsilon = (real)s->epsilon;
  const real keep = (real)(1 - s->learning_rate * s->weight_decay);
  const real rate = (real)(s->learning_rate / (1 - pow(s->beta1, (double)s->step)));
  const real correction = (real)(1 / (1 - pow(s->beta2, (double)s->step)));
#pragma omp parallel for simd schedule(static)
  for (size_t i = 0; i < n; i++) {
    const real g = gradient[i] * scale;
    first[i] = b1 * first[i] + (1 - b1) * g;
    second[i] = b2 * second[i] + (1 - b2) * g * g;
#ifdef FATHOM_DOUBLE
    const real root = sqrt(second[i] * correction);
#else
    const real root = sqrtf(second[i] * correction);
#endif
    values[i] = values[i] * keep - rate * first[i] / (root + epsilon);
  }
}

double sum_of_squares(size_t n, const real *x) {
  double total = 0;
  enum { CHUNKS_AT_ONCE = 256 };
  for (size_t start = 0; start < n; start += (size_t)CHUNK * CHUNKS_AT_ONCE) {
    double sums[CHUNKS_AT_ONCE] = {0};
#pragma omp parallel for schedule(static)
    for (size_t c = 0; c < CHUNKS_AT_ONCE; c++) {
      const size_t from = start + c * CHUNK, to = from + CHUNK < n ? from + CHUNK : n;
      double lanes[16] = {0};
      size_t i = from;
      for (; i + 16 <= to; i += 16)
        for (size_t j = 0; j < 16; j++) lanes[j] += (double)x[i + j] * (double)x[i + j];
      for (; i < to; i++) lanes[0] += (double)x[i] * (double)x[i];
      for (size_t j = 0; j < 16; j++) sums[c] += lanes[j];
    }
    for (size_t c = 0; c < CHUNKS_AT_ONCE; c++) total += sums[c];
  }
  return total;
}

double learning_rate_at(size_t step, size_t n_steps, size_t warmup, double peak) {
  if (step < warmup) return peak * (double)(step + 1) / (double)warmup;
  if (n_steps <= warmup) return peak;
  const double progress = (double)(step - warmup) / (double)(n_steps - warmup);
  return peak * 0.5 * (1 + cos(3.14159265358979323846 * progress));
}
