/* One training step after the other on request, for bench/compare_training.py: a line on stdin asks for a step, and is
 * answered by one with its seconds, its seconds of processor time, its loss (of pairs and anchor), and the process's
 * peak memory in MiB.
 *
 * The work: 8 sequences of 128 tokens, 4 pairs, all parameters trained, gradients clipped to norm 1, AdamW. Token t of
 * the run is 2654435761 t mod 2^32, mod V; after 4 steps the batches come again. bench/train_peer.py does the same. */
#include "base/log.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/table.h"
#include "bench/program.h"
#include "train/recorder.h"
#include "train/step.h"
#include "weights/source.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { SEQUENCES = 8, LENGTH = 128, PAIRS = SEQUENCES / 2, BATCHES = 4, SAMPLES = BATCHES * SEQUENCES };

typedef struct Settings {
  const char *folder;
  double anchor, learning_rate;
  size_t threads;
  bool bfloat16, recompute, help;
} Settings;

static const Settings defaults = {.folder = ".", .learning_rate = 1e-5};
static const Option options[] = {
    {"anchor", 0, OPTION_REAL, offsetof(Settings, anchor), 0, 1e6, "X",
     "strength of the anchor on all blocks and tokens, fed from a store; 0 = a plain step", NULL},
    {"bfloat16", 0, OPTION_FLAG, offsetof(Settings, bfloat16), 0, 0, NULL, "matrix products in bfloat16", NULL},
    {"recompute", 0, OPTION_FLAG, offsetof(Settings, recompute), 0, 0, NULL, "blocks run again in the backward pass",
     NULL},
    {"lr", 0, OPTION_REAL, offsetof(Settings, learning_rate), 0, 10, "X", "learning rate", NULL},
    {"folder", 0, OPTION_TEXT, offsetof(Settings, folder), 0, 0, "DIR", "where the store is written, and removed again",
     NULL},
    BENCH_THREADS(Settings),
    BENCH_HELP(Settings),
    {0}};

/* Everything a step needs; clear accepts it half built. */
typedef struct Work {
  const Settings *settings;
  Model model;
  Sample samples[SAMPLES];
  const Sample *list[SAMPLES];
  int32_t ids[SAMPLES * LENGTH];
  char *path;
  Arena arena;
  Pass pass;
  Frozen frozen;
  Anchor anchor;
  Stepper stepper;
} Work;

static void make_samples(Work *w) {
  for (size_t i = 0; i < SAMPLES * LENGTH; i++)
    w->ids[i] = (int32_t)((uint32_t)(UINT32_C(2654435761) * i) % w->model.config.vocab_size);
  for (size_t s = 0; s < SAMPLES; s++) {
    w->samples[s] = (Sample){.id = "", .group = "", .label = "", .ids = w->ids + s * LENGTH, .n_tokens = LENGTH};
    w->list[s] = &w->samples[s];
  }
}

/* The frozen features, as a training run records them. */
static Status record(Work *w, Error *err) {
  SiteList sites;
  Status status = sites_of_selection(&w->model.config, "resid_post", NULL, &sites, err);
  const RecordPlan plan = {.path = w->path,
                           .sites = &sites,
                           .samples = w->list,
                           .n_samples = SAMPLES,
                           .rule_name = "all",
                           .rule = TOKENS_ALL,
                           .batch_tokens = SEQUENCES * LENGTH,
                           .label = "frozen features",
                           .about = {.weights_sha256 = ""}};
  if (status == STATUS_OK) status = recorder_run(&w->model, &plan, err);
  sites_clear(&sites);
  return status;
}

