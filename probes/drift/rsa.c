/* Representational similarity analysis (Kriegeskorte et al. 2008): `rsa` = Spearman correlation, over pairs of rows, of
 * the Pearson correlation of the two rows in X with that in Y. Pairs are of rows of different samples (fathom's own;
 * all pairs where a sample has one row), from a subsample of whole samples. A row without spread counts as correlated 0
 * with all.
 *
 * Intervals (fathom's own): with f, g the ranks of a pair as shares of all, less 1/2, and C = mean f g, a pair q moves
 * C by f g + mean over pairs p above q in X of g + the same above q in Y of f - 3 C, where the means count for all
 * pairs: the ranks of others move, too. Sample s owns the pairs that it is in. On the scale of atanh. */
#include "base/memory.h"
#include "num/blas.h"
#include "num/crossproduct.h"
#include "probes/drift/measure.h"

#include <math.h>
#include <stdlib.h>

enum { TILE = 128 };         /* rows whose correlations are held at a time */
enum { LEAST_SAMPLES = 10 }; /* for an interval */

typedef struct Rsa {
  DriftShape shape;
  KeptRows rows;
  double value, *pseudo; /* pseudo [n_samples] on the scale; NULL: no interval */
  IntervalScale scale;
} Rsa;

static void *begin(const DriftShape *shape, const void *settled) {
  (void)settled;
  Rsa *r = mem_alloc(1, sizeof *r);
  r->shape = *shape;
  r->rows = kept_rows_new(shape->subsample, shape->dx, shape->dy);
  return r;
}

static void free_state(void *state) {
  Rsa *r = state;
  kept_rows_clear(&r->rows);
  free(r->pseudo);
  free(r);
}

static void accumulate(void *state, const RowBlock *block) {
  Rsa *r = state;
  kept_rows_take(&r->rows, block);
}

static void merge(void *into, const void *from) {
  kept_rows_merge(&((Rsa *)into)->rows, &((const Rsa *)from)->rows);
}

/* One side's pairs, row by row, each with the rows of all later samples. */
typedef struct Pairs {
  size_t n;
  double *rank;    /* [n] less 1/2, as a share; equal pairs share their mean rank */
  uint32_t *order; /* [n] by correlation, ascending */
  double spread;   /* mean rank^2 */
} Pairs;

static size_t count_pairs(const RowSubsample *s) {
  size_t n = 0;
  for (size_t i = 0; i < s->n_samples; i++) n += (s->begin[i + 1] - s->begin[i]) * (s->n_rows - s->begin[i + 1]);
  return n;
}

typedef struct Correlation {
  double value;
  uint32_t pair;
} Correlation;

static int ascending(const void *a, const void *b) {
  const Correlation *x = a, *y = b;
  return x->value != y->value ? (x->value > y->value) - (x->value < y->value)
                              : (x->pair > y->pair) - (x->pair < y->pair);
}

static Correlation *correlate(const RowSubsample *s, size_t d, const float *rows, size_t n_pairs) {
  const size_t n = s->n_rows;
  Correlation *pairs = mem_alloc(n_pairs, sizeof *pairs);
  double *unit = mem_alloc(n * d, sizeof *unit), *product = mem_alloc(TILE * n, sizeof *product);
  kept_rows_unit(n, d, rows, true, unit);
  size_t at = 0, sample = 0;
  for (size_t first = 0; first < n; first += TILE) {
    const size_t m = n - first < TILE ? n - first : TILE;
    blas_gemm_f64(false, true, m, n, d, 1, unit + first * d, d, unit, d, 0, product, n);
    for (size_t i = first; i < first + m; i++) {
      while (s->begin[sample + 1] <= i) sample++;
      for (size_t j = s->begin[sample + 1]; j < n; j++, at++)
        pairs[at] = (Correlation){product[(i - first) * n + j], (uint32_t)at};
    }
  }
  free(unit);
  free(product);
  return pairs;
}

static Pairs rank_pairs(const RowSubsample *s, size_t d, const float *rows) {
  const size_t n = count_pairs(s);
  Correlation *sorted = correlate(s, d, rows, n);
  Pairs pairs = {n, mem_alloc(n, sizeof(double)), mem_alloc(n, sizeof(uint32_t)), 0};
  qsort(sorted, n, sizeof *sorted, ascending);
  for (size_t i = 0, end; i < n; i = end) {
    for (end = i + 1; end < n && sorted[end].value == sorted[i].value; end++) continue;
    const double rank = 0.5 * (double)(i + end) / (double)n - 0.5;
    for (size_t j = i; j < end; j++) {
      pairs.rank[sorted[j].pair] = rank;
      pairs.order[j] = sorted[j].pair;
    }
  }
  pairs.spread = dot_f64(n, pairs.rank, pairs.rank) / (double)n;
  free(sorted);
  return pairs;
}

