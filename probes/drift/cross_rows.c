/* Products between rows: with K = A A' of one side and L = B B' of the other, |A'B|^2 = <K, L>, and likewise
 * <A'B, U'V> = <A U', B V'> and |U'V|^2 = <U U', V V'>. Each side's Gram matrix is formed once, a tile of rows at a
 * time, and all pairs of sides are one small product. All rows are held in memory. */
#include "base/memory.h"
#include "num/crossproduct.h"
#include "probes/drift/cross_parts.h"
#include "probes/drift/samplegram.h"

#include <stdlib.h>

size_t cross_rows_memory(const CrossSides *c, const CrossRequest *r) {
  size_t floats = c->n * SAMPLE_TILE * c->plan->n_rows;
  for (size_t s = 0; s < c->n; s++) {
    const size_t width = s < r->n_x ? r->x[s].width : r->y[s - r->n_x].width;
    floats += width * (c->plan->n_rows + (c->clustered ? c->plan->n_samples : 0));
  }
  return floats * sizeof(float);
}

/* All rows and sums, and each side's tile of a Gram matrix. */
static Status space_init(const CrossSides *c, Arena *arena, float **rows, float **sums, float **tiles, Error *err) {
  const size_t row = c->plan->n_rows * sizeof(float), sum = c->clustered ? c->plan->n_samples * sizeof(float) : 0;
  size_t bytes = arena_need(c->n * SAMPLE_TILE * row);
  for (size_t s = 0; s < c->n; s++) bytes += arena_need(c->sides[s]->width * row) + arena_need(c->sides[s]->width * sum);
  const Status status = arena_init(arena, bytes, err);
  for (size_t s = 0; s < c->n && status == STATUS_OK; s++) {
    rows[s] = arena_take(arena, c->sides[s]->width * row);
    sums[s] = arena_take(arena, c->sides[s]->width * sum);
  }
  if (status == STATUS_OK) *tiles = arena_take(arena, c->n * SAMPLE_TILE * row);
  return status;
}

static Status read_all(const CrossSides *c, float *const *rows, float *const *sums, Error *err) {
  const RowPlan *plan = c->plan;
  Status status = STATUS_OK;
  for (size_t s = 0; s < c->n && status == STATUS_OK; s++) {
    const size_t d = c->sides[s]->width;
    for (size_t at = 0, n; at < plan->n_samples && status == STATUS_OK; at += n) {
      n = row_plan_block(plan, at, c->capacity);
      status = cross_read(c, s, at, n, rows[s] + plan->begin[at] * d, err);
    }
    if (!c->clustered) continue;
    const RowBlock whole = {.n = plan->n_rows, .n_samples = plan->n_samples, .begin = plan->begin};
    if (status == STATUS_OK) sample_sums(&whole, rows[s], d, sums[s]);
  }
  return status;
}

/* A tile of a Gram matrix for each side, all sides' products added. */
static void add_grams(const CrossSides *c, float *const *rows, size_t n, float *tiles, double *to) {
  const size_t stride = SAMPLE_TILE * n;
  for (size_t first = 0; first < n; first += SAMPLE_TILE) {
    size_t size = 0;
#pragma omp parallel for schedule(static) lastprivate(size)
    for (size_t s = 0; s < c->n; s++)
      size = sample_gram_tile(rows[s], n, c->sides[s]->width, first, tiles + s * stride);
    cross_add_features(c->n, size, tiles, stride, 1, to);
  }
}

static void add_mixed(const CrossSides *c, float *const *rows, float *const *sums, float *tiles, double *to) {
  const size_t n = c->plan->n_rows, n_samples = c->plan->n_samples, stride = SAMPLE_TILE * n;
  for (size_t first = 0; first < n; first += SAMPLE_TILE) {
    const size_t height = n - first < SAMPLE_TILE ? n - first : SAMPLE_TILE;
#pragma omp parallel for schedule(static)
    for (size_t s = 0; s < c->n; s++) {
      const size_t d = c->sides[s]->width;
      product_f32(false, true, height, n_samples, d, rows[s] + first * d, d, sums[s], d, tiles + s * stride,
                    n_samples);
    }
    cross_add_features(c->n, height * n_samples, tiles, stride, 1, to);
  }
}

/* <S_c, T> = sum over the rows i of sample c of (row i of K) . (row i of L): a small product of all sides for each row.
 */
static void add_along(const CrossSides *c, const CrossPairs *pairs, float *const *rows, float *tiles, float *along) {
  const RowPlan *plan = c->plan;
  const size_t n = plan->n_rows, stride = SAMPLE_TILE * n;
  float *products = mem_alloc(SAMPLE_TILE * c->n * c->n, sizeof *products);
  for (size_t first = 0, sample = 0; first < n; first += SAMPLE_TILE) {
    const size_t height = n - first < SAMPLE_TILE ? n - first : SAMPLE_TILE;
#pragma omp parallel for schedule(static)
    for (size_t s = 0; s < c->n; s++) {
      const size_t d = c->sides[s]->width;
      product_f32(false, true, height, n, d, rows[s] + first * d, d, rows[s], d, tiles + s * stride, n);
    }
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < height; i++) {
      const float *row = tiles + i * n;
      product_f32(false, true, c->n, c->n, n, row, stride, row, stride, products + i * c->n * c->n, c->n);
    }
    for (size_t i = 0; i < height; i++) {
      while (plan->begin[sample + 1] <= first + i) sample++;
      for (size_t k = 0; k < pairs->count; k++)
        along[k * plan->n_samples + sample] +=
            products[(i * c->n + pairs->items[k].left) * c->n + pairs->items[k].right];
    }
  }
  free(products);
}

Status cross_by_rows(const CrossSides *c, const CrossPairs *pairs, CrossProducts *to, Error *err) {
  const size_t n = c->plan->n_rows;
  float **rows = mem_alloc(c->n, sizeof *rows), **sums = mem_alloc(c->n, sizeof *sums), *tiles = NULL;
  Arena arena;
  Status status = space_init(c, &arena, rows, sums, &tiles, err);
  if (status == STATUS_OK) status = read_all(c, rows, sums, err);
  if (status == STATUS_OK) {
    add_grams(c, rows, n, tiles, to->tt);
    if (c->clustered) add_mixed(c, rows, sums, tiles, to->tw);
    if (c->clustered) add_grams(c, sums, c->plan->n_samples, tiles, to->ww);
    if (pairs->by_sample) add_along(c, pairs, rows, tiles, to->along);
  }
  arena_clear(&arena);
  free(rows);
  free(sums);
  return status;
}
