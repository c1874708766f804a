/* Linear layers on values, on a file's bytes or in bfloat16: hands the matrix product its rows. */
#include "num/linear.h"

#include "base/half.h"
#include "base/memory.h"
#include "num/gemm.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
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

static void set_to_bias(const Linear *w, size_t rows, real *y, size_t ldy) {
#pragma omp parallel for schedule(static)
  for (size_t t = 0; t < rows; t++) memcpy(y + t * ldy, w->bias, w->n * sizeof *y);
}

#ifdef FATHOM_DOUBLE
static void forward_bfloat16(const Linear *w, size_t rows, const real *x, size_t ldx, real *y) {
  (void)w, (void)rows, (void)x, (void)ldx, (void)y;
  assert(!"bfloat16 in double");
}

static void backward_bfloat16(const Linear *w, size_t rows, const real *x, const real *dy, bool add_dx, real *dx,
                              bool add_dweight, real *dweight) {
  (void)w, (void)rows, (void)x, (void)dy, (void)add_dx, (void)dx, (void)add_dweight, (void)dweight;
  assert(!"bfloat16 in double");
}
#else
static void narrow_rows(size_t rows, size_t width, const real *x, size_t ldx, uint16_t *out) {
#pragma omp parallel for schedule(static)
  for (size_t t = 0; t < rows; t++) half_bf16_narrow(x + t * ldx, width, out + t * width);
}

static void forward_bfloat16(const Linear *w, size_t rows, const real *x, size_t ldx, real *y) {
  uint16_t *narrow = onednn_scratch(w->onednn, rows * w->k);
  narrow_rows(rows, w->k, x, ldx, narrow);
  if (w->packed)
    onednn_multiply(w->onednn, rows, w->n, w->k, narrow, w->packed, y);
  else
    onednn_gemm(w->onednn, false, true, rows, w->n, w->k, narrow, w->narrow, false, y);
  if (!w->bias) return;
#pragma omp parallel for schedule(static)
  for (size_t t = 0; t < rows; t++)
    for (size_t i = 0; i < w->n; i++) y[t * w->n + i] += w->bias[i];
}

/* dy is rounded once for both. */
static void backward_bfloat16(const Linear *w, size_t rows, const real *x, const real *dy, bool add_dx, real *dx,
                              bool add_dweight, real *dweight) {
  enum { LINE = 64 / sizeof(uint16_t) };
  const size_t room = (rows * w->n + LINE - 1) / LINE * LINE;
  uint16_t *narrow_dy = onednn_scratch(w->onednn, room + rows * w->k), *narrow_x = narrow_dy + room;
  narrow_rows(rows, w->n, dy, w->n, narrow_dy);
  if (dx) onednn_gemm(w->onednn, false, false, rows, w->k, w->n, narrow_dy, w->narrow, add_dx, dx);
  if (!dweight) return;
  narrow_rows(rows, w->k, x, w->k, narrow_x);
  onednn_gemm(w->onednn, true, false, w->n, w->k, rows, narrow_dy, narrow_x, add_dweight, dweight);
}
#endif

static void forward_read(const Linear *w, size_t rows, const real *x, size_t ldx, real *y, size_t ldy) {
  const bool plain = w->n_parts == 1 && w->parts[0].values && !w->parts[0].order, biased = w->bias != NULL;
  check(w);
  if (biased) set_to_bias(w, rows, y, ldy);
  if (plain)
    gemm(false, true, rows, w->n, w->k, x, ldx, w->parts[0].values, w->k, biased, y, ldy);
  else
    gemm_read(rows, w->n, w->k, x, ldx, read_row, w, biased, y, ldy);
}

/* inner[rows, rank] = scale x A', to be freed: of the wide products of a pass a thin one beside each. */
static real *factor_inner(const LinearFactors *f, size_t k, size_t rows, const real *x, size_t ldx) {
  real *inner = mem_alloc(rows * f->rank, sizeof *inner);
  gemm(false, true, rows, f->rank, k, x, ldx, f->a, k, false, inner, f->rank);
  for (size_t i = 0; f->scale != 1 && i < rows * f->rank; i++) inner[i] *= f->scale;
  return inner;
}

