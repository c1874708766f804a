/* CKA of all pairs of sites. What two sides contribute is always an inner product of something each side has alone, so
 * the sites are gone through one by one and the pairs cost a small GEMM; only |T|^2 and its kin (cka.c's top comment)
 * are products between whole data sets, in the form of rows or of columns. */
#include "probes/drift/cross.h"

#include "base/memory.h"
#include "num/crossproduct.h"
#include "probes/drift/cross_parts.h"
#include "probes/drift/interval.h"
#include "probes/drift/pseudo.h"
#include "probes/drift/samplegram.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

void cross_add_features(size_t n, size_t size, const float *features, size_t stride, double weight, double *to) {
  enum { SLICE = 4096 };
  float *product = mem_alloc(n * n, sizeof *product);
  for (size_t first = 0; first < size; first += SLICE) {
    const size_t k = size - first < SLICE ? size - first : SLICE;
    product_f32(false, true, n, n, k, features + first, stride, features + first, stride, product, n);
    for (size_t i = 0; i < n * n; i++) to[i] += weight * (double)product[i];
  }
  free(product);
}

Status cross_read(const CrossSides *c, size_t s, size_t first_sample, size_t n_samples, float *rows, Error *err) {
  const size_t first = c->plan->begin[first_sample], n = c->plan->begin[first_sample + n_samples] - first;
  return rows_load(c->sides[s], c->plan, first, n, c->means[s], c->scales[s], rows, rows, err);
}

static void sides_clear(CrossSides *c) {
  for (size_t s = 0; s < c->n; s++) free(c->means[s]);
  free(c->means);
  free(c->sides);
  free(c->squares);
  free(c->scales);
}

/* Column means of every side, in one pass. */
static Status sides_open(const CrossRequest *r, CrossSides *c, Error *err) {
  const RowPlan *plan = r->plan;
  *c = cross_sides_sizes(r);
  c->sides = mem_alloc(c->n, sizeof *c->sides);
  c->squares = mem_alloc(c->n, sizeof *c->squares);
  c->scales = mem_alloc(c->n, sizeof *c->scales);
  for (size_t s = 0; s < c->n; s++) c->sides[s] = s < r->n_x ? &r->x[s] : &r->y[s - r->n_x];
  c->means = mem_alloc(c->n, sizeof *c->means);
  Status status = STATUS_OK;
  for (size_t s = 0; s < c->n; s++) {
    const size_t d = c->sides[s]->width;
    c->means[s] = mem_alloc(d, sizeof **c->means);
    if (status == STATUS_OK) status = row_means_read(c->sides[s], plan, c->means[s], &c->squares[s], err);
    const double mean_square = c->squares[s] / ((double)plan->n_rows * (double)d);
    c->scales[s] = mean_square > 0 ? (float)ldexp(1, -ilogb(sqrt(mean_square))) : 1;
    c->squares[s] *= (double)c->scales[s] * (double)c->scales[s];
  }
  return status;
}

/* The parts that each sample has alone: |S_c|^2, u' S v, |u|^2 |v|^2 summed over samples [n, n], sum |u|^2 and |A|^2
 * [n]. */
typedef struct Locals {
  double *own, *bent, *corner, *square_u, *square;
  float *own_samples; /* [pairs, n_samples] |S_c|^2; where asked for by sample */
} Locals;

/* Buffers for one block of all sides. */
typedef struct LocalSpace {
  float **rows, **sums; /* [n][small, width]; where samples have one row, sums are rows */
  float *tile;          /* [n, SAMPLE_TILE, longest] */
  float *bend, *norms;  /* [n, small] rows . sums of their samples, squared norms of the sums */
  double *row;          /* [n, small] */
  double *sample;       /* [n, n] |S_c|^2 of one sample */
} LocalSpace;

/* |S_c|^2 of every pair of sides, for one sample of the block. */
static void square_sample(const CrossSides *c, const RowBlock *block, size_t i, LocalSpace *w) {
  const size_t stride = SAMPLE_TILE * c->plan->longest, first = block->begin[i], m = block->begin[i + 1] - first;
  memset(w->sample, 0, c->n * c->n * sizeof *w->sample);
  for (size_t tile = 0; tile < m; tile += SAMPLE_TILE) {
    size_t size = 0;
    for (size_t s = 0; s < c->n; s++) {
      const size_t d = c->sides[s]->width;
      size = sample_gram_tile(w->rows[s] + first * d, m, d, tile, w->tile + s * stride);
    }
    cross_add_features(c->n, size, w->tile, stride, 1, w->sample);
  }
}

