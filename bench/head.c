/* Training the reward head alone: seconds of an epoch with a forward pass for every batch, and from last hidden states
 * in a store, which a forward pass has recorded once. Both end at the same head. */
#define _GNU_SOURCE
#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/rng.h"
#include "base/table.h"
#include "bench/machine.h"
#include "bench/program.h"
#include "model/forward.h"
#include "train/recorder.h"
#include "train/step.h"
#include "weights/source.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <unistd.h>

enum { BATCH = 8 /* pairs */ };
#define RATE 1e-3

typedef struct Settings {
  const char *folder;
  size_t threads, pairs, length, epochs;
  bool json, help;
} Settings;

static const Settings defaults = {.folder = ".", .pairs = 32, .length = 128, .epochs = 5};
static const Option options[] = {
    {"folder", 0, OPTION_TEXT, offsetof(Settings, folder), 0, 0, "DIR", "where the store is written, and removed again",
     NULL},
    {"pairs", 0, OPTION_SIZE, offsetof(Settings, pairs), 8, 1e6, "N", "pairs of an epoch (a multiple of 8)", NULL},
    {"length", 0, OPTION_SIZE, offsetof(Settings, length), 1, 1e5, "N", "tokens of each side", NULL},
    {"epochs", 0, OPTION_SIZE, offsetof(Settings, epochs), 1, 1e4, "N", "epochs from the store, of which the median",
     NULL},
    BENCH_THREADS(Settings),
    BENCH_JSON(Settings),
    BENCH_HELP(Settings),
    {0}};

typedef struct Work {
  const Settings *settings;
  Model model;
  char *path;
  Sample *samples;
  const Sample **list;
  size_t *indices, n;
  real *moments; /* gradient, first, second: [3, D] */
} Work;

static void make_samples(Work *w) {
  Rng rng = rng_new(1);
  w->n = 2 * (w->settings->pairs / BATCH * BATCH);
  w->samples = mem_alloc(w->n, sizeof *w->samples);
  w->list = mem_alloc(w->n, sizeof *w->list);
  w->indices = mem_alloc(w->n, sizeof *w->indices);
  for (size_t s = 0; s < w->n; s++) {
    w->samples[s] = (Sample){
        .id = mem_format("%zu", s), .text_digest = "", .group = "", .label = "", .n_tokens = w->settings->length};
    w->samples[s].ids = mem_alloc(w->settings->length, sizeof(int32_t));
    for (size_t t = 0; t < w->settings->length; t++)
      w->samples[s].ids[t] = (int32_t)rng_below(&rng, w->model.config.vocab_size);
    w->list[s] = &w->samples[s];
    w->indices[s] = s;
  }
}

static void begin(Work *w) {
  const size_t d = w->model.config.hidden_size;
  for (size_t i = 0; i < d; i++) w->model.values[w->model.table.score + i] = (real)(0.02 * sin((double)i));
  for (size_t i = 0; i < 3 * d; i++) w->moments[i] = 0;
}

/* An epoch as any trainer without features runs it. */
static void epoch_with_passes(Work *w, Pass *pass) {
  const size_t d = w->model.config.hidden_size;
  Gradients g = {.values = w->moments, .begin = w->model.table.score};
  SampleBatch batch = {0};
  for (size_t first = 0; first < w->n; first += 2 * BATCH) {
    real rewards[2 * BATCH], drewards[2 * BATCH];
    PairSums sums = {0};
    sample_batch_fill(&batch, w->list + first, 2 * BATCH);
    model_forward(&w->model, &batch.batch, pass, NULL);
    model_rewards(&w->model, &batch.batch, pass, rewards);
    loss_bradley_terry(BATCH, rewards, NULL, 0, 1.0 / BATCH, &sums, drewards);
    model_backward(&w->model, &batch.batch, pass, drewards, NULL, NULL, false, &g);
    const AdamwStep step = {RATE, 0.9, 0.999, 1e-8, 0, first / (2 * BATCH) + 1, 1};
    adamw_update(&step, d, w->model.values + g.begin, g.values, w->moments + d, w->moments + 2 * d);
  }
  gradients_clear(&g);
  sample_batch_clear(&batch);
}

static Status epoch_from_features(Work *w, const Features *features, Error *err) {
  const size_t d = features->width;
  Anchor anchor = {0};
  Frozen frozen = {0};
  Status status = anchor_init(&anchor, 0, ANCHOR_RELATIVE, "all", w->model.config.n_layers, d, NULL, err);
  Stepper stepper = {.model = &w->model,
                     .frozen = &frozen,
                     .anchor = &anchor,
                     .features = features,
                     .n_trained = d,
                     .gradients = {.values = w->moments, .begin = w->model.table.score},
                     .first = w->moments + d,
                     .second = w->moments + 2 * d,
                     .batch_tokens = 2 * BATCH * w->settings->length};
  for (size_t first = 0; first < w->n && status == STATUS_OK; first += 2 * BATCH) {
    StepResult result;
    status = step_run(&stepper, w->list + first, w->indices + first, NULL, BATCH, RATE, first / (2 * BATCH) + 1,
                      &result, err);
  }
  sample_batch_clear(&stepper.batch);
  anchor_clear(&anchor);
  return status;
}

