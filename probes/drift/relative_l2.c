/* Relative L2 drift: sqrt( sum_i |y_i - x_i|^2 / sum_i |x_i - mean x|^2 ), the size of the change in units of the
 * frozen model's own spread. The formula is fathom's own, and the anchor of training penalises its
 * square.
 *
 * Intervals: the spread of few samples around their own mean is too small, and the drift too large; without a sample
 * the others' mean moves as well, |sum of its x - mean x|^2 / (their rows), from which the jackknife tells by how much.
 */
#include "base/memory.h"
#include "num/crossproduct.h"
#include "probes/drift/measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct RelativeL2 {
  DriftShape shape;
  double *change, *spread; /* [n_samples] sums of |y - x|^2 and |x - mean x|^2 over a sample's rows */
  double *moved;           /* [n_samples] what the spread of the others loses as their mean is no longer that of all */
  double *sum;             /* [d] of x - mean x over the sample at hand */
} RelativeL2;

static void *begin(const DriftShape *shape, const void *settled) {
  (void)settled;
  RelativeL2 *r = mem_alloc(1, sizeof *r);
  r->shape = *shape;
  r->change = mem_alloc(shape->n_samples, sizeof *r->change);
  r->spread = mem_alloc(shape->n_samples, sizeof *r->spread);
  r->moved = mem_alloc(shape->n_samples, sizeof *r->moved);
  r->sum = mem_alloc(shape->dx, sizeof *r->sum);
  return r;
}

static void accumulate(void *state, const RowBlock *block) {
  RelativeL2 *r = state;
  const size_t d = r->shape.dx;
  for (size_t s = 0; s < block->n_samples; s++) {
    const size_t at = block->first_sample + s, begin = block->begin[s], end = block->begin[s + 1];
    memset(r->sum, 0, d * sizeof *r->sum);
    for (size_t i = begin; i < end; i++) {
      r->change[at] += distance2_f32(d, block->x + i * d, block->y + i * d);
      r->spread[at] += dot_f32(d, block->cx + i * d, block->cx + i * d);
      for (size_t j = 0; j < d; j++) r->sum[j] += block->cx[i * d + j];
    }
    r->moved[at] += dot_f64(d, r->sum, r->sum) / (double)(r->shape.n_rows - (end - begin));
  }
}

static void merge(void *into, const void *from) {
  RelativeL2 *a = into;
  const RelativeL2 *b = from;
  for (size_t s = 0; s < a->shape.n_samples; s++) {
    a->change[s] += b->change[s];
    a->spread[s] += b->spread[s];
    a->moved[s] += b->moved[s];
  }
}

static void finish(const void *state, Estimate *estimates) {
  const RelativeL2 *r = state;
  const size_t n = r->shape.n_samples;
  double change = 0, spread = 0;
  for (size_t s = 0; s < n; s++) {
    change += r->change[s];
    spread += r->spread[s];
  }
  if (change > 0 && is_constant(spread, r->shape.moments->square_x)) {
    estimates[0] = (Estimate){.value = NAN};
    return;
  }
  estimates[0] = (Estimate){.value = change > 0 ? sqrt(change / spread) : 0};
  if (!r->shape.with_intervals) return;
  double *under = mem_alloc(n, sizeof *under);
  for (size_t s = 0; s < n; s++) under[s] = r->spread[s] + r->moved[s];
  const Ratio ratio = {change, spread, 0.5, r->change, under};
  estimate_of_ratio(&ratio, n, &estimates[0]);
  free(under);
}

static void free_state(void *state) {
  RelativeL2 *r = state;
  free(r->change);
  free(r->spread);
  free(r->moved);
  free(r->sum);
  free(r);
}

const Measure measure_relative_l2 = {
    .name = "relative_l2",
    .n_values = 1,
    .values = {{"relative_l2", "0 or more", "0", "joint rotation, joint scale, joint translation", "n d",
                "fathom's own", "root of the squared change over the frozen model's variance", NULL, NULL}},
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
