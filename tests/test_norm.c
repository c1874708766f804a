/* num/norm against its definition in double, and the backward twins against central differences of that. Built for
 * float and for double. */
#include "num/norm.h"
#include "tests/kernels.h"

#include <omp.h>

enum { SEED = 31 };

/* y = norm(x), a group of d values at a time, then the loss c . y. */
typedef struct Case {
  NormKind kind;
  size_t rows, n_heads, d;
  double offset, eps, *x, *gain, *bias, *c, *y; /* x, y, c [T, n_heads, d]; bias may be NULL */
} Case;

static double loss(void *context) {
  const Case *w = context;
  double sum = 0;
  for (size_t g = 0; g < w->rows * w->n_heads; g++) {
    const double *x = w->x + g * w->d;
    double mean = 0, square = 0;
    for (size_t i = 0; w->kind == NORM_LAYER && i < w->d; i++) mean += x[i] / (double)w->d;
    for (size_t i = 0; i < w->d; i++) square += (x[i] - mean) * (x[i] - mean) / (double)w->d;
    for (size_t i = 0; i < w->d; i++) {
      const double y = (x[i] - mean) / sqrt(square + w->eps) * (w->gain[i] + w->offset) + (w->bias ? w->bias[i] : 0);
      w->y[g * w->d + i] = y;
      sum += w->c[g * w->d + i] * y;
    }
  }
  return sum;
}

/* The kernel's side of a case: x in rows of x_stride, y in rows of y_stride. */
static void test_case(Rng *rng, NormKind kind, bool with_bias, double offset, size_t rows, size_t n_heads, size_t d,
                      double *forward_error, double *dx_error, double *parameter_error) {
  Case w = {.kind = kind, .rows = rows, .n_heads = n_heads, .d = d, .offset = offset, .eps = 0.05};
  const size_t n = rows * n_heads * d, width = n_heads * d, x_stride = width + rng_below(rng, 5),
               y_stride = width + rng_below(rng, 3);
  real *x = normal_reals(rng, n, 1, &w.x), *gain = normal_reals(rng, d, 1, &w.gain),
       *bias = normal_reals(rng, d, 1, &w.bias), *c = normal_reals(rng, n, 1, &w.c);
  if (!with_bias) free(w.bias), w.bias = NULL;
  w.y = malloc(n * sizeof *w.y);
  real *wide_x = normal_reals(rng, rows * x_stride, 1, NULL), *wide_y = normal_reals(rng, rows * y_stride, 1, NULL);
  real *dx = normal_reals(rng, n, 1, NULL), *packed = normal_reals(rng, n, 1, NULL),
       *stats = normal_reals(rng, rows * n_heads * NORM_STATS, 1, NULL),
       *scratch = normal_reals(rng, norm_backward_scratch(d), 1, NULL);
  real *dgain = calloc(d, sizeof *dgain), *dbias = calloc(d, sizeof *dbias);
  const Norm norm = {kind, d, gain, with_bias ? bias : NULL, (real)offset, (real)w.eps};
  for (size_t t = 0; t < rows; t++) memcpy(wide_x + t * x_stride, x + t * width, width * sizeof *x);
  norm_heads_forward(&norm, rows, n_heads, wide_x, x_stride, wide_y, y_stride, stats);
  for (size_t t = 0; t < rows; t++) memcpy(packed + t * width, wide_y + t * y_stride, width * sizeof *x);
  loss(&w);
  keep_worst(forward_error, worst_wide(packed, w.y, n));
  for (size_t t = 0; t < rows; t++) memcpy(wide_y + t * y_stride, c + t * width, width * sizeof *x);
  norm_heads_backward(&norm, rows, n_heads, wide_x, x_stride, stats, wide_y, y_stride, wide_y, y_stride, dgain, dbias,
                      scratch);
  for (size_t t = 0; t < rows; t++) memcpy(dx + t * width, wide_y + t * y_stride, width * sizeof *x);
  keep_worst(dx_error, gradient_error(loss, &w, rng, w.x, n, dx));
  keep_worst(parameter_error, gradient_error(loss, &w, rng, w.gain, d, dgain));
  if (with_bias) keep_worst(parameter_error, gradient_error(loss, &w, rng, w.bias, d, dbias));
  free(x), free(gain), free(bias), free(c), free(wide_x), free(wide_y), free(dx), free(packed), free(stats);
  free(scratch), free(dgain), free(dbias), free(w.x), free(w.gain), free(w.bias), free(w.c), free(w.y);
}

