/* Relative L2 drift: sqrt( sum_i |y_i - x_i|^2 / sum_i |x_i - mean x|^2 ), the size of the change in units of the
 * frozen model's own spread. The formula is fathom's own (METHODS section 2), and the anchor of training penalises its
 * square. */
#include "base/memory.h"
#include "num/crossproduct.h"
#include "probes/drift/measure.h"

#include <math.h>
#include <stdlib.h>

typedef struct RelativeL2 {
  DriftShape shape;
  double *change, *spread; /* [n_samples] sums of |y - x|^2 and |x - mean x|^2 over a sample's rows */
} RelativeL2;

static void *begin(const DriftShape *shape, const void *settled) {
  (void)settled;
  RelativeL2 *r = mem_alloc(1, sizeof *r);
  r->shape = *shape;
  r->change = mem_alloc(shape->n_samples, sizeof *r->change);
  r->spread = mem_alloc(shape->n_samples, sizeof *r->spread);
  return r;
}

static void accumulate(void *state, const RowBlock *block) {
  RelativeL2 *r = state;
  const size_t d = r->shape.dx;
  for (size_t s = 0; s < block->n_samples; s++)
    for (size_t i = block->begin[s]; i < block->begin[s + 1]; i++) {
      r->change[block->first_sample + s] += distance2_f32(d, block->x + i * d, block->y + i * d);
      r->spread[block->first_sample + s] += dot_f32(d, block->cx + i * d, block->cx + i * d);
    }
}

static void merge(void *into, const void *from) {
  RelativeL2 *a = into;
  const RelativeL2 *b = from;
  for (size_t s = 0; s < a->shape.n_samples; s++) {
    a->change[s] += b->change[s];
    a->spread[s] += b->spread[s];
  }
}

static Status settle(void *state, Error *err) {
  (void)state, (void)err;
  return STATUS_OK;
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
  const double value = change > 0 ? sqrt(change / spread) : 0;
  estimates[0] = (Estimate){.value = value, .scale = SCALE_LOG, .centre = log(value)};
  if (!r->shape.with_intervals) return;
  /* d log value, where the mean of x may stay as it is: the spread is least there, so it does not change to first
   * order. */
  double *pseudo = estimates[0].pseudo = mem_alloc(n, sizeof *pseudo);
  for (size_t s = 0; s < n && change > 0; s++)
    pseudo[s] = 0.5 * (double)n * (r->change[s] / change - r->spread[s] / spread);
  pseudo_centre(n, pseudo);
}

static void free_state(void *state) {
  RelativeL2 *r = state;
  free(r->change);
  free(r->spread);
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
    .settle = settle,
    .finish = finish,
    .free = free_state,
};
