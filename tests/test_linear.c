/* num/linear: products on a file's bytes give the bits of products on the widened values, for every type, in any row
 * order, from several parts, with bias, and for any number of threads; packed in bfloat16 they are those of the rounded
 * values. */
#include "base/half.h"
#include "num/gemm.h"
#include "tests/made_layers.h"
#include "tests/tap.h"

#include <omp.h>
#include <stdlib.h>

enum { SEED = 20261121 };

/* Rows of the layer one by one, and products of m rows, against the values: the same bits. */
static bool agrees(const Layer *layer, Rng *rng, size_t m) {
  const Linear *w = &layer->linear;
  const size_t ldx = w->k + 3, ldy = w->n + 2;
  real *x = mem_alloc(m * ldx, sizeof *x), *y = mem_alloc(m * ldy, sizeof *y), *expected = mem_alloc(m * ldy, sizeof *y),
       *row = mem_alloc(w->k, sizeof *row);
  bool same = true;
  for (size_t i = 0; i < m * ldx; i++) x[i] = (real)rng_normal(rng);
  for (size_t i = 0; i < m; i++)
    for (size_t j = 0; j < w->n; j++) expected[i * ldy + j] = w->bias ? w->bias[j] : 0;
  gemm(false, true, m, w->n, w->k, x, ldx, layer->values, w->k, w->bias != NULL, expected, ldy);
  linear_forward(w, m, x, ldx, y, ldy);
  same = memcmp(y, expected, m * ldy * sizeof *y) == 0;
  for (size_t r = 0; r < w->n; r++) {
    linear_row(w, r, row);
    same = same && memcmp(row, layer->values + r * w->k, w->k * sizeof *row) == 0;
  }
  free(x), free(y), free(expected), free(row);
  return same;
}

static void test_types(Rng *rng) {
  for (int type = 0; type <= DTYPE_COUNT; type++) {
    static const size_t inner[] = {1, 3, 4, 8, 5}; /* in blocks: what exceeds 768 is cut into k blocks */
    const size_t block = type < DTYPE_COUNT ? dtype_info((Dtype)type)->block : 1;
    bool same = true;
    for (size_t i = 0; i < 5; i++) {
      Layer layer = {.linear.k = block == 256 ? 256 * inner[i] : block == 32 ? 32 * (1 + rng_below(rng, 40)) : 1 + rng_below(rng, 1500)};
      add_part(&layer, rng, (Dtype)type, 1 + rng_below(rng, 130), i % 2);
      same = same && agrees(&layer, rng, 1 + rng_below(rng, 20));
      layer_clear(&layer);
    }
    ok(same, "%s: the bits of the widened values", type < DTYPE_COUNT ? dtype_info((Dtype)type)->name : "values");
  }
}

static void test_parts(Rng *rng) {
  bool same = true;
  const int threads = omp_get_max_threads();
  for (size_t round = 0; round < 24; round++) {
    Layer layer = {.linear.k = 256 * (1 + rng_below(rng, 5))};
    for (size_t i = 0; i < 1 + round % LINEAR_PARTS; i++)
      add_part(&layer, rng, (Dtype)rng_below(rng, DTYPE_COUNT + 1), 1 + rng_below(rng, 90), rng_below(rng, 2));
    if (round % 2) {
      real *bias = owned(&layer, layer.linear.n, sizeof *bias);
      for (size_t i = 0; i < layer.linear.n; i++) bias[i] = (real)rng_normal(rng);
      layer.linear.bias = bias;
    }
    omp_set_num_threads(1 + (int)(round % 3));
    same = same && agrees(&layer, rng, 1 + rng_below(rng, 40));
    layer_clear(&layer);
  }
  omp_set_num_threads(threads);
  ok(same, "several parts, orders and biases, on one to three threads");
}

/* The bias against its definition. */
static void test_bias(void) {
  const real values[6] = {1, 2, 3, -1, (real)0.5, 4}, bias[2] = {(real)2.385, -7}, x[3] = {2, -1, (real)0.25};
  const Linear w = {.n = 2, .k = 3, .n_parts = 1, .parts = {{.rows = 2, .values = values}}, .bias = bias};
  real y[2] = {NAN, NAN};
  linear_forward(&w, 1, x, 3, y, 2);
  ok(is_close((double)y[0], 2.385 + 0.75, 1e-6, 0) && is_close((double)y[1], -7 - 1.5, 1e-6, 0), "y = x W' + bias");
}

