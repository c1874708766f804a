/* num/attention against its definition in double, with windows and soft caps; the backward pass against central
 * differences of that. Built for float and for double. */
#include "num/attention.h"
#include "tests/kernels.h"

#include <omp.h>

enum { SEED = 34, MAX_SEQUENCES = 4 };

/* The rows hold q, k, v side by side; the loss is c . z. */
typedef struct Case {
  AttentionShape shape;
  size_t offsets[MAX_SEQUENCES + 1], longest;
  double *qkv, *c, *z;
} Case;

/* z[H E] of query t in the sequence that begins at row0. */
static void attend(const Case *w, size_t row0, size_t t, double *weights) {
  const AttentionShape *s = &w->shape;
  const size_t e = s->head_dim, group = s->n_heads / s->n_kv_heads;
  const size_t first = s->window && t - row0 + 1 > s->window ? t + 1 - s->window : row0;
  for (size_t h = 0; h < s->n_heads; h++) {
    const double *q = w->qkv + t * s->stride + h * e, *k = w->qkv + (s->n_heads + h / group) * e,
                 *v = k + s->n_kv_heads * e;
    double top = -INFINITY, total = 0;
    for (size_t u = first; u <= t; u++) {
      double dot = 0;
      for (size_t i = 0; i < e; i++) dot += q[i] * k[u * s->stride + i];
      dot *= (double)s->scale;
      weights[u] = s->softcap > 0 ? (double)s->softcap * tanh(dot / (double)s->softcap) : dot;
      top = fmax(top, weights[u]);
    }
    for (size_t u = first; u <= t; u++) total += weights[u] = exp(weights[u] - top);
    for (size_t i = 0; i < e; i++) {
      double sum = 0;
      for (size_t u = first; u <= t; u++) sum += weights[u] / total * v[u * s->stride + i];
      w->z[(t * s->n_heads + h) * e + i] = sum;
    }
  }
}

static double loss(void *context) {
  const Case *w = context;
  const size_t rows = w->offsets[w->shape.n_sequences], width = w->shape.n_heads * w->shape.head_dim;
  double sum = 0, *weights = malloc(rows * sizeof *weights);
  for (size_t n = 0; n < w->shape.n_sequences; n++)
    for (size_t t = w->offsets[n]; t < w->offsets[n + 1]; t++) attend(w, w->offsets[n], t, weights);
  for (size_t i = 0; i < rows * width; i++) sum += w->c[i] * w->z[i];
  free(weights);
  return sum;
}

/* A random ragged batch; the longest sequence is one of the given lengths. */
static void draw_shape(Rng *rng, Case *w, const size_t *lengths, size_t n_lengths, size_t window, double softcap) {
  AttentionShape *s = &w->shape;
  *s = (AttentionShape){.n_sequences = 1 + rng_below(rng, MAX_SEQUENCES), .scale = (real)0.3, .window = window};
  s->n_kv_heads = 1 + rng_below(rng, 2);
  s->n_heads = s->n_kv_heads * (1 + rng_below(rng, 3));
  s->head_dim = 1 + rng_below(rng, 20);
  s->stride = (s->n_heads + 2 * s->n_kv_heads) * s->head_dim + rng_below(rng, 4);
  s->softcap = (real)softcap;
  s->offsets = w->offsets;
  w->longest = 0;
  for (size_t i = 0; i < s->n_sequences; i++) {
    const size_t length = lengths[rng_below(rng, n_lengths)];
    w->offsets[i + 1] = w->offsets[i] + length;
    w->longest = length > w->longest ? length : w->longest;
  }
}

