/* A'B over rows: float32 slices, float64 sums. */
#include "num/crossproduct.h"

#include "num/blas.h"
#include "num/gemm.h"

#include <omp.h>

/* Multiplications below which starting threads costs more than they save. */
#ifndef FATHOM_DOUBLE
static const double SMALL = 1 << 22;
#endif

void product_f32(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb,
                 float *c, size_t ldc) {
#ifdef FATHOM_DOUBLE
  blas_gemm_f32(ta, tb, m, n, k, 1, a, lda, b, ldb, 0, c, ldc);
#else
  const bool small = (double)m * (double)n * (double)k < SMALL;
  (small || omp_in_parallel() ? gemm_serial : gemm)(ta, tb, m, n, k, a, lda, b, ldb, false, c, ldc);
#endif
}

void crossproduct_add(size_t n, size_t p, const float *a, size_t q, const float *b, float *scratch, double *total) {
  for (size_t first = 0; first < n; first += CROSSPRODUCT_SLICE) {
    const size_t rows = n - first < CROSSPRODUCT_SLICE ? n - first : CROSSPRODUCT_SLICE;
    product_f32(true, false, p, q, rows, a + first * p, p, b + first * q, q, scratch, q);
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
