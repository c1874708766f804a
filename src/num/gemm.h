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

/* C[m,n] = A[m,k] B' [+ C] where row `row` of B[n,k] is not in memory as reals: read writes its values [p, p + count)
 * to out, called by several threads at once. p is a multiple of GEMM_CHUNK, and so is count unless the row ends there.
 * The bits of C are those of gemm(false, true, ...) on the values read; each row is read once a thread that needs it.
 */
enum { GEMM_CHUNK = 256 };
typedef void GemmRead(const void *context, size_t row, size_t p, size_t count, real *out);
void gemm_read(size_t m, size_t n, size_t k, const real *a, size_t lda, GemmRead *read, const void *context,
               bool accumulate, real *c, size_t ldc);

/* total[p,q] += A'B in columns [j0, j1), from within one thread: A[k,p] and B[k,q] with k <= GEMM_MOST_ADDED, products summed over k
 * as gemm does and then added in float64, tile by tile out of the cache. With upper (p = q), row <= column alone; what a tile holds
 * below the diagonal may or may not be added to. */
enum { GEMM_MOST_ADDED = 3 * GEMM_CHUNK, GEMM_ADD_COLUMNS = 288 }; /* of B that are packed at a time where k is 512 */
void gemm_add_f64(size_t k, size_t p, const real *a, size_t q, const real *b, bool upper, size_t j0, size_t j1, double *total);

size_t gemm_scratch(void); /* bytes of a thread's work space */

/* gemm from within one thread of a parallel region (attention's small blocks): no further threads. */
void gemm_serial(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const real *a, size_t lda,
                 const real *b, size_t ldb, bool accumulate, real *c, size_t ldc);

#endif
