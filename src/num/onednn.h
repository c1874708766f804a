/* Matrix products in bfloat16 through oneDNN: the sole user of its header.
 *
 * y = x W' with x and W in bfloat16 (bits as in base/half.h), sums and y in float32. A matrix is brought once into the
 * blocked order that oneDNN's kernels read; where matrices change with every step and are needed both ways, as in
 * training, products take plain rows. The code of a product is made when its shape first comes, and kept for the
 * shapes that came last. oneDNN runs on the same OpenMP threads as everything else. */
#ifndef FATHOM_NUM_ONEDNN_H
#define FATHOM_NUM_ONEDNN_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Onednn Onednn; /* used by one thread at a time */

/* "oneDNN 2.6.3", or NULL where fathom was built without it. */
const char *onednn_description(void);

/* STATUS_SYSTEM where fathom was built without oneDNN, or the processor has no bfloat16 multiply-adds (avx512_bf16 or
 * AMX): the message says which. */
Status onednn_open(Onednn **onednn, Error *err);
void onednn_close(Onednn *onednn); /* NULL is fine */

/* Bytes of a packed matrix [n,k], about 2 n k. */
Status onednn_packed_bytes(Onednn *onednn, size_t n, size_t k, size_t *bytes, Error *err);

/* rows[n,k], as weights are stored, in packed order. packed is aligned to 64 bytes and does not overlap rows. */
Status onednn_pack(Onednn *onednn, size_t n, size_t k, const uint16_t *rows, void *packed, Error *err);

/* Room for n values, of an x that is to be rounded: kept, and handed out again. */
uint16_t *onednn_scratch(Onednn *onednn, size_t n);

/* y[m,n] = x[m,k] W', W[n,k] packed by the same onednn. A row's result depends on no other row. Lack of memory for
 * oneDNN's own small needs ends the process through mem_exhausted. */
void onednn_multiply(Onednn *onednn, size_t m, size_t n, size_t k, const uint16_t *x, const void *packed, float *y);

/* C[m,n] = op(A)[m,k] op(B)[k,n], added to C where accumulate is set, as gemm of num/gemm.h on plain rows without gaps:
 * transpose_a: A is stored [k,m]; transpose_b: B is stored [n,k]. Rows and lack of memory as above. */
void onednn_gemm(Onednn *onednn, bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const uint16_t *a,
                 const uint16_t *b, bool accumulate, float *c);

#endif
