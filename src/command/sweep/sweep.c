/* fathom sweep: a grid of training runs in parallel processes that share frozen features, and one table of what came of
 * them. */
#include "command/sweep/sweep.h"

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "command/sweep/parts.h"

#include <limits.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const SweepSettings defaults = {
    .input = {.dtype = "float32", .chat_template = "auto", .batch_tokens = 1024},
    .anchor_tokens = "response",
    .eval_split = 0.1,
    .checkpoint_every = 100,
};

/* --- how many at a time --- */

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/* Jobs by cores, memory and runs; threads of a run by what jobs leave each. */
static void plan_jobs(Sweep *sweep, const SweepCost *cost) {
  const SweepSettings *s = sweep->settings;
  const size_t cores = (size_t)omp_get_max_threads(), memory = s->memory ? s->memory : sweep_free_memory(),
               fit = memory ? memory / cost->run_bytes : cores;
  if (fit == 0)
    log_warn("a run takes about %.0f MiB, and there are %.0f: it may fail", (double)cost->run_bytes / (1 << 20),
             (double)memory / (1 << 20));
  sweep->jobs = s->jobs ? s->jobs : smaller(cores, sweep->n_runs);
  if (fit < sweep->jobs && fit > 0) {
    if (s->jobs)
      log_warn("--jobs %zu: memory is enough for %zu runs of %.0f MiB at a time", s->jobs, fit,
               (double)cost->run_bytes / (1 << 20));
    sweep->jobs = fit;
  }
  if (fit == 0) sweep->jobs = 1;
  sweep->record_threads = cores;
  sweep->run_threads = cores > sweep->jobs ? cores / sweep->jobs : 1;
}

/* Threads may be those of an earlier call. */
static void fit_jobs(Sweep *sweep) {
  const size_t cores = (size_t)omp_get_max_threads(), most = cores > sweep->run_threads ? cores / sweep->run_threads : 1;
  if (!sweep->settings->jobs && most < sweep->jobs) sweep->jobs = most;
  log_note("runs: %zu, %zu at a time; threads of each: %zu", sweep->n_runs, sweep->jobs, sweep->run_threads);
}

/* --- what is printed instead of a table --- */

static void print_words(Words words) {
  char *line = command_line((int)words.n, words.items);
  fputs(line, stdout);
  free(line);
  words_free(&words);
}

/* This call with --collect in the place of --array. */
static void print_collect(const Sweep *sweep) {
  Words words = {0};
  for (int i = 0; i < sweep->call->argc; i++)
    words_add(&words, strcmp(sweep->call->argv[i], "--array") == 0 ? "--collect" : sweep->call->argv[i]);
  print_words(words);
  fputc('\n', stdout);
}

static void print_run_line(const Sweep *sweep, const SweepRun *run) {
  print_words(sweep_train_words(sweep, run));
  if (sweep_has_eval(sweep, run)) {
    fputs(" && ", stdout);
    print_words(sweep_eval_words(sweep, run));
  }
  if (sweep->settings->drop_models) {
    Words words = {0};
    words_add(&words, "rm");
    words_add(&words, "-f");
    char *weights = sweep_weights_path(run);
    words_add(&words, weights);
    free(weights);
    fputs(" && ", stdout);
    print_words(words);
  }
  fputc('\n', stdout);
}

static bool has_line_break(Words words) {
  bool found = false;
  for (size_t i = 0; i < words.n; i++) found = found || strchr(words.items[i], '\n');
  words_free(&words);
  return found;
}

/* One line a run cannot say such a name. */
static Status check_lines(const Sweep *sweep, Error *err) {
  bool found = false;
  for (size_t i = 0; i < sweep->n_sources; i++) found = found || has_line_break(sweep_record_words(sweep, i));
  for (size_t i = 0; i < sweep->n_runs; i++)
    found = found || has_line_break(sweep_train_words(sweep, &sweep->runs[i])) ||
            has_line_break(sweep_eval_words(sweep, &sweep->runs[i]));
  return found ? error_set(err, STATUS_USAGE, "--array: a file or option holds a line break, expected names that fit in one line")
               : STATUS_OK;
}

static Status print_array(const Sweep *sweep, Error *err) {
  size_t n_matched = 0;
  const Status status = check_lines(sweep, err);
  if (status != STATUS_OK) return status;
  printf("# first, one line a source: frozen features\n");
  for (size_t i = 0; i < sweep->n_sources; i++) {
    print_words(sweep_record_words(sweep, i));
    fputc('\n', stdout);
  }
  printf("# then, one line a run, in any order\n");
  for (size_t i = 0; i < sweep->n_runs; i++) {
    if (sweep->runs[i].matched == SWEEP_NONE)
      print_run_line(sweep, &sweep->runs[i]);
    else
      n_matched++;
  }
  if (n_matched) printf("# then the runs whose drift is to match that of one above\n");
  for (size_t i = 0; i < sweep->n_runs; i++)
    if (sweep->runs[i].matched != SWEEP_NONE) print_run_line(sweep, &sweep->runs[i]);
  printf("# last: the table of all runs\n");
  print_collect(sweep);
  return STATUS_OK;
}

