/* Sums of products over rows, accurate and at GEMM speed: float32 products over slices of a few hundred rows, slices
 * added in float64. With rows shifted near their mean the result is within about 1e-7 of full float64, relative to the
 * norms of the two columns. */
#ifndef FATHOM_NUM_CROSSPRODUCT_H
#define FATHOM_NUM_CROSSPRODUCT_H

#include <stdbool.h>
#include <stddef.h>

/* C[m,n] = op(A)[m,k] op(B)[k,n] in float32, row major, also in a build whose reals are doubles: gemm.h's, on all threads or on
 * this one within a parallel region; OpenBLAS's where processors without fused multiply-adds are built for. */
void product_f32(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const float *a, size_t lda,
                 const float *b, size_t ldb, float *c, size_t ldc);

enum { CROSSPRODUCT_SLICE = 512 }; /* rows of one float32 product */

/* total[p,q] += A'B with A[n,p], B[n,q]. Where a is b (and p is q) only row <= column counts, at half of the work, and
 * crossproduct_mirror fills the rest from it once all rows are in. */
typedef struct Crossproduct {
  size_t p, q;
  const float *a, *b;
  double *total;
} Crossproduct;

/* All of them for the same n rows, shared out over the threads, or on this one within a parallel region. With our own product
 * the bits are the same with any number of threads. */
void crossproducts_add(size_t n, size_t count, const Crossproduct *items);
void crossproduct_add(size_t n, size_t p, const float *a, size_t q, const float *b, double *total); /* one of them */
void crossproduct_mirror(size_t p, double *total);
size_t crossproduct_scratch(size_t p); /* bytes that a thread needs for it */
/* A total of zeros; freed with free. Its pages are written here: those of mem_alloc would be read first and written then, inside
 * the products, and each would interrupt all threads. */
double *crossproduct_total(size_t p, size_t q);

/* Sums in float64. */
double dot_f32(size_t n, const float *a, const float *b);
double distance2_f32(size_t n, const float *a, const float *b); /* |a - b|^2; exactly 0 for equal rows */
double dot_f64(size_t n, const double *a, const double *b);

/* The squared norm of each row [n, d], over the threads or on this one within a parallel region. */
void norms2_f32(size_t n, size_t d, const float *rows, double *norms2);

#endif
