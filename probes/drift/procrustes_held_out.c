/* Procrustes drift scored where it was not fitted: the rotation of one half of the samples, the distance of the other.
 *
 * procrustes.c fits d (d-1) / 2 angles to the rows that it scores, and comes out too small where rows are few for the
 * width; with fewer rows than columns it rotates anything onto anything. Here half of the samples are held out. With A
 * and B the two sides of a half, each less its mean, Q is the rotation nearest to A'B of the half that is fit on, and
 * the value sqrt(2 - 2 tr(Q'A'B) / (|A| |B|)) = | A Q / |A| - B / |B| | of the half held out: the formula of procrustes
 * with a Q from elsewhere. It comes out too large, by what half of the rows miss: on average the drift lies between the two.
 *
 * Directions in which the half that is fit on has no rows say nothing of their rotation, and are left as they are:
 * Q = U V' of A'B + LEAST |A'B| I = U S V'. That keeps the value 0 for models that are the same, and near it for
 * fine-tuned ones, where n < d. Halves, Q without rows, and interval are fathom's own; the interval is of this very
 * rotation on new samples, from the derivative of the log of the squared distance, as in procrustes.c. */
#include "base/memory.h"
#include "num/blas.h"
#include "num/crossproduct.h"
#include "probes/drift/measure.h"

#include <math.h>
#include <stdlib.h>

enum { FIT, HELD_OUT, HALVES };
enum { A, B, SIDES };
enum { LEAST_HELD_OUT = 10 }; /* samples, for an interval */

static const double LEAST = 1e-8;
/* A half whose squares around its mean are less than this of those around the mean of both is constant but for rounding. */
static const double ROUNDING = 1e-12;

typedef struct HeldOut {
  DriftShape shape;
  double *rows[SIDES]; /* [block, d] of one half */
  /* first pass; rows are less the mean of both halves */
  size_t counts[HALVES];
  double *sums[HALVES][SIDES];   /* [d]; once settled means */
  double squares[HALVES][SIDES]; /* once settled around these means */
  double *total;                 /* [d, d] A'B of the half that is fit on; after settle NULL */
  double *rotation;              /* [d, d] once settled; NULL: undefined */
  /* second pass */
  double *rotated;                 /* [block, d] */
  double *residual, *share[SIDES]; /* [n_samples] */
  const struct HeldOut *settled;
} HeldOut;

/* Of each two neighbours one, after Thue and Morse: samples that alternate between two kinds fall into both halves. */
static int half_of(size_t sample) { return __builtin_parityll(sample) ? HELD_OUT : FIT; }

static void *begin(const DriftShape *shape, const void *settled) {
  HeldOut *p = mem_alloc(1, sizeof *p);
  const size_t d = shape->dx, block = shape->longest > ROW_BLOCK ? shape->longest : ROW_BLOCK;
  p->shape = *shape;
  p->settled = settled;
  for (size_t side = 0; side < SIDES; side++) p->rows[side] = mem_alloc(block * d, sizeof(double));
  if (!settled) {
    for (size_t k = 0; k < HALVES * SIDES; k++) p->sums[k / SIDES][k % SIDES] = mem_alloc(d, sizeof(double));
    p->total = mem_alloc(d * d, sizeof *p->total);
    return p;
  }
  p->rotated = mem_alloc(block * d, sizeof *p->rotated);
  p->residual = mem_alloc(shape->n_samples, sizeof *p->residual);
  for (size_t side = 0; side < SIDES; side++) p->share[side] = mem_alloc(shape->n_samples, sizeof(double));
  return p;
}

static void free_state(void *state) {
  HeldOut *p = state;
  for (size_t k = 0; k < HALVES * SIDES; k++) free(p->sums[k / SIDES][k % SIDES]);
  for (size_t side = 0; side < SIDES; side++) {
    free(p->rows[side]);
    free(p->share[side]);
  }
  free(p->total);
  free(p->rotation);
  free(p->rotated);
  free(p->residual);
  free(p);
}

