/* Cosine drift: mean_i 1 - cos(x_i, y_i), of raw rows (`cosine`) and with the frozen model's mean taken from both sides
 * (`cosine_centred`), which a large common direction in all rows cannot hide. Two zero rows count as equal (0), a zero
 * row beside another as unrelated (1). */
#include "base/memory.h"
#include "num/crossproduct.h"
#include "probes/drift/measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RAW, CENTRED, KINDS };

typedef struct Cosine {
  DriftShape shape;
  double *angle[KINDS]; /* [n_samples] sums of 1 - cos over a sample's rows */
  double *rows;         /* [n_samples] rows of a sample */
  double spread;        /* sum |x - mean x|^2 */
} Cosine;

static void *begin(const DriftShape *shape, const void *settled) {
  (void)settled;
  Cosine *c = mem_alloc(1, sizeof *c);
  c->shape = *shape;
  for (size_t k = 0; k < KINDS; k++) c->angle[k] = mem_alloc(shape->n_samples, sizeof *c->angle[k]);
  c->rows = mem_alloc(shape->n_samples, sizeof *c->rows);
  return c;
}

/* 1 - cos as half the squared distance of the unit vectors: no cancellation where they are close, 0 where they are
 * equal. shift NULL: none. */
static double one_minus_cosine(size_t d, const float *x, const float *y, const double *shift) {
  if (memcmp(x, y, d * sizeof *x) == 0) return 0;
  double xx = 0, yy = 0, half = 0;
  for (size_t j = 0; j < d; j++) {
    const double a = x[j] - (shift ? shift[j] : 0), b = y[j] - (shift ? shift[j] : 0);
    xx += a * a;
    yy += b * b;
  }
  if (xx == 0 || yy == 0) return xx == yy ? 0 : 1;
  const double scale_x = 1 / sqrt(xx), scale_y = 1 / sqrt(yy);
  for (size_t j = 0; j < d; j++) {
    const double a = x[j] - (shift ? shift[j] : 0), b = y[j] - (shift ? shift[j] : 0);
    const double difference = a * scale_x - b * scale_y;
    half += difference * difference;
  }
  return 0.5 * half;
}

static void accumulate(void *state, const RowBlock *block) {
  Cosine *c = state;
  const size_t d = c->shape.dx;
  for (size_t s = 0; s < block->n_samples; s++) {
    const size_t at = block->first_sample + s;
    for (size_t i = block->begin[s]; i < block->begin[s + 1]; i++) {
      const float *x = block->x + i * d, *y = block->y + i * d;
      c->angle[RAW][at] += one_minus_cosine(d, x, y, NULL);
      c->angle[CENTRED][at] += one_minus_cosine(d, x, y, c->shape.moments->mean_x);
      c->spread += dot_f32(d, block->cx + i * d, block->cx + i * d);
    }
    c->rows[at] += (double)(block->begin[s + 1] - block->begin[s]);
  }
}

static void merge(void *into, const void *from) {
  Cosine *a = into;
  const Cosine *b = from;
  for (size_t s = 0; s < a->shape.n_samples; s++) {
    for (size_t k = 0; k < KINDS; k++) a->angle[k][s] += b->angle[k][s];
    a->rows[s] += b->rows[s];
  }
  a->spread += b->spread;
}

/* A ratio of sums over samples; the mean that CENTRED takes out counts as given. */
static Estimate estimate(const Cosine *c, const double *angle) {
  const size_t n = c->shape.n_samples;
  double total = 0;
  for (size_t s = 0; s < n; s++) total += angle[s];
  const double value = total / (double)c->shape.n_rows;
  const Ratio ratio = {total, (double)c->shape.n_rows, 1, angle, c->rows};
  Estimate e = {.value = value};
  if (c->shape.with_intervals) estimate_of_ratio(&ratio, n, &e);
  return e;
}

static void finish(const void *state, Estimate *estimates) {
  const Cosine *c = state;
  for (size_t k = 0; k < KINDS; k++) estimates[k] = estimate(c, c->angle[k]);
  const bool constant = is_constant(c->spread, c->shape.moments->square_x);
  if (!constant || estimates[CENTRED].value == 0) return;
  free(estimates[CENTRED].pseudo);
  estimates[CENTRED] = (Estimate){.value = NAN};
}

static void free_state(void *state) {
  Cosine *c = state;
  for (size_t k = 0; k < KINDS; k++) free(c->angle[k]);
  free(c->rows);
  free(c);
}

const Measure measure_cosine = {
    .name = "cosine",
    .n_values = KINDS,
    .values = {{"cosine", "0 to 2", "0", "joint rotation, scale of each row", "n d", "common use",
                "mean over rows of 1 - cos(x, y), rows as recorded", NULL, NULL},
               {"cosine_centred", "0 to 2", "0", "joint rotation, joint scale, joint translation", "n d", "common use",
                "the same with the frozen model's mean taken from both sides", NULL, NULL}},
    .same_width = true,
    .by_default = true,
    .passes = 1,
    .begin = begin,
    .accumulate = accumulate,
    .merge = merge,
    .settle = settle_nothing,
    .finish = finish,
    .free = free_state,
};