/* An adapter's factors beside the matrix against the matrix they are merged into: products and single rows. */
static void test_factors(Rng *rng) {
  double worst = 0, worst_row = 0;
  for (size_t round = 0; round < 16; round++) {
    Layer layer = {.linear.k = 1 + rng_below(rng, 700)};
    for (size_t i = 0; i < 1 + round % LINEAR_PARTS; i++) add_part(&layer, rng, DTYPE_COUNT, 1 + rng_below(rng, 90), rng_below(rng, 2));
    add_factors(&layer, rng, round % 4);
    const Linear *w = &layer.linear;
    const size_t m = 1 + rng_below(rng, 30), ldx = w->k + 3, ldy = w->n + 2;
    real *x = mem_alloc(m * ldx, sizeof *x), *y = mem_alloc(m * ldy, sizeof *y), *row = mem_alloc(w->k, sizeof *row);
    for (size_t i = 0; i < m * ldx; i++) x[i] = (real)rng_normal(rng);
    linear_forward(w, m, x, ldx, y, ldy);
    for (size_t r = 0; r < w->n; r++) {
      linear_row(w, r, row);
      for (size_t p = 0; p < w->k; p++) {
        const double error = fabs((double)row[p] - (double)layer.values[r * w->k + p]);
        if (!(error <= worst_row)) worst_row = error;
      }
      for (size_t t = 0; t < m; t++) {
        double sum = 0, size = 1e-30;
        for (size_t p = 0; p < w->k; p++) {
          sum += (double)x[t * ldx + p] * (double)layer.values[r * w->k + p];
          size += fabs((double)x[t * ldx + p] * (double)layer.values[r * w->k + p]);
        }
        const double error = fabs((double)y[t * ldy + r] - sum) / size;
        if (!(error <= worst)) worst = error;
      }
    }
    free(x), free(y), free(row);
    clear_factors(&layer);
    layer_clear(&layer);
  }
  ok(worst < 1e-5 && worst_row < 1e-4, "factors beside the matrix are those merged into it: %.1e, rows %.1e", worst, worst_row);
}

/* dx of a layer in bytes and parts against that of the widened values: the same bits, also added to what is there. */
static void test_backward_input(Rng *rng) {
  bool same = true;
  const int threads = omp_get_max_threads();
  for (size_t round = 0; round < 18; round++) {
    Layer layer = {.linear.k = 256 * (1 + rng_below(rng, 4))};
    for (size_t i = 0; i < 1 + round % LINEAR_PARTS; i++)
      add_part(&layer, rng, (Dtype)rng_below(rng, DTYPE_COUNT + 1), 1 + rng_below(rng, 400), rng_below(rng, 2));
    const Linear *w = &layer.linear;
    const size_t m = 1 + rng_below(rng, 30);
    real *dy = mem_alloc(m * w->n, sizeof *dy), *found = mem_alloc(m * w->k, sizeof *dy), *expected = mem_alloc(m * w->k, sizeof *dy);
    for (size_t i = 0; i < m * w->n; i++) dy[i] = (real)rng_normal(rng);
    for (size_t i = 0; i < m * w->k; i++) found[i] = expected[i] = (real)rng_normal(rng);
    omp_set_num_threads(1 + (int)(round % 3));
    gemm(false, false, m, w->k, w->n, dy, w->n, layer.values, w->k, round % 2, expected, w->k);
    linear_backward_input(w, m, dy, round % 2, found);
    same = same && memcmp(found, expected, m * w->k * sizeof *found) == 0;
    free(dy), free(found), free(expected);
    layer_clear(&layer);
  }
  omp_set_num_threads(threads);
  ok(same, "backward: dx from a file's bytes has the bits of the widened values");
}

/* The larger, or the one that is NaN. */
static double worse(double a, double b) { return a >= b || isnan(a) ? a : b; }

/* Loss = sum of c * y, which is linear in x, and in A and in B alone: a difference quotient of any width is its slope. */
static double loss(const Linear *w, size_t m, const real *x, const real *c, real *y) {
  double sum = 0;
  linear_forward(w, m, x, w->k, y, w->n);
  for (size_t i = 0; i < m * w->n; i++) sum += (double)c[i] * (double)y[i];
  return sum;
}

