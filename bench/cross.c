/* CKA maps of all sites against all: how long, against OpenBLAS alone on the arithmetic that a map needs, and against every
 * pair of sites by itself; and how far the numbers differ. Rows are random and in memory. */
#include "base/log.h"
#include "base/memory.h"
#include "base/rng.h"
#include "bench/machine.h"
#include "bench/program.h"
#include "num/blas.h"
#include "probes/drift/cross.h"
#include "probes/drift/drift.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

typedef struct Settings {
  size_t threads, rows, width, sites, pairs, rounds, memory_mib;
  bool json, help;
} Settings;

static const Settings defaults = {.rows = 10000, .width = 576, .sites = 30, .pairs = 2, .rounds = 3, .memory_mib = 1024};
static const Option options[] = {
    {"rows", 0, OPTION_SIZE, offsetof(Settings, rows), 4, 1e7, "N", "rows, each a sample", NULL},
    {"width", 0, OPTION_SIZE, offsetof(Settings, width), 1, 1e5, "D", "columns of a site", NULL},
    {"sites", 0, OPTION_SIZE, offsetof(Settings, sites), 1, 1e3, "N", "sites of either model", NULL},
    {"pairs", 0, OPTION_SIZE, offsetof(Settings, pairs), 1, 1e3, "N", "pairs of sites that are measured one by one", NULL},
    {"rounds", 0, OPTION_SIZE, offsetof(Settings, rounds), 1, 1e3, "N", "rounds, of which the median", NULL},
    {"memory", 0, OPTION_SIZE, offsetof(Settings, memory_mib), 1, 1e6, "MIB", "for the map's sums", NULL},
    BENCH_THREADS(Settings),
    BENCH_JSON(Settings),
    BENCH_HELP(Settings),
    {0}};

/* A site's rows. */
typedef struct Site {
  size_t width;
  float *rows; /* [n, width] */
} Site;

static Status read_site(void *context, size_t first, size_t n, float *rows, Error *err) {
  (void)err;
  const Site *site = context;
  memcpy(rows, site->rows + first * site->width, n * site->width * sizeof *rows);
  return STATUS_OK;
}

/* Both models' sites: y is x with noise that grows from site to site. */
typedef struct Work {
  const Settings *settings;
  Site *sites;    /* [2 sites] */
  RowSide *sides; /* [2 sites] */
  RowPlan plan;
  double *map, *biased, *low, *high; /* [sites, sites] */
} Work;

static void make_rows(Work *w) {
  const Settings *s = w->settings;
  uint32_t *samples = mem_alloc(s->rows, sizeof *samples);
  Error err = {0};
  for (size_t i = 0; i < s->rows; i++) samples[i] = (uint32_t)i;
  row_plan_make(s->rows, samples, NULL, &w->plan, &err);
  free(samples);
  for (size_t k = 0; k < 2 * s->sites; k++) {
    Rng rng = rng_new(k + 1);
    const float *base = k < s->sites ? NULL : w->sites[k - s->sites].rows;
    const double noise = base ? 0.1 * (double)(k - s->sites + 1) : 1;
    w->sites[k] = (Site){s->width, mem_alloc(s->rows * s->width, sizeof(float))};
    for (size_t i = 0; i < s->rows * s->width; i++)
      w->sites[k].rows[i] = (float)((base ? (double)base[i] : 0) + noise * (rng_uniform(&rng) - 0.5));
    w->sides[k] = (RowSide){.width = s->width, .read = read_site, .context = &w->sites[k], .name = "made", .site = "site"};
  }
}

/* Multiplications and additions of a map between columns: every pair of models, and each site with itself, which is
 * symmetric. */
static double needed(const Settings *s) {
  const double n = (double)s->rows, d = (double)s->width, k = (double)s->sites;
  return 2 * n * d * d * (k * k + k);
}

static double time_map(Work *w, CrossForm form, Error *err, Status *status) {
  const Settings *s = w->settings;
  const CrossRequest request = {.x = w->sides,
                                .y = w->sides + s->sites,
                                .n_x = s->sites,
                                .n_y = s->sites,
                                .plan = &w->plan,
                                .memory = s->memory_mib << 20};
  const CrossMap map = {w->map, w->biased, w->low, w->high};
  const double started = clock_seconds();
  *status = cross_cka(&request, form, &map, err);
  return clock_seconds() - started;
}

/* Seconds that OpenBLAS takes for the same arithmetic, from one product of a few sites' columns over all rows. */
static double time_blas(const Work *w) {
  const Settings *s = w->settings;
  const size_t n = s->rows, wide = s->width * (s->sites < 4 ? s->sites : 4);
  float *a = mem_alloc(n * wide, sizeof *a), *b = mem_alloc(n * wide, sizeof *b), *c = mem_alloc(wide * wide, sizeof *c);
  for (size_t i = 0; i < n * wide; i++) a[i] = b[i] = w->sites[0].rows[i % (n * s->width)];
  const double started = clock_seconds();
  blas_gemm_f32(true, false, wide, wide, n, 1, a, wide, b, wide, 0, c, wide);
  const double seconds = clock_seconds() - started, done = 2 * (double)n * (double)wide * (double)wide;
  free(a);
  free(b);
  free(c);
  return seconds * needed(s) / done;
}

