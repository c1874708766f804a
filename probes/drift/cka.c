/* Linear centred kernel alignment: `cka` (debiased), `cka_biased` and the floor under the latter, `cka_floor`.
 *
 * Biased (Kornblith et al. 2019): |A'B|^2 / sqrt(|A'A|^2 |B'B|^2), A and B the centred rows. It is far above 0 for
 * unrelated data when rows are few; the floor says how far: what |A'B|^2 is on average where A and B have nothing to do with
 * each other, n a b + sum_c m_c (m_c - 1) a' b', over the same root. a is the mean square of a row of A, a' the mean product
 * of two rows of one sample (0 where that is negative), m_c the rows of sample c. With one row a sample, or unlike ones, that
 * is sqrt(PR_A PR_B) / n, PR = tr(S)^2 / |S|^2 the participation ratio of the sample covariance; with samples whose rows are
 * all alike n is the number of samples. Never above 1.
 *
 * Debiased: each |A'B|^2 is replaced by an unbiased estimate, which for one row a sample is (Nguyen et al. 2021)
 *     |A'B|^2 - n/(n-2) sum_i |a_i|^2 |b_i|^2 + |A|^2 |B|^2 / ((n-1)(n-2)).
 * That is a U-statistic over four distinct rows. With several rows a sample, two rows of one sample are not
 * independent, and the same U-statistic is taken over four distinct *samples* instead (fathom's own). With T = A'B, S_c
 * its part from sample c, u_c and v_c the sums of the sample's rows of A and B, W = sum_c u_c v_c' and m = n/N rows a
 * sample: h(A,B) = m^2 (N-2)(N-3) (|T|^2 - sum_c |S_c|^2) + 2 m (N-3) (<T,W> - 2 sum_c u_c' S_c v_c)
 *              + sum_c |u_c|^2 sum_c |v_c|^2 + 2 |W|^2 - 6 sum_c |u_c|^2 |v_c|^2,
 * (N-1)(N-2) times the formula above where m = 1. It is exactly unbiased up to a factor where all samples have m rows;
 * with unequal numbers m is their mean, which leaves an error of relative order 1/N but no floor. Never clipped:
 * unrelated data scatter around 0, and an estimate h(A,A) <= 0 leaves the ratio undefined. Needs four samples.
 *
 * Intervals: delete-one-sample values of the leading part H = |T|^2 - sum_c |S_c|^2, in which no pair of rows of one
 * sample is counted; without sample c it is H - 2 (<S_c,T> - |S_c|^2). On the scale of atanh. A second pass projects
 * rows on T. */
#include "base/memory.h"
#include "num/crossproduct.h"
#include "probes/drift/measure.h"
#include "probes/drift/pseudo.h"
#include "probes/drift/samplegram.h"

#include <math.h>
#include <stdlib.h>

enum { XY, XX, YY, PAIRS };
enum { DEBIASED, BIASED, FLOOR, VALUES };

typedef struct Cka {
  DriftShape shape;
  bool clustered;            /* some sample has several rows; else W = T and S_c = u_c v_c' */
  double *total[PAIRS];      /* T */
  double *sums[PAIRS];       /* W; NULL where not clustered */
  double *own[PAIRS];        /* [n_samples] |S_c|^2 */
  double *along[PAIRS];      /* [n_samples] <S_c, T> / |T|; second pass */
  double bent[PAIRS];        /* sum_c u_c' S_c v_c */
  double corner[PAIRS];      /* sum_c |u_c|^2 |v_c|^2 */
  double square_u, square_v; /* sum_c |u_c|^2, sum_c |v_c|^2 */
  float *direction[PAIRS];   /* T / |T|, once the first pass is settled */
  float *product;            /* [block, widest] rows times a direction; second pass */
  float *u, *v;              /* [block, d] sums of the samples' rows */
  float *gram_x, *gram_y;    /* [SAMPLE_TILE, longest] */
  double *bend_x, *bend_y;   /* [block] a.u and b.v of each row */
  const struct Cka *settled; /* NULL in the first pass */
} Cka;

/* The two sides of a pair: widths, and pointers chosen from those of X and Y. */
static bool left_is_y(size_t pair) { return pair == YY; }
static bool right_is_x(size_t pair) { return pair == XX; }
static size_t left_width(const DriftShape *s, size_t pair) { return left_is_y(pair) ? s->dy : s->dx; }
static size_t right_width(const DriftShape *s, size_t pair) { return right_is_x(pair) ? s->dx : s->dy; }
#define LEFT(pair, of_x, of_y) (left_is_y(pair) ? (of_y) : (of_x))
#define RIGHT(pair, of_x, of_y) (right_is_x(pair) ? (of_x) : (of_y))

