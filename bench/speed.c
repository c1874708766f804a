/* Speed of the two things fathom spends its time on, end to end, as a share of the machine's multiply-add ceiling:
 * recording all blocks of a model to disk, and anchored training steps fed with frozen features from a store. */
#define _GNU_SOURCE
#include "base/log.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/rng.h"
#include "base/table.h"
#include "bench/machine.h"
#include "bench/program.h"
#include "train/recorder.h"
#include "train/step.h"
#include "weights/source.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REPETITIONS = 5 };

typedef struct Settings {
  const char *folder;
  size_t threads, batches;
  bool json, help;
} Settings;

static const Settings defaults = {.folder = ".", .batches = 16};
static const Option options[] = {
    {"folder", 0, OPTION_TEXT, offsetof(Settings, folder), 0, 0, "DIR", "where stores are written, and removed again",
     NULL},
    {"batches", 0, OPTION_SIZE, offsetof(Settings, batches), 1, 1000, "N", "batches recorded in one measurement", NULL},
    BENCH_THREADS(Settings),
    BENCH_JSON(Settings),
    BENCH_HELP(Settings),
    {0}};

typedef struct Work {
  Model model;
  Sample *samples;
  const Sample **list;
  size_t n, length;
  char *path;
} Work;

/* n samples of random tokens. */
static void make_samples(Work *w, size_t n, size_t length) {
  Rng rng = rng_new(1);
  w->n = n;
  w->length = length;
  w->samples = mem_alloc(n, sizeof *w->samples);
  w->list = mem_alloc(n, sizeof *w->list);
  for (size_t s = 0; s < n; s++) {
    Sample *sample = &w->samples[s];
    *sample = (Sample){
        .id = mem_format("%zu", s), .group = mem_copy_string(""), .label = mem_copy_string(""), .n_tokens = length};
    sample->ids = mem_alloc(length, sizeof *sample->ids);
    for (size_t t = 0; t < length; t++) sample->ids[t] = (int32_t)rng_below(&rng, w->model.config.vocab_size);
    w->list[s] = sample;
  }
}

static void free_samples(Work *w) {
  for (size_t s = 0; s < w->n; s++) {
    free(w->samples[s].id);
    free(w->samples[s].group);
    free(w->samples[s].label);
    free(w->samples[s].ids);
  }
  free(w->samples);
  free(w->list);
}

/* Floating-point operations of a forward pass over these samples up to the last hidden state: two for each weight and
 * row of the linear layers, and for causal attention four for each query, visible key and channel. */
static double forward_operations(const Work *w, size_t n_samples) {
  const ModelConfig *c = &w->model.config;
  double weights = 0;
  for (size_t i = 0; i < w->model.table.count; i++) {
    const Parameter *p = &w->model.table.items[i];
    if (p->role >= ROLE_FIRST_IN_BLOCK && p->role <= ROLE_LAST_IN_BLOCK && p->rows > 1)
      weights += (double)p->rows * (double)p->columns;
  }
  const double t = (double)w->length, pairs = t * (t + 1) / 2;
  return (double)n_samples * (2 * weights * t + 4 * pairs * (double)(c->n_heads * c->head_dim * c->n_layers));
}

static Status record(Work *w, size_t batch_tokens, Error *err) {
  SiteList sites;
  Status status = sites_of_selection(&w->model.config, "resid_post", NULL, &sites, err);
  const RecordPlan plan = {.path = w->path,
                           .sites = &sites,
                           .samples = w->list,
                           .n_samples = w->n,
                           .rule_name = "all",
                           .rule = TOKENS_ALL,
                           .batch_tokens = batch_tokens,
                           .label = "record",
                           .about = {.weights_sha256 = ""}};
  if (status == STATUS_OK) status = recorder_run(&w->model, &plan, err);
  sites_clear(&sites);
  return status;
}

