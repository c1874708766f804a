/* Linear layers on values or on a file's bytes: hands the matrix product its rows. */
#include "num/linear.h"

#include "num/gemm.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

/* Values [p, p + count) of row r of a part, p at the start of a block and count whole blocks: at most a chunk. */
static void read_part(const LinearPart *part, size_t k, size_t r, size_t p, size_t count, real *out) {
  const size_t stored = part->order ? part->order[r] : r;
  if (part->values) {
    memcpy(out, part->values + stored * k + p, count * sizeof *out);
    return;
  }
  const uint8_t *from = part->bytes + (stored * k + p) / part->block * part->block_bytes;
#ifdef FATHOM_DOUBLE
  float widened[GEMM_CHUNK];
  part->widen(from, count, widened);
  for (size_t i = 0; i < count; i++) out[i] = widened[i];
#else
  part->widen(from, count, out);
#endif
}

/* A GemmRead over a Linear. */
static void read_row(const void *context, size_t row, size_t p, size_t count, real *out) {
  const Linear *w = context;
  const LinearPart *part = w->parts;
  for (; row >= part->rows; part++) row -= part->rows;
  read_part(part, w->k, row, p, count, out);
}

static void check(const Linear *w) {
  size_t rows = 0;
  assert(w->n_parts <= LINEAR_PARTS);
  for (size_t i = 0; i < w->n_parts; i++) {
    const LinearPart *part = &w->parts[i];
    assert(part->values || (GEMM_CHUNK % part->block == 0 && w->k % part->block == 0));
    rows += part->rows;
  }
  assert(rows == w->n);
}

void linear_forward(const Linear *w, size_t rows, const real *x, size_t ldx, real *y, size_t ldy) {
  const bool plain = w->n_parts == 1 && w->parts[0].values && !w->parts[0].order, biased = w->bias != NULL;
  check(w);
  if (biased) {
#pragma omp parallel for schedule(static)
    for (size_t t = 0; t < rows; t++) memcpy(y + t * ldy, w->bias, w->n * sizeof *y);
  }
  if (plain)
    gemm(false, true, rows, w->n, w->k, x, ldx, w->parts[0].values, w->k, biased, y, ldy);
  else
    gemm_read(rows, w->n, w->k, x, ldx, read_row, w, biased, y, ldy);
}

void linear_row(const Linear *w, size_t row, real *out) {
  assert(row < w->n);
  for (size_t p = 0; p < w->k; p += GEMM_CHUNK)
    read_row(w, row, p, w->k - p < GEMM_CHUNK ? w->k - p : GEMM_CHUNK, out + p);
}
