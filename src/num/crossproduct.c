/* A'B over rows: float32 slices, float64 sums. */
#include "num/crossproduct.h"

#include "num/blas.h"

void crossproduct_add(size_t n, size_t p, const float *a, size_t q, const float *b, float *scratch, double *total) {
  for (size_t first = 0; first < n; first += CROSSPRODUCT_SLICE) {
    const size_t rows = n - first < CROSSPRODUCT_SLICE ? n - first : CROSSPRODUCT_SLICE;
    blas_gemm_f32(true, false, p, q, rows, 1, a + first * p, p, b + first * q, q, 0, scratch, q);
    for (size_t i = 0; i < p * q; i++) total[i] += scratch[i];
  }
}

/* Eight running sums, so that the compiler may use vectors without reordering one sum. */
enum { LANES = 8 };

static double lanes_total(const double lanes[LANES]) {
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

double dot_f32(size_t n, const float *a, const float *b) {
  double lanes[LANES] = {0};
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (size_t k = 0; k < LANES; k++) lanes[k] += (double)a[i + k] * (double)b[i + k];
  for (size_t k = 0; i < n; i++, k++) lanes[k] += (double)a[i] * (double)b[i];
  return lanes_total(lanes);
}

double distance2_f32(size_t n, const float *a, const float *b) {
  double lanes[LANES] = {0};
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (size_t k = 0; k < LANES; k++) {
      const double d = (double)a[i + k] - (double)b[i + k];
      lanes[k] += d * d;
    }
  for (size_t k = 0; i < n; i++, k++) {
    const double d = (double)a[i] - (double)b[i];
    lanes[k] += d * d;
  }
  return lanes_total(lanes);
}

double dot_f64(size_t n, const double *a, const double *b) {
  double lanes[LANES] = {0};
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (size_t k = 0; k < LANES; k++) lanes[k] += a[i + k] * b[i + k];
  for (size_t k = 0; i < n; i++, k++) lanes[k] += a[i] * b[i];
  return lanes_total(lanes);
}
