/* Linear layers: y = x W' [+ bias], with W as real values, as the bytes of a file, widened block by block inside the
 * product, or in bfloat16. The first two forms give the same bits. Knows nothing of file formats but how one
 * widens. */
#ifndef FATHOM_NUM_LINEAR_H
#define FATHOM_NUM_LINEAR_H

#include "base/error.h"
#include "num/onednn.h"
#include "num/real.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Widens n values, a multiple of the format's block, from src (any alignment). */
typedef void LinearWiden(const uint8_t *restrict src, size_t n, float *restrict dst);

/* What an adapter adds to some rows of W: scale B A, without ever being multiplied out. */
typedef struct LinearFactors {
  size_t first, rows; /* of W */
  size_t rank;
  real scale;
  const real *a; /* [rank, k] */
  const real *b; /* [rows, rank] */
} LinearFactors;

/* Some rows of W that lie one after the other. */
typedef struct LinearPart {
  size_t rows;
  const real *values;        /* [rows, k], or NULL and */
  const uint8_t *bytes;      /* [rows, k / block * block_bytes] */
  size_t block, block_bytes; /* values and bytes of a block; block divides GEMM_CHUNK and k */
  LinearWiden *widen;
  const uint32_t *order; /* [rows] row r of W is row order[r] as stored; NULL: in order */
} LinearPart;

enum { LINEAR_PARTS = 3 };

/* W [n outputs, k inputs]: its parts one below the other, as q, k and v of an attention. */
typedef struct Linear {
  size_t n, k, n_parts, n_factors;
  LinearPart parts[LINEAR_PARTS];
  LinearFactors factors[LINEAR_PARTS]; /* each of rows of its own */
  const real *bias;   /* [n], or NULL */
  const void *packed; /* W less factors in bfloat16 as onednn packs it, or NULL; of the parts, products then use only
                         rows and factors, and the rest serves linear_row where it is kept */
  uint16_t *narrow;   /* the same row by row, for products both ways, or NULL: what training multiplies with */
  Onednn *onednn;
} Linear;

/* y[rows, n] = x[rows, k] W' + bias + scale (x A') B'; ldx, ldy: elements between rows. y does not overlap x. Where W
 * is packed or narrow, x is rounded to bfloat16 first, sums stay in float32, and ldy must be n; factors are not rounded.
 */
void linear_forward(const Linear *w, size_t rows, const real *x, size_t ldx, real *y, size_t ldy);

/* Backward: dx[rows, k] = dy[rows, n] (W + scale B A), added to dx where accumulate is set. W as values or bytes: the
 * bits are the same. Where W is narrow, dy is rounded to bfloat16, too; W must not be packed. */
void linear_backward_input(const Linear *w, size_t rows, const real *dy, bool accumulate, real *dx);

/* Backward: the same dx, overwritten, and dW[n, k] = dy' x, overwritten or with accumulate added to; each NULL where it is
 * not wanted. Rows have no gaps. Where W is narrow, x and dy are rounded to bfloat16. */
void linear_backward(const Linear *w, size_t rows, const real *x, const real *dy, real *dx, bool accumulate,
                     real *dweight);

/* Backward: of factors number i, da[rank, k] = scale (dy B)' x and db[factors' rows, rank] = scale dy' (x A'), dy the
 * columns of dy[rows, n] that the factors' rows give. Added to where accumulate is set. */
void linear_backward_factors(const Linear *w, size_t i, size_t rows, const real *x, const real *dy, bool accumulate,
                             real *da, real *db);

/* The bytes that packing W in bfloat16 takes, and packing it there (aligned to 64 bytes), from any of its parts' forms.
 * Values beyond bfloat16's range become infinite. Not for double. */
Status linear_packed_bytes(const Linear *w, Onednn *onednn, size_t *bytes, Error *err);
Status linear_pack(Linear *w, Onednn *onednn, void *packed, Error *err);

/* Rounds W, in any of its parts' forms, to narrow[n, k] and keeps that as its form for products; to be called again
 * when values have changed. Not for double. */
void linear_narrow(Linear *w, Onednn *onednn, uint16_t *narrow);

/* out[k] = row `row` of W: what an embedding looks up. */
void linear_row(const Linear *w, size_t row, real *out);

#endif
