/* CBLAS and LAPACK, as the rest of fathom sees them. */
#include "num/blas.h"

#include <cblas.h>
#include <assert.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* LAPACK's Fortran interface, column major. */
void dgesdd_(const char *jobz, const int *m, const int *n, double *a, const int *lda, double *s, double *u, const int *ldu,
             double *vt, const int *ldvt, double *work, const int *lwork, int *iwork, int *info, size_t jobz_length);
void dgelqf_(const int *m, const int *n, double *a, const int *lda, double *tau, double *work, const int *lwork, int *info);
void dsyevd_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w, double *work,
             const int *lwork, int *iwork, const int *liwork, int *info, size_t jobz_length, size_t uplo_length);
void dposv_(const char *uplo, const int *n, const int *nrhs, double *a, const int *lda, double *b, const int *ldb, int *info,
            size_t uplo_length);

const char *blas_description(void) {
  static char text[256];
  snprintf(text, sizeof text, "%s (kernels: %s)", openblas_get_config(), openblas_get_corename());
  return text;
}

#define DIMENSION(x) (assert((x) <= INT_MAX), (int)(x))

void blas_gemm_f32(bool ta, bool tb, size_t m, size_t n, size_t k, float alpha, const float *a, size_t lda, const float *b,
                   size_t ldb, float beta, float *c, size_t ldc) {
  cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, DIMENSION(m), DIMENSION(n),
              DIMENSION(k), alpha, a, DIMENSION(lda), b, DIMENSION(ldb), beta, c, DIMENSION(ldc));
}

void blas_gemm_f64(bool ta, bool tb, size_t m, size_t n, size_t k, double alpha, const double *a, size_t lda,
                   const double *b, size_t ldb, double beta, double *c, size_t ldc) {
  cblas_dgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, DIMENSION(m), DIMENSION(n),
              DIMENSION(k), alpha, a, DIMENSION(lda), b, DIMENSION(ldb), beta, c, DIMENSION(ldc));
}

void blas_gemm(bool ta, bool tb, size_t m, size_t n, size_t k, real alpha, const real *a, size_t lda, const real *b,
               size_t ldb, real beta, real *c, size_t ldc) {
#ifdef FATHOM_DOUBLE
  blas_gemm_f64(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
#else
  blas_gemm_f32(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
#endif
}

void blas_gram_f64(size_t n, size_t d, const double *a, double *c) {
  cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, DIMENSION(d), DIMENSION(n), 1, a, DIMENSION(d), 1, c, DIMENSION(d));
}

/* The entry of largest magnitude in each row of Vt is made positive; U's column follows. */
static void fix_signs(size_t m, size_t n, size_t r, double *u, double *vt) {
  for (size_t i = 0; i < r; i++) {
    size_t largest = 0;
    for (size_t j = 1; j < n; j++)
      if (fabs(vt[i * n + j]) > fabs(vt[i * n + largest])) largest = j;
    if (vt[i * n + largest] >= 0) continue;
    for (size_t j = 0; j < n; j++) vt[i * n + j] = -vt[i * n + j];
    for (size_t j = 0; j < m; j++) u[j * r + i] = -u[j * r + i];
  }
}

Status blas_svd(size_t m, size_t n, double *a, double *s, double *u, double *vt, Error *err) {
  /* Row-major A is column-major A': its left vectors are our Vt's rows, its right ones our U's columns. */
  const int rows = DIMENSION(n), columns = DIMENSION(m), r = rows < columns ? rows : columns;
  assert((u == NULL) == (vt == NULL));
  const char *job = u ? "S" : "N";
  const int one = 1;
  int info = 0, query = -1;
  double best = 0, unused = 0;
  int *iwork = calloc((size_t)(8 * r + 1), sizeof *iwork);
  if (!iwork) return error_set(err, STATUS_SYSTEM, "no memory for a %zu x %zu SVD", m, n);
  dgesdd_(job, &rows, &columns, a, &rows, s, vt ? vt : &unused, vt ? &rows : &one, u ? u : &unused, u ? &r : &one, &best,
          &query, iwork, &info, 1);
  const int lwork = (int)best;
  double *work = info == 0 ? malloc(sizeof *work * (size_t)lwork) : NULL;
  Status status = STATUS_OK;
  if (!work)
    status = error_set(err, STATUS_SYSTEM, "no memory for a %zu x %zu SVD", m, n);
  else
    dgesdd_(job, &rows, &columns, a, &rows, s, vt ? vt : &unused, vt ? &rows : &one, u ? u : &unused, u ? &r : &one, work,
            &lwork, iwork, &info, 1);
  if (status == STATUS_OK && info != 0)
    status = error_set(err, STATUS_NUMERIC, "the SVD of a %zu x %zu matrix did not converge", m, n);
  if (status == STATUS_OK && u) fix_signs(m, n, (size_t)r, u, vt);
  free(work);
  free(iwork);
  return status;
}

Status blas_triangle(size_t m, size_t n, double *a, Error *err) {
  /* Row-major A = QR is column-major A' = R'Q': LAPACK's LQ, whose L stands where our R does. */
  assert(m >= n);
  const int rows = DIMENSION(n), columns = DIMENSION(m), query = -1;
  int info = 0;
  double best = 0, *tau = malloc(sizeof *tau * (n + 1));
  dgelqf_(&rows, &columns, a, &rows, tau, &best, &query, &info);
  const int lwork = (int)best;
  double *work = tau ? malloc(sizeof *work * (size_t)(lwork + 1)) : NULL;
  Status status = STATUS_OK;
  if (!work)
    status = error_set(err, STATUS_SYSTEM, "no memory for the QR decomposition of a %zu x %zu matrix", m, n);
  else
    dgelqf_(&rows, &columns, a, &rows, tau, work, &lwork, &info);
  assert(info == 0);
  for (size_t i = 1; i < n && work; i++) memset(a + i * n, 0, i * sizeof *a);
  free(work);
  free(tau);
  return status;
}

Status blas_eigen(size_t n, double *a, double *values, bool vectors, Error *err) {
  const int size = DIMENSION(n), query = -1;
  const char *job = vectors ? "V" : "N";
  double best = 0;
  int best_integers = 0, info = 0;
  dsyevd_(job, "U", &size, a, &size, values, &best, &query, &best_integers, &query, &info, 1, 1);
  const int lwork = (int)best;
  double *work = malloc(sizeof *work * (size_t)(lwork + 1));
  int *iwork = malloc(sizeof *iwork * (size_t)(best_integers + 1));
  Status status = STATUS_OK;
  if (!work || !iwork)
    status = error_set(err, STATUS_SYSTEM, "no memory for the eigenvalues of a %zu x %zu matrix", n, n);
  else
    dsyevd_(job, "U", &size, a, &size, values, work, &lwork, iwork, &best_integers, &info, 1, 1);
  if (status == STATUS_OK && info != 0)
    status = error_set(err, STATUS_NUMERIC, "the eigenvalues of a %zu x %zu matrix did not converge", n, n);
  free(work);
  free(iwork);
  return status;
}

Status blas_solve(size_t n, double *a, size_t m, double *b, Error *err) {
  const int size = DIMENSION(n), sides = DIMENSION(m);
  int info = 0;
  dposv_("U", &size, &sides, a, &size, b, &size, &info, 1);
  if (info == 0) return STATUS_OK;
  return error_set(err, STATUS_NUMERIC, "a %zu x %zu matrix is not positive definite", n, n);
}
