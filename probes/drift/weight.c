/* Singular values of differences of weights: from blocks of rows, and from the factors of a product. */
#include "probes/drift/weight.h"

#include "base/memory.h"
#include "num/blas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The triangle of the rows so far, and below it rows that wait. */
struct WeightRows {
  size_t n, used, capacity; /* rows of `rows` that hold something; all of them */
  double *rows;             /* [capacity, n] */
};

enum { HEIGHT = 4 }; /* capacity is so many triangles high: the triangle is decomposed again every HEIGHT - 1 n rows */

static Status try_square(size_t n, size_t height, double **values, Error *err) {
  size_t count, bytes;
  void *block = NULL;
  if (!size_multiply(n, n, &count) || !size_multiply(count, height * sizeof **values, &bytes))
    return error_set(err, STATUS_SYSTEM, "no memory for the singular values of a matrix %zu wide", n);
  const Status status = mem_try(count, height * sizeof **values, &block, err);
  *values = block;
  return status == STATUS_OK ? status : error_prefix(err, "singular values of a matrix %zu wide", n);
}

Status weight_rows_new(size_t n, WeightRows **out, Error *err) {
  WeightRows *r = mem_alloc(1, sizeof *r);
  *r = (WeightRows){.n = n, .capacity = HEIGHT * n};
  const Status status = try_square(n, HEIGHT, &r->rows, err);
  if (status == STATUS_OK)
    *out = r;
  else
    free(r);
  return status;
}

void weight_rows_free(WeightRows *r) {
  if (r) free(r->rows);
  free(r);
}

/* The rows so far become their triangle. */
static Status reduce(WeightRows *r, Error *err) {
  if (r->used < r->n) r->used = r->n; /* of fewer rows than columns: the zeros behind change no singular value */
  const Status status = blas_triangle(r->used, r->n, r->rows, err);
  r->used = r->n;
  return status;
}

Status weight_rows_add(WeightRows *r, size_t count, const double *block, Error *err) {
  Status status = STATUS_OK;
  for (size_t done = 0; done < count && status == STATUS_OK;) {
    const size_t room = r->capacity - r->used, some = count - done < room ? count - done : room;
    memcpy(r->rows + r->used * r->n, block + done * r->n, some * r->n * sizeof *block);
    r->used += some;
    done += some;
    if (r->used == r->capacity) status = reduce(r, err);
  }
  return status;
}

Status weight_rows_spectrum(WeightRows *r, double *values, Error *err) {
  Status status = reduce(r, err);
  if (status == STATUS_OK) status = blas_svd(r->n, r->n, r->rows, values, NULL, NULL, err);
  return status;
}

struct WeightGram {
  size_t n;
  double *products; /* [n, n], the lower triangle */
};

Status weight_gram_new(size_t n, WeightGram **out, Error *err) {
  WeightGram *g = mem_alloc(1, sizeof *g);
  g->n = n;
  const Status status = try_square(n, 1, &g->products, err);
  if (status == STATUS_OK)
    *out = g;
  else
    free(g);
  return status;
}

void weight_gram_free(WeightGram *g) {
  if (g) free(g->products);
  free(g);
}

void weight_gram_add(WeightGram *g, size_t count, const double *block) {
  blas_gram_f64(count, g->n, block, g->products);
}

Status weight_gram_norm(WeightGram *g, double *norm, Error *err) {
  double *values = mem_alloc(g->n, sizeof *values);
  const Status status = blas_eigen(g->n, g->products, values, false, err);
  if (status == STATUS_OK) *norm = values[g->n - 1] > 0 ? sqrt(values[g->n - 1]) : 0;
  free(values);
  return status;
}

/* The triangle [rank, rank] of B[rows, rank], or with transposed of A' where A[rank, rows] is given. */
static Status factor_triangle(size_t rows, size_t rank, const double *factor, bool transposed, double **triangle,
                              Error *err) {
  const size_t height = rows > rank ? rows : rank;
  double *all = mem_alloc(height * rank, sizeof *all);
  for (size_t i = 0; i < rows; i++)
    for (size_t k = 0; k < rank; k++) all[i * rank + k] = transposed ? factor[k * rows + i] : factor[i * rank + k];
  *triangle = all;
  return blas_triangle(height, rank, all, err);
}

Status weight_factors_spectrum(size_t rows, size_t columns, size_t rank, double scale, const double *a, const double *b,
                               double *values, Error *err) {
  double *left = NULL, *right = NULL, *core = mem_alloc(rank * rank, sizeof *core),
         *all = mem_alloc(rank, sizeof *all);
  Status status = factor_triangle(rows, rank, b, false, &left, err);
  if (status == STATUS_OK) status = factor_triangle(columns, rank, a, true, &right, err);
  if (status == STATUS_OK) {
    blas_gemm_f64(false, true, rank, rank, rank, scale, left, rank, right, rank, 0, core, rank);
    status = blas_svd(rank, rank, core, all, NULL, NULL, err);
  }
  const size_t shorter = rows < columns ? rows : columns, n = rank < shorter ? rank : shorter;
  if (status == STATUS_OK) memcpy(values, all, n * sizeof *values);
  free(left);
  free(right);
  free(core);
  free(all);
  return status;
}

double weight_effective_rank(size_t n, const double *values) {
  double sum = 0, entropy = 0;
  for (size_t i = 0; i < n; i++) sum += values[i];
  if (!(sum > 0)) return NAN;
  for (size_t i = 0; i < n; i++) {
    const double p = values[i] / sum;
    if (p > 0) entropy -= p * log(p);
  }
  return exp(entropy);
}
