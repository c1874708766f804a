/* Matrix product by packed panels and one register tile (after Goto and van de Geijn 2008, with the roles of the two
 * operands chosen for row-major activations).
 *
 *   C[m,n]:  a thread owns a range of column panels (TILE_N wide) and of rows; nothing is shared while it computes.
 *   B:       packed, a block of BLOCK_K x BLOCK_N at a time, as panels [k][TILE_N] that stay in the L2 cache.
 *   A:       read where it lies: TILE_M rows of BLOCK_K contiguous values stay in the L1 cache while the panels of B
 * pass by. A transposed A is packed to strips [k][TILE_M] first. tile:    TILE_M x TILE_N sums in registers, one
 * broadcast of A against three vectors of B. */
#include "num/gemm.h"

#include "base/memory.h"
#include "num/vec.h"

#include <assert.h>
#include <omp.h>

enum {
  TILE_VECS = 3,
#ifdef __AVX512F__
  TILE_M = 8, /* 24 sums of the 32 registers */
#else
  TILE_M = 4, /* 12 sums of the 16 registers */
#endif
  TILE_N = TILE_VECS * VEC_LANES,
  BLOCK_K = 3 * GEMM_CHUNK,                /* depth of a panel at most: TILE_M x BLOCK_K values of A stay in L1 */
  PACKED_B = 768 * 192 * 4 / sizeof(real), /* values of B packed at a time: 576 KiB stay in L2 */
  BLOCK_M = 12 * TILE_M,                   /* rows of a transposed A packed at a time */
  PREFETCH = 6 * 64 / sizeof(real), /* values ahead: six cache lines, in each of the rows that are packed at once */
  HUGE_PAGE = 2 << 20,
  STRIP_PAD = VEC_LANES,                /* keeps the strips' starts out of one cache set */
  READ_STRIDE = GEMM_CHUNK + VEC_LANES, /* and those of rows that were read */
};

typedef struct Job {
  bool transpose_a, transpose_b, accumulate;
  size_t m, n, k, lda, ldb, ldc;
  const real *a, *b;
  real *c;
  GemmRead *read; /* instead of b */
  const void *context;
} Job;

/* Work space of one thread. */
typedef struct Scratch {
  real b[PACKED_B];
  real a[BLOCK_M / TILE_M * (TILE_M * BLOCK_K + STRIP_PAD)];
  real edge[TILE_M * TILE_N];
  real read[TILE_N * READ_STRIDE];
} Scratch;

static Scratch *thread_scratch(void) {
  static _Thread_local Scratch *scratch;
  if (!scratch) scratch = mem_alloc_aligned(1, sizeof *scratch, HUGE_PAGE);
  return scratch;
}

size_t gemm_scratch(void) { return sizeof(Scratch); }

/* Where op(A) of the current block lies: element (i, p) at at[i * row + p * column]. */
typedef struct Strip {
  const real *at;
  size_t row, column;
} Strip;

/* sums[rows, TILE_N] = A[rows, depth] panel[depth, TILE_N], to c (or added to it). rows is a constant at every call, so
 * that the sums stay in registers. The order over k is 0, 1, 2, ... for every row. */
__attribute__((always_inline)) static inline void tile(size_t rows, size_t depth, const Strip a, const real *panel,
                                                       bool add, real *c, size_t ldc) {
  vec sums[TILE_M][TILE_VECS];
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < TILE_VECS; j++) sums[i][j] = add ? vec_load(c + i * ldc + j * VEC_LANES) : (vec){0};
  for (size_t p = 0; p < depth; p++) {
    vec b[TILE_VECS];
    for (size_t j = 0; j < TILE_VECS; j++) b[j] = vec_load(panel + p * TILE_N + j * VEC_LANES);
    for (size_t i = 0; i < rows; i++) {
      const vec x = vec_all(a.at[i * a.row + p * a.column]);
      for (size_t j = 0; j < TILE_VECS; j++) sums[i][j] += x * b[j];
    }
  }
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < TILE_VECS; j++) vec_store(c + i * ldc + j * VEC_LANES, sums[i][j]);
}

/* The usual tile, its strides known to the compiler. */
static void tile_full(size_t depth, const Strip a, const real *panel, bool add, real *c, size_t ldc) {
  if (a.column == 1)
    tile(TILE_M, depth, (Strip){a.at, a.row, 1}, panel, add, c, ldc);
  else
    tile(TILE_M, depth, (Strip){a.at, 1, TILE_M}, panel, add, c, ldc);
}

