/* The limits of this machine that speed is measured against: float32 and bfloat16 multiply-adds, memory and file
 * bandwidth, and the rate of each matrix product at the shapes of SmolLM2-135M. A share is the rate over the
 * multiply-add ceiling of the product's type. */
#define _GNU_SOURCE
#include "base/half.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/rng.h"
#include "base/table.h"
#include "bench/machine.h"
#include "bench/program.h"
#include "num/blas.h"
#include "num/gemm.h"
#include "num/onednn.h"

#include <assert.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

typedef struct Settings {
  size_t threads;
  double seconds;
  const char *folder;
  bool json, help;
} Settings;

static const Settings defaults = {.seconds = 1};
static const Option options[] = {
    BENCH_THREADS(Settings),
    {"seconds", 0, OPTION_REAL, offsetof(Settings, seconds), 0.001, 60, "S", "length of one measurement", NULL},
    {"folder", 0, OPTION_TEXT, offsetof(Settings, folder), 0, 0, "DIR", "measure writing a file of 1 GiB there, too",
     NULL},
    BENCH_JSON(Settings),
    BENCH_HELP(Settings),
    {0}};

static const char *const columns[] = {"measure", "variant", "m", "n", "k", "threads", "value", "unit", "share"};

/* Products under comparison: C = op(A) op(B). */
typedef void Product(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const float *a, size_t lda,
                     const float *b, size_t ldb, bool accumulate, float *c, size_t ldc);

static void openblas(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const float *a, size_t lda,
                     const float *b, size_t ldb, bool accumulate, float *c, size_t ldc) {
  blas_gemm_f32(transpose_a, transpose_b, m, n, k, 1, a, lda, b, ldb, accumulate ? 1 : 0, c, ldc);
}

static const struct {
  const char *name;
  Product *product;
} candidates[] = {{"fathom", gemm}, {"openblas", openblas}};
static const char *const bfloat16_name = "oneDNN bfloat16";

/* SmolLM2's linear layers: W is [n outputs, k inputs]; in_block is false for those contained in another row. */
static const struct {
  size_t n, k;
  bool in_block;
} layers[] = {
    {960, 576, true},   /* q, k and v side by side */
    {576, 576, true},   /* attention output */
    {3072, 576, true},  /* gate and up side by side */
    {1536, 576, false}, /* gate or up alone */
    {576, 1536, true},  /* down */
};
enum { N_LAYERS = sizeof layers / sizeof layers[0], MAX_ROWS = 1024, MAX_WIDTH = 3072 };
static const size_t forward_rows[] = {1024, 512, 128, 16};

/* Weights (and their gradients) go round in more memory than the caches hold, as the blocks of a model do. */
enum { ROUND_FLOATS = 48 << 20, SAMPLES = 5 };

typedef enum Pass { FORWARD, DX, DW } Pass;
static const char *const pass_names[] = {"forward", "dx", "dw"};

typedef struct Bench {
  Arena arena;
  float *x, *y, *weights; /* [MAX_ROWS, MAX_WIDTH] twice, [ROUND_FLOATS] */
  uint16_t *narrow_x;     /* x in bfloat16 */
  Onednn *onednn;         /* NULL where it cannot be used */
  size_t threads;
  double seconds, ceiling, bfloat16_ceiling; /* ceilings: FLOP/s of all threads */
  Table *table;
} Bench;

/* One product of a pass over m rows of a layer W[n,k]. */
typedef struct Case {
  const char *name;
  Product *product; /* NULL: bfloat16, of weights that are packed */
  Pass pass;
  size_t m, n, k;
} Case;

static void put_row(Bench *bench, const char *measure, const char *variant, const size_t shape[3], size_t threads,
                    double value, const char *unit, double share) {
  table_string(bench->table, measure);
  table_string(bench->table, variant);
  for (size_t i = 0; i < 3; i++) {
    if (shape && shape[i])
      table_count(bench->table, shape[i]);
    else
      table_string(bench->table, NULL);
  }
  table_count(bench->table, threads);
  table_number(bench->table, value);
  table_string(bench->table, unit);
  table_number(bench->table, share);
}

