/* Which form a map's products take, in which passes, and what that costs. */
#include "base/memory.h"
#include "num/crossproduct.h"
#include "probes/drift/cross_parts.h"
#include "probes/drift/samplegram.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

static bool wants_samples(const CrossRequest *r) { return r->n_resamples > 0 && r->plan->n_samples >= 4; }
static size_t larger(size_t a, size_t b) { return a > b ? a : b; }
static size_t pair_count(const CrossRequest *r) { return r->n_x + r->n_y + r->n_x * r->n_y; }

/* Blocks of all sides and the sums of their samples: a quarter of the memory, but a sample at least. */
static size_t small_block(const CrossRequest *r, const CrossSides *c) {
  const size_t row = 2 * c->n * c->widest * sizeof(float), fit = r->memory / 4 / (row ? row : 1);
  const size_t rows = fit < ROW_BLOCK ? fit : ROW_BLOCK;
  return larger(rows, c->plan->longest);
}

CrossSides cross_sides_sizes(const CrossRequest *r) {
  CrossSides c = {.plan = r->plan, .n = r->n_x + r->n_y, .clustered = r->plan->longest > 1};
  c.capacity = larger(r->plan->longest, ROW_BLOCK);
  for (size_t s = 0; s < c.n; s++) {
    const size_t width = s < r->n_x ? r->x[s].width : r->y[s - r->n_x].width;
    c.widest = larger(c.widest, width);
  }
  c.small = small_block(r, &c);
  return c;
}

/* --- memory, with all sides as wide as the widest --- */

/* Sums of a pair, and the direction that its samples are projected on. */
static size_t pair_bytes(const CrossRequest *r, const CrossSides *c) {
  return c->widest * c->widest * ((c->clustered ? 2 : 1) * sizeof(double) + (wants_samples(r) ? sizeof(float) : 0));
}

/* A block of a side's rows and of the sums of its samples. */
static size_t side_bytes(const CrossSides *c) {
  return (c->clustered ? 2 : 1) * c->capacity * c->widest * sizeof(float);
}

/* What does not depend on the passes: each thread's products, projections and units of rows; means; numbers of samples. */
static size_t fixed_bytes(const CrossRequest *r, const CrossSides *c) {
  const size_t projected = wants_samples(r) ? c->capacity * c->widest : 0;
  const size_t unit = (rows_unit(c->widest) + ROW_MOST_GAP) * c->widest;
  return (size_t)omp_get_max_threads() * (crossproduct_scratch(c->widest) + (projected + unit) * sizeof(float)) +
         row_means_memory(c->widest) + c->n * c->widest * sizeof(double) +
         (wants_samples(r) ? 2 * pair_count(r) * c->plan->n_samples * sizeof(float) : 0);
}

static size_t tile_bytes(const CrossRequest *r, const CrossSides *c, size_t high, size_t wide) {
  return high * wide * pair_bytes(r, c) + (high + wide) * side_bytes(c);
}

/* --- passes between columns --- */

static void add_pass(CrossPairs *p, size_t *taken) {
  if (*taken > p->passes[p->n_passes]) p->passes[++p->n_passes] = *taken;
}

/* Sides with themselves, as many a pass as fit; then tiles of the map. */
static void cut_passes(const CrossRequest *r, size_t most_self, size_t high, size_t wide, CrossPairs *p) {
  const size_t n = r->n_x + r->n_y;
  size_t taken = 0;
  for (size_t s = 0; s < n; s++) {
    p->order[taken++] = s;
    if ((s + 1) % most_self == 0) add_pass(p, &taken);
  }
  add_pass(p, &taken);
  for (size_t x = 0; x < r->n_x; x += high)
    for (size_t y = 0; y < r->n_y; y += wide) {
      for (size_t i = x; i < r->n_x && i < x + high; i++)
        for (size_t j = y; j < r->n_y && j < y + wide; j++) p->order[taken++] = n + i * r->n_y + j;
      add_pass(p, &taken);
    }
}