static void tile_rows(size_t rows, size_t depth, const Strip a, const real *panel, bool add, real *c, size_t ldc) {
  switch (rows) {
  case TILE_M: tile_full(depth, a, panel, add, c, ldc); break;
#ifdef __AVX512F__
  case 7: tile(7, depth, a, panel, add, c, ldc); break;
  case 6: tile(6, depth, a, panel, add, c, ldc); break;
  case 5: tile(5, depth, a, panel, add, c, ldc); break;
  case 4: tile(4, depth, a, panel, add, c, ldc); break;
#endif
  case 3: tile(3, depth, a, panel, add, c, ldc); break;
  case 2: tile(2, depth, a, panel, add, c, ldc); break;
  case 1: tile(1, depth, a, panel, add, c, ldc); break;
  default: assert(!"rows of a tile");
  }
}

/* A tile at the right edge: computed whole beside C (packed panels are padded with zeros), then the real columns
 * copied. */
static void tile_edge(size_t rows, size_t columns, size_t depth, const Strip a, const real *panel, bool add, real *c,
                      size_t ldc, real *edge) {
  for (size_t i = 0; add && i < rows; i++) memcpy(edge + i * TILE_N, c + i * ldc, columns * sizeof *c);
  tile_rows(rows, depth, a, panel, add, edge, TILE_N);
  for (size_t i = 0; i < rows; i++) memcpy(c + i * ldc, edge + i * TILE_N, columns * sizeof *c);
}

/* Rows [0, columns) of b, each depth long, become columns of the panel, a square of one register's lanes at a time, in
 * as many streams through b as a register has lanes. */
static void pack_transposed(size_t columns, size_t depth, const real *b, size_t ldb, real *panel) {
  for (size_t j = 0; j < TILE_N; j += VEC_LANES) {
    for (size_t p = 0; p < depth; p += VEC_LANES) {
      const size_t n_deep = depth - p < VEC_LANES ? depth - p : VEC_LANES;
      vec square[VEC_LANES];
      if (j + VEC_LANES <= columns && n_deep == VEC_LANES) {
#pragma GCC unroll 16
        for (size_t i = 0; i < VEC_LANES; i++) {
          square[i] = vec_load(b + (j + i) * ldb + p);
          __builtin_prefetch(b + (j + i) * ldb + p + PREFETCH);
        }
      } else {
        for (size_t i = 0; i < VEC_LANES; i++)
          square[i] = j + i < columns ? vec_load_part(b + (j + i) * ldb + p, n_deep, 0) : (vec){0};
      }
      vec_transpose(square);
      if (n_deep == VEC_LANES) {
#pragma GCC unroll 16
        for (size_t i = 0; i < VEC_LANES; i++) vec_store(panel + (p + i) * TILE_N + j, square[i]);
      } else {
        for (size_t i = 0; i < n_deep; i++) vec_store(panel + (p + i) * TILE_N + j, square[i]);
      }
    }
  }
}

static void pack_plain(size_t columns, size_t depth, const real *b, size_t ldb, real *panel) {
  for (size_t p = 0; p < depth; p++) {
    memcpy(panel + p * TILE_N, b + p * ldb, columns * sizeof *b);
    for (size_t j = columns; j < TILE_N; j++) panel[p * TILE_N + j] = 0;
  }
}

/* op(A) rows [0, rows), depth deep, of an A stored [k, m], as strips [depth][TILE_M]. */
static void pack_a(size_t rows, size_t depth, const real *a, size_t lda, real *packed) {
  const size_t strip = TILE_M * depth + STRIP_PAD;
  for (size_t p = 0; p < depth; p++) {
    const real *from = a + p * lda;
    size_t i = 0;
    for (; i + TILE_M <= rows; i += TILE_M)
      memcpy(packed + i / TILE_M * strip + p * TILE_M, from + i, TILE_M * sizeof *a);
    if (i < rows) memcpy(packed + i / TILE_M * strip + p * TILE_M, from + i, (rows - i) * sizeof *a);
  }
}

/* As pack_transposed, from rows that are read a chunk at a time. */
static void pack_read(const Job *job, size_t row, size_t columns, size_t p0, size_t depth, real *read, real *panel) {
  for (size_t p = 0; p < depth; p += GEMM_CHUNK) {
    const size_t count = depth - p < GEMM_CHUNK ? depth - p : GEMM_CHUNK;
    for (size_t i = 0; i < columns; i++) job->read(job->context, row + i, p0 + p, count, read + i * READ_STRIDE);
    pack_transposed(columns, count, read, READ_STRIDE, panel + p * TILE_N);
  }
}

