/* CKA maps of all sites against all: how long, against OpenBLAS alone on the arithmetic that a map needs, against every pair of
 * sites by itself, and against NumPy where a Python is given; and how far the numbers differ. Rows are random, in memory or in
 * two activation stores. */
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/rng.h"
#include "bench/machine.h"
#include "bench/program.h"
#include "num/blas.h"
#include "probes/drift/cross.h"
#include "probes/drift/drift.h"
#include "store/activations.h"

#include <errno.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct Settings {
  size_t threads, rows, width, sites, pairs, rounds, memory_mib;
  const char *python, *peer, *folder;
  bool store, json, help;
} Settings;

static const Settings defaults = {.rows = 10000, .width = 576, .sites = 30, .pairs = 2, .rounds = 3, .memory_mib = 1024,
                                  .peer = "bench/cross_peer.py", .folder = "."};
static const Option options[] = {
    {"rows", 0, OPTION_SIZE, offsetof(Settings, rows), 4, 1e7, "N", "rows, each a sample", NULL},
    {"width", 0, OPTION_SIZE, offsetof(Settings, width), 1, 1e5, "D", "columns of a site", NULL},
    {"sites", 0, OPTION_SIZE, offsetof(Settings, sites), 1, 1e3, "N", "sites of either model", NULL},
    {"pairs", 0, OPTION_SIZE, offsetof(Settings, pairs), 1, 1e3, "N", "pairs of sites that are measured one by one", NULL},
    {"rounds", 0, OPTION_SIZE, offsetof(Settings, rounds), 1, 1e3, "N", "rounds, of which the median", NULL},
    {"memory", 0, OPTION_SIZE, offsetof(Settings, memory_mib), 1, 1e6, "MIB", "for the map's sums", NULL},
    {"store", 0, OPTION_FLAG, offsetof(Settings, store), 0, 0, NULL,
     "rows are read from two stores, which are made first and removed again", NULL},
    {"python", 0, OPTION_TEXT, offsetof(Settings, python), 0, 0, "PROGRAM",
     "an interpreter with NumPy, which measures the pairs too", NULL},
    {"peer", 0, OPTION_TEXT, offsetof(Settings, peer), 0, 0, "FILE", "what that runs [bench/cross_peer.py]", NULL},
    {"folder", 0, OPTION_TEXT, offsetof(Settings, folder), 0, 0, "DIR", "where files for these are written [.]", NULL},
    BENCH_THREADS(Settings),
    BENCH_JSON(Settings),
    BENCH_HELP(Settings),
    {0}};

/* Of all threads. */
static double processor_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* A site's rows. */
typedef struct Site {
  size_t width, number;
  float *rows;     /* [n, width] */
  Store *store;    /* NULL: they are read from memory */
  double *reading; /* seconds that threads spent with it, of all sites */
} Site;

static Status read_site(void *context, size_t first, size_t n, float *rows, Error *err) {
  const Site *site = context;
  if (!site->store) {
    memcpy(rows, site->rows + first * site->width, n * site->width * sizeof *rows);
    return STATUS_OK;
  }
  const double started = clock_seconds();
  const Status status = store_read_rows(site->store, site->number, first, n, rows, err);
  const double seconds = clock_seconds() - started;
#pragma omp atomic
  *site->reading += seconds;
  return status;
}

/* Both models' sites: y is x with noise that grows from site to site. */
typedef struct Work {
  const Settings *settings;
  Site *sites;    /* [2 sites] */
  RowSide *sides; /* [2 sites] */
  RowPlan plan;
  double *map, *biased, *low, *high; /* [sites, sites] */
  char *paths[2], *rows_path;        /* the stores, NULL: none; NumPy's rows */
  Store *stores[2];
  double reading;        /* seconds, since it was last set to 0 */
  double from_numpy[2];  /* the largest difference of the map from NumPy in float32, and in float64 */
  char numpy_version[32];
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
    w->sites[k] = (Site){s->width, k % s->sites, mem_alloc(s->rows * s->width, sizeof(float)), NULL, &w->reading};
    for (size_t i = 0; i < s->rows * s->width; i++)
      w->sites[k].rows[i] = (float)((base ? (double)base[i] : 0) + noise * (rng_uniform(&rng) - 0.5));
    w->sides[k] = (RowSide){.width = s->width, .read = read_site, .context = &w->sites[k], .name = "made", .site = "site"};
  }
}