/* The rows of the block's samples of one half, less the mean of both, and less means [d] where given; how many. */
static size_t gather(HeldOut *p, const RowBlock *block, int half, double *const means[SIDES]) {
  const size_t d = p->shape.dx;
  const RowMoments *m = p->shape.moments;
  size_t n = 0;
  for (size_t s = 0; s < block->n_samples; s++) {
    if (half_of(block->first_sample + s) != half) continue;
    for (size_t i = block->begin[s]; i < block->begin[s + 1]; i++, n++)
      for (size_t j = 0; j < d; j++) {
        p->rows[A][n * d + j] = (double)block->x[i * d + j] - m->mean_x[j] - (means ? means[A][j] : 0);
        p->rows[B][n * d + j] = (double)block->y[i * d + j] - m->mean_y[j] - (means ? means[B][j] : 0);
      }
  }
  return n;
}

static void accumulate_half(HeldOut *p, const RowBlock *block, int half) {
  const size_t d = p->shape.dx, n = gather(p, block, half, NULL);
  p->counts[half] += n;
  for (size_t side = 0; side < SIDES; side++)
    for (size_t i = 0; i < n * d; i++) {
      const double x = p->rows[side][i];
      p->sums[half][side][i % d] += x;
      p->squares[half][side] += x * x;
    }
  if (half == FIT && n) blas_gemm_f64(true, false, d, d, n, 1, p->rows[A], d, p->rows[B], d, 1, p->total, d);
}

static void accumulate_residual(HeldOut *p, const RowBlock *block) {
  const HeldOut *fit = p->settled;
  const size_t d = p->shape.dx, n = gather(p, block, HELD_OUT, fit->sums[HELD_OUT]);
  const double square_a = fit->squares[HELD_OUT][A], square_b = fit->squares[HELD_OUT][B];
  if (n == 0) return;
  blas_gemm_f64(false, false, n, d, d, 1 / sqrt(square_a), p->rows[A], d, fit->rotation, d, 0, p->rotated, d);
  for (size_t s = 0, at = 0; s < block->n_samples; s++) {
    const size_t sample = block->first_sample + s, n_rows = block->begin[s + 1] - block->begin[s];
    if (half_of(sample) != HELD_OUT) continue;
    const double *a = p->rows[A] + at * d, *b = p->rows[B] + at * d, *rotated = p->rotated + at * d;
    for (size_t i = 0; i < n_rows * d; i++) {
      const double left = rotated[i] - b[i] / sqrt(square_b);
      p->residual[sample] += left * left;
    }
    p->share[A][sample] = dot_f64(n_rows * d, a, a) / square_a;
    p->share[B][sample] = dot_f64(n_rows * d, b, b) / square_b;
    at += n_rows;
  }
}

static void accumulate(void *state, const RowBlock *block) {
  HeldOut *p = state;
  if (p->shape.moments->identical) return;
  for (int half = 0; half < HALVES && !p->settled; half++) accumulate_half(p, block, half);
  if (p->settled && p->settled->rotation) accumulate_residual(p, block);
}

static void merge(void *into, const void *from) {
  HeldOut *a = into;
  const HeldOut *b = from;
  const size_t d = a->shape.dx, n = a->shape.n_samples;
  sums_add(d * d, b->total, a->total);
  sums_add(n, b->residual, a->residual);
  for (size_t side = 0; side < SIDES; side++) sums_add(n, b->share[side], a->share[side]);
  for (size_t k = 0; k < HALVES * SIDES; k++) {
    sums_add(d, b->sums[k / SIDES][k % SIDES], a->sums[k / SIDES][k % SIDES]);
    a->squares[k / SIDES][k % SIDES] += b->squares[k / SIDES][k % SIDES];
  }
  for (size_t half = 0; half < HALVES; half++) a->counts[half] += b->counts[half];
}

