/* Products between columns: T = A'B and W = U'V of each pair of sides, as many pairs at a time as memory holds. */
#include "base/memory.h"
#include "num/crossproduct.h"
#include "probes/drift/cross_parts.h"
#include "probes/drift/samplegram.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* One pair's sums. */
typedef struct PairSums {
  CrossPair pair;
  size_t p, q;
  double *t, *w;    /* [p, q] */
  float *direction; /* T, rounded: for the second pass */
  float *along;     /* [n_samples] */
} PairSums;

/* T and W of all pairs. */
static void add_products(const RowBlock *block, float *const *rows, float *const *sums, const PairSums *pairs, size_t n_pairs) {
  Crossproduct *items = mem_alloc(n_pairs, sizeof *items);
  for (size_t k = 0; k < n_pairs; k++)
    items[k] = (Crossproduct){pairs[k].p, pairs[k].q, rows[pairs[k].pair.left], rows[pairs[k].pair.right], pairs[k].t};
  crossproducts_add(block->n, n_pairs, items);
  for (size_t k = 0; k < n_pairs; k++)
    items[k] = (Crossproduct){pairs[k].p, pairs[k].q, sums[pairs[k].pair.left], sums[pairs[k].pair.right], pairs[k].w};
  if (n_pairs && pairs[0].w) crossproducts_add(block->n_samples, n_pairs, items);
  free(items);
}

/* <S_c, T> of the block's samples; work holds block->n * q floats. */
static void add_along(const RowBlock *block, float *const *rows, PairSums *s, float *work) {
  const float *right = rows[s->pair.right];
  product_f32(false, false, block->n, s->q, s->p, rows[s->pair.left], s->p, s->direction, s->q, work, s->q);
  for (size_t c = 0; c < block->n_samples; c++) {
    double sum = 0;
    for (size_t i = block->begin[c]; i < block->begin[c + 1]; i++)
      sum += dot_f32(s->q, work + i * s->q, right + i * s->q);
    s->along[block->first_sample + c] = (float)sum;
  }
}

/* Of all pairs, each one thread's. */
static void add_all_along(const RowBlock *block, float *const *rows, PairSums *pairs, size_t n_pairs, float *work,
                          size_t work_size) {
#pragma omp parallel for schedule(dynamic) if (n_pairs > 1)
  for (size_t k = 0; k < n_pairs; k++)
    add_along(block, rows, &pairs[k], work + (n_pairs > 1 ? (size_t)omp_get_thread_num() * work_size : 0));
}

/* One pass over the rows for these pairs. */
static Status run_pass(const CrossSides *c, bool second, PairSums *pairs, size_t n_pairs, Error *err) {
  bool *used = mem_alloc(c->n, sizeof *used);
  float **rows = mem_alloc(c->n, sizeof *rows), **sums = mem_alloc(c->n, sizeof *sums);
  size_t *begin = mem_alloc(c->capacity + 1, sizeof *begin);
  const size_t work_size = second ? c->widest * c->capacity : 0;
  float *work = mem_alloc((size_t)omp_get_max_threads() * work_size, sizeof *work);
  Status status = STATUS_OK;
  for (size_t k = 0; k < n_pairs; k++) used[pairs[k].pair.left] = used[pairs[k].pair.right] = true;
  for (size_t s = 0; s < c->n; s++) {
    if (!used[s]) continue;
    rows[s] = mem_alloc(c->capacity * c->sides[s]->width, sizeof(float));
    if (c->clustered) sums[s] = mem_alloc(c->capacity * c->sides[s]->width, sizeof(float));
  }
  for (size_t at = 0, n; at < c->plan->n_samples && status == STATUS_OK; at += n) {
    n = row_plan_block(c->plan, at, c->capacity);
    for (size_t i = 0; i <= n; i++) begin[i] = c->plan->begin[at + i] - c->plan->begin[at];
    const RowBlock block = {.n = begin[n], .n_samples = n, .first_sample = at, .begin = begin};
    for (size_t s = 0; s < c->n && status == STATUS_OK; s++) {
      if (!used[s]) continue;
      status = cross_read(c, s, at, n, rows[s], err);
      if (c->clustered && !second) sample_sums(&block, rows[s], c->sides[s]->width, sums[s]);
    }
    if (status == STATUS_OK && second) add_all_along(&block, rows, pairs, n_pairs, work, work_size);
    if (status == STATUS_OK && !second) add_products(&block, rows, sums, pairs, n_pairs);
  }
  for (size_t s = 0; s < c->n; s++) {
    free(rows[s]);
    free(sums[s]);
  }
  free(rows);
  free(sums);
  free(work);
  free(begin);
  free(used);
  return status;
}