/* One model's sites into a store, from which they are read from then on. */
static Status make_store(Work *w, size_t model, Error *err) {
  const Settings *s = w->settings;
  StoreSite *sites = mem_alloc(s->sites, sizeof *sites);
  uint32_t *ones = mem_alloc(s->rows, sizeof *ones), *samples = mem_alloc(s->rows, sizeof *samples),
           *tokens = mem_alloc(s->rows, sizeof *tokens);
  for (size_t i = 0; i < s->rows; i++) ones[i] = 1, samples[i] = (uint32_t)i;
  for (size_t k = 0; k < s->sites; k++) sites[k] = (StoreSite){mem_format("blocks.%zu.hook_resid_post", k), s->width};
  const StoreContents contents = {.sites = sites, .n_sites = s->sites, .dtype = STORE_F32, .n_rows = s->rows,
                                  .n_samples = s->rows, .n_tokens = ones, .row_sample = samples, .row_token = tokens};
  size_t done;
  Store *store;
  w->paths[model] = file_join(s->folder, model ? "bench-cross-b.h5" : "bench-cross-a.h5");
  Status status = store_create(w->paths[model], &contents, false, &store, &done, err);
  for (size_t k = 0; k < s->sites && status == STATUS_OK; k++)
    status = store_write_rows(store, k, 0, s->rows, w->sites[model * s->sites + k].rows, s->width, err);
  if (status == STATUS_OK) status = store_mark_done(store, s->rows, err);
  if (status == STATUS_OK) status = store_finish(store, err);
  if (status == STATUS_OK) status = store_open(w->paths[model], &w->stores[model], err);
  for (size_t k = 0; k < s->sites; k++) {
    w->sites[model * s->sites + k].store = w->stores[model];
    free((char *)sites[k].name);
  }
  free(sites);
  free(ones);
  free(samples);
  free(tokens);
  return status;
}

/* Multiplications and additions of a map between columns: every pair of models, and each site with itself, which is
 * symmetric. */
static double needed(const Settings *s) {
  const double n = (double)s->rows, d = (double)s->width, k = (double)s->sites;
  return 2 * n * d * d * (k * k + k);
}

/* What a way took; reading: the share of the threads' time. */
typedef struct Times {
  double seconds, processor, reading;
} Times;

static Times times_since(Work *w, double started, double used, double scale) {
  const double seconds = clock_seconds() - started;
  const Times times = {scale * seconds, scale * (processor_seconds() - used), w->reading / seconds / omp_get_max_threads()};
  w->reading = 0;
  return times;
}

static Times time_map(Work *w, Error *err, Status *status) {
  const Settings *s = w->settings;
  const CrossRequest request = {.x = w->sides,
                                .y = w->sides + s->sites,
                                .n_x = s->sites,
                                .n_y = s->sites,
                                .plan = &w->plan,
                                .memory = s->memory_mib << 20};
  const CrossMap map = {w->map, w->biased, w->low, w->high};
  const double started = clock_seconds(), used = processor_seconds();
  *status = cross_cka(&request, CROSS_CHEAPER, &map, err);
  return times_since(w, started, used, 1);
}

/* Seconds that OpenBLAS takes for the same arithmetic, from one product of a few sites' columns over all rows. */
static Times time_blas(Work *w) {
  const Settings *s = w->settings;
  const size_t n = s->rows, wide = s->width * (s->sites < 4 ? s->sites : 4);
  float *a = mem_alloc(n * wide, sizeof *a), *b = mem_alloc(n * wide, sizeof *b), *c = mem_alloc(wide * wide, sizeof *c);
  for (size_t i = 0; i < n * wide; i++) a[i] = b[i] = w->sites[0].rows[i % (n * s->width)];
  const double started = clock_seconds(), used = processor_seconds();
  blas_gemm_f32(true, false, wide, wide, n, 1, a, wide, b, wide, 0, c, wide);
  const Times times = times_since(w, started, used, needed(s) / (2 * (double)n * (double)wide * (double)wide));
  free(a);
  free(b);
  free(c);
  return times;
}

static size_t measured_pairs(const Settings *s) { return s->pairs < s->sites ? s->pairs : s->sites; }