static void test_case(Rng *rng, Case *w, double scale, double *forward_error, double *backward_error) {
  const AttentionShape *s = &w->shape;
  const size_t e = s->head_dim, rows = w->offsets[s->n_sequences], width = s->n_heads * e, n = rows * s->stride;
  real *qkv = normal_reals(rng, n, scale, &w->qkv), *c = normal_reals(rng, rows * width, 1, &w->c);
  real *z = normal_reals(rng, rows * width, 1, NULL), *lse = normal_reals(rng, rows * s->n_heads, 1, NULL),
       *d = normal_reals(rng, n, 1, NULL), *scratch = normal_reals(rng, attention_scratch(w->longest), 1, NULL),
       *back = normal_reals(rng, attention_backward_scratch(rows, w->longest, s->n_heads, e), 1, NULL);
  w->z = malloc(rows * width * sizeof *w->z);
  const size_t k = width, v = width + s->n_kv_heads * e;
  attention_forward(s, qkv, qkv + k, qkv + v, z, lse, scratch);
  loss(w);
  keep_worst(forward_error, worst_wide(z, w->z, rows * width));
  if (backward_error) {
    attention_backward(s, qkv, qkv + k, qkv + v, z, lse, c, d, d + k, d + v, back);
    for (size_t t = 0; t < rows; t++) /* what lies between the rows is not attention's */
      for (size_t i = v + s->n_kv_heads * e; i < s->stride; i++) d[t * s->stride + i] = 0;
    keep_worst(backward_error, gradient_error(loss, w, rng, w->qkv, n, d));
  }
  free(qkv), free(c), free(z), free(lse), free(d), free(scratch), free(back), free(w->qkv), free(w->c), free(w->z);
}

static void test_kind(Rng *rng, const char *what, const size_t *windows, size_t n_windows, double softcap) {
  static const size_t short_lengths[] = {1, 2, 3, 9, 17}, long_lengths[] = {63, 64, 65, 130, 7};
  double forward = 0, backward = 0;
  for (int round = 0; round < 12; round++) {
    Case w = {0};
    draw_shape(rng, &w, round % 2 ? long_lengths : short_lengths, 5, windows[round % n_windows], softcap);
    test_case(rng, &w, 1, &forward, &backward);
  }
  ok(forward <= 30 * (double)REAL_EPSILON, "%s: agrees with its definition on ragged grouped batches: worst %.2g", what,
     forward);
  ok(backward <= GRADIENT_TOLERANCE, "%s: gradients of q, k, v agree with central differences: %.2g", what, backward);
}

/* Scores in the thousands: the softmax must not overflow, and a cap holds them. */
static void test_huge(Rng *rng, double softcap) {
  static const size_t lengths[] = {70};
  double error = 0;
  Case w = {0};
  draw_shape(rng, &w, lengths, 1, 0, softcap);
  test_case(rng, &w, 40, &error, NULL);
  ok(error<3000 * (double)REAL_EPSILON, "attention survives huge scores%s: worst %.2g", softcap> 0 ? " under a soft cap"
                                                                                                   : "",
     error);
}

/* A key outside the window changes nothing; a window of all keys is none, bit for bit. */
static void test_window(Rng *rng) {
  enum { T = 200, E = 6, STRIDE = 3 * E };
  const size_t offsets[] = {0, T};
  AttentionShape s = {.n_sequences = 1, .offsets = offsets, .n_heads = 1, .n_kv_heads = 1, .head_dim = E};
  s.stride = STRIDE, s.scale = (real)0.5, s.window = 65;
  real *x = normal_reals(rng, T * STRIDE, 1, NULL), *z = calloc(T * E, sizeof *z), *again = calloc(T * E, sizeof *z),
       *lse = calloc(T, sizeof *lse), *d = calloc(T * STRIDE, sizeof *d), *dz = calloc(T * E, sizeof *dz),
       *scratch = calloc(attention_backward_scratch(T, T, 1, E) + attention_scratch(T), sizeof *scratch);
  attention_forward(&s, x, x + E, x + 2 * E, z, lse, scratch);
  for (size_t i = E; i < STRIDE; i++) x[100 * STRIDE + i] = 9;
  attention_forward(&s, x, x + E, x + 2 * E, again, lse, scratch);
  bool right = true;
  for (size_t t = 0; t < T; t++)
    right = right && (memcmp(z + t * E, again + t * E, E * sizeof *z) != 0) == (t >= 100 && t <= 164);
  ok(right, "a key is seen by itself and the 64 after it, and no other");
  for (size_t i = E; i < STRIDE; i++) x[100 * STRIDE + i] = (real)0.3;
  attention_forward(&s, x, x + E, x + 2 * E, z, lse, scratch);
  for (size_t i = 165 * E; i < T * E; i++) dz[i] = (real)rng_normal(rng);
  attention_backward(&s, x, x + E, x + 2 * E, z, lse, dz, d, d + E, d + 2 * E, scratch);
  bool zero = true, some = false;
  for (size_t i = E; i < STRIDE; i++) {
    zero = zero && d[100 * STRIDE + i] == 0;
    some = some || d[101 * STRIDE + i] != 0;
  }
  ok(zero && some, "no gradient reaches a key outside the window");
  s.window = 0;
  attention_forward(&s, x, x + E, x + 2 * E, z, lse, scratch);
  s.window = T;
  attention_forward(&s, x, x + E, x + 2 * E, again, lse, scratch);
  ok(memcmp(z, again, T * E * sizeof *z) == 0, "a window as long as the text is none");
  free(x), free(z), free(again), free(lse), free(d), free(dz), free(scratch);
}