/* y += scale (x A') B' */
static void add_factors(const LinearFactors *f, size_t k, size_t rows, const real *x, size_t ldx, real *y, size_t ldy) {
  real *inner = factor_inner(f, k, rows, x, ldx);
  gemm(false, true, rows, f->rows, f->rank, inner, f->rank, f->b, f->rank, true, y + f->first, ldy);
  free(inner);
}

void linear_forward(const Linear *w, size_t rows, const real *x, size_t ldx, real *y, size_t ldy) {
  const bool is_bfloat16 = w->packed || w->narrow;
  assert(!is_bfloat16 || ldy == w->n);
  if (is_bfloat16)
    forward_bfloat16(w, rows, x, ldx, y);
  else
    forward_read(w, rows, x, ldx, y, ldy);
  for (size_t i = 0; i < w->n_factors; i++) add_factors(&w->factors[i], w->k, rows, x, ldx, y, ldy);
}

/* A panel of W's rows at a time is widened: each element of dx is summed over W's rows in one order, whatever the
 * panels. */
static void backward_read(const Linear *w, size_t rows, const real *dy, bool accumulate, real *dx) {
  enum { PANEL = 256 };
  real *panel = mem_alloc((w->n < PANEL ? w->n : PANEL) * w->k, sizeof *panel);
  for (size_t first = 0; first < w->n; first += PANEL) {
    const size_t n = w->n - first < PANEL ? w->n - first : PANEL;
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < n; r++)
      for (size_t p = 0; p < w->k; p += GEMM_CHUNK)
        read_row(w, first + r, p, w->k - p < GEMM_CHUNK ? w->k - p : GEMM_CHUNK, panel + r * w->k + p);
    gemm(false, false, rows, w->k, n, dy + first, w->n, panel, w->k, accumulate || first > 0, dx, w->k);
  }
  free(panel);
}

/* inner[rows, rank] = scale dy B, to be freed. */
static real *factor_inner_backward(const Linear *w, const LinearFactors *f, size_t rows, const real *dy) {
  real *inner = mem_alloc(rows * f->rank, sizeof *inner);
  gemm(false, false, rows, f->rank, f->rows, dy + f->first, w->n, f->b, f->rank, false, inner, f->rank);
  for (size_t i = 0; f->scale != 1 && i < rows * f->rank; i++) inner[i] *= f->scale;
  return inner;
}

/* dx += scale (dy B) A */
static void add_factors_backward(const Linear *w, const LinearFactors *f, size_t rows, const real *dy, real *dx) {
  real *inner = factor_inner_backward(w, f, rows, dy);
  gemm(false, false, rows, w->k, f->rank, inner, f->rank, f->a, w->k, true, dx, w->k);
  free(inner);
}

void linear_backward_input(const Linear *w, size_t rows, const real *dy, bool accumulate, real *dx) {
  assert(!w->packed);
  check(w);
  if (w->narrow)
    backward_bfloat16(w, rows, NULL, dy, accumulate, dx, false, NULL);
  else if (w->n_parts == 1 && w->parts[0].values && !w->parts[0].order)
    gemm(false, false, rows, w->k, w->n, dy, w->n, w->parts[0].values, w->k, accumulate, dx, w->k);
  else
    backward_read(w, rows, dy, accumulate, dx);
  for (size_t i = 0; i < w->n_factors; i++) add_factors_backward(w, &w->factors[i], rows, dy, dx);
}