/* Seconds of the whole map pair by pair, from a few of its pairs; difference: the largest from the map. */
static Times time_pairs(Work *w, double *difference, Error *err, Status *status) {
  const Settings *s = w->settings;
  const Measure *cka = &measure_cka;
  const size_t k = measured_pairs(s);
  const double started = clock_seconds(), used = processor_seconds();
  for (size_t i = 0; i < k && *status == STATUS_OK; i++) {
    const RowSource source = {w->sides[i], w->sides[s->sites + i]};
    Estimate estimates[MEASURE_MAX_VALUES] = {0};
    *status = drift_measure(&source, &w->plan, &cka, 1, NULL, false, estimates, err);
    const double off = fabs(estimates[0].value - w->map[i * s->sites + i]);
    *difference = off > *difference || isnan(off) ? off : *difference;
    estimates_clear(estimates, cka->n_values);
  }
  return times_since(w, started, used, (double)(s->sites * s->sites) / (double)k);
}

/* --- NumPy --- */

static Status write_rows(Work *w, Error *err) {
  const Settings *s = w->settings;
  FileWriter file = {0};
  w->rows_path = file_join(s->folder, "bench-cross.f32");
  Status status = file_writer_open(&file, w->rows_path, err);
  for (size_t i = 0; i < 2 * measured_pairs(s) && status == STATUS_OK; i++) {
    const Site *site = &w->sites[i / 2 + i % 2 * s->sites];
    if (fwrite(site->rows, sizeof(float), s->rows * s->width, file.stream) != s->rows * s->width)
      status = error_system(err, "%s: cannot write", w->rows_path);
  }
  if (status == STATUS_OK) status = file_writer_commit(&file, err);
  file_writer_discard(&file);
  return status;
}

/* A round of NumPy's, as seconds of the whole map: each site's own part once, each pair's once. */
static Times time_numpy(Work *w, const char *type, double *difference, Error *err, Status *status) {
  const Settings *s = w->settings;
  const size_t k = measured_pairs(s), sites = s->sites;
  char *command = mem_format("'%s' '%s' '%s' %zu %zu %zu %s", s->python, s->peer, w->rows_path, s->rows, s->width, k, type);
  FILE *peer = popen(command, "r");
  double site[2], pair[2];
  bool right = peer && fscanf(peer, "%lf %lf %lf %lf", &site[0], &site[1], &pair[0], &pair[1]) == 4;
  for (size_t i = 0; i < k && right; i++) {
    double value;
    right = fscanf(peer, "%lf", &value) == 1;
    const double off = fabs(value - w->map[i * sites + i]);
    *difference = off > *difference || isnan(off) ? off : *difference;
  }
  right = right && fscanf(peer, "%31s", w->numpy_version) == 1;
  if (peer) right = pclose(peer) == 0 && right;
  if (!right) *status = error_set(err, STATUS_SYSTEM, "%s: did not answer", command);
  free(command);
  const double n_sites = 2 * (double)sites, n_pairs = (double)sites * (double)sites;
  return (Times){n_sites * site[0] + n_pairs * pair[0], n_sites * site[1] + n_pairs * pair[1], 0};
}

enum { BLAS, MAP, PAIRS, NUMPY, WAYS };
static const char *const names[WAYS] = {"OpenBLAS alone", "the map", "pair by pair", "NumPy"};

static Status measure(Work *w, Times *times[WAYS], double *difference, Error *err) {
  const Settings *s = w->settings;
  Status status = STATUS_OK;
  for (size_t model = 0; model < 2 && s->store && status == STATUS_OK; model++) status = make_store(w, model, err);
  if (s->python && status == STATUS_OK) status = write_rows(w, err);
  for (size_t round = 0; round < s->rounds && status == STATUS_OK; round++) {
    times[BLAS][round] = time_blas(w);
    times[MAP][round] = time_map(w, err, &status);
    if (status == STATUS_OK) times[PAIRS][round] = time_pairs(w, difference, err, &status);
    if (status == STATUS_OK && s->python) times[NUMPY][round] = time_numpy(w, "float32", &w->from_numpy[0], err, &status);
  }
  if (status == STATUS_OK && s->python) time_numpy(w, "float64", &w->from_numpy[1], err, &status);
  return status;
}

static double median_of(const Times *times, size_t n, size_t member) {
  double *values = mem_alloc(n, sizeof *values);
  for (size_t i = 0; i < n; i++) values[i] = ((const double[]){times[i].seconds, times[i].processor, times[i].reading})[member];
  const double median = machine_median(values, n);
  free(values);
  return median;
}

