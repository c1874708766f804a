/* num/rope against what transformers computes for each scaling, and the rotation against its definition. Built for
 * float and for double. */
#include "num/rope.h"
#include "tests/kernels.h"

typedef struct RopeCase {
  const char *name;
  Rope rope;
  size_t length;
  double attention_factor, frequencies[8];
} RopeCase;

#include "tests/fixtures/rope_frequencies.h"

enum { SEED = 33 };

/* transformers computes in float32, where 1 - ramp loses digits. */
static void test_frequencies(const RopeCase *c) {
  const size_t half = c->rope.rotary_dim / 2;
  real *cosines = calloc(half * 10, sizeof *cosines), *sines = calloc(half * 10, sizeof *sines);
  double most = 0, table = 0;
  rope_table(&c->rope, c->length, 0, 10, cosines, sines);
  for (size_t i = 0; i < half; i++) {
    const double f = rope_frequency(&c->rope, c->length, i);
    keep_worst(&most, fabs(f / c->frequencies[i] - 1));
    for (size_t p = 0; p < 10; p++) {
      keep_worst(&table, fabs((double)cosines[p * half + i] - c->attention_factor * cos((double)p * f)));
      keep_worst(&table, fabs((double)sines[p * half + i] - c->attention_factor * sin((double)p * f)));
    }
  }
  ok(most <= 1e-6, "%s: frequencies are transformers': worst %.1e", c->name, most);
  ok(is_close(rope_attention_factor(&c->rope), c->attention_factor, 1e-12, 0) && table <= 2 * (double)REAL_EPSILON,
     "%s: so is the attention factor, and the table has it", c->name);
  free(cosines), free(sines);
}

static void test_dependence(void) {
  bool right = true;
  for (size_t i = 0; i < sizeof rope_cases / sizeof *rope_cases; i++) {
    const Rope *rope = &rope_cases[i].rope;
    bool differs = false;
    for (size_t j = 0; j < rope->rotary_dim / 2; j++)
      differs = differs || rope_frequency(rope, 10, j) != rope_frequency(rope, 5000, j);
    right = right && differs == rope_depends_on_length(rope);
  }
  ok(right, "the length matters where it is said to matter, and there alone");
  const Rope divisors = {.scaling = ROPE_LONGROPE,
                         .rotary_dim = 16,
                         .theta = 500,
                         .original_positions = 64,
                         .attention_factor = 1,
                         .short_factors = long_factors,
                         .long_factors = long_factors};
  ok(!rope_depends_on_length(&divisors) && rope_attention_factor(&divisors) == 1 &&
         is_close(rope_frequency(&divisors, 9, 3), pow(500, -6.0 / 16) / long_factors[3], 1e-14, 0),
     "one set of divisors for all lengths");
}

/* Some values of a head turn, the rest stay; rows wider than the heads; the backward pass is the transpose. */
static void test_rotation(Rng *rng) {
  double most = 0, across = 0;
  bool kept = true;
  for (int round = 0; round < 12; round++) {
    const size_t half = 1 + rng_below(rng, 20), r = 2 * half, e = r + (round % 2 ? rng_below(rng, 9) : 0),
                 heads = 1 + rng_below(rng, 4), stride = heads * e + rng_below(rng, 6), rows = 1 + rng_below(rng, 7),
                 n = rows * stride;
    const Rope rope = {.scaling = ROPE_YARN,
                       .rotary_dim = r,
                       .theta = 1000,
                       .factor = 4,
                       .original_positions = 32,
                       .attention_factor = 1.5};
    size_t at[8];
    for (size_t t = 0; t < rows; t++) at[t] = rng_below(rng, 100);
    double *wide = NULL, dots[2] = {0};
    real *x = normal_reals(rng, n, 1, &wide), *y = normal_reals(rng, n, 1, NULL), *back = malloc(n * sizeof *back);
    real *cosines = calloc(100 * half, sizeof *cosines), *sines = calloc(100 * half, sizeof *sines);
    rope_table(&rope, 100, 0, 100, cosines, sines);
    rope_rotate(rows, heads, e, r, at, cosines, sines, false, x, stride);
    memcpy(back, y, n * sizeof *back);
    rope_rotate(rows, heads, e, r, at, cosines, sines, true, back, stride);
    for (size_t t = 0; t < rows; t++)
      for (size_t i = 0; i < stride; i++) {
        const size_t in_head = i % e, pair = in_head % half, first = t * stride + i - in_head + pair;
        if (i >= heads * e || in_head >= r) {
          kept = kept && (double)x[t * stride + i] == wide[t * stride + i] && back[t * stride + i] == y[t * stride + i];
          continue;
        }
        const double angle = (double)at[t] * rope_frequency(&rope, 100, pair), c = 1.5 * cos(angle),
                     s = 1.5 * sin(angle), u = wide[first], v = wide[first + half];
        keep_worst(&most, fabs((double)x[t * stride + i] - (in_head < half ? u * c - v * s : v * c + u * s)));
        dots[0] += (double)x[t * stride + i] * (double)y[t * stride + i];
        dots[1] += wide[t * stride + i] * (double)back[t * stride + i];
      }
    keep_worst(&across, fabs(dots[0] - dots[1]) / (double)n);
    free(x), free(y), free(back), free(wide), free(cosines), free(sines);
  }
  ok(most <= 12 * (double)REAL_EPSILON, "pairs (i, i + R/2) turn by position times frequency: worst %.1e", most);
  ok(kept, "what is not rotary stays, bit for bit");
  ok(across <= 4 * (double)REAL_EPSILON, "y . rotate(x) = rotate_backward(y) . x: %.1e", across);
}

int main(void) {
  Rng rng = rng_new(SEED);
  printf("# seed %d\n", SEED);
  for (size_t i = 0; i < sizeof rope_cases / sizeof *rope_cases; i++) test_frequencies(&rope_cases[i]);
  test_dependence();
  test_rotation(&rng);
  return tap_end();
}