/* Sequences that continue one prefix: the same values as rows of whole sequences that begin with it. */
static void test_prefix(Rng *rng, const char *what, const size_t *windows, size_t n_windows, double softcap) {
  static const size_t lengths[] = {1, 2, 3, 9, 66}, prefixes[] = {1, 5, 40, 64, 130};
  double error = 0;
  for (int round = 0; round < 12; round++) {
    Case own = {0}, whole;
    draw_shape(rng, &own, lengths, 5, windows[round % n_windows], softcap);
    whole = own;
    whole.shape.offsets = whole.offsets;
    AttentionShape *s = &own.shape;
    const size_t n = prefixes[rng_below(rng, 5)], rows = own.offsets[s->n_sequences], width = s->n_heads * s->head_dim,
                 k = width, v = width + s->n_kv_heads * s->head_dim;
    for (size_t i = 0; i <= s->n_sequences; i++) whole.offsets[i] += i * n;
    const size_t all = whole.offsets[s->n_sequences];
    double *wide, *before;
    real *qkv = normal_reals(rng, rows * s->stride, 1, &wide), *first = normal_reals(rng, n * s->stride, 1, &before),
         *z = normal_reals(rng, rows * width, 1, NULL), *lse = normal_reals(rng, rows * s->n_heads, 1, NULL),
         *scratch = normal_reals(rng, attention_scratch(n + own.longest), 1, NULL);
    whole.qkv = malloc(all * s->stride * sizeof *whole.qkv);
    whole.c = calloc(all * width, sizeof *whole.c);
    whole.z = malloc(all * width * sizeof *whole.z);
    for (size_t i = 0; i < s->n_sequences; i++) {
      double *to = whole.qkv + whole.offsets[i] * s->stride;
      memcpy(to, before, n * s->stride * sizeof *to);
      memcpy(to + n * s->stride, wide + own.offsets[i] * s->stride,
             (own.offsets[i + 1] - own.offsets[i]) * s->stride * sizeof *to);
    }
    loss(&whole);
    s->prefix = (AttentionPrefix){n, s->stride, first + k, first + v};
    attention_forward(s, qkv, qkv + k, qkv + v, z, lse, scratch);
    for (size_t i = 0; i < s->n_sequences; i++)
      keep_worst(&error, worst_wide(z + own.offsets[i] * width, whole.z + (whole.offsets[i] + n) * width,
                                    (own.offsets[i + 1] - own.offsets[i]) * width));
    free(qkv), free(first), free(z), free(lse), free(scratch), free(wide), free(before);
    free(whole.qkv), free(whole.c), free(whole.z);
  }
  ok(error <= 30 * (double)REAL_EPSILON, "%s: sequences behind a prefix attend as whole ones: worst %.2g", what, error);
}

int main(void) {
  static const size_t none[] = {0}, windows[] = {1, 2, 5, 17, 64, 65, 100, 128};
  Rng rng = rng_new(SEED);
  printf("# seed %d\n", SEED);
  test_kind(&rng, "causal", none, 1, 0);
  test_kind(&rng, "windows", windows, 8, 0);
  test_kind(&rng, "soft cap", none, 1, 1.5);
  test_kind(&rng, "windows and soft cap", windows, 8, 0.8);
  test_prefix(&rng, "causal", none, 1, 0);
  test_prefix(&rng, "windows", windows, 8, 0);
  test_prefix(&rng, "windows and soft cap", windows, 8, 0.8);
  test_huge(&rng, 0);
  test_huge(&rng, 50);
  test_window(&rng);
  omp_set_num_threads(3);
  test_kind(&rng, "three threads", windows, 8, 1.5);
  test_prefix(&rng, "three threads", windows, 8, 1.5);
  return tap_end();
}