/* Sums of a half become means, and its squares those around them; false where a side of it is constant. */
static bool centre_half(HeldOut *p, int half) {
  const RowMoments *m = p->shape.moments;
  const double n = (double)p->counts[half];
  if (p->counts[half] == 0) return false;
  for (size_t side = 0; side < SIDES; side++) {
    double *mean = p->sums[half][side];
    const double before = p->squares[half][side];
    for (size_t j = 0; j < p->shape.dx; j++) {
      mean[j] /= n;
      p->squares[half][side] -= n * mean[j] * mean[j];
    }
    if (!(p->squares[half][side] > ROUNDING * before)) return false;
    if (is_constant(p->squares[half][side], side == A ? m->square_x : m->square_y)) return false;
  }
  return true;
}

static Status settle(void *state, Error *err) {
  HeldOut *p = state;
  const size_t d = p->shape.dx;
  if (p->settled || p->shape.moments->identical || !centre_half(p, FIT) || !centre_half(p, HELD_OUT)) return STATUS_OK;
  const double *mean_a = p->sums[FIT][A], *mean_b = p->sums[FIT][B];
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j < d; j++) p->total[i * d + j] -= (double)p->counts[FIT] * mean_a[i] * mean_b[j];
  const double size = sqrt(dot_f64(d * d, p->total, p->total));
  for (size_t i = 0; i < d; i++) p->total[i * d + i] += LEAST * size;
  double *s = mem_alloc(d, sizeof *s), *u = mem_alloc(d * d, sizeof *u), *vt = mem_alloc(d * d, sizeof *vt);
  const Status status = blas_svd(d, d, p->total, s, u, vt, err);
  free(p->total);
  p->total = NULL;
  p->rotation = mem_alloc(d * d, sizeof *p->rotation);
  if (status == STATUS_OK) blas_gemm_f64(false, false, d, d, d, 1, u, d, vt, d, 0, p->rotation, d);
  free(s);
  free(u);
  free(vt);
  return status;
}

/* Sample s moves log of the squared distance by its share of the residual less half its shares of both squares. */
static void add_interval(const HeldOut *p, double squared, Estimate *e) {
  const size_t n = p->shape.n_samples;
  size_t held_out = 0;
  for (size_t s = 0; s < n; s++) held_out += half_of(s) == HELD_OUT;
  if (!p->shape.with_intervals || held_out < LEAST_HELD_OUT) return;
  e->n_samples = held_out;
  e->scale = SCALE_LOG;
  e->centre = log(e->value);
  e->pseudo = mem_alloc(n, sizeof *e->pseudo);
  for (size_t s = 0; s < n && squared > 0; s++)
    e->pseudo[s] = 0.5 * (double)n * (p->residual[s] / squared - 0.5 * (p->share[A][s] + p->share[B][s]));
  pseudo_centre(n, e->pseudo);
}

static void finish(const void *state, Estimate *estimates) {
  const HeldOut *p = state;
  double squared = 0;
  estimates[0] = (Estimate){.value = NAN};
  if (p->shape.n_samples < 2 || (!p->shape.moments->identical && !p->settled->rotation)) return;
  for (size_t s = 0; s < p->shape.n_samples; s++) squared += p->residual[s];
  estimates[0].value = sqrt(squared);
  add_interval(p, squared, &estimates[0]);
}

const Measure measure_procrustes_held_out = {
    .name = "procrustes_held_out",
    .n_values = 1,
    .values = {{"procrustes_held_out", "0 to 2", "0",
                "scale and translation of either side; rotation, where the rows that are fit on span the width",
                "n d^2 + d^3", "Procrustes: Williams et al. 2021; halves and interval: fathom's own",
                "procrustes of samples that the rotation was not fitted on: too large where these are few for the width", NULL,
                "procrustes_held_out is fitted on half of the samples and scored on the others: too large where procrustes is "
                "too small; its interval is of this very rotation on new samples, and needs 10 held-out samples"}},
    .same_width = true,
    .passes = 2,
    .matrices = 8,
    .begin = begin,
    .accumulate = accumulate,
    .merge = merge,
    .settle = settle,
    .finish = finish,
    .free = free_state,
};
