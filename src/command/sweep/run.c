/* Runs the processes of a sweep side by side: first each source's frozen features, then train and eval of every run. What
 * is done is read off the folders, so that a sweep goes on wherever it was stopped. */
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "command/sweep/parts.h"
#include "train/checkpoint.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_LOG_BYTES = 1 << 26 };
static const double stop_seconds = 10; /* for children to end by themselves */

/* --- what is in a folder --- */

static bool has_file(const char *folder, const char *name) {
  char *path = file_join(folder, name);
  const bool there = file_exists(path);
  free(path);
  return there;
}

static void remove_file(const char *folder, const char *name) {
  char *path = file_join(folder, name);
  unlink(path);
  free(path);
}

static bool is_trained(const SweepRun *run) {
  return has_file(run->folder, "config.json") || has_file(run->folder, "adapter_config.json");
}

SweepState sweep_state(const Sweep *sweep, const SweepRun *run) {
  const bool trained = is_trained(run);
  if (trained && (!sweep_has_eval(sweep, run) || has_file(run->folder, "eval.h5"))) return SWEEP_DONE;
  if (has_file(run->folder, "failed.txt")) return SWEEP_FAILED;
  if (trained) return SWEEP_TRAINED;
  return has_file(run->folder, "run.h5") ? SWEEP_INTERRUPTED : SWEEP_MISSING;
}

const char *sweep_state_name(SweepState state) {
  static const char *const names[] = {[SWEEP_MISSING] = "missing",
                                      [SWEEP_INTERRUPTED] = "interrupted",
                                      [SWEEP_TRAINED] = "trained",
                                      [SWEEP_DONE] = "done",
                                      [SWEEP_FAILED] = "failed"};
  return names[state];
}

static char *read_text(const char *path) {
  char *text = NULL;
  size_t size;
  return file_read(path, MOST_LOG_BYTES, &text, &size, NULL) == STATUS_OK ? text : mem_copy_string("");
}

char *sweep_failure(const SweepRun *run) {
  char *path = file_join(run->folder, "failed.txt"), *text = read_text(path);
  text[strcspn(text, "\n")] = 0;
  free(path);
  return text;
}

/* --- the work --- */

typedef struct Job {
  pid_t pid;
  size_t run;
  bool evaluates;
  double started;
} Job;

typedef struct Executor {
  const Sweep *sweep;
  ProcessWatch *watch;
  const SweepCost *cost;
  SweepState *states; /* [n_runs]; SWEEP_FAILED only of what failed now: earlier failures are tried again */
  size_t *order;      /* [n_runs]: all of the first seed, then of the second: comparisons come early */
  Job *jobs;          /* [n_jobs] */
  size_t n_jobs;
  double started, flop_done; /* of this call */
} Executor;

static size_t count_done(const Executor *e) {
  size_t n = 0;
  for (size_t i = 0; i < e->sweep->n_runs; i++) n += e->states[i] == SWEEP_DONE;
  return n;
}

/* The last error that a log holds: what follows "fathom: ". Freed by the caller. */
static char *last_error(const char *log) {
  static const char begin[] = "fathom: ", warning[] = "fathom: warning: ";
  char *text = read_text(log), *found = NULL;
  for (char *line = text, *next; line && *line; line = next) {
    next = strchr(line, '\n');
    if (next) *next++ = 0;
    if (strncmp(line, begin, strlen(begin)) == 0 && strncmp(line, warning, strlen(warning)) != 0)
      found = line + strlen(begin);
  }
  char *error = mem_copy_string(found ? found : "it did not say why");
  free(text);
  return error;
}

/* "exit code 5: step 3: the loss is not finite"; freed by the caller. */
static char *ending(const ProcessEvent *event, const char *log) {
  if (event->signal)
    return mem_format("ended by signal %d (%s)%s", event->signal, strsignal(event->signal),
                      event->signal == SIGKILL ? ": was there enough memory?" : "");
  char *error = last_error(log), *text = mem_format("exit code %d: %s", event->exit_code, error);
  free(error);
  return text;
}

static Status mark_failed(Executor *e, size_t i, const char *why, Error *err) {
  const SweepRun *run = &e->sweep->runs[i];
  char *path = file_join(run->folder, "failed.txt"), *line = mem_format("%s\n", why);
  const Status status = file_write_text(path, line, err);
  e->states[i] = SWEEP_FAILED;
  log_warn("%s: %s", run->name, why);
  free(path);
  free(line);
  return status;
}

static Status start(Executor *e, Words words, const char *out, const char *log, pid_t *pid, Error *err) {
  const Status status = process_start(e->watch, e->sweep->program, words.items, out, log, pid, err);
  words_free(&words);
  return status;
}