/* The worst relative error of a gradient at some places of the values it is of. */
static double slope_error(const Linear *w, Rng *rng, size_t m, const real *x, const real *c, real *y, real *values, size_t n,
                          const real *gradient, double already) {
  double worst = 0;
  for (int draw = 0; draw < 8; draw++) {
    const size_t at = rng_below(rng, n);
    const real kept = values[at];
    values[at] = kept + 1;
    const double above = loss(w, m, x, c, y);
    values[at] = kept - 1;
    const double slope = (above - loss(w, m, x, c, y)) / 2, error = fabs((double)gradient[at] - already - slope) / (1 + fabs(slope));
    values[at] = kept;
    worst = worse(worst, error);
  }
  return worst;
}

/* dx, dA and dB against difference quotients, and dA and dB once more added to themselves. */
static void test_backward_factors(Rng *rng) {
  double worst = 0;
  for (size_t round = 0; round < 12; round++) {
    Layer layer = {.linear.k = 1 + rng_below(rng, 60)};
    for (size_t i = 0; i < 1 + round % LINEAR_PARTS; i++) add_part(&layer, rng, DTYPE_COUNT, 1 + rng_below(rng, 30), rng_below(rng, 2));
    add_factors(&layer, rng, round % 4);
    const Linear *w = &layer.linear;
    const size_t m = 1 + rng_below(rng, 12);
    real *x = mem_alloc(m * w->k, sizeof *x), *dx = mem_alloc(m * w->k, sizeof *x), *c = mem_alloc(m * w->n, sizeof *x),
         *y = mem_alloc(m * w->n, sizeof *x);
    for (size_t i = 0; i < m * w->k; i++) x[i] = (real)rng_normal(rng);
    for (size_t i = 0; i < m * w->n; i++) c[i] = (real)rng_normal(rng);
    for (size_t i = 0; i < m * w->k; i++) dx[i] = 2;
    linear_backward_input(w, m, c, true, dx);
    double error = slope_error(w, rng, m, x, c, y, x, m * w->k, dx, 2);
    for (size_t i = 0; i < w->n_factors; i++) {
      const LinearFactors *f = &w->factors[i];
      const size_t n_a = f->rank * w->k, n_b = f->rows * f->rank;
      real *da = mem_alloc(n_a, sizeof *da), *db = mem_alloc(n_b, sizeof *db);
      for (int time = 0; time < 2; time++) {
        linear_backward_factors(w, i, m, x, c, time, da, db);
        for (size_t j = 0; j < n_a && time; j++) da[j] /= 2;
        for (size_t j = 0; j < n_b && time; j++) db[j] /= 2;
        error = worse(error, slope_error(w, rng, m, x, c, y, (real *)f->a, n_a, da, 0));
        error = worse(error, slope_error(w, rng, m, x, c, y, (real *)f->b, n_b, db, 0));
      }
      free(da), free(db);
    }
    worst = worse(worst, error);
    free(x), free(dx), free(c), free(y);
    clear_factors(&layer);
    layer_clear(&layer);
  }
  ok(worst < (sizeof(real) == sizeof(double) ? 1e-11 : 1e-4), "backward: dx, dA and dB by difference quotients: %.1e", worst);
}

#ifndef FATHOM_DOUBLE
/* Products of m rows of a packed layer against the rounded values of both sides, relative to the sizes that are summed;
 * NaN where one is not finite. */
static double packed_error(Layer *layer, Onednn *onednn, Rng *rng, size_t m) {
  Linear *w = &layer->linear;
  const size_t n = w->n, k = w->k, ldx = k + 3;
  float *x = mem_alloc(m * ldx, sizeof *x), *y = mem_alloc(m * n, sizeof *y);
  size_t bytes = 0;
  void *packed = NULL;
  double worst = linear_packed_bytes(w, onednn, &bytes, NULL) == STATUS_OK ? 0 : NAN;
  packed = mem_alloc_aligned(bytes, 1, 64);
  if (linear_pack(w, onednn, packed, NULL) != STATUS_OK) worst = NAN;
  for (size_t i = 0; i < m * ldx; i++) x[i] = (float)rng_normal(rng);
  linear_forward(w, m, x, ldx, y, n);
  for (size_t i = 0; i < m; i++)
    for (size_t j = 0; j < n; j++) {
      double sum = w->bias ? (double)w->bias[j] : 0, size = fabs(sum);
      for (size_t p = 0; p < k; p++) {
        const double product = (double)half_bf16_to_f32(half_bf16_from_f32(x[i * ldx + p])) *
                               (double)half_bf16_to_f32(half_bf16_from_f32(layer->values[j * k + p]));
        sum += product;
        size += fabs(product);
      }
      const double error = fabs((double)y[i * n + j] - sum) / size;
      if (!(error <= worst)) worst = error;
    }
  free(x), free(y), free(packed);
  return worst;
}