void cross_pairs_make(const CrossRequest *r, CrossPairs *p) {
  const CrossSides c = cross_sides_sizes(r);
  const size_t count = pair_count(r), fixed = fixed_bytes(r, &c), room = r->memory > fixed ? r->memory - fixed : 0;
  *p = (CrossPairs){.items = mem_alloc(count, sizeof *p->items),
                    .by_sample = wants_samples(r),
                    .order = mem_alloc(count, sizeof *p->order),
                    .passes = mem_alloc(count + 1, sizeof *p->passes)};
  for (size_t s = 0; s < c.n; s++) p->items[p->count++] = (CrossPair){s, s};
  for (size_t x = 0; x < r->n_x; x++)
    for (size_t y = 0; y < r->n_y; y++) p->items[p->count++] = (CrossPair){x, r->n_x + y};
  if (count * pair_bytes(r, &c) + c.n * side_bytes(&c) <= room) {
    for (size_t k = 0; k < count; k++) p->order[k] = k;
    p->passes[p->n_passes = 1] = count;
    return;
  }
  const size_t self = room / (pair_bytes(r, &c) + side_bytes(&c));
  size_t high = 1, wide = 1;
  while (high < r->n_x || wide < r->n_y) {
    const bool taller = high < r->n_x && (high <= wide || wide == r->n_y);
    if (tile_bytes(r, &c, high + taller, wide + !taller) > room) break;
    high += taller;
    wide += !taller;
  }
  cut_passes(r, larger(self, 1), high, wide, p);
}

void cross_pairs_clear(CrossPairs *p) {
  free(p->items);
  free(p->order);
  free(p->passes);
}

/* --- cost --- */

/* The largest pass's memory, and what all passes read: every side that is in one of a pass's pairs. */
static void add_up_passes(const CrossRequest *r, const CrossSides *c, const CrossPairs *p, CrossCost *cost) {
  const double side = (double)c->plan->n_rows * (double)c->widest * sizeof(float);
  bool *used = mem_alloc(c->n, sizeof *used);
  size_t most = 0;
  for (size_t pass = 0; pass < p->n_passes; pass++) {
    size_t n_used = 0;
    for (size_t s = 0; s < c->n; s++) used[s] = false;
    for (size_t k = p->passes[pass]; k < p->passes[pass + 1]; k++) {
      const CrossPair pair = p->items[p->order[k]];
      n_used += !used[pair.left];
      used[pair.left] = true;
      n_used += !used[pair.right];
      used[pair.right] = true;
    }
    most = larger(most, (p->passes[pass + 1] - p->passes[pass]) * pair_bytes(r, c) + n_used * side_bytes(c));
    cost->bytes += (p->by_sample ? 2 : 1) * (double)n_used * side;
  }
  cost->passes += (p->by_sample ? 2 : 1) * p->n_passes;
  cost->memory = fixed_bytes(r, c) + most;
  free(used);
}

CrossCost cross_cost(const CrossRequest *r, CrossForm form) {
  const CrossSides c = cross_sides_sizes(r);
  const double n = (double)c.plan->n_rows, d = (double)c.widest, sides = (double)c.n;
  const double by_rows = sides * n * n * d / 2 + sides * sides * n * n / 2, by_columns = ((double)pair_count(r) - sides / 2) * n * d * d;
  const size_t all_rows = fixed_bytes(r, &c) + cross_rows_memory(&c, r);
  CrossCost cost = {.form = form, .passes = 2, .bytes = 2 * sides * n * d * sizeof(float)}; /* means; samples by themselves */
  if (form == CROSS_CHEAPER) cost.form = by_rows < by_columns && all_rows <= r->memory ? CROSS_ROWS : CROSS_COLUMNS;
  cost.least = fixed_bytes(r, &c) + larger(tile_bytes(r, &c, 1, 1), 2 * c.n * c.small * c.widest * sizeof(float));
  if (cost.form == CROSS_ROWS) {
    cost.passes++;
    cost.bytes *= 1.5;
    cost.multiplications = by_rows * (wants_samples(r) ? 2 : 1);
    cost.memory = all_rows;
    return cost;
  }
  CrossPairs pairs;
  cross_pairs_make(r, &pairs);
  add_up_passes(r, &c, &pairs, &cost);
  cross_pairs_clear(&pairs);
  cost.multiplications = by_columns * (wants_samples(r) ? 2 : 1);
  cost.memory = larger(cost.memory, fixed_bytes(r, &c) + 2 * c.n * c.small * c.widest * sizeof(float));
  return cost;
}