static void measure_machine(Bench *bench) {
  double samples[3];
  const size_t teams[] = {1, bench->threads};
  for (size_t i = 0; i < (bench->threads > 1 ? 2u : 1u); i++) {
    for (size_t s = 0; s < 3; s++) samples[s] = machine_fma_rate(teams[i], bench->seconds);
    bench->ceiling = machine_median(samples, 3);
    put_row(bench, "fma", machine_fma_kernel(), NULL, teams[i], bench->ceiling / 1e9, "GFLOP/s", NAN);
  }
  if (machine_bf16_kernel()) {
    for (size_t s = 0; s < 3; s++) samples[s] = machine_bf16_rate(bench->threads, bench->seconds);
    bench->bfloat16_ceiling = machine_median(samples, 3);
    put_row(bench, "bfloat16", machine_bf16_kernel(), NULL, bench->threads, bench->bfloat16_ceiling / 1e9, "GFLOP/s",
            NAN);
  }
  for (MemoryUse use = MEMORY_READ; use <= MEMORY_COPY; use++) {
    for (size_t s = 0; s < 3; s++)
      samples[s] = machine_memory_rate(use, bench->weights, ROUND_FLOATS * sizeof(float), bench->seconds / 3);
    put_row(bench, "memory", machine_memory_name(use), NULL, bench->threads, machine_median(samples, 3) / 1e9, "GB/s",
            NAN);
  }
}

static Status measure_file(Bench *bench, const char *folder, Error *err) {
  double buffered[3], synced[3];
  for (size_t s = 0; s < 3; s++) {
    const Status status = machine_file_rate(folder, bench->weights, (size_t)1 << 30, &buffered[s], &synced[s], err);
    if (status != STATUS_OK) return status;
  }
  put_row(bench, "file", "write", NULL, 1, machine_median(buffered, 3) / 1e9, "GB/s", NAN);
  put_row(bench, "file", "write and fsync", NULL, 1, machine_median(synced, 3) / 1e9, "GB/s", NAN);
  return STATUS_OK;
}

/* y = x W', dx = dy W, dw = dy' x. w is the weight or its gradient. */
static void run_product(const Bench *bench, const Case *c, float *w) {
  const size_t m = c->m, n = c->n, k = c->k;
  if (!c->product) {
    onednn_multiply(bench->onednn, m, n, k, bench->narrow_x, w, bench->y);
    return;
  }
  switch (c->pass) {
  case FORWARD: c->product(false, true, m, n, k, bench->x, k, w, k, false, bench->y, n); return;
  case DX: c->product(false, false, m, k, n, bench->y, n, w, k, false, bench->x, k); return;
  case DW: c->product(true, false, n, k, m, bench->y, n, bench->x, k, false, w, k); return;
  }
}

/* Median seconds of one product whose weights take so many floats. */
static double time_product(const Bench *bench, const Case *c, size_t floats) {
  double samples[SAMPLES];
  size_t at = 0, calls = 1;
  run_product(bench, c, bench->weights);
  for (size_t s = 0; s < SAMPLES;) {
    const double start = clock_seconds();
    for (size_t i = 0; i < calls; i++) {
      run_product(bench, c, bench->weights + at);
      at = at + 2 * floats <= ROUND_FLOATS ? at + floats : 0;
    }
    const double elapsed = clock_seconds() - start;
    if (elapsed < bench->seconds / 10)
      calls *= 2; /* too short to be a sample */
    else
      samples[s++] = elapsed / (double)calls;
  }
  return machine_median(samples, SAMPLES);
}

/* The linear layers of one block, one by one and together; the shape in c is filled in. */
static Status measure_products(Bench *bench, Case c, Error *err) {
  double block_flops = 0, block_seconds = 0;
  const double ceiling = c.product ? bench->ceiling : bench->bfloat16_ceiling;
  for (size_t i = 0; i < N_LAYERS; i++) {
    c.n = layers[i].n, c.k = layers[i].k;
    assert(c.m <= MAX_ROWS && c.n <= MAX_WIDTH && c.k <= MAX_WIDTH);
    size_t bytes = c.n * c.k * sizeof(float);
    Status status = STATUS_OK;
    if (!c.product) status = onednn_packed_bytes(bench->onednn, c.n, c.k, &bytes, err);
    if (status != STATUS_OK) return status;
    const double flops = 2.0 * (double)c.m * (double)c.n * (double)c.k;
    const double seconds = time_product(bench, &c, arena_need(bytes) / sizeof(float));
    put_row(bench, pass_names[c.pass], c.name, (size_t[]){c.m, c.n, c.k}, bench->threads, flops / seconds / 1e9,
            "GFLOP/s", flops / seconds / ceiling);
    if (layers[i].in_block) block_flops += flops, block_seconds += seconds;
  }
  char measure[32];
  snprintf(measure, sizeof measure, "%s of a block", pass_names[c.pass]);
  put_row(bench, measure, c.name, (size_t[]){c.m, 0, 0}, bench->threads, block_flops / block_seconds / 1e9, "GFLOP/s",
          block_flops / block_seconds / ceiling);
  return STATUS_OK;
}