static Status print_plan(const Sweep *sweep, const SweepCost *cost, const Provenance *from, Error *err) {
  static const char *const columns[] = {"run", "status", "pflop", "minutes"};
  double flop = cost->record_flop;
  for (size_t i = 0; i < sweep->n_runs; i++)
    if (sweep_state(sweep, &sweep->runs[i]) != SWEEP_DONE) flop += cost->run_flop[i];
  Table *table = table_begin(stdout, sweep->settings->common.json, from, columns, sizeof columns / sizeof columns[0]);
  table_note(table, "runs: %zu, %zu at a time; threads of each: %zu; memory of each: about %.0f MiB", sweep->n_runs,
             sweep->jobs, sweep->run_threads, (double)cost->run_bytes / (1 << 20));
  table_note(table, "disk: about %.0f MiB of frozen features%s", (double)cost->disk_bytes / (1 << 20),
             sweep->settings->drop_models ? "" : " and models");
  table_note(table, "what is left takes about %.1f minutes at %.1f GFLOP/s (measured now), %.1f of them for frozen features",
             flop / cost->rate / 60, cost->rate / 1e9, cost->record_flop / cost->rate / 60);
  table_note(table, "minutes: of one run on its threads");
  for (size_t i = 0; i < sweep->n_runs; i++) {
    table_string(table, sweep->runs[i].name);
    table_string(table, sweep_state_name(sweep_state(sweep, &sweep->runs[i])));
    table_number(table, cost->run_flop[i] / 1e15);
    table_number(table, cost->run_flop[i] / cost->rate / 60 * (double)sweep->record_threads / (double)sweep->run_threads);
  }
  return table_end(table, err);
}

/* --- the command --- */

static Status print_rows(const Sweep *sweep, const SweepInputs *inputs, const Provenance *from, Error *err) {
  SweepRows rows;
  char *path = file_join(sweep->settings->output, "sweep.h5");
  size_t n_failed = 0, n_open = 0;
  Status status = sweep_rows_read(sweep, &rows, err);
  if (status == STATUS_OK) status = sweep_write_result(&rows, from, path, err);
  if (status == STATUS_OK) status = sweep_print(&rows, &inputs->model, from, sweep->settings->common.json, err);
  for (size_t i = 0; i < sweep->n_runs; i++) {
    n_failed += rows.rows[i].state == SWEEP_FAILED;
    n_open += rows.rows[i].state != SWEEP_FAILED && rows.rows[i].state != SWEEP_DONE;
  }
  if (status == STATUS_OK && n_failed + n_open)
    status = error_set(err, STATUS_NO, "%s: %zu of %zu runs failed, %zu are not done: the table says which",
                       sweep->settings->output, n_failed, sweep->n_runs, n_open);
  sweep_rows_clear(&rows);
  free(path);
  return status;
}

static Status run_folder(Sweep *sweep, SweepInputs *inputs, ProcessWatch *watch, const SweepCost *cost, Error *err) {
  const SweepSettings *s = sweep->settings;
  Provenance from = invocation_provenance(sweep->call, "sweep", &s->common);
  int lock = -1;
  inputs_add_provenance(&inputs->model, &from);
  if (s->dry_run) return print_plan(sweep, cost, &from, err);
  Status status = sweep_open_folder(sweep, inputs, &lock, err);
  if (status == STATUS_OK) fit_jobs(sweep);
  if (status == STATUS_OK && s->array)
    status = print_array(sweep, err);
  else if (status == STATUS_OK) {
    if (!s->collect) status = sweep_execute(sweep, watch, cost, err);
    if (status == STATUS_OK) status = print_rows(sweep, inputs, &from, err);
  }
  sweep_close_folder(lock);
  return status;
}

static Status find_program(Sweep *sweep, Error *err) {
  sweep->program = mem_alloc(PATH_MAX, 1);
  const ssize_t n = readlink("/proc/self/exe", sweep->program, PATH_MAX - 1);
  return n > 0 ? STATUS_OK : error_system(err, "/proc/self/exe: cannot tell where this program is");
}

static Status check_settings(const SweepSettings *s, Error *err) {
  if (!s->output) return error_set(err, STATUS_USAGE, "sweep: -o DIR is needed: the folder of the sweep");
  if (s->eval_split == 0 && !s->heldout.count)
    log_warn("no pair of the source is held out: there will be no gain on it, and no NTS");
  return STATUS_OK;
}