/* What factors add to a packed layer's product is what they add to that of one in values, which is rounded less. */
static double packed_factors_error(Layer *layer, Onednn *onednn, Rng *rng, size_t m) {
  Linear *w = &layer->linear, plain = *w;
  const size_t n = w->n, k = w->k;
  float *x = mem_alloc(m * k, sizeof *x), *y[4];
  size_t bytes = 0;
  double worst = linear_packed_bytes(w, onednn, &bytes, NULL) == STATUS_OK ? 0 : NAN;
  void *packed = mem_alloc_aligned(bytes, 1, 64);
  plain.n_factors = 0;
  for (size_t i = 0; i < m * k; i++) x[i] = (float)rng_normal(rng);
  for (int i = 0; i < 4; i++) { /* with and without factors, in values and packed */
    y[i] = mem_alloc(m * n, sizeof(float));
    if (i == 2 && linear_pack(w, onednn, packed, NULL) != STATUS_OK) worst = NAN;
    if (i == 2) plain.packed = w->packed, plain.onednn = w->onednn;
    linear_forward(i % 2 ? &plain : w, m, x, k, y[i], n);
  }
  for (size_t i = 0; i < m * n; i++) {
    const double expected = (double)y[0][i] - (double)y[1][i], found = (double)y[2][i] - (double)y[3][i];
    const double error = fabs(found - expected) / (1 + fabs(expected) + fabs((double)y[0][i]));
    if (!(error <= worst)) worst = error;
  }
  for (int i = 0; i < 4; i++) free(y[i]);
  free(x), free(packed);
  return worst;
}

static void test_packed(Rng *rng) {
  Error err = {0};
  Onednn *onednn;
  if (onednn_open(&onednn, &err) != STATUS_OK) {
    skip_one("packed layers: %s", err.text);
    return;
  }
  double worst = 0;
  for (size_t round = 0; round < 12; round++) {
    Layer layer = {.linear.k = 256 * (1 + rng_below(rng, 3))};
    for (size_t i = 0; i < 1 + round % LINEAR_PARTS; i++)
      add_part(&layer, rng, i == 0 ? DTYPE_COUNT : DTYPE_Q8_0, 1 + rng_below(rng, 90), rng_below(rng, 2));
    real *bias = owned(&layer, layer.linear.n, sizeof *bias);
    for (size_t i = 0; i < layer.linear.n; i++) bias[i] = (real)rng_normal(rng);
    layer.linear.bias = round % 2 ? bias : NULL;
    const double error = packed_error(&layer, onednn, rng, 1 + rng_below(rng, 40));
    if (!(error <= worst)) worst = error;
    layer_clear(&layer);
  }
  ok(worst <= 1e-6, "packed in bfloat16: products of the rounded values, worst error %.2g", worst);
  Layer layer = {.linear.k = 256};
  for (size_t i = 0; i < LINEAR_PARTS; i++) add_part(&layer, rng, DTYPE_COUNT, 40 + i, false);
  add_factors(&layer, rng, 1);
  worst = packed_factors_error(&layer, onednn, rng, 9);
  ok(worst <= 1e-4, "factors are added to packed products in float32: %.1e", worst);
  clear_factors(&layer);
  layer_clear(&layer);
  onednn_close(onednn);
}
#endif

int main(void) {
  Rng rng = rng_new(SEED);
  printf("# seed %d\n", SEED);
  test_types(&rng);
  test_parts(&rng);
  test_bias();
  test_factors(&rng);
  test_backward_input(&rng);
  test_backward_factors(&rng);
#ifndef FATHOM_DOUBLE
  test_packed(&rng);
#endif
  return tap_end();
}
