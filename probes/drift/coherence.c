/* Coherence of the change (fathom's own): |mean(y - x)| / mean |y - x| over rows. 1: every row was moved by the same
 * vector, a translation of the whole cloud, which CKA and Procrustes cannot see. 0: the changes cancel out. Undefined
 * where nothing changed. Unrelated changes of N samples leave about 1 / sqrt(N): the length of a mean is never 0.
 *
 * Intervals: with D_c the sum of the changes of sample c, L_c that of their lengths and m_c its rows, R_c = D_c - m_c
 * mean is what sample c moves the mean by. sum_c |R_c|^2 N / (N - 1) / n^2 is what chance adds to |mean|^2, and the
 * interval is centred without it, on the scale of atanh; where it is over MOST_NOISE of |mean|^2 the sampling
 * distribution is no longer near symmetric, and there is none. A second pass finds the R_c. */
#include "base/memory.h"
#include "num/crossproduct.h"
#include "probes/drift/measure.h"

#include <math.h>
#include <stdlib.h>

static const double MOST_NOISE = 0.25;

typedef struct Coherence {
  DriftShape shape;
  double *sum;    /* [d] of y - x over all rows */
  double *length; /* [n_samples] L_c */
  double *rows;   /* [n_samples] m_c */
  /* second pass */
  double *along;  /* [n_samples] <R_c, mean> / (n |mean|^2) */
  double scatter; /* sum_c |R_c|^2 */
  double *own;    /* [d] D_c of the sample at hand */
  const struct Coherence *settled;
} Coherence;

static void *begin(const DriftShape *shape, const void *settled) {
  Coherence *c = mem_alloc(1, sizeof *c);
  c->shape = *shape;
  c->settled = settled;
  if (settled) {
    c->along = mem_alloc(shape->n_samples, sizeof *c->along);
    c->own = mem_alloc(shape->dx, sizeof *c->own);
    return c;
  }
  c->sum = mem_alloc(shape->dx, sizeof *c->sum);
  c->length = mem_alloc(shape->n_samples, sizeof *c->length);
  c->rows = mem_alloc(shape->n_samples, sizeof *c->rows);
  return c;
}

static void free_state(void *state) {
  Coherence *c = state;
  free(c->sum);
  free(c->length);
  free(c->rows);
  free(c->along);
  free(c->own);
  free(c);
}

static void add_change(size_t d, const float *x, const float *y, double *sum) {
  for (size_t j = 0; j < d; j++) sum[j] += (double)y[j] - (double)x[j];
}

static void accumulate_sums(Coherence *c, const RowBlock *block) {
  const size_t d = c->shape.dx;
  for (size_t s = 0; s < block->n_samples; s++) {
    const size_t at = block->first_sample + s;
    for (size_t i = block->begin[s]; i < block->begin[s + 1]; i++) {
      add_change(d, block->x + i * d, block->y + i * d, c->sum);
      c->length[at] += sqrt(distance2_f32(d, block->x + i * d, block->y + i * d));
    }
    c->rows[at] += (double)(block->begin[s + 1] - block->begin[s]);
  }
}

static void accumulate_scatter(Coherence *c, const RowBlock *block) {
  const size_t d = c->shape.dx;
  const double n = (double)c->shape.n_rows, *sum = c->settled->sum, sum2 = dot_f64(d, sum, sum);
  if (sum2 == 0) return;
  for (size_t s = 0; s < block->n_samples; s++) {
    const double share = (double)(block->begin[s + 1] - block->begin[s]) / n;
    for (size_t j = 0; j < d; j++) c->own[j] = -share * sum[j];
    for (size_t i = block->begin[s]; i < block->begin[s + 1]; i++)
      add_change(d, block->x + i * d, block->y + i * d, c->own);
    c->along[block->first_sample + s] += dot_f64(d, c->own, sum) / sum2;
    c->scatter += dot_f64(d, c->own, c->own);
  }
}

static void accumulate(void *state, const RowBlock *block) {
  Coherence *c = state;
  if (c->settled)
    accumulate_scatter(c, block);
  else
    accumulate_sums(c, block);
}

static void merge(void *into, const void *from) {
  Coherence *a = into;
  const Coherence *b = from;
  sums_add(a->shape.dx, b->sum, a->sum);
  sums_add(a->shape.n_samples, b->length, a->length);
  sums_add(a->shape.n_samples, b->rows, a->rows);
  sums_add(a->shape.n_samples, b->along, a->along);
  a->scatter += b->scatter;
}

/* first->sum is not 0 and not all rows moved alike. */
static void add_interval(const Coherence *c, double total_length, Estimate *e) {
  const Coherence *first = c->settled;
  const size_t n = c->shape.n_samples;
  const double samples = (double)n, rows = (double)c->shape.n_rows;
  const double noise = c->scatter * samples / (samples - 1) / dot_f64(c->shape.dx, first->sum, first->sum);
  if (n < 2 || !(noise <= MOST_NOISE)) return;
  const double value = e->value * sqrt(1 - noise), slope = value / ((1 - value) * (1 + value));
  if (!isfinite(slope) || !isfinite(atanh(value))) return;
  e->centre = atanh(value);
  e->scale = SCALE_ATANH;
  e->pseudo = mem_alloc(n, sizeof *e->pseudo);
  for (size_t s = 0; s < n; s++) {
    const double share = first->rows[s] / rows, others = rows / (rows - first->rows[s]); /* its rows weigh the more */
    e->pseudo[s] =
        (samples - 1) * slope * others * (c->along[s] / (1 - noise) - first->length[s] / total_length + share);
  }
  pseudo_centre(n, e->pseudo);
}

static void finish(const void *state, Estimate *estimates) {
  const Coherence *c = state, *first = c->settled ? c->settled : c;
  double total_length = 0;
  for (size_t s = 0; s < c->shape.n_samples; s++) total_length += first->length[s];
  estimates[0] = (Estimate){.value = NAN};
  if (total_length == 0) return;
  const double size = sqrt(dot_f64(c->shape.dx, first->sum, first->sum));
  estimates[0].value = fmin(size / total_length, 1);
  if (c->settled && size > 0) add_interval(c, total_length, &estimates[0]);
}

const Measure measure_coherence = {
    .name = "coherence",
    .n_values = 1,
    .values = {{"coherence", "0 to 1", "-", "joint rotation, joint scale, joint translation, size of the change", "n d",
                "fathom's own",
                "length of the mean change over the mean length: 1 is a translation of the whole cloud, which CKA and "
                "procrustes do not see; unrelated changes of N samples give about 1 / sqrt(N)",
                NULL,
                "coherence's interval allows for what chance adds to a mean, so that it may lie below the value; there "
                "is none "
                "where that is over a quarter of the mean's square"}},
    .same_width = true,
    .by_default = true,
    .passes = 1,
    .extra_passes = 1,
    .begin = begin,
    .accumulate = accumulate,
    .merge = merge,
    .settle = settle_nothing,
    .finish = finish,
    .free = free_state,
};