typedef struct Row {
  const char *name;
  double seconds, tokens, operations; /* of one repetition: medians */
  double share;
} Row;

/* Seconds and ceiling are measured in turn, and the share is the median of their pairs. */
typedef struct Timing {
  double seconds[REPETITIONS], shares[REPETITIONS];
  size_t count;
} Timing;

static void timing_add(Timing *t, bool bfloat16, double seconds, double operations) {
  const double ceiling = (bfloat16 ? machine_bf16_rate : machine_fma_rate)((size_t)omp_get_max_threads(), 0.5);
  t->seconds[t->count] = seconds;
  t->shares[t->count++] = operations / seconds / ceiling;
}

static Row timing_row(Timing *t, const char *name, double tokens, double operations) {
  return (Row){name, machine_median(t->seconds, t->count), tokens, operations, machine_median(t->shares, t->count)};
}

static Status bench_record(Work *w, const char *name, size_t per_batch, size_t length, size_t batches, Row *row,
                           Error *err) {
  Timing timing = {0};
  Status status = STATUS_OK;
  make_samples(w, per_batch * batches, length);
  const double operations = forward_operations(w, w->n);
  for (size_t r = 0; r <= REPETITIONS && status == STATUS_OK; r++) {
    const double started = clock_seconds();
    status = record(w, per_batch * length, err);
    /* The first warms up. */
    if (r > 0) timing_add(&timing, w->model.packed.base, clock_seconds() - started, operations);
    unlink(w->path);
  }
  *row = timing_row(&timing, name, (double)(w->n * length), operations);
  free_samples(w);
  return status;
}

static Status bench_training(Work *w, Row *row, Error *err) {
  enum { PER_BATCH = 8, LENGTH = 128, PAIRS = PER_BATCH / 2 };
  const size_t n = w->model.table.total - w->model.table.embed, bytes = n * sizeof(real);
  Timing timing = {0};
  Arena arena = {0};
  Pass pass = {0};
  Frozen frozen = {0};
  Anchor anchor = {0};
  make_samples(w, PER_BATCH * (REPETITIONS + 1), LENGTH);
  Stepper stepper = {.model = &w->model,
                     .pass = &pass,
                     .frozen = &frozen,
                     .anchor = &anchor,
                     .n_trained = n,
                     .clip = 1,
                     .batch_tokens = PER_BATCH * LENGTH};
  const double operations = 3 * forward_operations(w, PER_BATCH);
  Status status = record(w, PER_BATCH * LENGTH, err);
  if (status == STATUS_OK)
    status = frozen_open(&frozen, w->path, TOKENS_ALL, w->model.config.n_layers, w->model.config.hidden_size, w->list,
                         w->n, err);
  if (status == STATUS_OK) status = frozen_measure_scale(&frozen, w->list, w->n, err);
  if (status == STATUS_OK)
    status = anchor_init(&anchor, 0.1, ANCHOR_RELATIVE, "all", w->model.config.n_layers, w->model.config.hidden_size,
                         frozen.scale, err);
  if (status == STATUS_OK) status = pass_init(&pass, &w->model.config, PER_BATCH * LENGTH, LENGTH, KEEP_BLOCKS, err);
  if (status == STATUS_OK) status = arena_init(&arena, 3 * arena_need(bytes), err);
  if (status == STATUS_OK) {
    stepper.gradients = (Gradients){.values = arena_take(&arena, bytes), .begin = w->model.table.embed};
    stepper.first = arena_take(&arena, bytes);
    stepper.second = arena_take(&arena, bytes);
  }
  for (size_t r = 0; r <= REPETITIONS && status == STATUS_OK; r++) {
    size_t indices[PER_BATCH];
    StepResult result;
    for (size_t i = 0; i < PER_BATCH; i++) indices[i] = r * PER_BATCH + i;
    const double started = clock_seconds();
    status = step_run(&stepper, w->list + r * PER_BATCH, indices, NULL, PAIRS, 1e-6, r + 1, &result, err);
    if (r > 0) timing_add(&timing, false, clock_seconds() - started, operations);
  }
  *row = timing_row(&timing, "training step 8 x 128, anchored", PER_BATCH * LENGTH, operations);
  unlink(w->path);
  gradients_clear(&stepper.gradients);
  sample_batch_clear(&stepper.batch);
  arena_clear(&arena);
  pass_clear(&pass);
  anchor_clear(&anchor);
  frozen_close(&frozen);
  free_samples(w);
  return status;
}