static void *begin(const DriftShape *shape, const void *settled) {
  Cka *c = mem_alloc(1, sizeof *c);
  const size_t widest = shape->dx > shape->dy ? shape->dx : shape->dy;
  const size_t block = shape->longest > ROW_BLOCK ? shape->longest : ROW_BLOCK;
  c->shape = *shape;
  c->settled = settled;
  c->clustered = shape->longest > 1;
  if (settled) c->product = mem_alloc(widest * block, sizeof *c->product);
  for (size_t k = 0; k < PAIRS; k++) {
    if (settled) {
      c->along[k] = mem_alloc(shape->n_samples, sizeof(double));
      continue;
    }
    const size_t p = left_width(shape, k), q = right_width(shape, k);
    c->own[k] = mem_alloc(shape->n_samples, sizeof(double));
    c->total[k] = crossproduct_total(p, q);
    if (c->clustered) c->sums[k] = crossproduct_total(p, q);
  }
  if (!settled && c->clustered) {
    c->u = mem_alloc(block * shape->dx, sizeof *c->u);
    c->v = mem_alloc(block * shape->dy, sizeof *c->v);
    c->gram_x = mem_alloc(SAMPLE_TILE * shape->longest, sizeof *c->gram_x);
    c->gram_y = mem_alloc(SAMPLE_TILE * shape->longest, sizeof *c->gram_y);
  }
  c->bend_x = mem_alloc(block, sizeof *c->bend_x);
  c->bend_y = mem_alloc(block, sizeof *c->bend_y);
  return c;
}

static void free_state(void *state) {
  Cka *c = state;
  for (size_t k = 0; k < PAIRS; k++) {
    free(c->total[k]);
    free(c->sums[k]);
    free(c->own[k]);
    free(c->along[k]);
    free(c->direction[k]);
  }
  free(c->product);
  free(c->u);
  free(c->v);
  free(c->gram_x);
  free(c->gram_y);
  free(c->bend_x);
  free(c->bend_y);
  free(c);
}

/* One row a sample: u = a, v = b, S = a b'. */
static void accumulate_rows(Cka *c, const RowBlock *block) {
  const size_t dx = c->shape.dx, dy = c->shape.dy;
  norms2_f32(block->n, dx, block->cx, c->bend_x);
  norms2_f32(block->n, dy, block->cy, c->bend_y);
  for (size_t i = 0; i < block->n; i++) {
    const double aa = c->bend_x[i], bb = c->bend_y[i];
    const double products[PAIRS] = {aa * bb, aa * aa, bb * bb};
    c->square_u += aa;
    c->square_v += bb;
    for (size_t k = 0; k < PAIRS; k++) {
      c->own[k][block->first_sample + i] += products[k];
      c->bent[k] += products[k];
      c->corner[k] += products[k];
    }
  }
}

static void accumulate_samples(Cka *c, const RowBlock *block) {
  const size_t dx = c->shape.dx, dy = c->shape.dy;
  sample_sums(block, block->cx, dx, c->u);
  sample_sums(block, block->cy, dy, c->v);
  sample_bend(block, block->cx, dx, c->u, c->bend_x);
  sample_bend(block, block->cy, dy, c->v, c->bend_y);
  for (size_t k = 0; k < PAIRS; k++)
    c->bent[k] += dot_f64(block->n, LEFT(k, c->bend_x, c->bend_y), RIGHT(k, c->bend_x, c->bend_y));
  for (size_t s = 0; s < block->n_samples; s++) {
    const double uu = dot_f32(dx, c->u + s * dx, c->u + s * dx), vv = dot_f32(dy, c->v + s * dy, c->v + s * dy);
    const double corners[PAIRS] = {uu * vv, uu * uu, vv * vv};
    c->square_u += uu;
    c->square_v += vv;
    const size_t first = block->begin[s], m = block->begin[s + 1] - first;
    for (size_t k = 0; k < PAIRS; k++) c->corner[k] += corners[k];
    for (size_t tile = 0; tile < m; tile += SAMPLE_TILE) {
      const size_t n = sample_gram_tile(block->cx + first * dx, m, dx, tile, c->gram_x);
      sample_gram_tile(block->cy + first * dy, m, dy, tile, c->gram_y);
      for (size_t k = 0; k < PAIRS; k++)
        c->own[k][block->first_sample + s] += dot_f32(n, LEFT(k, c->gram_x, c->gram_y), RIGHT(k, c->gram_x, c->gram_y));
    }
  }
}

