/* Principal angles between the leading subspaces of the two sides: U and V hold the first k right singular vectors of
 * the centred rows. `subspace` = |U'V|^2 / k, `subspace_angle` the largest angle, `subspace_angle_mean` their mean
 * (Bjorck and Golub 1973). An angle under 45 degrees is taken from its sine, a singular value of V - U U'V, since the
 * cosine loses what is below 1e-8 (Knyazev and Argentati 2002).
 *
 * k is SUBSPACE_RANK, at most half the width, where two subspaces always meet. Undefined where one side has less than k
 * dimensions. Where variances k and k + 1 are close, which direction belongs to the subspace is chance. */
#include "base/memory.h"
#include "num/blas.h"
#include "num/crossproduct.h"
#include "probes/drift/measure.h"
#include "probes/drift/scatter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SUBSPACE_RANK = 10 };
enum { OVERLAP, LARGEST, MEAN, VALUES };

static const double LEAST_VARIANCE = 1e-12; /* of direction k, relative to the first: float32 rows hold no less */

typedef struct Subspace {
  DriftShape shape;
  size_t k;
  Scatter x, y;
  bool defined;
  double values[VALUES];
} Subspace;

static void *begin(const DriftShape *shape, const void *settled) {
  (void)settled;
  Subspace *s = mem_alloc(1, sizeof *s);
  s->shape = *shape;
  s->k = shape->dx / 2 < SUBSPACE_RANK ? shape->dx / 2 : SUBSPACE_RANK;
  scatter_init(&s->x, shape->dx);
  scatter_init(&s->y, shape->dy);
  return s;
}

static void free_state(void *state) {
  Subspace *s = state;
  scatter_clear(&s->x);
  scatter_clear(&s->y);
  free(s);
}

static void accumulate(void *state, const RowBlock *block) {
  Subspace *s = state;
  scatter_add(&s->x, block->n, block->x, s->shape.moments->mean_x, NULL, NULL);
  scatter_add(&s->y, block->n, block->y, s->shape.moments->mean_y, NULL, NULL);
}

static void merge(void *into, const void *from) {
  Subspace *a = into;
  const Subspace *b = from;
  scatter_merge(&a->x, &b->x);
  scatter_merge(&a->y, &b->y);
}

/* Has the side k dimensions? Then the last k rows of its total are their unit vectors. */
static Status find_leading(Scatter *side, size_t k, bool *found, Error *err) {
  const size_t d = side->d;
  double *values = mem_alloc(d, sizeof *values);
  const Status status = scatter_eigen(side, values, true, err);
  *found = status == STATUS_OK && values[d - k] > LEAST_VARIANCE * values[d - 1];
  free(values);
  return status;
}

/* u, v [k, d] with orthonormal rows. */
static Status find_angles(size_t k, size_t d, const double *u, const double *v, double *values, Error *err) {
  double *product = mem_alloc(k * k, sizeof *product), *rest = mem_alloc(k * d, sizeof *rest);
  double *cosines = mem_alloc(k, sizeof *cosines), *sines = mem_alloc(k, sizeof *sines);
  blas_gemm_f64(false, true, k, k, d, 1, v, d, u, d, 0, product, k);
  memcpy(rest, v, k * d * sizeof *rest);
  blas_gemm_f64(false, false, k, d, k, -1, product, k, u, d, 1, rest, d);
  values[OVERLAP] = dot_f64(k * k, product, product) / (double)k;
  values[LARGEST] = values[MEAN] = 0;
  Status status = blas_svd(k, k, product, cosines, NULL, NULL, err);
  if (status == STATUS_OK) status = blas_svd(k, d, rest, sines, NULL, NULL, err);
  for (size_t i = 0; i < k; i++) {
    const double cosine = fmin(cosines[i], 1), sine = fmin(sines[k - 1 - i], 1);
    const double angle = cosine * cosine < 0.5 ? acos(cosine) : asin(sine);
    values[LARGEST] = fmax(values[LARGEST], angle);
    values[MEAN] += angle / (double)k;
  }
  free(product);
  free(rest);
  free(cosines);
  free(sines);
  return status;
}

static Status settle(void *state, Error *err) {
  Subspace *s = state;
  const size_t d = s->shape.dx, k = s->k, first = (d - k) * d;
  const RowMoments *moments = s->shape.moments;
  if (k == 0 || is_constant(scatter_trace(&s->x), moments->square_x) ||
      is_constant(scatter_trace(&s->y), moments->square_y))
    return STATUS_OK;
  bool both;
  Status status = find_leading(&s->x, k, &s->defined, err);
  if (status != STATUS_OK || !s->defined) return status;
  s->values[OVERLAP] = 1;
  if (moments->identical) return STATUS_OK;
  status = find_leading(&s->y, k, &both, err);
  s->defined = both;
  if (status != STATUS_OK || !both) return status;
  return find_angles(k, d, s->x.total + first, s->y.total + first, s->values, err);
}

static void finish(const void *state, Estimate *estimates) {
  const Subspace *s = state;
  for (size_t v = 0; v < VALUES; v++) estimates[v] = (Estimate){.value = s->defined ? s->values[v] : NAN};
}

#define NO_INTERVAL                                                                                                    \
  "both subspaces are fitted to the rows, and their error, which depends on gaps between variances, makes the "        \
  "overlap too small"
#define BLIND_TO "joint rotation, scale and translation of either side"

const Measure measure_subspace = {
    .name = "subspace",
    .n_values = VALUES,
    .values =
        {{"subspace", "0 to 1", "1", BLIND_TO, "n d^2 + d^3", "Bjorck and Golub 1973",
          "overlap |U'V|^2 / k of the k = 10 leading directions of both sides (at most half the width); unrelated "
          "sides: k / d",
          NO_INTERVAL, "subspace: k = 10 leading directions, at most half the width"},
         {"subspace_angle", "0 to 1.571 rad", "0", BLIND_TO, "n d^2 + d^3",
          "Bjorck and Golub 1973; Knyazev and Argentati 2002", "the largest of the k angles between them", NO_INTERVAL,
          NULL},
         {"subspace_angle_mean", "0 to 1.571 rad", "0", BLIND_TO, "n d^2 + d^3",
          "Bjorck and Golub 1973; Knyazev and Argentati 2002", "the mean of these angles", NO_INTERVAL, NULL}},
    .same_width = true,
    .passes = 1,
    .matrices = 6,
    .begin = begin,
    .accumulate = accumulate,
    .merge = merge,
    .settle = settle,
    .finish = finish,
    .free = free_state,
};