static Status prepare(Work *w, Error *err) {
  const ModelConfig *c = &w->model.config;
  const size_t begin = w->model.table.embed, n = w->model.table.total - begin, bytes = n * sizeof(real);
  Status status = record(w, err);
  if (status == STATUS_OK)
    status = frozen_open(&w->frozen, w->path, TOKENS_ALL, c->n_layers, c->hidden_size, w->list, SAMPLES, err);
  if (status == STATUS_OK) status = frozen_measure_scale(&w->frozen, w->list, SAMPLES, err);
  if (status == STATUS_OK)
    status = anchor_init(&w->anchor, w->settings->anchor, ANCHOR_RELATIVE, "all", c->n_layers, c->hidden_size,
                         w->frozen.scale, err);
  if (status == STATUS_OK)
    status =
        pass_init(&w->pass, c, SEQUENCES * LENGTH, LENGTH, w->settings->recompute ? KEEP_INPUTS : KEEP_BLOCKS, err);
  if (status == STATUS_OK) status = arena_init(&w->arena, 3 * arena_need(bytes), err);
  if (status != STATUS_OK) return status;
  w->stepper = (Stepper){.model = &w->model,
                         .pass = &w->pass,
                         .frozen = &w->frozen,
                         .anchor = &w->anchor,
                         .gradients = {.values = arena_take(&w->arena, bytes), .begin = begin},
                         .first = arena_take(&w->arena, bytes),
                         .second = arena_take(&w->arena, bytes),
                         .n_trained = n,
                         .clip = 1,
                         .batch_tokens = SEQUENCES * LENGTH};
  return STATUS_OK;
}

/* Of all threads. */
static double processor_seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static Status answer_requests(Work *w, Error *err) {
  char line[16];
  printf("ready\n");
  fflush(stdout);
  for (size_t step = 0; fgets(line, sizeof line, stdin); step++) {
    const size_t first = step % BATCHES * SEQUENCES;
    size_t indices[SEQUENCES];
    StepResult result;
    for (size_t i = 0; i < SEQUENCES; i++) indices[i] = first + i;
    const double started = clock_seconds(), used = processor_seconds();
    const Status status = step_run(&w->stepper, w->list + first, indices, NULL, PAIRS, w->settings->learning_rate,
                                   step + 1, &result, err);
    if (status != STATUS_OK) return status;
    printf("%.6f %.6f %.9g %.1f\n", clock_seconds() - started, processor_seconds() - used, result.loss.total,
           (double)mem_peak() / (1 << 20));
    fflush(stdout);
  }
  return STATUS_OK;
}

static void clear(Work *w) {
  if (w->path) unlink(w->path);
  gradients_clear(&w->stepper.gradients);
  sample_batch_clear(&w->stepper.batch);
  arena_clear(&w->arena);
  pass_clear(&w->pass);
  anchor_clear(&w->anchor);
  frozen_close(&w->frozen);
  model_close(&w->model);
  free(w->path);
}

static Status run(const void *all, const char **args, size_t n_args, const Provenance *from, Error *err) {
  (void)n_args, (void)from;
  const Settings *settings = all;
  const char *path = args[0];
  if (settings->threads) omp_set_num_threads((int)settings->threads);
  static Work w;
  Source *source = NULL;
  Onednn *onednn = NULL;
  w.settings = settings;
  w.path = mem_format("%s/fathom-train-%d.h5", settings->folder, (int)getpid());
  Status status = source_open(path, &source, err);
  if (status == STATUS_OK) status = model_open(source, (ModelOptions){0}, &w.model, err);
  if (status == STATUS_OK && !w.model.has_score) status = error_set(err, STATUS_DATA, "%s: has no reward head", path);
  if (status == STATUS_OK && settings->bfloat16) status = onednn_open(&onednn, err);
  if (status == STATUS_OK && onednn) status = model_narrow(&w.model, onednn, err);
  if (status == STATUS_OK) make_samples(&w);
  if (status == STATUS_OK) status = prepare(&w, err);
  if (status == STATUS_OK) status = answer_requests(&w, err);
  clear(&w);
  onednn_close(onednn);
  source_close(source);
  return status;
}

int main(int argc, char **argv) {
  const BenchProgram program = {.name = "bench/train",
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
