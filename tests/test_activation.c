/* num/activation, num/crossentropy and the functions of num/vec.h behind them against libm in double; gradients against central
 * differences. Built for float and for double. */
#include "num/activation.h"
#include "num/crossentropy.h"
#include "num/vec.h"
#include "tests/kernels.h"

enum { SEED = 32 };

static double defined(Activation act, double x) {
  switch (act) {
  case ACTIVATION_SILU: return x / (1 + exp(-x));
  case ACTIVATION_GELU_TANH: return 0.5 * x * (1 + tanh(sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x)));
  case ACTIVATION_GELU_ERF: return 0.5 * x * (1 + erf(x / sqrt(2)));
  case ACTIVATION_RELU: return x > 0 ? x : 0;
  }
  return NAN;
}

static const struct Kind {
  Activation act;
  const char *name;
} kinds[] = {{ACTIVATION_SILU, "SiLU"},
             {ACTIVATION_GELU_TANH, "GELU by tanh"},
             {ACTIVATION_GELU_ERF, "GELU by erf"},
             {ACTIVATION_RELU, "ReLU"}};

/* Loss = c . act(x) [up], x [T, f] or gates and ups [T, 2f]. */
typedef struct Case {
  Activation act;
  bool gated;
  size_t rows, f;
  double *x, *c, *y;
} Case;

static double loss(void *context) {
  const Case *w = context;
  double sum = 0;
  for (size_t t = 0; t < w->rows; t++)
    for (size_t i = 0; i < w->f; i++) {
      const double *row = w->x + t * w->f * (w->gated ? 2 : 1);
      w->y[t * w->f + i] = defined(w->act, row[i]) * (w->gated ? row[w->f + i] : 1);
      sum += w->c[t * w->f + i] * w->y[t * w->f + i];
    }
  return sum;
}

static void test_kind(Rng *rng, const struct Kind *kind, bool gated) {
  static const size_t widths[] = {1, 7, 8, 15, 16, 17, 33, 100};
  double forward = 0, slope = 0;
  for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
    Case w = {.act = kind->act, .gated = gated, .rows = 1 + rng_below(rng, 4), .f = widths[i]};
    const size_t n = w.rows * w.f, n_x = gated ? 2 * n : n;
    real *x = normal_reals(rng, n_x, 3, &w.x), *c = normal_reals(rng, n, 1, &w.c), *y = normal_reals(rng, n, 1, NULL);
    for (size_t j = 0; j < n_x; j++) /* central differences must not straddle ReLU's corner */
      if (fabs(w.x[j]) < 0.01) w.x[j] = x[j] = (real)0.5;
    w.y = malloc(n * sizeof *w.y);
    loss(&w);
    if (gated)
      activation_gated_forward(kind->act, w.rows, w.f, x, y);
    else
      activation_plain_forward(kind->act, w.rows, w.f, x, y);
    keep_worst(&forward, worst_wide(y, w.y, n));
    if (gated)
      activation_gated_backward(kind->act, w.rows, w.f, x, c);
    else
      activation_plain_backward(kind->act, w.rows, w.f, x, c);
    keep_worst(&slope, gradient_error(loss, &w, rng, w.x, n_x, x));
    free(x), free(c), free(y), free(w.x), free(w.c), free(w.y);
  }
  ok(forward <= 8 * (double)REAL_EPSILON, "%s%s agrees with its definition: worst %.2g", gated ? "gated " : "",
     kind->name, forward);
  ok(slope <= GRADIENT_TOLERANCE, "%s%s: gradient agrees with central differences: %.2g", gated ? "gated " : "",
     kind->name, slope);
}

/* Far from zero an activation is x or 0, and its slope 1 or 0: nothing overflows on the way. NaN stays NaN. */
static void test_extremes(const struct Kind *kind) {
  enum { N = 6 };
  const real far[N] = {-1000, -90, -30, 30, 90, 1000};
  real x[N], y[N], ones[N] = {1, 1, 1, 1, 1, 1}, nan[1] = {(real)NAN};
  bool right = true;
  memcpy(x, far, sizeof x);
  activation_plain_forward(kind->act, 1, N, x, y);
  activation_plain_backward(kind->act, 1, N, x, ones);
  for (int i = 0; i < N; i++)
    right = right && is_close((double)y[i], far[i] > 0 ? (double)far[i] : 0, 1e-6, 1e-10) &&
            is_close((double)x[i], far[i] > 0 ? 1 : 0, 1e-6, 1e-10);
  activation_plain_forward(kind->act, 1, 1, nan, nan);
  ok(right && isnan(nan[0]), "%s far from zero is x or 0 with slope 1 or 0; NaN stays NaN", kind->name);
}

/* Worst relative error over (0, end], both signs, in units of REAL_EPSILON. */
static double error_of(vec (*function)(vec), double (*exact)(double), double end) {
  double most = 0;
  for (double x = 1e-6; x < end; x = x * 1.00091 + 1e-7)
    for (int sign = -1; sign <= 1; sign += 2) {
      const real at = (real)(sign * x);
      const double expected = exact((double)at);
      keep_worst(&most, fabs((double)function(vec_all(at))[VEC_LANES - 1] - expected) / fabs(expected));
    }
  return most / (double)REAL_EPSILON;
}

static vec call_tanh(vec x) { return vec_tanh(x); }
static vec call_erf(vec x) { return vec_erf(x); }

