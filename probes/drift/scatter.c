/* Sums of outer products of centred rows, and their eigenvalues. */
#include "probes/drift/scatter.h"

#include "base/memory.h"
#include "num/blas.h"

#include <stdlib.h>

enum { SLICE = 256 };

void scatter_init(Scatter *s, size_t d) {
  *s = (Scatter){d, mem_alloc(d * d, sizeof *s->total), mem_alloc(SLICE * d, sizeof *s->slice)};
}

void scatter_clear(Scatter *s) {
  free(s->total);
  free(s->slice);
}

void scatter_add(Scatter *s, size_t n, const float *rows, const double *mean, const float *other,
                 const double *other_mean) {
  const size_t d = s->d;
  for (size_t first = 0; first < n; first += SLICE) {
    const size_t m = n - first < SLICE ? n - first : SLICE;
    for (size_t i = 0; i < m; i++) {
      const float *row = rows + (first + i) * d, *from = other ? other + (first + i) * d : NULL;
      double *to = s->slice + i * d;
      for (size_t j = 0; j < d; j++) to[j] = (double)row[j] - mean[j];
      for (size_t j = 0; from && j < d; j++) to[j] = ((double)row[j] - (double)from[j]) - (mean[j] - other_mean[j]);
    }
    blas_gram_f64(m, d, s->slice, s->total);
  }
}

void scatter_merge(Scatter *into, const Scatter *from) {
  for (size_t i = 0; i < into->d * into->d; i++) into->total[i] += from->total[i];
}

double scatter_trace(const Scatter *s) {
  double trace = 0;
  for (size_t j = 0; j < s->d; j++) trace += s->total[j * s->d + j];
  return trace;
}

double scatter_square(const Scatter *s) {
  double off = 0, diagonal = 0;
  for (size_t i = 0; i < s->d; i++) {
    const double *row = s->total + i * s->d;
    for (size_t j = 0; j < i; j++) off += row[j] * row[j];
    diagonal += row[i] * row[i];
  }
  return 2 * off + diagonal;
}

Status scatter_eigen(Scatter *s, double *values, bool vectors, Error *err) {
  return blas_eigen(s->d, s->total, values, vectors, err);
}