/* Packed weights need not be those of a real matrix: their values do not change the time. */
static Status measure_bfloat16(Bench *bench, Error *err) {
  Error why = {0};
  if (onednn_open(&bench->onednn, &why) != STATUS_OK) {
    log_warn("products in bfloat16 are left out: %s", why.text);
    return STATUS_OK;
  }
  half_bf16_narrow(bench->x, MAX_ROWS * MAX_WIDTH, bench->narrow_x);
  uint16_t *packed = (uint16_t *)bench->weights;
  for (size_t i = 0; i < 2 * (size_t)ROUND_FLOATS; i++) packed[i] = bench->narrow_x[i % (MAX_ROWS * MAX_WIDTH)];
  Status status = STATUS_OK;
  for (size_t i = 0; i < sizeof forward_rows / sizeof forward_rows[0] && status == STATUS_OK; i++)
    status = measure_products(bench, (Case){.name = bfloat16_name, .pass = FORWARD, .m = forward_rows[i]}, err);
  onednn_close(bench->onednn);
  return status;
}

static Status measure_float32(Bench *bench, Error *err) {
  Status status = STATUS_OK;
  for (size_t c = 0; c < sizeof candidates / sizeof candidates[0]; c++) {
    Case all = {.name = candidates[c].name, .product = candidates[c].product, .pass = FORWARD};
    for (size_t i = 0; i < sizeof forward_rows / sizeof forward_rows[0] && status == STATUS_OK; i++) {
      all.m = forward_rows[i];
      status = measure_products(bench, all, err);
    }
    all.m = MAX_ROWS;
    for (all.pass = DX; all.pass <= DW && status == STATUS_OK; all.pass++) status = measure_products(bench, all, err);
  }
  return status;
}

static Status bench_init(Bench *bench, const Settings *settings, Error *err) {
  if (settings->threads) omp_set_num_threads((int)settings->threads);
  *bench = (Bench){.threads = (size_t)omp_get_max_threads(), .seconds = settings->seconds};
  const size_t page = MAX_ROWS * MAX_WIDTH * sizeof(float), round = ROUND_FLOATS * sizeof(float);
  const Status status = arena_init(&bench->arena, 2 * arena_need(page) + arena_need(page / 2) + arena_need(round), err);
  if (status != STATUS_OK) return status;
  bench->x = arena_take(&bench->arena, page);
  bench->y = arena_take(&bench->arena, page);
  bench->narrow_x = arena_take(&bench->arena, page / 2);
  bench->weights = arena_take(&bench->arena, round);
  Rng rng = rng_new(1);
  for (size_t i = 0; i < MAX_ROWS * MAX_WIDTH; i++) bench->x[i] = bench->y[i] = (float)rng_uniform(&rng) - 0.5f;
  for (size_t i = 0; i < ROUND_FLOATS; i++) bench->weights[i] = bench->x[i % (MAX_ROWS * MAX_WIDTH)];
  return STATUS_OK;
}

static Status run(const void *all, const char **args, size_t n_args, const Provenance *from, Error *err) {
  (void)args, (void)n_args;
  const Settings *settings = all;
  Bench bench;
  Status status = bench_init(&bench, settings, err);
  if (status != STATUS_OK) return status;
  bench.table = table_begin(stdout, settings->json, from, columns, sizeof columns / sizeof columns[0]);
  char processor[128];
  machine_processor(processor, sizeof processor);
  table_note(bench.table, "processor: %s", processor);
  table_note(bench.table, "BLAS: %s; bfloat16: %s", blas_description(),
             onednn_description() ? onednn_description() : "none");
  double load[1];
  if (getloadavg(load, 1) == 1) table_note(bench.table, "load average at the start: %.2f", load[0]);
  static const char *const overrides[] = {"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"};
  for (size_t i = 0; i < sizeof overrides / sizeof overrides[0]; i++) {
    const char *value = getenv(overrides[i]);
    if (!value) continue;
    table_note(bench.table, "%s=%s", overrides[i], value);
    log_warn("%s=%s is set: OpenBLAS then does not tune itself to this processor; unset it for its own rate",
             overrides[i], value);
  }
  measure_machine(&bench);
  if (settings->folder) status = measure_file(&bench, settings->folder, err);
  if (status == STATUS_OK) status = measure_float32(&bench, err);
  if (status == STATUS_OK) status = measure_bfloat16(&bench, err);
  const Status written = table_end(bench.table, status == STATUS_OK ? err : NULL);
  arena_clear(&bench.arena);
  return status == STATUS_OK ? written : status;
}

int main(int argc, char **argv) {
  const BenchProgram program = {.name = "bench/ceiling",
                                .arguments = "",
                                .min_args = 0,
                                .max_args = 0,
                                .options = options,
                                .defaults = &defaults,
                                .settings_size = sizeof(Settings),
                                .help_at = offsetof(Settings, help),
                                .run = run};
  return bench_main(&program, argc, argv);
}