static Status record(Work *w, Error *err) {
  SiteList sites = {0};
  Status status = sites_of_selection(&w->model.config, "ln_final", NULL, &sites, err);
  const RecordPlan plan = {.path = w->path,
                           .sites = &sites,
                           .samples = w->list,
                           .n_samples = w->n,
                           .rule_name = "last",
                           .rule = TOKENS_LAST,
                           .batch_tokens = 2 * BATCH * w->settings->length,
                           .label = "record",
                           .about = {.weights_sha256 = ""}};
  if (status == STATUS_OK) status = recorder_run(&w->model, &plan, err);
  sites_clear(&sites);
  return status;
}

static Status load(Work *w, Features *features, Error *err) {
  Store *store = NULL;
  Status status = store_open(w->path, &store, err);
  if (status == STATUS_OK) status = features_load(features, &w->model, store, w->list, w->n, w->settings->length, err);
  store_close(store);
  return status;
}

static void add_row(Table *table, const char *name, double seconds, double reference) {
  table_string(table, name);
  table_number(table, seconds);
  table_number(table, reference / seconds);
}

/* passes: an epoch's seconds with forward passes; expected: the head that it ends at. */
static Status measure_store(Work *w, double passes, const real *expected, Table *table, Error *err) {
  const size_t d = w->model.config.hidden_size;
  Features features = {0};
  double *seconds = mem_alloc(w->settings->epochs, sizeof *seconds), worst = 0, started = clock_seconds();
  Status status = record(w, err);
  if (status == STATUS_OK) add_row(table, "last hidden states, recorded once", clock_seconds() - started, passes);
  started = clock_seconds();
  if (status == STATUS_OK) status = load(w, &features, err);
  if (status == STATUS_OK) add_row(table, "and read from the store, once a run", clock_seconds() - started, passes);
  for (size_t e = 0; e < w->settings->epochs && status == STATUS_OK; e++) {
    begin(w);
    started = clock_seconds();
    status = epoch_from_features(w, &features, err);
    seconds[e] = clock_seconds() - started;
  }
  for (size_t i = 0; i < d; i++)
    worst = fmax(worst, fabs((double)(w->model.values[w->model.table.score + i] - expected[i])));
  if (status == STATUS_OK && features.from_store != w->n)
    status = error_set(err, STATUS_DATA, "%zu of %zu hidden states were in the store", features.from_store, w->n);
  if (status == STATUS_OK) add_row(table, "an epoch from them", machine_median(seconds, w->settings->epochs), passes);
  if (status == STATUS_OK) table_note(table, "largest difference of the two heads' weights: %.1e", worst);
  features_clear(&features);
  free(seconds);
  unlink(w->path);
  return status;
}

static Status run(const void *settings, const char **args, size_t n_args, const Provenance *from, Error *err) {
  (void)n_args;
  const Settings *s = settings;
  const char *path = args[0];
  if (s->threads) omp_set_num_threads((int)s->threads);
  static const char *const columns[] = {"measure", "seconds", "times_faster"};
  Work w = {.settings = s, .path = mem_format("%s/fathom-head-%d.h5", s->folder, (int)getpid())};
  Source *source = NULL;
  Pass pass = {0};
  Status status = source_open(path, &source, err);
  if (status == STATUS_OK) status = model_open(source, (ModelOptions){.strict = true}, &w.model, err);
  if (status == STATUS_OK)
    status = pass_init(&pass, &w.model.config, 2 * BATCH * s->length, s->length, KEEP_BLOCKS, err);
  if (status == STATUS_OK) {
    char processor[128];
    const size_t d = w.model.config.hidden_size;
    real *expected = mem_alloc(d, sizeof *expected);
    Table *table = table_begin(stdout, s->json, from, columns, sizeof columns / sizeof columns[0]);
    machine_processor(processor, sizeof processor);
    make_samples(&w);
    w.moments = mem_alloc(3 * d, sizeof *w.moments);
    table_note(table, "%s, %d threads; %zu pairs of 2 x %zu tokens in batches of %d; times_faster: than the first row",
               processor, omp_get_max_threads(), w.n / 2, s->length, BATCH);
    begin(&w);
    const double started = clock_seconds();
    epoch_with_passes(&w, &pass);
    const double passes = clock_seconds() - started;
    for (size_t i = 0; i < d; i++) expected[i] = w.model.values[w.model.table.score + i];
    add_row(table, "an epoch with forward passes", passes, passes);
    status = measure_store(&w, passes, expected, table, err);
    const Status written = table_end(table, status == STATUS_OK ? err : NULL);
    if (status == STATUS_OK) status = written;
    free(expected);
  }
  for (size_t i = 0; i < w.n; i++) free(w.samples[i].id), free(w.samples[i].ids);
  free(w.samples), free(w.list), free(w.indices), free(w.moments), free(w.path);
  pass_clear(&pass);
  model_close(&w.model);
  source_close(source);
  return status;
}

int main(int argc, char **argv) {
  const BenchProgram program = {.name = "bench/head",
                                .arguments = "MODEL",
                                .min_args = 1,
                                .max_args = 1,
                                .options = options,
                                .defaults = &defaults,
                                .settings_size = sizeof(Settings),
                                .help_at = offsetof(Settings, help),
                                .run = run};
  return bench_main(&program, argc, argv);
}
