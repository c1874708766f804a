/* Rows in float64, and covariates regressed out of them. */
#include "base/memory.h"
#include "num/blas.h"
#include "probes/values/axis_parts.h"

#include <math.h>
#include <stdlib.h>

Status axis_centred_rows(size_t n, size_t d, const float *rows, double **centred, Error *err) {
  size_t count;
  *centred = NULL;
  if (!size_multiply(n, d, &count)) return error_set(err, STATUS_SYSTEM, "%zu rows of width %zu are too many", n, d);
  Status status = mem_try(count, sizeof **centred, (void **)centred, err);
  if (status != STATUS_OK) return status;
  double *mean = mem_alloc(d, sizeof *mean); /* less the first row, so that rows that are all the same become exact zeros */
  for (size_t i = 0; i < n && status == STATUS_OK; i++)
    for (size_t j = 0; j < d; j++) {
      if (!isfinite(rows[i * d + j])) status = error_set(err, STATUS_NUMERIC, "row %zu holds a NaN or an infinity", i);
      mean[j] += ((double)rows[i * d + j] - (double)rows[j]) / (double)n;
    }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < d; j++) (*centred)[i * d + j] = (double)rows[i * d + j] - (double)rows[j] - mean[j];
  free(mean);
  if (status == STATUS_OK) return status;
  free(*centred);
  *centred = NULL;
  return status;
}

void axis_gram(size_t n, size_t d, const double *rows, double *gram) {
  blas_gemm_f64(false, true, n, n, d, 1, rows, d, rows, d, 0, gram, n);
}

/* z[n, q + 1]: covariates centred and scaled by the training words, and a column of ones. One that is constant there
 * becomes zeros: there is nothing to fit it by. */
static void scale_covariates(size_t n, size_t q, const double *covariates, const bool *train, double *z) {
  for (size_t k = 0; k < q; k++) {
    double mean = 0, square = 0, count = 0;
    for (size_t i = 0; i < n; i++)
      if (!train || train[i]) mean += covariates[i * q + k], count += 1;
    mean /= count;
    for (size_t i = 0; i < n; i++)
      if (!train || train[i]) square += (covariates[i * q + k] - mean) * (covariates[i * q + k] - mean);
    const double deviation = sqrt(square / count);
    const bool constant = !(deviation > 1e-12 * (fabs(mean) + deviation));
    for (size_t i = 0; i < n; i++)
      z[i * (q + 1) + k] = constant ? 0 : (covariates[i * q + k] - mean) / deviation;
  }
  for (size_t i = 0; i < n; i++) z[i * (q + 1) + q] = 1;
}

/* Replaces the symmetric a[p, p] by its pseudo-inverse. */
static Status pseudo_invert(size_t p, double *a, Error *err) {
  double *values = mem_alloc(p, sizeof *values), *vectors = mem_alloc(p * p, sizeof *vectors);
  for (size_t i = 0; i < p * p; i++) vectors[i] = a[i];
  const Status status = blas_eigen(p, vectors, values, true, err);
  for (size_t i = 0; i < p; i++)
    for (size_t j = 0; j < p; j++) {
      a[i * p + j] = 0;
      for (size_t k = 0; k < p; k++)
        if (values[k] > 1e-10 * values[p - 1]) a[i * p + j] += vectors[k * p + i] * vectors[k * p + j] / values[k];
    }
  free(values);
  free(vectors);
  return status;
}

/* z of scale_covariates, and inverse[q + 1, q + 1], the pseudo-inverse of z'z over the training words. */
static Status prepare(size_t n, size_t q, const double *covariates, const bool *train, double *z, double *inverse,
                      Error *err) {
  const size_t p = q + 1;
  scale_covariates(n, q, covariates, train, z);
  for (size_t i = 0; i < n; i++)
    for (size_t a = 0; a < p && (!train || train[i]); a++)
      for (size_t b = 0; b < p; b++) inverse[a * p + b] += z[i * p + a] * z[i * p + b];
  return pseudo_invert(p, inverse, err);
}

Status axis_take_out(size_t n, size_t q, const double *covariates, const bool *train, double *numbers, Error *err) {
  const size_t p = q + 1;
  double *z = mem_alloc(n * p, sizeof *z), *inverse = mem_alloc(p * p, sizeof *inverse),
         *sums = mem_alloc(p, sizeof *sums), *slopes = mem_alloc(p, sizeof *slopes);
  const Status status = prepare(n, q, covariates, train, z, inverse, err);
  for (size_t i = 0; i < n; i++)
    for (size_t a = 0; a < p && train[i]; a++) sums[a] += z[i * p + a] * numbers[i];
  for (size_t a = 0; a < p; a++)
    for (size_t b = 0; b < p; b++) slopes[a] += inverse[a * p + b] * sums[b];
  for (size_t i = 0; i < n; i++)
    for (size_t a = 0; a < p; a++) numbers[i] -= z[i * p + a] * slopes[a];
  free(z);
  free(inverse);
  free(sums);
  free(slopes);
  return status;
}

Status axis_check_left(double before, double after, Error *err) {
  if (after > 1e-12 * before) return STATUS_OK;
  return error_set(err, STATUS_NUMERIC, "the covariates explain the words' activations wholly: nothing is left to fit an "
                                        "axis on");
}

Status axis_residual_matrix(size_t n, size_t q, const double *covariates, const bool *train, double *matrix,
                            Error *err) {
  const size_t p = q + 1;
  double *z = mem_alloc(n * p, sizeof *z), *inverse = mem_alloc(p * p, sizeof *inverse),
         *map = mem_alloc(n * p, sizeof *map);
  const Status status = prepare(n, q, covariates, train, z, inverse, err);
  blas_gemm_f64(false, false, n, p, p, 1, z, p, inverse, p, 0, map, p);
  blas_gemm_f64(false, true, n, n, p, -1, map, p, z, p, 0, matrix, n);
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < n && train; j++)
      if (!train[j]) matrix[i * n + j] = 0; /* words that are tested say nothing of the regression */
    matrix[i * n + i] += 1;
  }
  free(z);
  free(inverse);
  free(map);
  return status;
}
