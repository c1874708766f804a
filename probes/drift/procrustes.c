/* Procrustes drift: what is left of the difference after the best rotation, both sides centred and scaled to Frobenius
 * norm 1. `procrustes` = sqrt(2 - 2 |A'B|_*), `procrustes_angle` = arccos |A'B|_* (|.|_* the nuclear norm; Ding et al.
 * 2021, Williams et al. 2021).
 *
 * With A'B = U diag(s) V', 2 - 2 |A'B|_* = |A U - B V|^2 + (parts of A and B outside the narrower side's space). The
 * first pass finds U and V, the second measures the rotated rows: 2 - 2 |A'B|_* itself would lose drifts under 1e-3 to
 * float32. Two sides that are the same bit for bit give exactly 0; rounding leaves about 1e-6 otherwise.
 *
 * Intervals (fathom's own): on the log scale, from the derivative of the nuclear norm, <U V', .>: sample c moves log of
 * the squared distance by its share of the residual minus half its shares of |A|^2 and |B|^2. A rotation of d columns
 * has d (d-1) / 2 angles fitted to the data, so the distance comes out too small. To second order the nuclear norm is
 * too large by q = sum_c sum_{i<j} (D_ij - D_ji)^2 / (2 (s_i + s_j)), D = U' A_c' B_c V of sample c, so that the fit
 * takes away the share 2 q / distance^2 of the squared distance. The interval is centred at the distance without that
 * bias; the value stays as defined. Where the share is over MOST_FITTED the estimate of it is not good enough to build
 * on, and there is no interval. */
#include "base/memory.h"
#include "num/blas.h"
#include "num/crossproduct.h"
#include "probes/drift/measure.h"

#include <math.h>
#include <stdlib.h>

enum { DISTANCE, ANGLE, VALUES };

static const double MOST_FITTED = 0.05;

typedef struct Procrustes {
  DriftShape shape;
  size_t rank;               /* min(dx, dy) */
  bool fits_bias;            /* equal widths, several samples */
  double square_a, square_b; /* |A|^2, |B|^2 */
  double *total;             /* A'B; after settle NULL */
  double *norms;             /* [block] of rows, squared */
  double *s;                 /* [rank] singular values of A'B / (|A| |B|) */
  float *u, *v;              /* [dx, rank], [dy, rank] */
  /* second pass */
  double *residual, *share_a, *share_b; /* [n_samples] */
  double *squares, *mixed;              /* [rank, rank] sums for samples of one row */
  double bias;                          /* q, samples of several rows */
  float *p, *e, *pe; /* [block, rank] rotated rows P, their difference E = R - P, elementwise product */
  float *product;    /* a GEMM's result */
  const struct Procrustes *settled;
} Procrustes;

static void *begin(const DriftShape *shape, const void *settled) {
  Procrustes *p = mem_alloc(1, sizeof *p);
  const size_t block = shape->longest > ROW_BLOCK ? shape->longest : ROW_BLOCK;
  p->shape = *shape;
  p->settled = settled;
  const size_t r = p->rank = shape->dx < shape->dy ? shape->dx : shape->dy;
  if (!settled) {
    p->total = crossproduct_total(shape->dx, shape->dy);
    p->norms = mem_alloc(block, sizeof *p->norms);
    return p;
  }
  p->fits_bias = shape->with_intervals && shape->dx == shape->dy;
  p->residual = mem_alloc(shape->n_samples, sizeof *p->residual);
  p->share_a = mem_alloc(shape->n_samples, sizeof *p->share_a);
  p->share_b = mem_alloc(shape->n_samples, sizeof *p->share_b);
  p->p = mem_alloc(block * r, sizeof *p->p);
  p->e = mem_alloc(block * r, sizeof *p->e);
  if (p->fits_bias) p->product = mem_alloc(r * r, sizeof *p->product);
  if (p->fits_bias && shape->longest == 1) {
    p->squares = mem_alloc(r * r, sizeof *p->squares);
    p->mixed = mem_alloc(r * r, sizeof *p->mixed);
    p->pe = mem_alloc(block * r, sizeof *p->pe);
  }
  return p;
}

static void free_state(void *state) {
  Procrustes *p = state;
  free(p->total);
  free(p->norms);
  free(p->s);
  free(p->u);
  free(p->v);
  free(p->residual);
  free(p->share_a);
  free(p->share_b);
  free(p->squares);
  free(p->mixed);
  free(p->p);
  free(p->e);
  free(p->pe);
  free(p->product);
  free(p);
}

static void accumulate_products(Procrustes *p, const RowBlock *block) {
  const size_t dx = p->shape.dx, dy = p->shape.dy;
  if (p->shape.moments->identical) return;
  crossproduct_add(block->n, dx, block->cx, dy, block->cy, p->total);
  norms2_f32(block->n, dx, block->cx, p->norms);
  for (size_t i = 0; i < block->n; i++) p->square_a += p->norms[i];
  norms2_f32(block->n, dy, block->cy, p->norms);
  for (size_t i = 0; i < block->n; i++) p->square_b += p->norms[i];
}