/* Sums of a pass's pairs, zeros; along [pairs, n_samples], NULL: they are not asked for by sample. They are freed with the arena. */
static Status sums_init(const CrossSides *c, const CrossPairs *pairs, size_t first, size_t n, float *along, Arena *arena, PairSums *sums,
                        Error *err) {
  size_t bytes = 0;
  for (size_t k = 0; k < n; k++) {
    const size_t item = pairs->order[first + k];
    const CrossPair pair = pairs->items[item];
    sums[k] = (PairSums){.pair = pair, .p = c->sides[pair.left]->width, .q = c->sides[pair.right]->width};
    if (along) sums[k].along = along + item * c->plan->n_samples;
    bytes += (c->clustered ? 2 : 1) * arena_need(sums[k].p * sums[k].q * sizeof(double));
  }
  const Status status = arena_init(arena, bytes, err);
  for (size_t k = 0; k < n && status == STATUS_OK; k++) {
    const size_t size = sums[k].p * sums[k].q * sizeof(double);
    sums[k].t = arena_take(arena, size);
    if (c->clustered) sums[k].w = arena_take(arena, size);
  }
  return status;
}

/* The first pass's sums become their inner products, and T what the second pass projects on. */
static void conclude(const CrossSides *c, PairSums *s, bool by_sample, CrossProducts *to) {
  const size_t at = s->pair.left * c->n + s->pair.right, size = s->p * s->q;
  if (s->pair.left == s->pair.right) crossproduct_mirror(s->p, s->t);
  if (s->pair.left == s->pair.right && s->w) crossproduct_mirror(s->p, s->w);
  to->tt[at] = dot_f64(size, s->t, s->t);
  if (s->w) to->tw[at] = dot_f64(size, s->t, s->w);
  if (s->w) to->ww[at] = dot_f64(size, s->w, s->w);
  if (!by_sample) return;
  s->direction = mem_alloc(size, sizeof *s->direction);
  for (size_t i = 0; i < size; i++) s->direction[i] = (float)s->t[i];
}

Status cross_by_columns(const CrossSides *c, const CrossPairs *pairs, CrossProducts *to, Error *err) {
  Status status = STATUS_OK;
  for (size_t pass = 0; pass < pairs->n_passes && status == STATUS_OK; pass++) {
    const size_t first = pairs->passes[pass], n = pairs->passes[pass + 1] - first;
    PairSums *sums = mem_alloc(n, sizeof *sums);
    Arena arena;
    status = sums_init(c, pairs, first, n, pairs->by_sample ? to->along : NULL, &arena, sums, err);
    if (status == STATUS_OK) status = run_pass(c, false, sums, n, err);
#pragma omp parallel for schedule(dynamic) if (status == STATUS_OK)
    for (size_t k = 0; k < n; k++)
      if (status == STATUS_OK) conclude(c, &sums[k], pairs->by_sample, to);
    if (status == STATUS_OK && pairs->by_sample) status = run_pass(c, true, sums, n, err);
    for (size_t k = 0; k < n; k++) free(sums[k].direction);
    arena_clear(&arena);
    free(sums);
  }
  return status;
}
