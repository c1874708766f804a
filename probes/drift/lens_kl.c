/* What a layer would say: `lens_kl` = mean over rows of KL( softmax(W N(x)) || softmax(W N(y)) ) in nats, W and N the
 * frozen model's head and final norm on both sides (the logit lens, nostalgebraist 2020; the divergence as a drift is
 * fathom's own). It sees those changes alone that the frozen head would read. Undefined where no head reads the site.
 *
 * Each term is p log(p / q) - p + q, which is never negative; the added parts sum to 0. Intervals: a ratio of sums over
 * samples, on the log scale. */
#include "base/memory.h"
#include "probes/drift/measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TILE = 32 }; /* rows whose logits are held at a time */

typedef struct LensKl {
  DriftShape shape;
  double *divergence; /* [n_samples] sums over a sample's rows */
  double *rows;       /* [n_samples] */
  float *x, *y;       /* [TILE, n_vocab] logits */
  double *p, *q;      /* [n_vocab] */
} LensKl;

static void *begin(const DriftShape *shape, const void *settled) {
  (void)settled;
  LensKl *k = mem_alloc(1, sizeof *k);
  const size_t n_vocab = shape->aids.lens->n_vocab;
  k->shape = *shape;
  k->divergence = mem_alloc(shape->n_samples, sizeof *k->divergence);
  k->rows = mem_alloc(shape->n_samples, sizeof *k->rows);
  k->x = mem_alloc(TILE * n_vocab, sizeof *k->x);
  k->y = mem_alloc(TILE * n_vocab, sizeof *k->y);
  k->p = mem_alloc(n_vocab, sizeof *k->p);
  k->q = mem_alloc(n_vocab, sizeof *k->q);
  return k;
}

static void free_state(void *state) {
  LensKl *k = state;
  free(k->divergence);
  free(k->rows);
  free(k->x);
  free(k->y);
  free(k->p);
  free(k->q);
  free(k);
}

/* p [v] = exp(logits - largest); the logarithm of what they sum to, largest included. */
static double exponentials(size_t v, const float *logits, double *p, double *sum) {
  double largest = logits[0], total = 0;
  for (size_t i = 1; i < v; i++) largest = logits[i] > largest ? logits[i] : largest;
  for (size_t i = 0; i < v; i++) total += p[i] = exp(logits[i] - largest);
  *sum = total;
  return largest + log(total);
}

static double divergence(LensKl *k, const float *x, const float *y) {
  const size_t v = k->shape.aids.lens->n_vocab;
  double sum_p, sum_q, total = 0;
  const double log_p = exponentials(v, x, k->p, &sum_p), log_q = exponentials(v, y, k->q, &sum_q);
  for (size_t i = 0; i < v; i++) {
    const double p = k->p[i] / sum_p, q = k->q[i] / sum_q;
    total += p * (((double)x[i] - (double)y[i]) - (log_p - log_q)) - (p - q);
  }
  return total > 0 || isnan(total) ? total : 0;
}

static void accumulate_tile(LensKl *k, const RowBlock *block, size_t sample, size_t first, size_t n) {
  const DriftLens *lens = k->shape.aids.lens;
  const size_t d = k->shape.dx;
  if (memcmp(block->x + first * d, block->y + first * d, n * d * sizeof *block->x) == 0) return;
  lens->logits(lens->context, n, block->x + first * d, k->x);
  lens->logits(lens->context, n, block->y + first * d, k->y);
  for (size_t i = 0; i < n; i++)
    k->divergence[block->first_sample + sample] += divergence(k, k->x + i * lens->n_vocab, k->y + i * lens->n_vocab);
}

static void accumulate(void *state, const RowBlock *block) {
  LensKl *k = state;
  for (size_t s = 0; s < block->n_samples; s++) {
    const size_t end = block->begin[s + 1];
    k->rows[block->first_sample + s] += (double)(end - block->begin[s]);
    for (size_t first = block->begin[s]; first < end; first += TILE)
      accumulate_tile(k, block, s, first, end - first < TILE ? end - first : TILE);
  }
}

static void merge(void *into, const void *from) {
  LensKl *a = into;
  const LensKl *b = from;
  for (size_t s = 0; s < a->shape.n_samples; s++) {
    a->divergence[s] += b->divergence[s];
    a->rows[s] += b->rows[s];
  }
}

static void finish(const void *state, Estimate *estimates) {
  const LensKl *k = state;
  const size_t n = k->shape.n_samples;
  const double n_rows = (double)k->shape.n_rows;
  double total = 0;
  for (size_t s = 0; s < n; s++) total += k->divergence[s];
  const Ratio ratio = {total, n_rows, 1, k->divergence, k->rows};
  estimates[0] = (Estimate){.value = total / n_rows};
  if (k->shape.with_intervals) estimate_of_ratio(&ratio, n, &estimates[0]);
}

const Measure measure_lens_kl = {
    .name = "lens_kl",
    .n_values = 1,
    .values = {{"lens_kl", "0 or more nats", "0", "what the frozen head does not read", "n d V",
                "logit lens: nostalgebraist 2020; as a drift: fathom's own",
                "mean over rows of the divergence between the next-token distributions that the frozen final norm and "
                "head read from x and from y; sites of the residual stream, and ln_final",
                NULL, NULL}},
    .same_width = true,
    .needs = NEEDS_LENS,
    .passes = 1,
    .begin = begin,
    .accumulate = accumulate,
    .merge = merge,
    .settle = settle_nothing,
    .finish = finish,
    .free = free_state,
};