void linear_backward(const Linear *w, size_t rows, const real *x, const real *dy, real *dx, bool accumulate,
                     real *dweight) {
  if (w->narrow && dweight) {
    backward_bfloat16(w, rows, x, dy, false, dx, accumulate, dweight);
    for (size_t i = 0; dx && i < w->n_factors; i++) add_factors_backward(w, &w->factors[i], rows, dy, dx);
    return;
  }
  if (dx) linear_backward_input(w, rows, dy, false, dx);
  if (dweight) gemm(true, false, w->n, w->k, rows, dy, w->n, x, w->k, accumulate, dweight, w->k);
}

void linear_backward_factors(const Linear *w, size_t i, size_t rows, const real *x, const real *dy, bool accumulate,
                             real *da, real *db) {
  const LinearFactors *f = &w->factors[i];
  real *inner = factor_inner(f, w->k, rows, x, w->k);
  gemm(true, false, f->rows, f->rank, rows, dy + f->first, w->n, inner, f->rank, accumulate, db, f->rank);
  free(inner);
  inner = factor_inner_backward(w, f, rows, dy);
  gemm(true, false, f->rank, w->k, rows, inner, f->rank, x, w->k, accumulate, da, w->k);
  free(inner);
}

Status linear_packed_bytes(const Linear *w, Onednn *onednn, size_t *bytes, Error *err) {
  return onednn_packed_bytes(onednn, w->n, w->k, bytes, err);
}

/* Row r of W in bfloat16. */
static void narrow_row(const Linear *w, size_t r, uint16_t *out) {
  const LinearPart *part = w->parts;
#ifndef FATHOM_DOUBLE
  if (w->n_parts == 1 && part->values && !part->order) {
    half_bf16_narrow(part->values + r * w->k, w->k, out);
    return;
  }
#else
  (void)part;
#endif
  for (size_t p = 0; p < w->k; p += GEMM_CHUNK) {
    const size_t count = w->k - p < GEMM_CHUNK ? w->k - p : GEMM_CHUNK;
    real chunk[GEMM_CHUNK];
    read_row(w, r, p, count, chunk);
    for (size_t i = 0; i < count; i++) out[p + i] = half_bf16_from_f32((float)chunk[i]);
  }
}

/* W in bfloat16, row by row. */
static void narrow_all(const Linear *w, uint16_t *rows) {
  check(w);
#pragma omp parallel for schedule(static)
  for (size_t r = 0; r < w->n; r++) narrow_row(w, r, rows + r * w->k);
}

Status linear_pack(Linear *w, Onednn *onednn, void *packed, Error *err) {
  void *block;
  size_t values = 0;
  assert(sizeof(real) == sizeof(float));
  Status status = size_multiply(w->n, w->k, &values) ? STATUS_OK : error_set(err, STATUS_SYSTEM, "matrix too large");
  if (status == STATUS_OK) status = mem_try(values, sizeof(uint16_t), &block, err);
  if (status != STATUS_OK) return status;
  uint16_t *rows = block;
  narrow_all(w, rows);
  status = onednn_pack(onednn, w->n, w->k, rows, packed, err);
  free(block);
  if (status != STATUS_OK) return status;
  w->packed = packed;
  w->onednn = onednn;
  return STATUS_OK;
}

void linear_narrow(Linear *w, Onednn *onednn, uint16_t *narrow) {
  assert(sizeof(real) == sizeof(float));
  narrow_all(w, narrow);
  w->narrow = narrow;
  w->onednn = onednn;
}

void linear_row(const Linear *w, size_t row, real *out) {
  assert(row < w->n);
  for (size_t p = 0; p < w->k; p += GEMM_CHUNK)
    read_row(w, row, p, w->k - p < GEMM_CHUNK ? w->k - p : GEMM_CHUNK, out + p);
  for (size_t i = 0; i < w->n_factors; i++) {
    const LinearFactors *f = &w->factors[i];
    if (row < f->first || row >= f->first + f->rows) continue;
    for (size_t r = 0; r < f->rank; r++) {
      const real b = f->scale * f->b[(row - f->first) * f->rank + r], *a = f->a + r * w->k;
      for (size_t j = 0; j < w->k; j++) out[j] += b * a[j];
    }
  }
}