/* sum_{i<j} (F_ij - F_ji)^2 / (2 (s_i + s_j)) in tiles that fit a cache; directions without variance fit nothing. */
static double antisymmetric(size_t r, const float *f, const double *s) {
  enum { TILE = 32 };
  double total = 0;
  for (size_t i0 = 0; i0 < r; i0 += TILE)
    for (size_t j0 = i0; j0 < r; j0 += TILE)
      for (size_t i = i0; i < r && i < i0 + TILE; i++)
        for (size_t j = j0 > i ? j0 : i + 1; j < r && j < j0 + TILE; j++) {
          const double twist = (double)f[i * r + j] - (double)f[j * r + i];
          if (s[i] + s[j] > 1e-6 * s[0]) total += twist * twist / (2 * (s[i] + s[j]));
        }
  return total;
}

/* D - D' = P'R - R'P = P'E - E'P with E = R - P, free of cancellation. For one row D = p e', and over rows
 * (p_i e_j - p_j e_i)^2 sums to products of squares minus a product of products. */
static void accumulate_bias(Procrustes *p, const RowBlock *block) {
  const size_t r = p->rank;
  if (p->shape.longest > 1) {
    for (size_t s = 0; s < block->n_samples; s++) {
      const size_t first = block->begin[s], m = block->begin[s + 1] - first;
      product_f32(true, false, r, r, m, p->p + first * r, r, p->e + first * r, r, p->product, r);
      p->bias += antisymmetric(r, p->product, p->settled->s);
    }
    return;
  }
  for (size_t i = 0; i < block->n * r; i++) {
    p->pe[i] = p->p[i] * p->e[i];
    p->p[i] *= p->p[i];
    p->e[i] *= p->e[i];
  }
  crossproduct_add(block->n, r, p->pe, r, p->pe, p->mixed);
  crossproduct_add(block->n, r, p->p, r, p->e, p->squares);
}

static double positive(double x) { return x > 0 ? x : 0; }

static void accumulate_residual(Procrustes *p, const RowBlock *block) {
  const Procrustes *fit = p->settled;
  const size_t dx = p->shape.dx, dy = p->shape.dy, r = p->rank;
  const float scale_a = (float)(1 / sqrt(fit->square_a)), scale_b = (float)(1 / sqrt(fit->square_b));
  product_f32(false, false, block->n, r, dx, block->cx, dx, fit->u, r, p->p, r);
  product_f32(false, false, block->n, r, dy, block->cy, dy, fit->v, r, p->e, r);
  for (size_t s = 0; s < block->n_samples; s++) {
    const size_t at = block->first_sample + s;
    for (size_t i = block->begin[s]; i < block->begin[s + 1]; i++) {
      const float *cx = block->cx + i * dx, *cy = block->cy + i * dy;
      float *row_p = p->p + i * r, *row_e = p->e + i * r;
      for (size_t j = 0; j < r; j++) {
        row_p[j] *= scale_a;
        row_e[j] *= scale_b;
      }
      const double aa = dot_f32(dx, cx, cx) / fit->square_a, bb = dot_f32(dy, cy, cy) / fit->square_b;
      p->share_a[at] += aa;
      p->share_b[at] += bb;
      p->residual[at] += distance2_f32(r, row_p, row_e);
      if (dx > r) p->residual[at] += positive(aa - dot_f32(r, row_p, row_p));
      if (dy > r) p->residual[at] += positive(bb - dot_f32(r, row_e, row_e));
      for (size_t j = 0; j < r; j++) row_e[j] -= row_p[j];
    }
  }
  if (p->fits_bias) accumulate_bias(p, block);
}

static bool undefined(const Procrustes *fit) {
  const RowMoments *moments = fit->shape.moments;
  return is_constant(fit->square_a, moments->square_x) || is_constant(fit->square_b, moments->square_y);
}

static void accumulate(void *state, const RowBlock *block) {
  Procrustes *p = state;
  if (!p->settled)
    accumulate_products(p, block);
  else if (!p->shape.moments->identical && !undefined(p->settled))
    accumulate_residual(p, block);
}

static void merge(void *into, const void *from) {
  Procrustes *a = into;
  const Procrustes *b = from;
  const size_t n = a->shape.n_samples, square = a->rank * a->rank;
  sums_add(a->shape.dx * a->shape.dy, b->total, a->total);
  sums_add(n, b->residual, a->residual);
  sums_add(n, b->share_a, a->share_a);
  sums_add(n, b->share_b, a->share_b);
  sums_add(square, b->squares, a->squares);
  sums_add(square, b->mixed, a->mixed);
  a->square_a += b->square_a;
  a->square_b += b->square_b;
  a->bias += b->bias;
}