static void pairs_clear(Pairs *pairs) {
  free(pairs->rank);
  free(pairs->order);
}

/* Adds to each pair the mean, over all, of the other side's ranks where this side is above it (of equals, half). */
static void add_above(const Pairs *side, const Pairs *other, double *moved) {
  const size_t n = side->n;
  double above = 0;
  for (size_t end = n, i; end > 0; end = i) {
    double equal = 0;
    for (i = end; i > 0 && side->rank[side->order[i - 1]] == side->rank[side->order[end - 1]]; i--)
      equal += other->rank[side->order[i - 1]];
    for (size_t j = i; j < end; j++) moved[side->order[j]] += (above + 0.5 * equal) / (double)n;
    above += equal;
  }
}

static void add_interval(Rsa *r, const Pairs *x, const Pairs *y, double mean_product) {
  const RowSubsample *s = r->shape.subsample;
  const size_t n = x->n;
  double *moved = mem_alloc(n, sizeof *moved);
  r->scale = fabs(r->value) < 1 ? SCALE_ATANH : SCALE_RAW; /* 1: where nothing changed */
  const double slope = r->scale == SCALE_ATANH ? 1 / ((1 - r->value) * (1 + r->value)) : 1;
  const double factor = (double)r->shape.n_samples * slope / ((double)n * sqrt(x->spread * y->spread));
  for (size_t i = 0; i < n; i++) moved[i] = x->rank[i] * y->rank[i] - 3 * mean_product;
  add_above(x, y, moved);
  add_above(y, x, moved);
  r->pseudo = mem_alloc(r->shape.n_samples, sizeof *r->pseudo);
  for (size_t a = 0, at = 0; a < s->n_samples; a++)
    for (size_t i = s->begin[a]; i < s->begin[a + 1]; i++)
      for (size_t b = a + 1; b < s->n_samples; b++)
        for (size_t j = s->begin[b]; j < s->begin[b + 1]; j++, at++) {
          r->pseudo[s->kept[a]] += factor * moved[at];
          r->pseudo[s->kept[b]] += factor * moved[at];
        }
  pseudo_centre(r->shape.n_samples, r->pseudo);
  free(moved);
}

static Status settle(void *state, Error *err) {
  (void)err;
  Rsa *r = state;
  const RowSubsample *s = r->shape.subsample;
  r->value = NAN;
  if (kept_rows_constant(&r->rows) ||
      count_pairs(s) < 2)
    return STATUS_OK;
  Pairs x = rank_pairs(s, r->shape.dx, r->rows.x), y = rank_pairs(s, r->shape.dy, r->rows.y);
  if (x.spread > 0 && y.spread > 0) {
    const double mean_product = dot_f64(x.n, x.rank, y.rank) / (double)x.n;
    r->value = fmax(-1, fmin(mean_product / sqrt(x.spread * y.spread), 1));
    if (r->shape.with_intervals && s->n_samples >= LEAST_SAMPLES) add_interval(r, &x, &y, mean_product);
  }
  pairs_clear(&x);
  pairs_clear(&y);
  return STATUS_OK;
}

static void finish(const void *state, Estimate *estimates) {
  const Rsa *r = state;
  estimates[0] = (Estimate){.value = r->value};
  if (!r->pseudo) return;
  estimates[0].scale = r->scale;
  estimates[0].centre = r->scale == SCALE_ATANH ? atanh(r->value) : r->value;
  estimates[0].pseudo = mem_alloc(r->shape.n_samples, sizeof(double));
  for (size_t i = 0; i < r->shape.n_samples; i++) estimates[0].pseudo[i] = r->pseudo[i];
}

const Measure measure_rsa = {
    .name = "rsa",
    .n_values = 1,
    .values = {{"rsa", "-1 to 1", "1", "scale of each row of either side, a number added to a row",
                "m^2 d + m^2 log m for m <= 2000 rows",
                "Kriegeskorte et al. 2008; pairs of different samples, interval: fathom's own",
                "Spearman correlation over pairs of rows: do rows that correlated more than others in X do so in Y?",
                NULL, "rsa: no interval where the subsample has fewer than 10 samples"}},
    .subsampled = true,
    .passes = 1,
    .begin = begin,
    .accumulate = accumulate,
    .merge = merge,
    .settle = settle,
    .finish = finish,
    .free = free_state,
};
