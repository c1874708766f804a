/* num/onednn: products in bfloat16 against their definition on the same rounded operands. */
#include "base/half.h"
#include "base/rng.h"
#include "num/onednn.h"
#include "tests/tap.h"

#include <omp.h>
#include <stdlib.h>

enum { SEED = 20261121, ALIGNMENT = 64 };

static uint16_t *random_halves(Rng *rng, size_t n) {
  uint16_t *x = malloc((n + 1) * sizeof *x);
  for (size_t i = 0; i < n; i++) x[i] = half_bf16_from_f32((float)rng_normal(rng));
  return x;
}

static void *pack(Onednn *onednn, size_t n, size_t k, const uint16_t *rows, size_t *bytes) {
  Error err = {0};
  if (onednn_packed_bytes(onednn, n, k, bytes, &err) != STATUS_OK) return NULL;
  void *packed = aligned_alloc(ALIGNMENT, (*bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
  if (onednn_pack(onednn, n, k, rows, packed, &err) == STATUS_OK) return packed;
  free(packed);
  return NULL;
}

/* Worst error of y = x W', relative to the sum of the products' sizes; NaN where y is not finite. */
static double worst_error(size_t m, size_t n, size_t k, const uint16_t *x, const uint16_t *w, const float *y) {
  double worst = 0;
  for (size_t i = 0; i < m; i++)
    for (size_t j = 0; j < n; j++) {
      double sum = 0, size = 0;
      for (size_t p = 0; p < k; p++) {
        const double product = (double)half_bf16_to_f32(x[i * k + p]) * (double)half_bf16_to_f32(w[j * k + p]);
        sum += product;
        size += fabs(product);
      }
      const double error = fabs((double)y[i * n + j] - sum) / size;
      if (!(error <= worst)) worst = error;
      if (isnan(worst)) return NAN;
    }
  return worst;
}

static void test_shapes(Onednn *onednn, Rng *rng) {
  static const size_t corner[] = {1, 2, 3, 15, 16, 17, 33, 63, 64, 65, 127};
  enum { CORNERS = sizeof corner / sizeof corner[0] };
  double worst = 0;
  int cases = 0;
  bool all_packed = true;
  for (int round = 0; round < 60; round++) {
    const size_t n = corner[rng_below(rng, CORNERS)],
                 k = round % 3 ? corner[rng_below(rng, CORNERS)] : 500 + rng_below(rng, 600);
    uint16_t *w = random_halves(rng, n * k);
    size_t bytes;
    void *packed = pack(onednn, n, k, w, &bytes);
    all_packed = all_packed && packed && bytes >= 2 * n * k;
    for (int again = 0; packed && again < 2; again++, cases++) {
      const size_t m = round % 4 ? 1 + rng_below(rng, 70) : corner[rng_below(rng, CORNERS)];
      uint16_t *x = random_halves(rng, m * k);
      float *y = malloc(m * n * sizeof *y);
      onednn_multiply(onednn, m, n, k, x, packed, y);
      const double error = worst_error(m, n, k, x, w, y);
      if (!(error <= worst)) worst = error;
      free(x), free(y);
    }
    free(packed), free(w);
  }
  ok(all_packed, "matrices of any shape are packed, into two bytes a value or more");
  ok(worst <= 1e-6, "products agree with their definition on the rounded operands in %d shapes: worst %.2g", cases,
     worst);
}

/* op(X) of plain rows [rows, columns], stored transposed where the flag is set. */
static uint16_t *stored(bool transposed, size_t rows, size_t columns, const uint16_t *x) {
  uint16_t *out = malloc((rows * columns + 1) * sizeof *out);
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < columns; j++) out[transposed ? j * rows + i : i * columns + j] = x[i * columns + j];
  return out;
}

/* Plain rows, transposed or not, overwriting or adding. */
static void test_gemm(Onednn *onednn, Rng *rng) {
  static const size_t corner[] = {1, 2, 15, 16, 17, 31, 33, 64, 65, 127};
  enum { CORNERS = sizeof corner / sizeof corner[0], CASES = 400 };
  double worst = 0, worst_added = 0;
  for (int round = 0; round < CASES; round++) {
    const bool ta = round & 1, tb = round & 2, add = round & 4;
    const size_t m = corner[rng_below(rng, CORNERS)], n = corner[rng_below(rng, CORNERS)],
                 k = round % 5 ? corner[rng_below(rng, CORNERS)] : 500 + rng_below(rng, 600);
    uint16_t *x = random_halves(rng, m * k), *w = random_halves(rng, n * k); /* C = x w' */
    uint16_t *a = stored(ta, m, k, x), *b = stored(!tb, n, k, w);
    float *c = malloc(m * n * sizeof *c), *sum = malloc(m * n * sizeof *sum);
    for (size_t i = 0; i < m * n; i++) c[i] = NAN;
    onednn_gemm(onednn, ta, tb, m, n, k, a, b, false, c);
    const double error = worst_error(m, n, k, x, w, c);
    if (!(error <= worst)) worst = error;
    for (size_t i = 0; i < m * n; i++) sum[i] = 1000;
    if (add) onednn_gemm(onednn, ta, tb, m, n, k, a, b, true, sum);
    for (size_t i = 0; add && i < m * n; i++) {
      const double difference = fabs((double)sum[i] - 1000 - (double)c[i]);
      if (!(difference <= worst_added)) worst_added = difference;
    }
    free(x), free(w), free(a), free(b), free(c), free(sum);
  }
  ok(worst <= 1e-6, "plain rows, as they are and transposed, in %d shapes: worst %.2g", CASES, worst);
  ok(worst_added <= 2e-3, "and added to what is there: worst %.2g of values about 1000", worst_added);
  float c[6] = {1, 2, 3, 4, 5, 6};
  const uint16_t none = 0;
  onednn_gemm(onednn, false, false, 2, 3, 0, &none, &none, true, c);
  const bool kept = c[0] == 1 && c[5] == 6;
  onednn_gemm(onednn, false, false, 2, 3, 0, &none, &none, false, c);
  ok(kept && c[0] == 0 && c[5] == 0, "a sum of nothing is added, or is zero");
}

/* More numbers of rows than are kept, forth and back, give each row the same result: alone, in company, and whatever
 * the number of threads. */
static void test_independence(Onednn *onednn, Rng *rng) {
  enum { M = 70, N = 96, K = 800 };
  uint16_t *w = random_halves(rng, N * K), *x = random_halves(rng, M * K);
  float *all = malloc(M * N * sizeof *all), *some = malloc(M * N * sizeof *some);
  size_t bytes;
  void *packed = pack(onednn, N, K, w, &bytes);
  onednn_multiply(onednn, M, N, K, x, packed, all);
  double worst = 0;
  for (size_t round = 0; round < 2 * M; round++) {
    const size_t m = round < M ? 1 + round : 2 * M - round, first = M - m;
    onednn_multiply(onednn, m, N, K, x + first * K, packed, some);
    for (size_t i = 0; i < m * N; i++) {
      const double error = fabs((double)some[i] - (double)all[first * N + i]);
      if (!(error <= worst)) worst = error;
    }
  }
  ok(worst <= 1e-4, "a row's result does not depend on the other rows: worst difference %.2g of values about 28",
     worst);
  const int threads = omp_get_max_threads();
  omp_set_num_threads(threads == 1 ? 3 : 1);
  onednn_multiply(onednn, M, N, K, x, packed, some);
  omp_set_num_threads(threads);
  worst = 0;
  for (size_t i = 0; i < M * N; i++) {
    const double error = fabs((double)some[i] - (double)all[i]);
    if (!(error <= worst)) worst = error;
  }
  ok(worst <= 1e-4, "nor on the number of threads: worst difference %.2g", worst);
  free(packed), free(w), free(x), free(all), free(some);
}

static void test_not_finite(Onednn *onednn, Rng *rng) {
  enum { M = 20, N = 40, K = 50 };
  uint16_t *w = random_halves(rng, N * K), *x = random_halves(rng, M * K);
  float y[M * N] = {0};
  size_t bytes;
  void *packed = pack(onednn, N, K, w, &bytes);
  x[5 * K + 3] = half_bf16_from_f32(NAN);
  onednn_multiply(onednn, M, N, K, x, packed, y);
  bool rest = true;
  for (size_t i = 0; i < M * N; i++) rest = rest && isnan(y[i]) == (i / N == 5);
  ok(rest, "NaN fills its row and no other");
  y[0] = 7;
  onednn_multiply(onednn, 0, N, K, x, packed, y);
  ok(y[0] == 7, "no rows are no work");
  free(packed), free(w), free(x);
}

int main(void) {
  Error err = {0};
  Onednn *onednn;
  Rng rng = rng_new(SEED);
  printf("# seed %d, %s\n", SEED, onednn_description() ? onednn_description() : "no oneDNN");
  const Status status = onednn_open(&onednn, &err);
  if (status == STATUS_OK) {
    test_shapes(onednn, &rng);
    test_gemm(onednn, &rng);
    test_independence(onednn, &rng);
    test_not_finite(onednn, &rng);
  } else {
    ok(status == STATUS_SYSTEM && !onednn && strstr(err.text, onednn_description() ? "processor" : "libdnnl-dev"),
       "without oneDNN or bfloat16 the error says so: %s", err.text);
    skip_one("products in bfloat16: %s", err.text);
  }
  onednn_close(onednn);
  onednn_close(NULL);
  return tap_end();
}