static Status settle(void *state, Error *err) {
  Procrustes *p = state;
  const size_t dx = p->shape.dx, dy = p->shape.dy, r = p->rank;
  if (p->settled || p->shape.moments->identical || undefined(p)) return STATUS_OK;
  const double scale = 1 / sqrt(p->square_a * p->square_b);
  double *u = mem_alloc(dx * r, sizeof *u), *vt = mem_alloc(r * dy, sizeof *vt);
  for (size_t i = 0; i < dx * dy; i++) p->total[i] *= scale;
  p->s = mem_alloc(r, sizeof *p->s);
  p->u = mem_alloc(dx * r, sizeof *p->u);
  p->v = mem_alloc(dy * r, sizeof *p->v);
  const Status status = blas_svd(dx, dy, p->total, p->s, u, vt, err);
  for (size_t i = 0; i < dx * r; i++) p->u[i] = (float)u[i];
  for (size_t i = 0; i < dy; i++)
    for (size_t j = 0; j < r; j++) p->v[i * r + j] = (float)vt[j * dy + i];
  free(p->total);
  p->total = NULL;
  free(u);
  free(vt);
  return status;
}

static double fit_bias(const Procrustes *p) {
  const size_t r = p->rank;
  const double *s = p->settled->s;
  double total = p->bias;
  if (p->shape.longest > 1) return total;
  for (size_t i = 0; i < r; i++)
    for (size_t j = i + 1; j < r; j++)
      if (s[i] + s[j] > 1e-6 * s[0])
        total += (p->squares[i * r + j] + p->squares[j * r + i] - 2 * p->mixed[i * r + j]) / (2 * (s[i] + s[j]));
  return total;
}

static double angle_of(double distance) { return 2 * asin(fmin(distance / 2, 1)); }

/* Pseudo-values of log distance; those of log angle are the same times d log angle / d log distance. */
static void add_intervals(const Procrustes *p, double distance, Estimate *estimates) {
  const size_t n = p->shape.n_samples;
  const double squared = distance * distance, angle = angle_of(distance);
  const double fitted = distance > 0 ? 2 * fit_bias(p) / squared : 0;
  if (fitted > MOST_FITTED) return;
  const double corrected = fmin(distance / sqrt(1 - fitted), sqrt(2));
  const double slope = distance / (angle * sqrt(1 - squared / 4));
  for (size_t v = 0; v < VALUES; v++) estimates[v].pseudo = mem_alloc(n, sizeof(double));
  for (size_t s = 0; s < n && distance > 0; s++) {
    const double moved = 0.5 * (double)n * (p->residual[s] / squared - 0.5 * (p->share_a[s] + p->share_b[s]));
    estimates[DISTANCE].pseudo[s] = moved;
    estimates[ANGLE].pseudo[s] = moved * slope;
  }
  for (size_t v = 0; v < VALUES; v++) {
    pseudo_centre(n, estimates[v].pseudo);
    estimates[v].scale = SCALE_LOG;
  }
  estimates[DISTANCE].centre = log(corrected);
  estimates[ANGLE].centre = log(angle_of(corrected));
}

static void finish(const void *state, Estimate *estimates) {
  const Procrustes *p = state;
  double squared = 0;
  for (size_t v = 0; v < VALUES; v++) estimates[v] = (Estimate){.value = NAN};
  if (!p->shape.moments->identical && undefined(p->settled)) return;
  for (size_t s = 0; s < p->shape.n_samples; s++) squared += p->residual[s];
  estimates[DISTANCE].value = sqrt(squared);
  estimates[ANGLE].value = angle_of(sqrt(squared));
  if (p->fits_bias) add_intervals(p, sqrt(squared), estimates);
}

const Measure measure_procrustes = {
    .name = "procrustes",
    .n_values = VALUES,
    .values = {{"procrustes", "0 to 1.414", "0", "rotation, scale and translation of either side", "n d^2 + d^3",
                "Ding et al. 2021; Williams et al. 2021; interval: fathom's own",
                "distance after the best rotation; too small where samples are few for the width", NULL,
                "procrustes comes out too small where samples are few for the width, since a rotation is fitted; its "
                "interval allows for that, or is missing where that is too much to allow for"},
               {"procrustes_angle", "0 to 1.571 rad", "0", "rotation, scale and translation of either side",
                "n d^2 + d^3", "Williams et al. 2021; interval: fathom's own", "the same as an angle in radians", NULL,
                NULL}},
    .by_default = true,
    .passes = 2,
    .matrices = 8,
    .begin = begin,
    .accumulate = accumulate,
    .merge = merge,
    .settle = settle,
    .finish = finish,
    .free = free_state,
};