static void note(const Work *w, double difference, Table *table) {
  const Settings *s = w->settings;
  char processor[128];
  machine_processor(processor, sizeof processor);
  table_note(table, "%s, %d threads; a map of %zu x %zu sites, %zu rows of width %zu %s, %zu MiB; medians of %zu rounds", processor,
             omp_get_max_threads(), s->sites, s->sites, s->rows, s->width, s->store ? "in two stores" : "in memory", s->memory_mib,
             s->rounds);
  table_note(table, "%s; the rows take %.4g MB", blas_description(), 2e-6 * (double)(s->sites * s->rows * s->width) * sizeof(float));
  table_note(table, "gflops: of the %.4g that a map takes between columns, whatever was done; times_faster: than pair by pair, "
                    "which is scaled up from %zu pairs; OpenBLAS alone from one product of up to four sites by as many",
             needed(s), measured_pairs(s));
  table_note(table, "processor_seconds: of all threads; reading: share of the threads' time that reading stores took");
  table_note(table, "difference of the map from single pairs: %.3g", difference);
  if (!s->python) return;
  table_note(table, "NumPy %s in float32, with what a site has alone counted once a site; difference of the map from it: %.3g, from "
                    "NumPy in float64: %.3g", w->numpy_version, w->from_numpy[0], w->from_numpy[1]);
}

static Status print(const Work *w, const Provenance *from, Times *times[WAYS], double difference, Error *err) {
  static const char *const columns[] = {"way", "seconds", "processor_seconds", "gflops", "share_of_blas", "times_faster", "reading"};
  const Settings *s = w->settings;
  Table *table = table_begin(stdout, s->json, from, columns, sizeof columns / sizeof columns[0]);
  note(w, difference, table);
  const double blas = median_of(times[BLAS], s->rounds, 0), pairs = median_of(times[PAIRS], s->rounds, 0);
  for (size_t i = 0; i < WAYS; i++) {
    if (i == NUMPY && !s->python) continue;
    const double seconds = median_of(times[i], s->rounds, 0);
    table_string(table, names[i]);
    table_number(table, seconds);
    table_number(table, median_of(times[i], s->rounds, 1));
    table_number(table, 1e-9 * needed(s) / seconds);
    table_number(table, blas / seconds);
    table_number(table, pairs / seconds);
    table_number(table, s->store && (i == MAP || i == PAIRS) ? median_of(times[i], s->rounds, 2) : NAN);
  }
  return table_end(table, err);
}

static void clear(Work *w) {
  for (size_t i = 0; i < 2; i++) {
    store_close(w->stores[i]);
    if (w->paths[i]) unlink(w->paths[i]);
    free(w->paths[i]);
  }
  if (w->rows_path) unlink(w->rows_path);
  free(w->rows_path);
  for (size_t k = 0; k < 2 * w->settings->sites; k++) free(w->sites[k].rows);
  free(w->sites);
  free(w->sides);
  free(w->map);
  row_plan_clear(&w->plan);
}

static Status run(const void *settings, const char **args, size_t n_args, const Provenance *from, Error *err) {
  (void)args;
  (void)n_args;
  const Settings *s = settings;
  Work w = {.settings = s};
  Times *times[WAYS];
  double difference = 0;
  char threads[32];
  const size_t pairs = s->sites * s->sites;
  if (s->threads) omp_set_num_threads((int)s->threads);
  snprintf(threads, sizeof threads, "%d", omp_get_max_threads());
  setenv("OMP_NUM_THREADS", threads, 1); /* for NumPy */
  setenv("OPENBLAS_NUM_THREADS", threads, 1);
  w.sites = mem_alloc(2 * s->sites, sizeof *w.sites);
  w.sides = mem_alloc(2 * s->sites, sizeof *w.sides);
  w.map = mem_alloc(4 * pairs, sizeof *w.map);
  w.biased = w.map + pairs;
  w.low = w.biased + pairs;
  w.high = w.low + pairs;
  for (size_t i = 0; i < WAYS; i++) times[i] = mem_alloc(s->rounds, sizeof *times[i]);
  make_rows(&w);
  Status status = measure(&w, times, &difference, err);
  if (status == STATUS_OK) status = print(&w, from, times, difference, err);
  for (size_t i = 0; i < WAYS; i++) free(times[i]);
  clear(&w);
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
