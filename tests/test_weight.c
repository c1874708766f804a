/* Singular values of differences of weights against NumPy's: in blocks of any size, from factors, far below the largest. */
#include "base/memory.h"
#include "num/blas.h"
#include "probes/drift/weight.h"
#include "tests/fixtures/weight_oracle.h"
#include "tests/tap.h"

#include <stdlib.h>

static Error err;

/* Through WeightRows in blocks of so many rows. */
static double *spectrum_of(size_t m, size_t n, const double *a, size_t block) {
  WeightRows *rows = NULL;
  double *values = mem_alloc(n, sizeof *values);
  Status status = weight_rows_new(n, &rows, &err);
  for (size_t first = 0; first < m && status == STATUS_OK; first += block)
    status = weight_rows_add(rows, m - first < block ? m - first : block, a + first * n, &err);
  if (status == STATUS_OK) status = weight_rows_spectrum(rows, values, &err);
  for (size_t i = 0; i < n && status != STATUS_OK; i++) values[i] = NAN;
  weight_rows_free(rows);
  return values;
}

static double norm_of(size_t m, size_t n, const double *a, size_t block) {
  WeightGram *gram = NULL;
  double norm = NAN;
  if (weight_gram_new(n, &gram, &err) != STATUS_OK) return NAN;
  for (size_t first = 0; first < m; first += block) weight_gram_add(gram, m - first < block ? m - first : block, a + first * n);
  if (weight_gram_norm(gram, &norm, &err) != STATUS_OK) norm = NAN;
  weight_gram_free(gram);
  return norm;
}

static bool all_close(size_t n, const double *found, const double *expected) {
  bool close = true;
  for (size_t i = 0; i < n; i++) close = close && is_close(found[i], expected[i], 0, 1e-14 * expected[0]);
  return close;
}

static double *transposed(size_t m, size_t n, const double *a) {
  double *t = mem_alloc(m * n, sizeof *t);
  for (size_t i = 0; i < m; i++)
    for (size_t j = 0; j < n; j++) t[j * m + i] = a[i * n + j];
  return t;
}

static void test_matrix(const char *name, size_t m, size_t n, const double *a, const double *sigma, double rank) {
  static const size_t blocks[] = {1, 4, 5, 1000};
  for (size_t b = 0; b < 4; b++) {
    double *values = spectrum_of(m, n, a, blocks[b]);
    ok(all_close(n, values, sigma), "%s in blocks of %zu: NumPy's singular values", name, blocks[b]);
    ok(is_close(weight_effective_rank(n, values), rank, 1e-13, 0), "and its effective rank");
    ok(is_close(norm_of(m, n, a, blocks[b]), sigma[0], 1e-14, 0), "and the spectral norm, by the other way");
    free(values);
  }
}

static void test_matrices(void) {
  double *across = transposed(5, 11, wide);
  test_matrix("a tall matrix", 43, 6, tall, tall_sigma, tall_rank[0]);
  test_matrix("a square one", 7, 7, square, square_sigma, square_rank[0]);
  test_matrix("a wide one, transposed", 11, 5, across, wide_sigma, wide_rank[0]);
  test_matrix("a column", 9, 1, column, column_sigma, column_rank[0]);
  free(across);
  double *few = spectrum_of(5, 11, wide, 2);
  ok(all_close(5, few, wide_sigma), "fewer rows than columns: the same");
  bool zero = true;
  for (size_t i = 5; i < 11; i++) zero = zero && is_close(few[i], 0, 0, 1e-15 * wide_sigma[0]);
  ok(zero, "and zeros behind");
  free(few);
}

/* 1, 1e-2, ..., 1e-10: the eigenvalues of D'D would lose what is below 1e-8. */
static void test_small_values(void) {
  double *values = spectrum_of(30, 6, graded, 7);
  for (size_t i = 0; i < 6; i++)
    ok(is_close(values[i], pow(10, -2.0 * (double)i), 0, 1e-15), "a singular value of 1e-%zu: %.17g", 2 * i, values[i]);
  free(values);
}

static void test_factors(const char *name, size_t m, size_t n, size_t r, const double *a, const double *b,
                         const double *product, const double *sigma, double rank) {
  const size_t shorter = m < n ? m : n, count = r < shorter ? r : shorter;
  double values[16];
  Status status = weight_factors_spectrum(m, n, r, 0.75, a, b, values, &err);
  ok(status == STATUS_OK && all_close(count, values, sigma), "%s: the singular values of the product", name);
  ok(is_close(weight_effective_rank(count, values), rank, 1e-13, 0), "and its effective rank");
  double *tall_product = m < n ? transposed(m, n, product) : transposed(n, m, product),
         *dense = m < n ? spectrum_of(n, m, tall_product, 3) : spectrum_of(m, n, product, 3);
  ok(all_close(count, values, dense), "as from the product itself, formed here");
  status = weight_factors_spectrum(m, n, r, -1.5, a, b, values, &err);
  ok(status == STATUS_OK && is_close(values[0], 2 * sigma[0], 1e-14, 0), "twice the scale and the other sign: twice the size");
  free(tall_product);
  free(dense);
}

static void test_nothing(void) {
  const double none[12] = {0}, b[6] = {1, 2, 3, 4, 5, 6};
  double values[3];
  double *rows = spectrum_of(4, 3, none, 4);
  ok(rows[0] == 0 && isnan(weight_effective_rank(3, rows)), "no difference: 0, and no effective rank");
  ok(weight_factors_spectrum(3, 4, 2, 1, none, b, values, &err) == STATUS_OK && values[0] == 0,
     "factors that are new: A B is 0");
  ok(is_close(weight_effective_rank(3, (double[]){5, 5, 0}), 2, 1e-15, 0), "two equal values: rank 2");
  ok(norm_of(4, 3, none, 2) == 0, "the norm of nothing");
  free(rows);
}

static void test_no_memory(void) {
  WeightRows *rows = NULL;
  WeightGram *gram = NULL;
  ok(weight_rows_new((size_t)1 << 40, &rows, &err) == STATUS_SYSTEM && strstr(err.text, "no memory") && !rows,
     "too wide for memory: %s", err.text);
  ok(weight_gram_new((size_t)1 << 31, &gram, &err) == STATUS_SYSTEM && strstr(err.text, "no memory for") && !gram,
     "nor a Gram matrix: %s", err.text);
}

int main(void) {
  test_matrices();
  test_small_values();
  test_factors("three factors", 12, 8, 3, low_a, low_b, low_product, low_sigma, low_rank[0]);
  test_factors("more factors than rows", 4, 9, 6, full_a, full_b, full_product, full_sigma, full_rank[0]);
  test_nothing();
  test_no_memory();
  return tap_end();
}