/* bend and norms of one side, and their sums. */
static void add_side(const CrossSides *c, const RowBlock *block, size_t s, LocalSpace *w, Locals *to) {
  const size_t d = c->sides[s]->width;
  double *row = w->row + s * c->small;
  float *bend = w->bend + s * c->small, *norms = w->norms + s * c->small;
  norms2_f32(block->n, d, w->rows[s], row);
  for (size_t i = 0; i < block->n; i++) to->square[s] += row[i];
  if (c->clustered) {
    sample_sums(block, w->rows[s], d, w->sums[s]);
    sample_bend(block, w->rows[s], d, w->sums[s], row);
  }
  for (size_t i = 0; i < block->n; i++) bend[i] = (float)row[i];
  if (c->clustered) norms2_f32(block->n_samples, d, w->sums[s], row);
  for (size_t i = 0; i < block->n_samples; i++) {
    norms[i] = (float)row[i];
    to->square_u[s] += row[i];
  }
}

static void add_block(const CrossSides *c, const CrossPairs *pairs, const RowBlock *block, LocalSpace *w, Locals *to) {
  const bool together = c->n >= (size_t)omp_get_max_threads();
#pragma omp parallel for schedule(dynamic) if (together)
  for (size_t s = 0; s < c->n; s++) add_side(c, block, s, w, to);
  cross_add_features(c->n, block->n, w->bend, c->small, 1, to->bent);
  cross_add_features(c->n, block->n_samples, w->norms, c->small, 1, to->corner);
  for (size_t i = 0; i < block->n_samples; i++) {
    if (c->clustered) square_sample(c, block, i, w);
    for (size_t k = 0; k < c->n * c->n && c->clustered; k++) to->own[k] += w->sample[k];
    for (size_t k = 0; k < pairs->count && pairs->by_sample; k++) {
      const size_t left = pairs->items[k].left, right = pairs->items[k].right;
      const float product = w->norms[left * c->small + i] * w->norms[right * c->small + i];
      to->own_samples[k * c->plan->n_samples + block->first_sample + i] =
          c->clustered ? (float)w->sample[left * c->n + right] : product;
    }
  }
}

static Status add_locals(const CrossSides *c, const CrossPairs *pairs, Locals *to, Error *err) {
  LocalSpace w = {.rows = mem_alloc(c->n, sizeof *w.rows), .sums = mem_alloc(c->n, sizeof *w.sums)};
  for (size_t s = 0; s < c->n; s++) {
    w.rows[s] = mem_alloc(c->small * c->sides[s]->width, sizeof(float));
    w.sums[s] = c->clustered ? mem_alloc(c->small * c->sides[s]->width, sizeof(float)) : w.rows[s];
  }
  w.tile = mem_alloc(c->n * SAMPLE_TILE * c->plan->longest, sizeof *w.tile);
  w.bend = mem_alloc(c->n * c->small, sizeof *w.bend);
  w.norms = mem_alloc(c->n * c->small, sizeof *w.norms);
  w.row = mem_alloc(c->n * c->small, sizeof *w.row);
  w.sample = mem_alloc(c->n * c->n, sizeof *w.sample);
  size_t *begin = mem_alloc(c->small + 1, sizeof *begin);
  Status status = STATUS_OK;
  for (size_t at = 0, n; at < c->plan->n_samples && status == STATUS_OK; at += n) {
    n = row_plan_block(c->plan, at, c->small);
    for (size_t i = 0; i <= n; i++) begin[i] = c->plan->begin[at + i] - c->plan->begin[at];
    for (size_t s = 0; s < c->n && status == STATUS_OK; s++) status = cross_read(c, s, at, n, w.rows[s], err);
    const RowBlock block = {.n = begin[n], .n_samples = n, .first_sample = at, .begin = begin};
    if (status == STATUS_OK) add_block(c, pairs, &block, &w, to);
  }
  for (size_t i = 0; i < c->n * c->n && !c->clustered; i++) to->own[i] = to->corner[i];
  for (size_t s = 0; s < c->n; s++) {
    if (c->clustered) free(w.sums[s]);
    free(w.rows[s]);
  }
  free(w.rows);
  free(w.sums);
  free(w.tile);
  free(w.bend);
  free(w.norms);
  free(w.row);
  free(w.sample);
  free(begin);
  return status;
}

/* h(A,B) of cka.c. */
static double unbiased(const CrossSides *c, const CrossProducts *p, const Locals *l, size_t left, size_t right) {
  const double n = (double)c->plan->n_samples, m = (double)c->plan->n_rows / n;
  const size_t at = left * c->n + right;
  const double tw = c->clustered ? p->tw[at] : p->tt[at], ww = c->clustered ? p->ww[at] : p->tt[at];
  return m * m * (n - 2) * (n - 3) * (p->tt[at] - l->own[at]) + 2 * m * (n - 3) * (tw - 2 * l->bent[at]) +
         l->square_u[left] * l->square_u[right] + 2 * ww - 6 * l->corner[at];
}