static void warn_of_reference(const Sweep *sweep) {
  for (size_t i = 0; i < sweep->n_runs; i++)
    if (sweep->runs[i].reference != SWEEP_NONE) return;
  log_warn("no run has --anchor 0, against which gains are measured: there will be no gain, AOG or NTS");
}

static Status run_sweep(const Invocation *call, const void *given, Error *err) {
  const SweepSettings *s = given;
  Sweep sweep = {.settings = s, .call = call, .model = call->args[0], .run_threads = 1, .record_threads = 1, .jobs = 1};
  SweepInputs inputs = {0};
  SweepCost cost = {0};
  ProcessWatch watch;
  Status status = check_settings(s, err);
  if (status != STATUS_OK) return status;
  process_watch_begin(&watch); /* before there are threads */
  status = find_program(&sweep, err);
  if (status == STATUS_OK) status = sweep_grid_read(s, &sweep.grid, err);
  if (status == STATUS_OK) status = sweep_check_words(&sweep, err);
  if (status == STATUS_OK) status = sweep_make_runs(&sweep, err);
  if (status == STATUS_OK) status = sweep_read_inputs(&sweep, &inputs, err);
  if (status == STATUS_OK) status = sweep_check_runs(&sweep, &inputs, err);
  if (status == STATUS_OK) status = sweep_cost(&sweep, &inputs, s->dry_run, &cost, err);
  if (status == STATUS_OK) warn_of_reference(&sweep);
  if (status == STATUS_OK) plan_jobs(&sweep, &cost);
  if (status == STATUS_OK) status = run_folder(&sweep, &inputs, &watch, &cost, err);
  process_watch_end(&watch);
  sweep_cost_clear(&cost);
  sweep_inputs_clear(&inputs);
  sweep_clear(&sweep);
  return status;
}

#define AT(member) offsetof(SweepSettings, member)
static const Option options[] = {
    {"pairs", 0, OPTION_TEXTS, AT(input.pairs), 0, 0, "FILE",
     "preference pairs to train on, in a layout that fathom info lists; each FILE is a source of its own; may be repeated", NULL},
    {"eval", 0, OPTION_TEXTS, AT(eval), 0, 0, "FILE",
     "pairs on which every run is evaluated: the targets of transfer, but for runs trained on FILE; may be repeated",
     NULL},
    {"output", 'o', OPTION_TEXT, AT(output), 0, 0, "DIR", "the folder of the sweep; the same command goes on with it",
     NULL},
    {"heldout", 0, OPTION_TEXTS, AT(heldout), 0, 0, "FILE",
     "held-out pairs of a source, once for each --pairs in their order", "eval-split"},
    {"eval-split", 0, OPTION_REAL, AT(eval_split), 0, 0.9, "F", "share of a source's prompts that is held out",
     "heldout"},
    {"split-seed", 0, OPTION_TEXT, AT(split_seed), 0, 0, "N",
     "seed of what is held out and of --train-pairs, the same in all runs (default: --seed)", NULL},
    {"grid", 0, OPTION_TEXT, AT(grid), 0, 0, "FILE",
     "the axes below as JSON: {\"anchor\": [0, 10], \"anchor-layers\": [\"last\"], \"lr\", \"pairs\", \"train-pairs\", "
     "\"seeds\", \"control\"}",
     NULL},
    {"anchor", 0, OPTION_TEXT, AT(anchors), 0, 0, "LIST",
     "anchor strengths, such as 0,1,10; gains are measured against 0 [0]", NULL},
    {"anchor-layers", 0, OPTION_TEXTS, AT(anchor_layers), 0, 0, "LIST",
     "anchored blocks: all, last, middle or a list such as 0,3-7,-1; may be repeated, each is a value [all]", NULL},
    {"lr", 0, OPTION_TEXT, AT(rates), 0, 0, "LIST", "peak learning rates [1e-05]", NULL},
    {"train-pairs", 0, OPTION_TEXT, AT(quantities), 0, 0, "LIST",
     "numbers of training pairs, such as 64,256,all; the smaller lie within the larger [all]", NULL},
    {"seeds", 0, OPTION_TEXT, AT(seeds), 0, 0, "LIST", "seeds of the runs (default: --seed)", NULL},
    {"control", 0, OPTION_TEXTS, AT(controls), 0, 0, "OPTIONS",
     "options of train for a run beside those with anchors, such as \"--l2-sp 0.01\", \"--weight-decay 0.1\" or "
     "\"--sft 0.1\"; may be repeated",
     NULL},
    {"anchor-tokens", 0, OPTION_CHOICE, AT(anchor_tokens), 0, 0, "response|last|all",
     "tokens of the anchor and of all drift", NULL},
    {"train", 0, OPTION_TEXT, AT(parts), 0, 0, "PART", "as in train; so are the next ten", NULL},
    {"steps", 0, OPTION_TEXT, AT(steps), 0, 0, "N", "updates", "epochs"},
    {"epochs", 0, OPTION_TEXT, AT(epochs), 0, 0, "X", "passes over the training pairs", "steps"},
    {"batch-size", 0, OPTION_TEXT, AT(batch_size), 0, 0, "N", "pairs of an update", NULL},
    {"warmup", 0, OPTION_TEXT, AT(warmup), 0, 0, "X", "share of the updates with a rising learning rate", NULL},
    {"weight-decay", 0, OPTION_TEXT, AT(weight_decay), 0, 0, "X", "of all runs", NULL},
    {"clip", 0, OPTION_TEXT, AT(clip), 0, 0, "X", "global gradient norm at most", NULL},
    {"probe-pairs", 0, OPTION_TEXT, AT(probe_pairs), 0, 0, "N", "pairs on which drift is measured", NULL},
    {"value-axis", 0, OPTION_TEXT, AT(value_axis), 0, 0, "AXIS.h5",
     "value axes of MODEL, along which runs project value words when drift is measured", NULL},
    {"value-words", 0, OPTION_TEXT, AT(value_words), 0, 0, "LEXICON", "those words", NULL},
    {"value-prompts", 0, OPTION_TEXTS, AT(value_prompts), 0, 0, "FILE", "questions under which they are ranked by reward",
     NULL},
    {"checkpoint-every", 0, OPTION_SIZE, AT(checkpoint_every), 1, 1e9, "N",
     "updates between checkpoints, from which an interrupted run goes on", NULL},
    {"jobs", 'j', OPTION_SIZE, AT(jobs), 1, 1024, "N",
     "runs at a time (default: as many as cores and memory allow); each has its share of --threads", NULL},
    {"memory", 0, OPTION_BYTES, AT(memory), 0, 0, "SIZE", "memory for all runs together (default: what is free)", NULL},
    {"drop-models", 0, OPTION_FLAG, AT(drop_models), 0, 0, NULL,
     "remove the weights of a run once it is evaluated; its numbers stay", NULL},
    {"dry-run", 0, OPTION_FLAG, AT(dry_run), 0, 0, NULL, "print the runs and what they would cost, and run nothing",
     "array,collect"},
    {"array", 0, OPTION_FLAG, AT(array), 0, 0, NULL,
     "print one command line a run, for a cluster's job array, and run nothing; each has the threads that --threads and "
     "--jobs leave a run",
     "dry-run,collect"},
    {"collect", 0, OPTION_FLAG, AT(collect), 0, 0, NULL, "run nothing: the table of what is there", "dry-run,array"},
    {"limit", 0, OPTION_SIZE, AT(input.limit), 1, 1e12, "N", "the first N pairs of each source only", NULL},
    LENGTH_OPTIONS(SweepSettings),
    DTYPE_OPTION(SweepSettings),
    {0}};
