/* The activation store against a plain file: rows of every block of SmolLM2-135M, batch by batch as `fathom record`
 * hands them over, beside write(2) of the same bytes; then reading them back in blocks of rows. */
#include "base/log.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/table.h"
#include "bench/program.h"
#include "store/activations.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SITES = 30, WIDTH = 576 };

typedef struct Settings {
  const char *folder;
  size_t rows, batch, every;
  bool json, help;
} Settings;

static const Settings defaults = {.folder = ".", .rows = 20480, .batch = 1024, .every = 1};
static const Option options[] = {
    {"folder", 0, OPTION_TEXT, offsetof(Settings, folder), 0, 0, "DIR", "where to write", NULL},
    {"rows", 0, OPTION_SIZE, offsetof(Settings, rows), 1, 1e9, "N", "rows of each site", NULL},
    {"batch", 0, OPTION_SIZE, offsetof(Settings, batch), 1, 1e6, "N", "rows handed over at a time", NULL},
    {"every", 0, OPTION_SIZE, offsetof(Settings, every), 1, 1e9, "N",
     "batches between two marks, each of which waits for the disk", NULL},
    BENCH_JSON(Settings),
    BENCH_HELP(Settings),
    {0}};

static const char *const columns[] = {"what", "type", "GB", "GB/s", "GB/s with sync"};

typedef struct Rates {
  double bytes, seconds, seconds_synced;
} Rates;

static Status measure_plain(const Settings *settings, const char *path, const float *rows, Rates *rates, Error *err) {
  const size_t size = settings->batch * WIDTH * sizeof *rows, n = settings->rows / settings->batch * SITES;
  Status status = STATUS_OK;
  unlink(path);
  const double start = clock_seconds();
  const int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0666);
  if (fd < 0) return error_system(err, "%s: cannot write", path);
  for (size_t i = 0; i < n && status == STATUS_OK; i++)
    if (write(fd, rows, size) != (ssize_t)size) status = error_system(err, "%s: cannot write", path);
  rates->seconds = clock_seconds() - start;
  if (status == STATUS_OK && fdatasync(fd) != 0) status = error_system(err, "%s: cannot write", path);
  rates->seconds_synced = clock_seconds() - start;
  rates->bytes = (double)(size * n);
  close(fd);
  unlink(path);
  return status;
}

static StoreContents made_contents(const Settings *settings, StoreDtype dtype, StoreSite *sites, char (*names)[40]) {
  const size_t n = settings->rows / settings->batch * settings->batch;
  uint32_t *row_sample = mem_alloc(n, sizeof *row_sample), *row_token = mem_alloc(n, sizeof *row_token);
  uint32_t *n_tokens = mem_alloc(1, sizeof *n_tokens);
  for (size_t i = 0; i < n; i++) row_token[i] = (uint32_t)i;
  *n_tokens = (uint32_t)n;
  for (size_t i = 0; i < SITES; i++) {
    snprintf(names[i], sizeof names[i], "blocks.%zu.hook_resid_post", i);
    sites[i] = (StoreSite){names[i], WIDTH};
  }
  return (StoreContents){.sites = sites,
                         .n_sites = SITES,
                         .dtype = dtype,
                         .n_rows = n,
                         .n_samples = 1,
                         .n_tokens = n_tokens,
                         .row_sample = row_sample,
                         .row_token = row_token};
}

static Status write_store(const Settings *settings, const StoreContents *contents, const char *path, const float *rows,
                          Rates *rates, Error *err) {
  Store *store;
  size_t done;
  const double start = clock_seconds();
  Status status = store_create(path, contents, false, &store, &done, err);
  if (status != STATUS_OK) return status;
  for (size_t at = 0, i = 1; at < contents->n_rows && status == STATUS_OK; at += settings->batch, i++) {
    for (size_t s = 0; s < SITES && status == STATUS_OK; s++)
      status = store_write_rows(store, s, at, settings->batch, rows, WIDTH, err);
    if (status == STATUS_OK && i % settings->every == 0) status = store_mark_done(store, at + settings->batch, err);
  }
  rates->seconds = clock_seconds() - start;
  rates->bytes = (double)contents->n_rows * SITES * WIDTH * (contents->dtype == STORE_F32 ? 4 : 2);
  if (status == STATUS_OK)
    status = store_finish(store, err);
  else
    store_close(store);
  rates->seconds_synced = clock_seconds() - start;
  return status;
}

static Status read_store(const char *path, float *rows, size_t block, Rates *rates, Error *err) {
  Store *store;
  const double start = clock_seconds();
  Status status = store_open(path, &store, err);
  if (status != STATUS_OK) return status;
  const size_t n = store_contents(store)->n_rows;
  for (size_t s = 0; s < SITES; s++)
    for (size_t at = 0; at < n && status == STATUS_OK; at += block)
      status = store_read_rows(store, s, at, n - at < block ? n - at : block, rows, err);
  rates->seconds = rates->seconds_synced = clock_seconds() - start;
  store_close(store);
  return status;
}

static void print_rates(Table *table, const char *what, const char *type, const Rates *rates) {
  table_string(table, what);
  table_string(table, type);
  table_number(table, rates->bytes / 1e9);
  table_number(table, rates->bytes / 1e9 / rates->seconds);
  table_number(table, rates->bytes / 1e9 / rates->seconds_synced);
}

static Status measure_store(const Settings *settings, StoreDtype dtype, float *rows, Table *table, Error *err) {
  StoreSite sites[SITES];
  char names[SITES][40];
  StoreContents contents = made_contents(settings, dtype, sites, names);
  char *path = file_join(settings->folder, "bench-store.h5");
  Rates rates = {0};
  Status status = write_store(settings, &contents, path, rows, &rates, err);
  if (status == STATUS_OK) print_rates(table, "store", store_dtype_name(dtype), &rates);
  if (status == STATUS_OK) status = read_store(path, rows, settings->batch, &rates, err);
  if (status == STATUS_OK) print_rates(table, "store, read", store_dtype_name(dtype), &rates);
  unlink(path);
  free(path);
  free((void *)contents.n_tokens);
  free((void *)contents.row_sample);
  free((void *)contents.row_token);
  return status;
}

static Status measure_all(const Settings *settings, Table *table, Error *err) {
  float *rows = mem_alloc(settings->batch * WIDTH, sizeof *rows);
  char *path = file_join(settings->folder, "bench-store.bin");
  Status status = STATUS_OK;
  Rates rates = {0};
  for (size_t i = 0; i < settings->batch * WIDTH; i++) rows[i] = (float)(i % 2048) / 7 - 100;
  for (int round = 0; round < 3 && status == STATUS_OK; round++) {
    status = measure_plain(settings, path, rows, &rates, err);
    if (status == STATUS_OK) print_rates(table, "plain write", "float32", &rates);
    for (int dtype = STORE_F32; dtype <= STORE_F16 && status == STATUS_OK; dtype++)
      status = measure_store(settings, (StoreDtype)dtype, rows, table, err);
  }
  free(path);
  free(rows);
  return status;
}

static Status run(const void *settings, const char **args, size_t n_args, const Provenance *from, Error *err) {
  const Settings *s = settings;
  (void)args, (void)n_args;
  Table *table = table_begin(stdout, s->json, from, columns, sizeof columns / sizeof columns[0]);
  const Status status = measure_all(s, table, err);
  const Status ended = table_end(table, status == STATUS_OK ? err : NULL);
  return status == STATUS_OK ? ended : status;
}

int main(int argc, char **argv) {
  const BenchProgram program = {.name = "bench/store",
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