static void pack_b(const Job *job, size_t n0, size_t columns, size_t p0, size_t depth, Scratch *scratch) {
  real *packed = scratch->b;
  for (size_t j = 0; j < columns; j += TILE_N) {
    const size_t width = columns - j < TILE_N ? columns - j : TILE_N;
    if (job->read)
      pack_read(job, n0 + j, width, p0, depth, scratch->read, packed + j * depth);
    else if (job->transpose_b)
      pack_transposed(width, depth, job->b + (n0 + j) * job->ldb + p0, job->ldb, packed + j * depth);
    else
      pack_plain(width, depth, job->b + p0 * job->ldb + n0 + j, job->ldb, packed + j * depth);
  }
}

/* One strip of rows against all packed panels. */
static void strip_times_panels(size_t rows, size_t columns, size_t depth, const Strip a, bool add, real *c, size_t ldc,
                               Scratch *scratch) {
  for (size_t j = 0; j < columns; j += TILE_N) {
    const real *panel = scratch->b + j * depth;
    if (columns - j >= TILE_N)
      tile_rows(rows, depth, a, panel, add, c + j, ldc);
    else
      tile_edge(rows, columns - j, depth, a, panel, add, c + j, ldc, scratch->edge);
  }
}

/* C rows [m0, m1) x columns [n0, n0 + columns) += the k block [p0, p0 + depth), whose B is packed. */
static void block(const Job *job, size_t m0, size_t m1, size_t n0, size_t columns, size_t p0, size_t depth,
                  Scratch *scratch) {
  const bool add = job->accumulate || p0 > 0;
  for (size_t i = m0; i < m1; i += TILE_M) {
    const size_t rows = m1 - i < TILE_M ? m1 - i : TILE_M, in_block = (i - m0) % BLOCK_M;
    Strip a = {job->a + i * job->lda + p0, job->lda, 1};
    if (job->transpose_a) {
      if (in_block == 0)
        pack_a(m1 - i < BLOCK_M ? m1 - i : BLOCK_M, depth, job->a + p0 * job->lda + i, job->lda, scratch->a);
      a = (Strip){scratch->a + in_block / TILE_M * (TILE_M * depth + STRIP_PAD), 1, TILE_M};
    }
    strip_times_panels(rows, columns, depth, a, add, job->c + i * job->ldc + n0, job->ldc, scratch);
  }
}

/* Depth of the k blocks: it depends on k alone, and cuts at whole chunks. */
static size_t depth_of_blocks(size_t k) {
  const size_t blocks = (k + BLOCK_K - 1) / BLOCK_K, even = (k + blocks - 1) / blocks;
  const size_t step = (even + GEMM_CHUNK - 1) / GEMM_CHUNK * GEMM_CHUNK;
  return step < k ? step : k;
}

/* C rows [m0, m1) x columns [n0, n1). */
static void range(const Job *job, size_t m0, size_t m1, size_t n0, size_t n1) {
  if (m0 >= m1 || n0 >= n1 || job->k == 0) return;
  Scratch *scratch = thread_scratch();
  const size_t k_step = depth_of_blocks(job->k), n_step = PACKED_B / k_step / TILE_N * TILE_N;
  for (size_t j = n0; j < n1; j += n_step) {
    const size_t columns = n1 - j < n_step ? n1 - j : n_step;
    for (size_t p = 0; p < job->k; p += k_step) {
      const size_t depth = job->k - p < k_step ? job->k - p : k_step;
      pack_b(job, j, columns, p, depth, scratch);
      block(job, m0, m1, j, columns, p, depth, scratch);
    }
  }
}

static void clear(const Job *job) {
  for (size_t i = 0; i < job->m; i++)
    for (size_t j = 0; j < job->n; j++) job->c[i * job->ldc + j] = 0;
}

/* Into how many column ranges the panels are divided: one a thread where A has to be packed for each of them, else as
 * many as B is packed at a time, taken by whichever thread is free. */