#undef AT

const Command command_sweep = {
    .name = "sweep",
    .arguments = "MODEL --pairs F... --eval F... -o DIR [-- OPTIONS OF TRAIN]",
    .summary = "a grid of training runs, restartable, and one table of their transfer and drift",
    .details =
        "Every combination of source, number of pairs, learning rate, method and seed is a run; methods are the anchor\n"
        "strengths (with each choice of layers) and the controls. Runs are processes of this program: DIR/RUN holds\n"
        "command.txt, log.txt, run.h5, the model and eval.h5, and failed.txt where it failed. Frozen features are recorded\n"
        "once a source. A failed run is marked and the rest goes on; the exit code is 1 then. The same command goes on\n"
        "where a sweep was stopped, with the runs that are missing or failed. A control \"--stop-at-drift anchor:X\" stops\n"
        "at the drift that the run with anchor X came to. Options of train that are not listed here may follow --.\n"
        "Standard output is the table (a row a run, then means over seeds with intervals); DIR/sweep.h5 holds the same and\n"
        "the drift of every layer, for fathom plot.\n"
        "Cost: with P parameters in the blocks a forward pass takes 2 P FLOP a token, training 6 P (the last blocks alone:\n"
        "2 P and 4 of theirs; the head alone: next to nothing); K runs on one source cost K times that and one forward\n"
        "pass. Memory of a run: 16 bytes a trained parameter, 4 a frozen one, and a micro-batch. Disk: rows x blocks x\n"
        "width x 4 bytes of frozen features a source, 4 bytes a parameter for each model kept. --dry-run prints the numbers.",
    .example = "fathom sweep MODEL --pairs harmless.jsonl --eval helpful.jsonl --anchor 0,1,10,100 --seeds 1,2,3 --control "
               "\"--l2-sp 0.01\" -o DIR",
    .options = options,
    .defaults = &defaults,
    .settings_size = sizeof defaults,
    .min_args = 1,
    .max_args = 256,
    .run = run_sweep,
};
