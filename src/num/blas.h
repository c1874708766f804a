/* Matrix products and factorisations: the sole user of CBLAS and LAPACK. Matrices are row major. */
#ifndef FATHOM_NUM_BLAS_H
#define FATHOM_NUM_BLAS_H

#include "base/error.h"
#include "num/real.h"

#include <stdbool.h>
#include <stddef.h>

/* Name and kernel family of the BLAS in use, "OpenBLAS 0.3.21 ... SkylakeX". */
const char *blas_description(void);

/* C[m,n] = alpha * op(A) op(B) + beta * C; op transposes where the flag is set. lda, ldb, ldc: elements between rows. */
void blas_gemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, real alpha, const real *a, size_t lda,
               const real *b, size_t ldb, real beta, real *c, size_t ldc);
void blas_gemm_f32(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, float alpha, const float *a, size_t lda,
                   const float *b, size_t ldb, float beta, float *c, size_t ldc);
void blas_gemm_f64(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, double alpha, const double *a,
                   size_t lda, const double *b, size_t ldb, double beta, double *c, size_t ldc);

/* C[d,d] += A'A with A[n,d], the lower triangle (row >= column) of C alone. */
void blas_gram_f64(size_t n, size_t d, const double *a, double *c);

/* Thin SVD A[m,n] = U[m,r] diag(s[r]) Vt[r,n], r = min(m, n), singular values descending; u and vt may both be NULL. A is
 * destroyed. The sign of each pair is fixed: the entry of largest magnitude in each row of Vt is positive. */
Status blas_svd(size_t m, size_t n, double *a, double *s, double *u, double *vt, Error *err);

/* A[m,n] = QR, m >= n: R[n,n], upper triangular, takes the place of A's first n rows, and the rest of A is destroyed. R has
 * A's singular values to rounding; the signs of its rows are LAPACK's. */
Status blas_triangle(size_t m, size_t n, double *a, Error *err);

/* Solves A x = b for symmetric positive definite A[n,n], of which the lower triangle is read; A is destroyed. Each row of
 * b[m,n] is a right-hand side and becomes its solution. STATUS_NUMERIC where A is not positive definite. */
Status blas_solve(size_t n, double *a, size_t m, double *b, Error *err);

/* Eigenvalues (ascending) of symmetric A[n,n], of which the lower triangle is read; with vectors, row i of A holds the unit eigenvector of value i. */
Status blas_eigen(size_t n, double *a, double *values, bool vectors, Error *err);

#endif
