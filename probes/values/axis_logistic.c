/* Logistic regression of many labelings of the same rows at once.
 *
 * In the coordinates of the Gram matrix' eigenvectors, z = V sqrt(values / s^2), s^2 the mean variance of a column, the
 * loss sum log(1 + exp(-y (w . z + b))) + |w|^2 / 2 has a curvature of at most values / (4 s^2) + 1 along w's axes and
 * n / 4 along b, which z's centring decouples (Boehning and Lindsay 1988). Steps of one over these bounds are products
 * with z alone, for all labelings in one; Nesterov's momentum with restarts makes them few. */
#include "base/memory.h"
#include "num/blas.h"
#include "probes/values/axis_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 64, MOST_STEPS = 20000 };
static const double tolerance = 1e-7; /* of the gradient, against the one at w = 0, both over the root of the bounds */

/* A block of labelings on their way. p = rank + 1 unknowns each, the last one is b. */
typedef struct Descent {
  size_t n, p, n_labelings;
  const double *z; /* [n, p], the last column ones */
  double *bounds;  /* [p] */
  double *at, *before, *ahead, *gradient; /* [n_labelings, p]; ahead: where the next gradient is taken */
  double *fits;                           /* [n_labelings, n] */
  double *momentum, *start;               /* [n_labelings]; start: the first gradient's size */
  bool *done;                             /* [n_labelings] */
} Descent;

/* The gradient at ahead; its size over the root of the bounds to sizes[n_labelings]. */
static void differentiate(Descent *s, const bool *labels, double *sizes) {
  const size_t n = s->n, p = s->p, m = s->n_labelings;
  blas_gemm_f64(false, true, m, n, p, 1, s->ahead, p, s->z, p, 0, s->fits, n);
  for (size_t i = 0; i < m * n; i++) s->fits[i] = 1 / (1 + exp(-s->fits[i])) - labels[i];
  memcpy(s->gradient, s->ahead, m * p * sizeof *s->gradient);
  for (size_t b = 0; b < m; b++) s->gradient[b * p + p - 1] = 0; /* b is not penalised */
  blas_gemm_f64(false, false, m, p, n, 1, s->fits, n, s->z, p, 1, s->gradient, p);
  for (size_t b = 0; b < m; b++) {
    double square = 0;
    for (size_t k = 0; k < p; k++) square += s->gradient[b * p + k] * s->gradient[b * p + k] / s->bounds[k];
    sizes[b] = sqrt(square);
  }
}

static void step(Descent *s, size_t b) {
  const size_t p = s->p;
  double *at = s->at + b * p, *before = s->before + b * p, *ahead = s->ahead + b * p,
         *gradient = s->gradient + b * p, uphill = 0;
  for (size_t k = 0; k < p; k++) {
    before[k] = at[k];
    at[k] = ahead[k] - gradient[k] / s->bounds[k];
    uphill += gradient[k] * (at[k] - before[k]);
  }
  const double last = uphill > 0 ? 1 : s->momentum[b], next = 0.5 * (1 + sqrt(1 + 4 * last * last));
  for (size_t k = 0; k < p; k++) ahead[k] = at[k] + (last - 1) / next * (at[k] - before[k]);
  s->momentum[b] = next;
}

static bool descend(Descent *s, const bool *labels) {
  double sizes[BLOCK];
  size_t left = s->n_labelings;
  memset(s->at, 0, s->n_labelings * s->p * sizeof *s->at);
  memset(s->ahead, 0, s->n_labelings * s->p * sizeof *s->ahead);
  memset(s->done, 0, s->n_labelings * sizeof *s->done);
  for (size_t t = 0; t < MOST_STEPS && left; t++) {
    differentiate(s, labels, sizes);
    for (size_t b = 0; b < s->n_labelings; b++) {
      if (t == 0) s->start[b] = sizes[b], s->momentum[b] = 1;
      if (s->done[b]) continue;
      if (sizes[b] <= tolerance * s->start[b]) {
        memcpy(s->at + b * s->p, s->ahead + b * s->p, s->p * sizeof *s->at);
        s->done[b] = true;
        left--;
      } else {
        step(s, b);
      }
    }
  }
  return left == 0;
}

/* z of the fitter's rows and the bounds of the curvature. */
static void prepare(const AxisFitter *f, double *z, double *bounds) {
  const double variance = f->trace / ((double)f->n * (double)f->d);
  const size_t p = f->rank + 1;
  for (size_t k = 0; k < f->rank; k++) {
    const double root = sqrt(f->values[k] / variance);
    for (size_t i = 0; i < f->n; i++) z[i * p + k] = f->vectors[k * f->n + i] * root;
    bounds[k] = 0.25 * f->values[k] / variance + 1;
  }
  for (size_t i = 0; i < f->n; i++) z[i * p + f->rank] = 1;
  bounds[f->rank] = 0.25 * (double)f->n;
}

Status axis_fit_logistic(const AxisFitter *f, size_t n_labelings, const bool *labels, double *coefficients,
                         Error *err) {
  const size_t n = f->n, p = f->rank + 1;
  double *z = mem_alloc(n * p, sizeof *z), *bounds = mem_alloc(p, sizeof *bounds),
         *work = mem_alloc(BLOCK * (4 * p + n + 2), sizeof *work);
  bool done[BLOCK];
  Status status = STATUS_OK;
  prepare(f, z, bounds);
  Descent s = {.n = n, .p = p, .z = z, .bounds = bounds, .done = done};
  s.at = work;
  s.before = s.at + BLOCK * p;
  s.ahead = s.before + BLOCK * p;
  s.gradient = s.ahead + BLOCK * p;
  s.fits = s.gradient + BLOCK * p;
  s.momentum = s.fits + BLOCK * n;
  s.start = s.momentum + BLOCK;
  for (size_t first = 0; first < n_labelings && status == STATUS_OK; first += BLOCK) {
    s.n_labelings = n_labelings - first < BLOCK ? n_labelings - first : BLOCK;
    if (!descend(&s, labels + first * n))
      status = error_set(err, STATUS_NUMERIC, "the logistic fit did not converge in %d steps", MOST_STEPS);
    /* w = X' a with a = V w_z / sqrt(values), but for one factor. */
    for (size_t b = 0; b < s.n_labelings; b++)
      for (size_t k = 0; k < f->rank; k++) s.at[b * p + k] /= sqrt(f->values[k]);
    blas_gemm_f64(false, false, s.n_labelings, n, f->rank, 1, s.at, p, f->vectors, n, 0, coefficients + first * n, n);
  }
  free(z);
  free(bounds);
  free(work);
  return status;
}
