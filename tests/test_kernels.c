/* num/: the fast kernels against their definitions, over random shapes that miss every tile. */
#include "base/rng.h"
#include "num/activation.h"
#include "num/attention.h"
#include "num/gemm.h"
#include "num/norm.h"
#include "num/rope.h"
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

static void attention_reference(const AttentionShape *s, const real *q, const real *k, const real *v, real *z) {
  const size_t e = s->head_dim, group = s->n_heads / s->n_kv_heads;
  double *weights = malloc(s->offsets[s->n_sequences] * sizeof *weights);
  for (size_t n = 0; n < s->n_sequences; n++)
    for (size_t t = s->offsets[n]; t < s->offsets[n + 1]; t++)
      for (size_t h = 0; h < s->n_heads; h++) {
        double top = -INFINITY, total = 0;
        for (size_t u = s->offsets[n]; u <= t; u++) {
          double dot = 0;
          for (size_t i = 0; i < e; i++)
            dot += (double)q[t * s->stride + h * e + i] * (double)k[u * s->stride + h / group * e + i];
          weights[u] = dot * (double)s->scale;
          top = fmax(top, weights[u]);
        }
        for (size_t u = s->offsets[n]; u <= t; u++) total += weights[u] = exp(weights[u] - top);
        for (size_t i = 0; i < e; i++) {
          double sum = 0;
          for (size_t u = s->offsets[n]; u <= t; u++)
            sum += weights[u] / total * (double)v[u * s->stride + h / group * e + i];
          z[(t * s->n_heads + h) * e + i] = (real)sum;
        }
      }
  free(weights);
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

static void test_attention(Rng *rng) {
  double most = 0;
  for (int round = 0; round < 12; round++) {
    static const size_t lengths[] = {1, 2, 63, 64, 65, 130, 7};
    size_t offsets[5] = {0}, longest = 0;
    const size_t n = 1 + rng_below(rng, 4), kv = 1 + rng_below(rng, 3), group = 1 + rng_below(rng, 3);
    for (size_t i = 0; i < n; i++) {
      const size_t length = lengths[rng_below(rng, 7)];
      offsets[i + 1] = offsets[i] + length;
      longest = length > longest ? length : longest;
    }
    const size_t e = 2 * (1 + rng_below(rng, 20)), heads = kv * group, stride = (heads + 2 * kv) * e, rows = offsets[n];
    const AttentionShape shape = {n, offsets, heads, kv, e, stride, (real)0.7};
    real *qkv = random_reals(rng, rows * stride), *z = random_reals(rng, rows * heads * e),
         *expected = random_reals(rng, rows * heads * e);
    real *lse = random_reals(rng, rows * heads), *scratch = random_reals(rng, attention_scratch(longest));
    if (round == 0)
      for (size_t i = 0; i < rows * stride; i++) qkv[i] *= 40; /* scores in the thousands: softmax must not overflow */
    attention_forward(&shape, qkv, qkv + heads * e, qkv + (heads + kv) * e, z, lse, scratch);
    attention_reference(&shape, qkv, qkv + heads * e, qkv + (heads + kv) * e, expected);
    const double error = worst(z, expected, rows * heads * e);
    if (round > 0 && !(error <= most)) most = error;
    if (round == 0) ok(error < 2000 * (double)REAL_EPSILON, "attention survives huge scores: worst %.2g", error);
    free(qkv), free(z), free(expected), free(lse), free(scratch);
  }
  ok(most <= 30 * (double)REAL_EPSILON, "attention agrees with its definition on ragged grouped batches: worst %.2g",
     most);
}

static void test_rowwise(Rng *rng) {
  const size_t rows = 5, d = 77;
  real *x = random_reals(rng, rows * d), *delta = random_reals(rng, rows * d), *gain = random_reals(rng, d);
  real *y = random_reals(rng, rows * d), *sum = random_reals(rng, rows * d),
       *stats = random_reals(rng, rows * NORM_STATS), *expected = random_reals(rng, rows * d);
  const Norm norm = {.kind = NORM_RMS, .width = d, .gain = gain, .eps = (real)1e-5};
  norm_add_forward(&norm, rows, x, delta, sum, y, stats);
  for (size_t t = 0; t < rows; t++) {
    double squares = 0;
    for (size_t i = 0; i < d; i++) squares += pow((double)x[t * d + i] + (double)delta[t * d + i], 2);
    for (size_t i = 0; i < d; i++)
      expected[t * d + i] = (real)(((double)x[t * d + i] + (double)delta[t * d + i]) /
                                   sqrt(squares / (double)d + 1e-5) * (double)gain[i]);
  }
  ok(worst(y, expected, rows * d) <= 8 * (double)REAL_EPSILON, "RMS norm of a sum");
  const size_t f = 33;
  real *gate_up = random_reals(rng, rows * 2 * f), *out = random_reals(rng, rows * f),
       *target = random_reals(rng, rows * f);
  activation_gated_forward(ACTIVATION_SILU, rows, f, gate_up, out);
  for (size_t t = 0; t < rows; t++)
    for (size_t i = 0; i < f; i++) {
      const double g = (double)gate_up[t * 2 * f + i];
      target[t * f + i] = (real)(g / (1 + exp(-g)) * (double)gate_up[t * 2 * f + f + i]);
    }
  ok(worst(out, target, rows * f) <= 8 * (double)REAL_EPSILON, "SwiGLU");
  const size_t e = 10, heads = 3, positions[] = {0, 1, 7, 100, 2047};
  real *cosines = random_reals(rng, 2048 * e / 2), *sines = random_reals(rng, 2048 * e / 2),
       *q = random_reals(rng, rows * heads * e), *kept = random_reals(rng, rows * heads * e);
  memcpy(kept, q, rows * heads * e * sizeof *q);
  rope_table(2048, e, 10000, cosines, sines);
  rope_rotate(rows, heads, e, positions, cosines, sines, 0, q, heads * e);
  double after = 0, before = 0;
  for (size_t i = 0; i < e; i++)
    after += pow((double)q[4 * heads * e + i], 2), before += pow((double)kept[4 * heads * e + i], 2);
  ok(is_close(after, before, 1e-5, 0) && worst(q, kept, rows * heads * e) > 0.1 &&
         memcmp(q, kept, heads * e * sizeof *q) == 0,
     "RoPE keeps norms, turns later positions and leaves position 0");
  ok(is_close((double)q[3 * heads * e],
              (double)kept[3 * heads * e] * cos(100) - (double)kept[3 * heads * e + e / 2] * sin(100), 1e-5, 1e-5),
     "RoPE pairs i with i + E/2");
  rope_rotate(rows, heads, e, positions, cosines, sines, 1, q, heads * e);
  ok(worst(q, kept, rows * heads * e) <= 8 * (double)REAL_EPSILON, "RoPE backwards undoes it");
  free(x), free(delta), free(gain), free(y), free(sum), free(stats), free(expected), free(gate_up), free(out),
      free(target);
  free(cosines), free(sines), free(q), free(kept);
}

int main(void) {
  Rng rng = rng_new(SEED);
  printf("# seed %d\n", SEED);
  test_gemm(&rng);
  test_gemm_independence(&rng);
  test_exp();
  test_attention(&rng);
  test_rowwise(&rng);
  return tap_end();
}
