/* The linear layers' matrix product: C = A op(B) [+ C], row major, on all threads.
 *
 * Ours and not OpenBLAS's because every forward and backward pass is nearly nothing else: on AVX-512 processors with
 * two full-width FMA units Debian's OpenBLAS reaches 0.6 of the ceiling and this 0.85 to 0.9 (bench/ceiling measures
 * both). Each element of C is summed over k in one fixed order that depends on neither m, n nor the number of threads:
 * a row's result does not depend on what else is in the batch, bit for bit. */
#ifndef FATHOM_NUM_GEMM_H
#define FATHOM_NUM_GEMM_H

#include "num/real.h"

#include <stdbool.h>
#include <stddef.h>

/* C[m,n] = op(A)[m,k] op(B)[k,n], added to C where accumulate is set. transpose_a: A is stored [k,m]; transpose_b: B is
 * stored [n,k], as weights are. lda, ldb, ldc: elements between rows as stored. C overlaps neither A nor B. Work space
 * is a few hundred KiB a thread, kept for the life of the thread. */
void gemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const real *a, size_t lda, const real *b,
          size_t ldb, bool accumulate, real *c, size_t ldc);

/* The same from within one thread of a parallel region (attention's small blocks): no further threads. */
void gemm_serial(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const real *a, size_t lda,
                 const real *b, size_t ldb, bool accumulate, real *c, size_t ldc);

#endif