static void accumulate_products(Cka *c, const RowBlock *block) {
  if (c->clustered)
    accumulate_samples(c, block);
  else
    accumulate_rows(c, block);
  Crossproduct rows[PAIRS], sums[PAIRS];
  for (size_t k = 0; k < PAIRS; k++) {
    const size_t p = left_width(&c->shape, k), q = right_width(&c->shape, k);
    rows[k] = (Crossproduct){p, q, LEFT(k, block->cx, block->cy), RIGHT(k, block->cx, block->cy), c->total[k]};
    sums[k] = (Crossproduct){p, q, LEFT(k, c->u, c->v), RIGHT(k, c->u, c->v), c->sums[k]};
  }
  crossproducts_add(block->n, PAIRS, rows);
  if (c->clustered) crossproducts_add(block->n_samples, PAIRS, sums);
}

/* <S_c, T> = sum over the sample's rows of a' T b */
static void accumulate_along(Cka *c, const RowBlock *block) {
  for (size_t k = 0; k < PAIRS; k++) {
    const size_t p = left_width(&c->shape, k), q = right_width(&c->shape, k);
    const float *left = LEFT(k, block->cx, block->cy), *right = RIGHT(k, block->cx, block->cy);
    product_f32(false, false, block->n, q, p, left, p, c->settled->direction[k], q, c->product, q);
    for (size_t s = 0; s < block->n_samples; s++)
      for (size_t i = block->begin[s]; i < block->begin[s + 1]; i++)
        c->along[k][block->first_sample + s] += dot_f32(q, c->product + i * q, right + i * q);
  }
}

static void accumulate(void *state, const RowBlock *block) {
  Cka *c = state;
  if (c->settled)
    accumulate_along(c, block);
  else
    accumulate_products(c, block);
}

static void merge(void *into, const void *from) {
  Cka *a = into;
  const Cka *b = from;
  for (size_t k = 0; k < PAIRS; k++) {
    const size_t size = left_width(&a->shape, k) * right_width(&a->shape, k), n = a->shape.n_samples;
    sums_add(size, b->total[k], a->total[k]);
    sums_add(size, b->sums[k], a->sums[k]);
    sums_add(n, b->own[k], a->own[k]);
    sums_add(n, b->along[k], a->along[k]);
    a->bent[k] += b->bent[k];
    a->corner[k] += b->corner[k];
  }
  a->square_u += b->square_u;
  a->square_v += b->square_v;
}

static double norm2(const Cka *c, size_t pair) {
  return dot_f64(left_width(&c->shape, pair) * right_width(&c->shape, pair), c->total[pair], c->total[pair]);
}

static Status settle(void *state, Error *err) {
  (void)err;
  Cka *c = state;
  for (size_t k = XX; k < PAIRS && !c->settled; k++) {
    crossproduct_mirror(left_width(&c->shape, k), c->total[k]);
    if (c->clustered) crossproduct_mirror(left_width(&c->shape, k), c->sums[k]);
  }
  if (c->settled || !c->shape.with_intervals) return STATUS_OK;
  for (size_t k = 0; k < PAIRS; k++) {
    const size_t size = left_width(&c->shape, k) * right_width(&c->shape, k);
    const double norm = sqrt(norm2(c, k));
    c->direction[k] = mem_alloc(size, sizeof *c->direction[k]);
    for (size_t i = 0; i < size && norm > 0; i++) c->direction[k][i] = (float)(c->total[k][i] / norm);
  }
  return STATUS_OK;
}

static double sum(size_t n, const double *values) {
  double total = 0;
  for (size_t i = 0; i < n; i++) total += values[i];
  return total;
}

/* h(A,B) of the top comment; total2 = |T|^2. */
static double unbiased(const Cka *c, size_t pair, double total2) {
  const size_t size = left_width(&c->shape, pair) * right_width(&c->shape, pair);
  const double n = (double)c->shape.n_samples, m = (double)c->shape.n_rows / n;
  const double *w = c->clustered ? c->sums[pair] : c->total[pair];
  const double square_left = LEFT(pair, c->square_u, c->square_v), square_right = RIGHT(pair, c->square_u, c->square_v);
  return m * m * (n - 2) * (n - 3) * (total2 - sum(c->shape.n_samples, c->own[pair])) +
         2 * m * (n - 3) * (dot_f64(size, c->total[pair], w) - 2 * c->bent[pair]) + square_left * square_right +
         2 * dot_f64(size, w, w) - 6 * c->corner[pair];
}