static Status stop(Executor *e, int signal, Error *err) {
  log_note("stopping %zu processes", e->watch->n_running);
  process_stop_all(e->watch, stop_seconds);
  return error_set(err, STATUS_SYSTEM, "%s: stopped by signal %d (%s) with %zu of %zu runs done: the same command goes on",
                   e->sweep->settings->output, signal, strsignal(signal), count_done(e), e->sweep->n_runs);
}

/* --- frozen features --- */

static Status record_source(Executor *e, size_t source, char **why, Error *err) {
  const SweepSource *s = &e->sweep->sources[source];
  char *out = mem_format("%s.tsv", s->frozen), *log = mem_format("%s.log", s->frozen);
  ProcessEvent event = {.kind = PROCESS_TIMEOUT};
  pid_t pid;
  log_note("frozen features of %s: %s", s->path, s->frozen);
  Status status = start(e, sweep_record_words(e->sweep, source), out, log, &pid, err);
  while (status == STATUS_OK && event.kind == PROCESS_TIMEOUT) event = process_wait(e->watch, 3600);
  if (status == STATUS_OK && event.kind == PROCESS_STOP) status = stop(e, event.signal, err);
  if (status == STATUS_OK && event.exit_code != 0) *why = ending(&event, log);
  free(out);
  free(log);
  return status;
}

/* Records what is missing of a source that some run still needs; without it those runs fail. */
static Status prepare_sources(Executor *e, Error *err) {
  const Sweep *sweep = e->sweep;
  Status status = STATUS_OK;
  for (size_t source = 0; source < sweep->n_sources && status == STATUS_OK; source++) {
    char *why = NULL;
    bool needed = false;
    for (size_t i = 0; i < sweep->n_runs; i++)
      needed |= sweep->runs[i].source == source && e->states[i] != SWEEP_DONE && e->states[i] != SWEEP_TRAINED;
    if (needed && !file_exists(sweep->sources[source].frozen)) status = record_source(e, source, &why, err);
    for (size_t i = 0; i < sweep->n_runs && why && status == STATUS_OK; i++)
      if (sweep->runs[i].source == source && e->states[i] != SWEEP_DONE) {
        char *text = mem_format("no frozen features: %s", why);
        status = mark_failed(e, i, text, err);
        free(text);
      }
    free(why);
  }
  return status;
}

/* --- runs --- */

static bool is_running(const Executor *e, size_t run) {
  for (size_t i = 0; i < e->n_jobs; i++)
    if (e->jobs[i].run == run) return true;
  return false;
}

static Status start_run(Executor *e, size_t i, Error *err) {
  const SweepRun *run = &e->sweep->runs[i];
  const bool evaluates = e->states[i] == SWEEP_TRAINED;
  char *out = file_join(run->folder, evaluates ? "eval.tsv" : "train.tsv"), *log = file_join(run->folder, "log.txt");
  Job *job = &e->jobs[e->n_jobs];
  *job = (Job){.run = i, .evaluates = evaluates, .started = clock_seconds()};
  remove_file(run->folder, "failed.txt");
  const Status status =
      start(e, evaluates ? sweep_eval_words(e->sweep, run) : sweep_train_words(e->sweep, run), out, log, &job->pid, err);
  if (status == STATUS_OK) {
    e->n_jobs++;
    log_note("%s: %s", run->name, evaluates ? "evaluating" : "training");
  }
  free(out);
  free(log);
  return status;
}

/* The next run that can start, or n_runs. One that waits for a failed run fails, too. */
static Status next_run(Executor *e, size_t *next, Error *err) {
  const Sweep *sweep = e->sweep;
  Status status = STATUS_OK;
  *next = sweep->n_runs;
  for (size_t at = 0; at < sweep->n_runs && status == STATUS_OK && *next == sweep->n_runs; at++) {
    const size_t i = e->order[at];
    const long matched = sweep->runs[i].matched;
    const SweepState other = matched == SWEEP_NONE ? SWEEP_DONE : e->states[matched];
    if (e->states[i] == SWEEP_DONE || e->states[i] == SWEEP_FAILED || is_running(e, i)) continue;
    if (other == SWEEP_FAILED) {
      char *why = mem_format("%s, whose drift it is to match, failed", sweep->runs[matched].name);
      status = mark_failed(e, i, why, err);
      free(why);
    } else if (other == SWEEP_DONE || other == SWEEP_TRAINED) {
      *next = i;
    }
  }
  return status;
}

