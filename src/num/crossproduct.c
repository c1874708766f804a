/* A'B over rows: float32 slices, float64 sums. */
#include "num/crossproduct.h"

#include "base/memory.h"
#include "num/blas.h"
#include "num/gemm.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* Without fused multiply-adds our own product rounds twice as often and is slower than OpenBLAS, which looks at the processor when
 * it runs. */
#if defined(FATHOM_DOUBLE) || !defined(__FMA__)
#define USE_BLAS
#endif

/* Multiplications below which starting threads costs more than they save. */
static const double SMALL = 1 << 22;

void product_f32(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb,
                 float *c, size_t ldc) {
#ifdef USE_BLAS
  blas_gemm_f32(ta, tb, m, n, k, 1, a, lda, b, ldb, 0, c, ldc);
#else
  const bool small = (double)m * (double)n * (double)k < SMALL;
  (small || omp_in_parallel() ? gemm_serial : gemm)(ta, tb, m, n, k, a, lda, b, ldb, false, c, ldc);
#endif
}

static bool is_gram(const Crossproduct *x) { return x->a == x->b && x->p == x->q; }

/* Columns [j0, j1) of total, of a slice of rows at a time. */
static void add_columns(size_t n, const Crossproduct *x, size_t j0, size_t j1) {
  const size_t p = x->p, q = x->q;
#ifdef USE_BLAS
  const size_t rows = is_gram(x) && j1 < p ? j1 : p, width = j1 - j0;
  float *product = mem_alloc(rows * width, sizeof *product);
#endif
  for (size_t first = 0; first < n; first += CROSSPRODUCT_SLICE) {
    const size_t k = n - first < CROSSPRODUCT_SLICE ? n - first : CROSSPRODUCT_SLICE;
    const float *a = x->a + first * p, *b = x->b + first * q;
#ifdef USE_BLAS
    product_f32(true, false, rows, width, k, a, p, b + j0, q, product, width);
    for (size_t i = 0; i < rows; i++)
      for (size_t j = 0; j < width; j++) x->total[i * q + j0 + j] += (double)product[i * width + j];
#else
    gemm_add_f64(k, p, a, q, b, is_gram(x), j0, j1, x->total);
#endif
  }
#ifdef USE_BLAS
  free(product);
#endif
}

/* Columns that a thread takes at a time: as many as are packed together, less where the threads would have nothing to do. */
static size_t columns_at_a_time(size_t count, size_t q, size_t threads) {
  enum { LEAST = 96 };
  const size_t share = count >= 4 * threads ? q : (q + threads - 1) / threads;
  const size_t whole = (share + LEAST - 1) / LEAST * LEAST;
  return whole < GEMM_ADD_COLUMNS ? whole : GEMM_ADD_COLUMNS;
}

/* One kind of items, the last columns first: where only row <= column counts, they are the longest. */
static void add_kind(size_t n, size_t count, const Crossproduct *items, bool gram, size_t threads) {
  for (size_t k = 0; k < count; k++) {
    const size_t q = items[k].q, width = columns_at_a_time(count, q, threads), pieces = (q + width - 1) / width;
    if (is_gram(&items[k]) != gram) continue;
#pragma omp for schedule(dynamic) nowait
    for (size_t piece = 0; piece < pieces; piece++) {
      const size_t j = (pieces - 1 - piece) * width;
      add_columns(n, &items[k], j, q - j < width ? q : j + width);
    }
  }
}

void crossproducts_add(size_t n, size_t count, const Crossproduct *items) {
  const size_t threads = omp_in_parallel() ? 1 : (size_t)omp_get_max_threads();
  double work = 0;
  for (size_t k = 0; k < count; k++) work += (double)n * (double)items[k].p * (double)items[k].q;
#pragma omp parallel if (threads > 1 && work >= SMALL)
  {
    add_kind(n, count, items, false, threads);
    add_kind(n, count, items, true, threads);
  }
}

void crossproduct_add(size_t n, size_t p, const float *a, size_t q, const float *b, double *total) {
  crossproducts_add(n, 1, &(Crossproduct){p, q, a, b, total});
}

size_t crossproduct_scratch(size_t p) {
#ifdef USE_BLAS
  return p * GEMM_ADD_COLUMNS * sizeof(float);
#else
  (void)p;
  return gemm_scratch();
#endif
}

double *crossproduct_total(size_t p, size_t q) {
  enum { VECTOR = 64 };
  double *total = mem_alloc_aligned(p * q, sizeof *total, VECTOR);
  memset(total, 0, p * q * sizeof *total);
  return total;
}

void crossproduct_mirror(size_t p, double *total) {
  enum { TILE = 32 };
  for (size_t i0 = 0; i0 < p; i0 += TILE)
    for (size_t j0 = 0; j0 <= i0; j0 += TILE)
      for (size_t i = i0; i < p && i < i0 + TILE; i++)
        for (size_t j = j0; j < i && j < j0 + TILE; j++) total[i * p + j] = total[j * p + i];
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

void norms2_f32(size_t n, size_t d, const float *rows, double *norms2) {
#pragma omp parallel for schedule(static) if (!omp_in_parallel() && n * d > 1 << 16)
  for (size_t i = 0; i < n; i++) norms2[i] = dot_f32(d, rows + i * d, rows + i * d);
}
