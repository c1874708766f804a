/* Products between columns: T = A'B and W = U'V of each pair of sides, as many pairs at a time as memory holds. */
#include "base/memory.h"
#include "num/crossproduct.h"
#include "probes/drift/cross_parts.h"
#include "probes/drift/samplegram.h"

#include <stdlib.h>
#include <string.h>

/* One pair's sums. */
typedef struct PairSums {
  CrossPair pair;
  size_t p, q;
  double *t, *w; /* [p, q] */
} PairSums;

static size_t pair_bytes(const CrossSides *c, CrossPair pair) {
  return (c->clustered ? 2 : 1) * c->sides[pair.left]->width * c->sides[pair.right]->width * sizeof(double);
}

/* Adds a block to every pair; each pair is one thread's. */
static void add_block(const RowBlock *block, float *const *rows, float *const *sums, PairSums *pairs, size_t n_pairs) {
#pragma omp parallel if (n_pairs > 1)
  {
    size_t room = 0;
    float *product = NULL;
#pragma omp for schedule(static)
    for (size_t k = 0; k < n_pairs; k++) {
      PairSums *s = &pairs[k];
      const size_t l = s->pair.left, r = s->pair.right;
      if (s->p * s->q > room) {
        free(product);
        room = s->p * s->q;
        product = mem_alloc(room, sizeof *product);
      }
      crossproduct_add(block->n, s->p, rows[l], s->q, rows[r], product, s->t);
      if (s->w) crossproduct_add(block->n_samples, s->p, sums[l], s->q, sums[r], product, s->w);
    }
    free(product);
  }
}

/* One pass over the rows for these pairs. */
static Status run_pass(const CrossSides *c, PairSums *pairs, size_t n_pairs, float **rows, float **sums, Error *err) {
  bool *used = mem_alloc(c->n, sizeof *used);
  size_t *begin = mem_alloc(c->capacity + 1, sizeof *begin);
  Status status = STATUS_OK;
  for (size_t k = 0; k < n_pairs; k++) used[pairs[k].pair.left] = used[pairs[k].pair.right] = true;
  for (size_t at = 0, n; at < c->plan->n_samples && status == STATUS_OK; at += n) {
    n = row_plan_block(c->plan, at, c->capacity);
    for (size_t i = 0; i <= n; i++) begin[i] = c->plan->begin[at + i] - c->plan->begin[at];
    const RowBlock block = {.n = begin[n], .n_samples = n, .first_sample = at, .begin = begin};
    for (size_t s = 0; s < c->n && status == STATUS_OK; s++) {
      if (!used[s]) continue;
      status = cross_read(c, s, at, n, rows[s], err);
      if (c->clustered) sample_sums(&block, rows[s], c->sides[s]->width, sums[s]);
    }
    if (status == STATUS_OK) add_block(&block, rows, sums, pairs, n_pairs);
  }
  free(begin);
  free(used);
  return status;
}

static void conclude(const CrossSides *c, const PairSums *s, CrossProducts *to) {
  const size_t at = s->pair.left * c->n + s->pair.right, size = s->p * s->q;
  to->tt[at] = dot_f64(size, s->t, s->t);
  if (!s->w) return;
  to->tw[at] = dot_f64(size, s->t, s->w);
  to->ww[at] = dot_f64(size, s->w, s->w);
}

Status cross_by_columns(const CrossSides *c, const CrossPair *pairs, size_t n_pairs, size_t memory, CrossProducts *to,
                        Error *err) {
  PairSums *sums = mem_alloc(n_pairs, sizeof *sums);
  float **rows = mem_alloc(c->n, sizeof *rows), **row_sums = mem_alloc(c->n, sizeof *row_sums);
  Status status = STATUS_OK;
  for (size_t s = 0; s < c->n; s++) {
    rows[s] = mem_alloc(c->capacity * c->sides[s]->width, sizeof(float));
    row_sums[s] = mem_alloc(c->clustered ? c->capacity * c->sides[s]->width : 0, sizeof(float));
  }
  for (size_t first = 0, end; first < n_pairs && status == STATUS_OK; first = end) {
    size_t bytes = 0;
    for (end = first; end < n_pairs; end++) {
      bytes += pair_bytes(c, pairs[end]);
      if (end > first && bytes > memory) break;
      PairSums *s = &sums[end];
      *s = (PairSums){pairs[end], c->sides[pairs[end].left]->width, c->sides[pairs[end].right]->width, NULL, NULL};
      s->t = mem_alloc(s->p * s->q, sizeof *s->t);
      if (c->clustered) s->w = mem_alloc(s->p * s->q, sizeof *s->w);
    }
    status = run_pass(c, sums + first, end - first, rows, row_sums, err);
    for (size_t k = first; k < end; k++) {
      conclude(c, &sums[k], to);
      free(sums[k].t);
      free(sums[k].w);
    }
  }
  for (size_t s = 0; s < c->n; s++) {
    free(rows[s]);
    free(row_sums[s]);
  }
  free(rows);
  free(row_sums);
  free(sums);
  return status;
}