static const char *const columns[] = {"measure", "seconds", "tokens_per_second", "gflops", "share", "peak_mib"};

static void add_row(Table *table, const Row *row) {
  table_string(table, row->name);
  table_number(table, row->seconds);
  table_number(table, row->tokens / row->seconds);
  table_number(table, row->operations / row->seconds / 1e9);
  table_number(table, row->share);
  table_number(table, (double)mem_peak() / (1 << 20));
}

/* Recording with the matrices in the file's format, in bfloat16, or widened; of these training, too. */
typedef enum Form { IN_FILE, BFLOAT16, WIDENED, FORMS } Form;

static Status bench_form(Work *w, const Source *source, Form form, size_t batches, Table *table, Error *err) {
  static const struct {
    const char *names[FORMS];
    size_t per_batch, length;
  } shapes[] = {
      {{"record 8 x 128, weights in the file's format", "record 8 x 128, bfloat16", "record 8 x 128, weights widened"},
       8,
       128},
      {{"record 1 x 512, weights in the file's format", "record 1 x 512, bfloat16", "record 1 x 512, weights widened"},
       1,
       512}};
  Row row;
  Error why = {0};
  Onednn *onednn = NULL;
  if (form == BFLOAT16 && (!machine_bf16_kernel() || onednn_open(&onednn, &why) != STATUS_OK)) return STATUS_OK;
  Status status = model_open(source, (ModelOptions){.strict = true, .in_file = form != WIDENED}, &w->model, err);
  if (status == STATUS_OK && onednn) status = model_pack(&w->model, onednn, err);
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0] && status == STATUS_OK; i++) {
    status = bench_record(w, shapes[i].names[form], shapes[i].per_batch, shapes[i].length, batches, &row, err);
    if (status == STATUS_OK) add_row(table, &row);
  }
  if (status == STATUS_OK && form == WIDENED) {
    status = bench_training(w, &row, err);
    if (status == STATUS_OK) add_row(table, &row);
  }
  model_close(&w->model);
  onednn_close(onednn);
  return status;
}

static Status run(const void *settings, const char **args, size_t n_args, const Provenance *from, Error *err) {
  (void)n_args;
  const Settings *s = settings;
  const char *path = args[0];
  if (s->threads) omp_set_num_threads((int)s->threads);
  Work w = {.path = mem_format("%s/fathom-speed-%d.h5", s->folder, (int)getpid())};
  Source *source = NULL;
  Status status = source_open(path, &source, err);
  if (status == STATUS_OK) {
    char processor[128];
    Table *table = table_begin(stdout, s->json, from, columns, sizeof columns / sizeof columns[0]);
    machine_processor(processor, sizeof processor);
    table_note(table,
               "%s, %d threads, multiply-adds by %s; medians of %d; share of the type's ceiling, measured in turn; "
               "peak memory so far",
               processor, omp_get_max_threads(), machine_fma_kernel(), REPETITIONS);
    for (Form form = IN_FILE; form < FORMS && status == STATUS_OK; form++)
      status = bench_form(&w, source, form, s->batches, table, err);
    const Status written = table_end(table, status == STATUS_OK ? err : NULL);
    if (status == STATUS_OK) status = written;
  }
  source_close(source);
  free(w.path);
  return status;
}

int main(int argc, char **argv) {
  const BenchProgram program = {.name = "bench/speed",
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
