/* A'B over rows: float32 slices, float64 sums. */
#include "num/crossproduct.h"

#include "num/blas.h"
#include "num/gemm.h"

#include <omp.h>

/* Without fused multiply-adds our own product rounds twice as often and is slower than OpenBLAS, which looks at the processor when
 * it runs. */
#if defined(FATHOM_DOUBLE) || !defined(__FMA__)
#define USE_BLAS
#else
/* Multiplications below which starting threads costs more than they save. */
static const double SMALL = 1 << 22;
#endif

void product_f32(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb,
                 float *c, size_t ldc) {
#ifdef USE_BLAS
  blas_gemm_f32(ta, tb, m, n, k, 1, a, lda, b, ldb, 0, c, ldc);
#else
  const bool small = (double)m * (double)n * (double)k < SMALL;
  (small || omp_in_parallel() ? gemm_serial : gemm)(ta, tb, m, n, k, a, lda, b, ldb, false, c, ldc);
#endif
}

enum { STRIP = 256 }; /* rows of total at a time: their product stays in the cache until it is added */

/* Rows [i0, i0 + m) of total. Where both sides are the same, from the diagonal on, and what is beyond the strip's own square a
 * second time, transposed. */
static void add_strip(size_t n, size_t p, const float *a, size_t q, const float *b, size_t i0, size_t m, float *product,
                      double *total) {
  const bool same = a == b && p == q;
  const size_t j0 = same ? i0 : 0, width = q - j0;
  product_f32(true, false, m, width, n, a + i0, p, b + j0, q, product, width);
  for (size_t i = 0; i < m; i++)
    for (size_t j = 0; j < width; j++) total[(i0 + i) * q + j0 + j] += product[i * width + j];
  for (size_t j = m; j < width && same; j++)
    for (size_t i = 0; i < m; i++) total[(j0 + j) * q + i0 + i] += product[i * width + j];
}

void crossproduct_add(size_t n, size_t p, const float *a, size_t q, const float *b, float *scratch, double *total) {
  const size_t most = p / STRIP ? p / STRIP : 1, all = (size_t)omp_get_max_threads();
  const size_t threads = omp_in_parallel() ? 1 : all < most ? all : most;
  for (size_t first = 0; first < n; first += CROSSPRODUCT_SLICE) {
    const size_t rows = n - first < CROSSPRODUCT_SLICE ? n - first : CROSSPRODUCT_SLICE;
#pragma omp parallel for schedule(dynamic) num_threads((int)threads) if (threads > 1)
    for (size_t i = 0; i < p; i += STRIP)
      add_strip(rows, p, a + first * p, q, b + first * q, i, p - i < STRIP ? p - i : STRIP,
                scratch + (threads > 1 ? (size_t)omp_get_thread_num() * STRIP * q : 0), total);
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
