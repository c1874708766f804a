/* num/: matrix products and the exponential against their definitions, over random shapes that miss every tile. */
#include "base/rng.h"
#include "num/gemm.h"
#include "num/vec.h"
#include "tests/tap.h"

#include <float.h>
#include <omp.h>
#include <stdlib.h>

enum { SEED = 20261121 };

static real *random_reals(Rng *rng, size_t n) {
  real *x = malloc((n + 1) * sizeof *x);
  for (size_t i = 0; i < n; i++) x[i] = (real)rng_normal(rng);
  return x;
}

/* Largest |a - b| over the largest |b|; NaN where either holds one. */
static double worst(const real *a, const real *b, size_t n) {
  double error = 0, scale = 0;
  for (size_t i = 0; i < n; i++) {
    const double e = fabs((double)a[i] - (double)b[i]);
    if (!(e <= error)) error = e;
    if (isnan(error)) return NAN;
    if (fabs((double)b[i]) > scale) scale = fabs((double)b[i]);
  }
  return scale > 0 ? error / scale : error;
}

/* The definitions, summed in double. */
static void gemm_reference(bool ta, bool tb, size_t m, size_t n, size_t k, const real *a, size_t lda, const real *b,
                           size_t ldb, bool accumulate, real *c, size_t ldc) {
  for (size_t i = 0; i < m; i++)
    for (size_t j = 0; j < n; j++) {
      double sum = accumulate ? (double)c[i * ldc + j] : 0;
      for (size_t p = 0; p < k; p++)
        sum += (double)(ta ? a[p * lda + i] : a[i * lda + p]) * (double)(tb ? b[j * ldb + p] : b[p * ldb + j]);
      c[i * ldc + j] = (real)sum;
    }
}

static void test_gemm(Rng *rng) {
  double most = 0;
  int cases = 0;
  for (int round = 0; round < 160; round++) {
    static const size_t corner[] = {1, 2, 7, 8, 9, 47, 48, 49, 97};
    const bool ta = round & 1, tb = round & 2, add = round & 4;
    const size_t m = round % 3 ? 1 + rng_below(rng, 130) : corner[rng_below(rng, 9)];
    const size_t n = round % 5 ? 1 + rng_below(rng, 200) : corner[rng_below(rng, 9)];
    const size_t k = round % 9 == 0 ? 700 + rng_below(rng, 1000) : round % 7 == 0 ? 0 : corner[rng_below(rng, 9)];
    const size_t lda = (ta ? m : k) + rng_below(rng, 4), ldb = (tb ? k : n) + rng_below(rng, 4),
                 ldc = n + rng_below(rng, 4);
    real *a = random_reals(rng, lda * (ta ? k : m)), *b = random_reals(rng, ldb * (tb ? n : k));
    real *c = random_reals(rng, ldc * m), *expected = malloc(ldc * m * sizeof *expected);
    memcpy(expected, c, ldc * m * sizeof *c);
    gemm(ta, tb, m, n, k, a, lda, b, ldb, add, c, ldc);
    gemm_reference(ta, tb, m, n, k, a, lda, b, ldb, add, expected, ldc);
    const double e = worst(c, expected, ldc * m);
    if (!(e <= most)) most = e;
    cases++;
    free(a), free(b), free(c), free(expected);
  }
  ok(most <= 100 * (double)REAL_EPSILON,
     "gemm agrees with its definition in %d shapes, transposed, strided and added: worst %.2g", cases, most);
}

/* A row's result must not depend on the rows beside it, nor on the threads. */
static void test_gemm_independence(Rng *rng) {
  const size_t m = 61, n = 100, k = 800;
  real *a = random_reals(rng, m * k), *b = random_reals(rng, n * k), *all = random_reals(rng, m * n),
       *one = random_reals(rng, n);
  gemm(false, true, m, n, k, a, k, b, k, false, all, n);
  bool same = true;
  for (size_t i = 0; i < m; i++) {
    gemm(false, true, 1, n, k, a + i * k, k, b, k, false, one, n);
    same = same && memcmp(one, all + i * n, n * sizeof *one) == 0;
  }
  ok(same, "a row alone gives the same bits as in a batch");
  const int threads = omp_get_max_threads();
  real *few = random_reals(rng, m * n);
  omp_set_num_threads(threads == 1 ? 3 : 1);
  gemm(false, true, m, n, k, a, k, b, k, false, few, n);
  omp_set_num_threads(threads);
  ok(memcmp(few, all, m * n * sizeof *few) == 0, "another number of threads gives the same bits");
  a[5 * k + 3] = NAN;
  gemm(false, true, m, n, k, a, k, b, k, false, all, n);
  ok(isnan(all[5 * n]) && isnan(all[5 * n + n - 1]) && !isnan(all[4 * n]) && !isnan(all[6 * n]),
     "NaN stays in its row");
  free(a), free(b), free(all), free(one), free(few);
}

static void test_exp(void) {
  double most = 0;
  for (double x = -87; x < 88; x += 0.0137) {
    const vec e = vec_exp(vec_all((real)x));
    const double exact = exp((double)(real)x), error = fabs((double)e[0] - exact) / exact;
    if (!(error <= most)) most = error;
  }
  ok(most <= 3 * (double)REAL_EPSILON, "exp over its range: worst relative error %.2g", most);
  const vec edges = vec_exp(vec_all(-INFINITY)), nan = vec_exp(vec_all(NAN)), zero = vec_exp(vec_all(0));
  ok(edges[0] == 0 && isnan(nan[0]) && zero[0] == 1, "exp(-inf) = 0, exp(NaN) = NaN, exp(0) = 1");
}

int main(void) {
  Rng rng = rng_new(SEED);
  printf("# seed %d\n", SEED);
  test_gemm(&rng);
  test_gemm_independence(&rng);
  test_exp();
  return tap_end();
}