static void test_kind(Rng *rng, const char *what, NormKind kind, bool with_bias, double offset) {
  static const size_t widths[] = {3, 7, 8, 15, 16, 17, 33, 64, 77, 130};
  double forward = 0, dx = 0, parameters = 0;
  for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
    test_case(rng, kind, with_bias, offset, 1 + rng_below(rng, 6), 1 + rng_below(rng, 4), widths[i], &forward, &dx,
              &parameters);
  ok(forward <= 30 * (double)REAL_EPSILON, "%s agrees with its definition: worst %.2g", what, forward);
  ok(dx <= GRADIENT_TOLERANCE && parameters <= GRADIENT_TOLERANCE,
     "%s: gradients of x and of gain and bias agree with central differences: %.2g, %.2g", what, dx, parameters);
}

/* The folded additions, the packed form and adding into dx give what the plain steps give, bit for bit. */
static void test_folded(Rng *rng) {
  const size_t rows = 5, d = 77, n = rows * d;
  real *x = normal_reals(rng, n, 1, NULL), *delta = normal_reals(rng, n, 1, NULL),
       *gain = normal_reals(rng, d, 1, NULL), *bias = normal_reals(rng, d, 1, NULL),
       *sum = normal_reals(rng, n, 1, NULL), *y = normal_reals(rng, n, 1, NULL), *plain = normal_reals(rng, n, 1, NULL),
       *expected = normal_reals(rng, n, 1, NULL);
  real *stats = normal_reals(rng, rows * NORM_STATS, 1, NULL), *again = normal_reals(rng, rows * NORM_STATS, 1, NULL),
       *scratch = normal_reals(rng, norm_backward_scratch(d), 1, NULL);
  const Norm norm = {NORM_LAYER, d, gain, bias, 0, (real)1e-5};
  for (size_t i = 0; i < n; i++) expected[i] = x[i] + delta[i];
  norm_forward(&norm, rows, expected, plain, stats);
  norm_add_forward(&norm, rows, x, delta, sum, y, again);
  ok(memcmp(sum, expected, n * sizeof *x) == 0 && memcmp(y, plain, n * sizeof *x) == 0 &&
         memcmp(stats, again, rows * NORM_STATS * sizeof *x) == 0,
     "the norm of a sum is the sum, then the norm");
  memcpy(sum, delta, n * sizeof *x);
  norm_add_forward(&norm, rows, x, sum, sum, y, again);
  ok(memcmp(sum, expected, n * sizeof *x) == 0 && memcmp(y, plain, n * sizeof *x) == 0, "sum may be what is added");

  norm_forward(&norm, rows, x, plain, stats);
  for (size_t i = 0; i < n; i++) expected[i] = delta[i] + plain[i];
  norm_residual_forward(&norm, rows, x, delta, y, sum, again);
  ok(memcmp(sum, expected, n * sizeof *x) == 0 && memcmp(y, plain, n * sizeof *x) == 0 &&
         memcmp(stats, again, rows * NORM_STATS * sizeof *x) == 0,
     "a norm's addition to the residual stream is the norm, then the sum");
  memcpy(y, x, n * sizeof *x);
  memcpy(sum, delta, n * sizeof *x);
  norm_residual_forward(&norm, rows, y, sum, y, sum, again);
  ok(memcmp(sum, expected, n * sizeof *x) == 0 && memcmp(y, plain, n * sizeof *x) == 0, "y may be x, sum the residual");

  norm_backward(&norm, rows, x, stats, delta, false, y, NULL, NULL, scratch);
  memcpy(sum, x, n * sizeof *x);
  norm_backward(&norm, rows, x, stats, delta, true, sum, NULL, NULL, scratch);
  double most = 0;
  for (size_t i = 0; i < n; i++) keep_worst(&most, fabs((double)sum[i] - (double)x[i] - (double)y[i]));
  ok(most <= 8 * (double)REAL_EPSILON, "adding into dx adds the same gradient: %.2g", most);

  x[d + 3] = (real)NAN;
  norm_forward(&norm, rows, x, y, stats);
  ok(isnan(y[d]) && isnan(y[2 * d - 1]) && !isnan(y[d - 1]) && !isnan(y[2 * d]), "NaN stays in its row");
  free(x), free(delta), free(gain), free(bias), free(sum), free(y), free(plain), free(expected), free(stats),
      free(again);
  free(scratch);
}

int main(void) {
  Rng rng = rng_new(SEED);
  printf("# seed %d\n", SEED);
  test_kind(&rng, "RMS norm", NORM_RMS, false, 0);
  test_kind(&rng, "RMS norm with gain + 1", NORM_RMS, false, 1);
  test_kind(&rng, "layer norm", NORM_LAYER, false, 0);
  test_kind(&rng, "layer norm with bias", NORM_LAYER, true, 0);
  test_folded(&rng);
  omp_set_num_threads(3);
  test_kind(&rng, "layer norm on three threads", NORM_LAYER, true, 1);
  return tap_end();
}