static void add_interval(const Cka *c, const double total2[PAIRS], Estimate *debiased) {
  const size_t n = c->shape.n_samples;
  double lead[PAIRS], *pull[PAIRS];
  for (size_t k = 0; k < PAIRS; k++) {
    const double *own = c->settled->own[k], norm = sqrt(total2[k]);
    lead[k] = total2[k] - sum(n, own);
    pull[k] = mem_alloc(n, sizeof(double));
    for (size_t s = 0; s < n; s++) pull[k][s] = norm * c->along[k][s] - own[s];
  }
  cka_pseudo(n, lead, (const double *const *)pull, debiased);
  for (size_t k = 0; k < PAIRS; k++) free(pull[k]);
}

/* traces: sums of squares of both sides; size: of both covariances, |A'A| |B'B|. */
static double floor_of(const Cka *c, double trace_x, double trace_y, double size) {
  const RowPlan *plan = c->shape.plan;
  const double n = (double)plan->n_rows;
  double pairs = 0; /* of two rows of one sample, both ways */
  for (size_t s = 0; s < plan->n_samples; s++) {
    const double m = (double)(plan->begin[s + 1] - plan->begin[s]);
    pairs += m * (m - 1);
  }
  double alike = 0;
  if (pairs > 0) alike = fmax(0, c->square_u - trace_x) * fmax(0, c->square_v - trace_y) / pairs;
  return fmin(1, (trace_x * trace_y / n + alike) / size);
}

static void finish(const void *state, Estimate *estimates) {
  const Cka *c = state, *first = c->settled ? c->settled : c;
  const DriftShape *shape = &c->shape;
  double total2[PAIRS], trace_x = 0, trace_y = 0;
  for (size_t k = 0; k < PAIRS; k++) total2[k] = norm2(first, k);
  for (size_t j = 0; j < shape->dx; j++) trace_x += first->total[XX][j * shape->dx + j];
  for (size_t j = 0; j < shape->dy; j++) trace_y += first->total[YY][j * shape->dy + j];
  for (size_t v = 0; v < VALUES; v++) estimates[v] = (Estimate){.value = NAN};
  if (is_constant(trace_x, shape->moments->square_x) || is_constant(trace_y, shape->moments->square_y)) return;
  estimates[BIASED].value = cka_ratio(total2[XY], total2[XX], total2[YY]);
  estimates[FLOOR].value = floor_of(first, trace_x, trace_y, sqrt(total2[XX] * total2[YY]));
  if (shape->n_samples < 4) return;
  estimates[DEBIASED].value =
      cka_ratio(unbiased(first, XY, total2[XY]), unbiased(first, XX, total2[XX]), unbiased(first, YY, total2[YY]));
  if (c->settled) add_interval(c, total2, &estimates[DEBIASED]);
}

const Measure measure_cka = {
    .name = "cka",
    .n_values = VALUES,
    .values = {{"cka", "about 0 to 1", "1", "rotation, scale and translation of either side", "n d^2",
                "Kornblith et al. 2019; Nguyen et al. 2021; over samples of several rows: fathom's own",
                "linear CKA, debiased over samples; needs 4 samples; never clipped", NULL, NULL},
               {"cka_biased", "0 to 1", "1", "rotation, scale and translation of either side", "n d^2",
                "Kornblith et al. 2019", "linear CKA as first published; never read it without its floor",
                "its bias is part of it", "cka_biased is read against cka_floor, about what unrelated data would give"},
               {"cka_floor", "0 to 1", "-", "rotation, scale and translation of either side", "n d^2",
                "fathom's own",
                "about what cka_biased would be for unrelated data: sqrt(PR_x PR_y) / rows, more where rows of a sample are alike; "
                "drift --floor measures it",
                "a property of these samples", NULL}},
    .by_default = true,
    .passes = 1,
    .matrices = 8,
    .extra_passes = 1,
    .begin = begin,
    .accumulate = accumulate,
    .merge = merge,
    .settle = settle,
    .finish = finish,
    .free = free_state,
};