/* Seconds of the whole map pair by pair, from a few of its pairs; difference: the largest from the map. */
static double time_pairs(const Work *w, double *difference, Error *err, Status *status) {
  const Settings *s = w->settings;
  const Measure *cka = &measure_cka;
  const size_t k = s->pairs < s->sites ? s->pairs : s->sites;
  const double started = clock_seconds();
  for (size_t i = 0; i < k && *status == STATUS_OK; i++) {
    const RowSource source = {w->sides[i], w->sides[s->sites + i]};
    Estimate estimates[MEASURE_MAX_VALUES] = {0};
    *status = drift_measure(&source, &w->plan, &cka, 1, NULL, false, estimates, err);
    const double off = fabs(estimates[0].value - w->map[i * s->sites + i]);
    *difference = off > *difference || isnan(off) ? off : *difference;
    estimates_clear(estimates, cka->n_values);
  }
  return (clock_seconds() - started) / (double)k * (double)(s->sites * s->sites);
}

enum { BLAS, MAP, PAIRS, WAYS };
static const char *const names[WAYS] = {"OpenBLAS alone", "the map", "pair by pair"};

static Status measure(Work *w, double *seconds[WAYS], double *difference, Error *err) {
  Status status = STATUS_OK;
  for (size_t round = 0; round < w->settings->rounds && status == STATUS_OK; round++) {
    seconds[BLAS][round] = time_blas(w);
    seconds[MAP][round] = time_map(w, CROSS_CHEAPER, err, &status);
    if (status == STATUS_OK) seconds[PAIRS][round] = time_pairs(w, difference, err, &status);
  }
  return status;
}

static Status print(const Work *w, const Provenance *from, double *seconds[WAYS], double difference, Error *err) {
  static const char *const columns[] = {"way", "seconds", "gflops", "share_of_blas", "times_faster"};
  const Settings *s = w->settings;
  char processor[128];
  machine_processor(processor, sizeof processor);
  Table *table = table_begin(stdout, s->json, from, columns, sizeof columns / sizeof columns[0]);
  table_note(table, "%s, %d threads; a map of %zu x %zu sites, %zu rows of width %zu, %zu MiB; medians of %zu rounds", processor,
             omp_get_max_threads(), s->sites, s->sites, s->rows, s->width, s->memory_mib, s->rounds);
  table_note(table, "gflops: of the %.4g that a map takes between columns, whatever was done; times_faster: than pair by pair, "
                    "which is scaled up from %zu pairs; OpenBLAS alone from one product of up to four sites by as many",
             needed(s), s->pairs);
  table_note(table, "difference of the map from single pairs: %.3g", difference);
  double median[WAYS];
  for (size_t i = 0; i < WAYS; i++) median[i] = machine_median(seconds[i], s->rounds);
  for (size_t i = 0; i < WAYS; i++) {
    table_string(table, names[i]);
    table_number(table, median[i]);
    table_number(table, 1e-9 * needed(s) / median[i]);
    table_number(table, median[BLAS] / median[i]);
    table_number(table, median[PAIRS] / median[i]);
  }
  return table_end(table, err);
}

static Status run(const void *settings, const char **args, size_t n_args, const Provenance *from, Error *err) {
  (void)args;
  (void)n_args;
  const Settings *s = settings;
  Work w = {.settings = s};
  double *seconds[WAYS], difference = 0;
  const size_t pairs = s->sites * s->sites;
  if (s->threads) omp_set_num_threads((int)s->threads);
  w.sites = mem_alloc(2 * s->sites, sizeof *w.sites);
  w.sides = mem_alloc(2 * s->sites, sizeof *w.sides);
  w.map = mem_alloc(4 * pairs, sizeof *w.map);
  w.biased = w.map + pairs;
  w.low = w.biased + pairs;
  w.high = w.low + pairs;
  for (size_t i = 0; i < WAYS; i++) seconds[i] = mem_alloc(s->rounds, sizeof *seconds[i]);
  make_rows(&w);
  Status status = measure(&w, seconds, &difference, err);
  if (status == STATUS_OK) status = print(&w, from, seconds, difference, err);
  for (size_t i = 0; i < WAYS; i++) free(seconds[i]);
  for (size_t k = 0; k < 2 * s->sites; k++) free(w.sites[k].rows);
  free(w.sites);
  free(w.sides);
  free(w.map);
  row_plan_clear(&w.plan);
  return status;
}

int main(int argc, char **argv) {
  const BenchProgram program = {.name = "bench/cross",
                                .arguments = "",
                                .options = options,
                                .defaults = &defaults,
                                .settings_size = sizeof(Settings),
                                .help_at = offsetof(Settings, help),
                                .run = run};
  return bench_main(&program, argc, argv);
}