static void conclude(const CrossRequest *r, const CrossSides *c, const CrossProducts *p, const Locals *l,
                     const CrossMap *map) {
  for (size_t x = 0; x < r->n_x; x++)
    for (size_t j = 0; j < r->n_y; j++) {
      const size_t y = r->n_x + j, to = x * r->n_y + j;
      map->debiased[to] = map->biased[to] = map->low[to] = map->high[to] = NAN;
      if (is_constant(l->square[x], c->squares[x]) || is_constant(l->square[y], c->squares[y])) continue;
      map->biased[to] = cka_ratio(p->tt[x * c->n + y], p->tt[x * c->n + x], p->tt[y * c->n + y]);
      if (c->plan->n_samples >= 4)
        map->debiased[to] = cka_ratio(unbiased(c, p, l, x, y), unbiased(c, p, l, x, x), unbiased(c, p, l, y, y));
    }
}

/* <S_c, T> - |S_c|^2 of pair k, in float64. */
static void pull_of(size_t n_samples, const CrossProducts *p, const Locals *l, size_t k, double *pull) {
  for (size_t s = 0; s < n_samples; s++)
    pull[s] = (double)p->along[k * n_samples + s] - (double)l->own_samples[k * n_samples + s];
}

/* Intervals, one row of the map at a time. Pairs: every side with itself, then x by y. */
static void add_intervals(const CrossRequest *r, const CrossSides *c, const CrossProducts *p, const Locals *l,
                          const CrossMap *map) {
  const size_t n = c->plan->n_samples;
  double *self = mem_alloc(c->n * n, sizeof *self), *pull = mem_alloc(n, sizeof *pull);
  Estimate *estimates = mem_alloc(r->n_y, sizeof *estimates);
  Interval *intervals = mem_alloc(r->n_y, sizeof *intervals);
  for (size_t s = 0; s < c->n; s++) pull_of(n, p, l, s, self + s * n);
  for (size_t x = 0; x < r->n_x; x++) {
    for (size_t j = 0; j < r->n_y; j++) {
      const size_t y = r->n_x + j, at[3] = {x * c->n + y, x * c->n + x, y * c->n + y};
      const double lead[3] = {p->tt[at[0]] - l->own[at[0]], p->tt[at[1]] - l->own[at[1]], p->tt[at[2]] - l->own[at[2]]};
      const double *const pulls[3] = {pull, self + x * n, self + y * n};
      pull_of(n, p, l, c->n + x * r->n_y + j, pull);
      estimates[j] = (Estimate){.value = map->debiased[x * r->n_y + j]};
      cka_pseudo(n, lead, pulls, &estimates[j]);
    }
    intervals_bootstrap(n, r->n_y, estimates, r->n_resamples, r->seed, intervals);
    for (size_t j = 0; j < r->n_y; j++) {
      map->low[x * r->n_y + j] = intervals[j].low;
      map->high[x * r->n_y + j] = intervals[j].high;
      free(estimates[j].pseudo);
    }
  }
  free(self);
  free(pull);
  free(estimates);
  free(intervals);
}

Status cross_cka(const CrossRequest *r, CrossForm form, const CrossMap *map, Error *err) {
  CrossSides c;
  CrossPairs pairs;
  const size_t n = r->n_x + r->n_y, nn = n * n, n_samples = r->plan->n_samples;
  cross_pairs_make(r, &pairs);
  double *space = mem_alloc(6 * nn + 2 * n, sizeof *space);
  float *by_sample = mem_alloc(pairs.by_sample ? 2 * pairs.count * n_samples : 0, sizeof *by_sample);
  CrossProducts products = {space, space + nn, space + 2 * nn, by_sample};
  Locals locals = {space + 3 * nn, space + 4 * nn,     space + 5 * nn,
                   space + 6 * nn, space + 6 * nn + n, pairs.by_sample ? by_sample + pairs.count * n_samples : NULL};
  Status status = sides_open(r, &c, err);
  if (status == STATUS_OK) status = add_locals(&c, &pairs, &locals, err);
  if (status == STATUS_OK && cross_cost(r, form).form == CROSS_ROWS)
    status = cross_by_rows(&c, &pairs, &products, err);
  else if (status == STATUS_OK)
    status = cross_by_columns(&c, &pairs, &products, err);
  if (status == STATUS_OK) conclude(r, &c, &products, &locals, map);
  if (status == STATUS_OK && pairs.by_sample) add_intervals(r, &c, &products, &locals, map);
  sides_clear(&c);
  cross_pairs_clear(&pairs);
  free(by_sample);
  free(space);
  return status;
}