static size_t column_ranges(const Job *job, size_t panels, size_t threads) {
  if (panels < threads) return panels ? panels : 1;
  if (job->transpose_a) return threads;
  const size_t together = job->k ? PACKED_B / depth_of_blocks(job->k) / TILE_N * threads : panels;
  const size_t rounds = (panels + together - 1) / together;
  return rounds * threads < panels ? rounds * threads : panels;
}

/* On all threads. Columns are divided first: then no two threads pack the same part of B. */
static void run(const Job *job) {
  if (job->k == 0 && !job->accumulate) clear(job);
  const size_t threads = (size_t)omp_get_max_threads(), panels = (job->n + TILE_N - 1) / TILE_N;
  const size_t across = column_ranges(job, panels, threads), down = (threads + across - 1) / across;
#pragma omp parallel for collapse(2) schedule(dynamic)
  for (size_t x = 0; x < across; x++) {
    for (size_t y = 0; y < down; y++) {
      const size_t n0 = panels * x / across * TILE_N, n_end = panels * (x + 1) / across * TILE_N;
      const size_t strips = (job->m + TILE_M - 1) / TILE_M;
      const size_t m0 = strips * y / down * TILE_M, m_end = strips * (y + 1) / down * TILE_M;
      range(job, m0, m_end < job->m ? m_end : job->m, n0, n_end < job->n ? n_end : job->n);
    }
  }
}

void gemm(bool ta, bool tb, size_t m, size_t n, size_t k, const real *a, size_t lda, const real *b, size_t ldb,
          bool accumulate, real *c, size_t ldc) {
  run(&(Job){ta, tb, accumulate, m, n, k, lda, ldb, ldc, a, b, c, NULL, NULL});
}

void gemm_read(size_t m, size_t n, size_t k, const real *a, size_t lda, GemmRead *read, const void *context,
               bool accumulate, real *c, size_t ldc) {
  run(&(Job){false, true, accumulate, m, n, k, lda, 0, ldc, a, NULL, c, read, context});
}

void gemm_serial(bool ta, bool tb, size_t m, size_t n, size_t k, const real *a, size_t lda, const real *b, size_t ldb,
                 bool accumulate, real *c, size_t ldc) {
  const Job job = {ta, tb, accumulate, m, n, k, lda, ldb, ldc, a, b, c, NULL, NULL};
  if (k == 0 && !accumulate) clear(&job);
  range(&job, 0, m, 0, n);
}

/* --- products added up in float64 --- */

/* One strip of rows against the packed panels from column first on. Total is fetched while the tile is computed. */
static void add_strip(size_t rows, size_t columns, size_t depth, const real *strip, size_t first, double *total, size_t ld,
                      Scratch *scratch) {
  for (size_t j = first; j < columns; j += TILE_N) {
    const size_t width = columns - j < TILE_N ? columns - j : TILE_N;
    for (size_t i = 0; i < rows; i++)
      for (size_t x = 0; x < width; x += 64 / sizeof *total) __builtin_prefetch(total + i * ld + j + x, 1);
    tile_rows(rows, depth, (Strip){strip, 1, TILE_M}, scratch->b + j * depth, false, scratch->edge, TILE_N);
    for (size_t i = 0; i < rows; i++)
      for (size_t x = 0; x < width; x++) total[i * ld + j + x] += (double)scratch->edge[i * TILE_N + x];
  }
}

void gemm_add_f64(size_t k, size_t p, const real *a, size_t q, const real *b, bool upper, size_t j0, size_t j1, double *total) {
  assert(k > 0 && k <= GEMM_MOST_ADDED && (!upper || p == q));
  const Job job = {.b = b, .ldb = q};
  Scratch *scratch = thread_scratch();
  const size_t step = PACKED_B / k / TILE_N * TILE_N;
  for (size_t j = j0; j < j1; j += step) {
    const size_t columns = j1 - j < step ? j1 - j : step, last = upper && j + columns < p ? j + columns : p;
    pack_b(&job, j, columns, 0, k, scratch);
    for (size_t i = 0; i < last; i += TILE_M) {
      const size_t in_block = i % BLOCK_M, first = upper && i > j ? (i - j) / TILE_N * TILE_N : 0;
      if (in_block == 0) pack_a(last - i < BLOCK_M ? last - i : BLOCK_M, k, a + i, p, scratch->a);
      add_strip(last - i < TILE_M ? last - i : TILE_M, columns, k, scratch->a + in_block / TILE_M * (TILE_M * k + STRIP_PAD), first,
                total + i * q + j, q, scratch);
    }
  }
}