static void test_functions(void) {
  const double of_tanh = error_of(call_tanh, tanh, 200), of_erf = error_of(call_erf, erf, 200);
  ok(of_tanh <= 2, "tanh: worst relative error %.2f epsilon", of_tanh);
  ok(of_erf <= 2, "erf: worst relative error %.2f epsilon", of_erf);
  const vec edges[] = {vec_tanh(vec_all(0)),         vec_erf(vec_all(0)),          vec_tanh(vec_all(INFINITY)),
                       vec_erf(vec_all(INFINITY)),   vec_tanh(vec_all(-INFINITY)), vec_erf(vec_all(-INFINITY)),
                       vec_tanh(vec_all((real)NAN)), vec_erf(vec_all((real)NAN))};
  ok(edges[0][0] == 0 && edges[1][0] == 0 && edges[2][0] == 1 && edges[3][0] == 1 && edges[4][0] == -1 &&
         edges[5][0] == -1 && isnan(edges[6][0]) && isnan(edges[7][0]),
     "tanh and erf are 0 at 0, 1 and -1 at infinity, NaN at NaN");
}

typedef struct Capped {
  size_t n;
  double cap, *x, *c, *y;
} Capped;

static double capped_loss(void *context) {
  const Capped *w = context;
  double sum = 0;
  for (size_t i = 0; i < w->n; i++) sum += w->c[i] * (w->y[i] = w->cap * tanh(w->x[i] / w->cap));
  return sum;
}

static void test_softcap(Rng *rng) {
  Capped w = {.n = 77, .cap = 2.5};
  real *x = normal_reals(rng, w.n, 4, &w.x), *dx = normal_reals(rng, w.n, 1, &w.c);
  w.y = malloc(w.n * sizeof *w.y);
  capped_loss(&w);
  softcap_forward(w.n, (real)w.cap, x);
  ok(worst_wide(x, w.y, w.n) <= 4 * (double)REAL_EPSILON, "a soft cap agrees with its definition");
  softcap_backward(w.n, (real)w.cap, x, dx);
  const double error = gradient_error(capped_loss, &w, rng, w.x, w.n, dx);
  ok(error <= GRADIENT_TOLERANCE, "a soft cap's gradient agrees with central differences: %.2g", error);
  free(x), free(dx), free(w.x), free(w.c), free(w.y);
}

/* One row: scale * -log softmax(x)[target]. */
typedef struct Predicted {
  size_t v, target;
  double *x, scale;
} Predicted;

static double entropy(void *context) {
  const Predicted *w = context;
  double most = w->x[0], sum = 0;
  for (size_t i = 1; i < w->v; i++) most = fmax(most, w->x[i]);
  for (size_t i = 0; i < w->v; i++) sum += exp(w->x[i] - most);
  return w->scale * (log(sum) + most - w->x[w->target]);
}

static void test_crossentropy(Rng *rng) {
  static const size_t sizes[] = {1, 2, 15, 16, 17, 1000, 1024, 1025, 3001};
  double value = 0, slope = 0;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    const size_t v = sizes[i];
    Predicted w = {.v = v};
    double *scattered;
    real *x = normal_reals(rng, 3 * v, 4, &scattered), *dx = normal_reals(rng, 3 * v, 1, NULL);
    const double scales[] = {1, 0.25, 2.385};
    const int32_t targets[] = {0, (int32_t)v - 1, (int32_t)rng_below(rng, v)};
    double losses[3];
    crossentropy_rows(3, v, x, targets, scales, losses, dx);
    for (size_t r = 0; r < 3; r++) {
      w.x = scattered + r * v, w.target = (size_t)targets[r], w.scale = scales[r];
      const double expected = entropy(&w) / w.scale, error = fabs(losses[r] - expected) / (1 + expected);
      if (!(error <= value)) value = error;
      const double off = gradient_error(entropy, &w, rng, w.x, v, dx + r * v);
      if (!(off <= slope)) slope = off;
    }
    free(x), free(dx), free(scattered);
  }
  ok(value <= 16 * (double)REAL_EPSILON, "cross entropy agrees with its definition: %.2g", value);
  ok(slope <= GRADIENT_TOLERANCE, "its gradient agrees with central differences: %.2g", slope);
  real far[20], dfar[20];
  double loss_of_far;
  for (int i = 0; i < 20; i++) far[i] = i == 3 ? 1000 : -1000;
  crossentropy_rows(1, 20, far, (const int32_t[]){3}, (const double[]){1}, &loss_of_far, dfar);
  const bool sure = loss_of_far == 0 && dfar[3] == 0 && dfar[4] == 0;
  crossentropy_rows(1, 20, far, (const int32_t[]){4}, (const double[]){1}, &loss_of_far, dfar);
  ok(sure && loss_of_far == 2000 && dfar[3] == 1 && dfar[4] == -1, "far logits neither overflow nor vanish");
  far[7] = (real)NAN;
  crossentropy_rows(1, 20, far, (const int32_t[]){4}, (const double[]){1}, &loss_of_far, dfar);
  ok(isnan(loss_of_far), "a logit that is not a number shows in the loss");
}

int main(void) {
  Rng rng = rng_new(SEED);
  printf("# seed %d\n", SEED);
  test_functions();
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    test_kind(&rng, &kinds[i], true);
    test_kind(&rng, &kinds[i], false);
    test_extremes(&kinds[i]);
  }
  test_softcap(&rng);
  test_crossentropy(&rng);
  return tap_end();
}