char *sweep_weights_path(const SweepRun *run) { return file_join(run->folder, "model.safetensors"); }

/* Removes what a run that is done needs no more. */
static void tidy(const Executor *e, const SweepRun *run) {
  checkpoint_remove_all(run->folder);
  if (!e->sweep->settings->drop_models) return;
  char *weights = sweep_weights_path(run);
  unlink(weights);
  free(weights);
}

/* A step of a run succeeded. */
static void advance(Executor *e, const Job *job) {
  const SweepRun *run = &e->sweep->runs[job->run];
  e->states[job->run] = sweep_state(e->sweep, run);
  if (e->states[job->run] == SWEEP_TRAINED) checkpoint_remove_all(run->folder);
  if (e->states[job->run] != SWEEP_DONE) return;
  tidy(e, run);
  e->flop_done += e->cost->run_flop[job->run];
  double left = 0;
  for (size_t i = 0; i < e->sweep->n_runs; i++)
    if (e->states[i] != SWEEP_DONE && e->states[i] != SWEEP_FAILED) left += e->cost->run_flop[i];
  const double seconds = clock_seconds() - e->started;
  log_note("%zu of %zu done: %s%s", count_done(e), e->sweep->n_runs, run->name, left > 0 ? "" : "; that was the last");
  if (left > 0 && e->flop_done > 0)
    log_note("about %.1f minutes left", seconds / 60 * left / e->flop_done);
}

static Status finish_job(Executor *e, const ProcessEvent *event, Error *err) {
  size_t at = 0;
  while (at < e->n_jobs && e->jobs[at].pid != event->pid) at++;
  if (at == e->n_jobs) return STATUS_OK;
  const Job job = e->jobs[at];
  const SweepRun *run = &e->sweep->runs[job.run];
  e->jobs[at] = e->jobs[--e->n_jobs];
  if (event->exit_code == 0) {
    advance(e, &job);
    if (e->states[job.run] == SWEEP_DONE || e->states[job.run] == (job.evaluates ? SWEEP_DONE : SWEEP_TRAINED))
      return STATUS_OK;
    return mark_failed(e, job.run, "it ended without its result", err);
  }
  char *log = file_join(run->folder, "log.txt"), *end = ending(event, log),
       *why = mem_format("%s: %s", job.evaluates ? "eval" : "train", end);
  const Status status = mark_failed(e, job.run, why, err);
  free(log);
  free(end);
  free(why);
  return status;
}

static Status run_all(Executor *e, Error *err) {
  Status status = STATUS_OK;
  for (;;) {
    size_t next = 0;
    while (status == STATUS_OK && e->n_jobs < e->sweep->jobs) {
      status = next_run(e, &next, err);
      if (status != STATUS_OK || next == e->sweep->n_runs) break;
      status = start_run(e, next, err);
    }
    if (status != STATUS_OK || e->n_jobs == 0) return status;
    const ProcessEvent event = process_wait(e->watch, 3600);
    if (event.kind == PROCESS_STOP) return stop(e, event.signal, err);
    if (event.kind == PROCESS_ENDED) status = finish_job(e, &event, err);
  }
}

Status sweep_execute(const Sweep *sweep, ProcessWatch *watch, const SweepCost *cost, Error *err) {
  Executor e = {.sweep = sweep,
                .watch = watch,
                .cost = cost,
                .states = mem_alloc(sweep->n_runs, sizeof *e.states),
                .order = mem_alloc(sweep->n_runs, sizeof *e.order),
                .jobs = mem_alloc(sweep->jobs, sizeof *e.jobs),
                .started = clock_seconds()};
  const size_t n_seeds = sweep->grid.axes[AXIS_SEED].n;
  for (size_t i = 0; i < sweep->n_runs; i++) {
    e.order[i] = i % sweep->n_settings * n_seeds + i / sweep->n_settings;
    e.states[i] = sweep_state(sweep, &sweep->runs[i]);
    if (e.states[i] == SWEEP_FAILED)
      e.states[i] = is_trained(&sweep->runs[i]) ? SWEEP_TRAINED : SWEEP_INTERRUPTED;
    if (e.states[i] == SWEEP_DONE) tidy(&e, &sweep->runs[i]); /* an earlier call may have been stopped just before */
  }
  if (count_done(&e)) log_note("%zu of %zu runs are done already", count_done(&e), sweep->n_runs);
  Status status = prepare_sources(&e, err);
  if (status == STATUS_OK) status = run_all(&e, err);
  if (status != STATUS_OK) process_stop_all(watch, stop_seconds);
  free(e.states);
  free(e.order);
  free(e.jobs);
  return status;
}
