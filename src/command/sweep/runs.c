/* From a grid to runs: every combination, its name, the run it is compared with, and the run whose drift it is held to. */
#include "base/file.h"
#include "base/memory.h"
#include "command/sweep/sweep.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char matched_word[] = "anchor:";

/* Letters, digits and . + - of a text, other bytes as '-', none of those at the ends; freed by the caller. */
static char *plain_name(const char *text) {
  char *name = mem_alloc(strlen(text) + 2, 1), *to = name;
  for (; *text; text++) {
    if (isalnum((unsigned char)*text) || strchr(".+", *text))
      *to++ = *text;
    else if (to > name && to[-1] != '-')
      *to++ = '-';
  }
  while (to > name && to[-1] == '-') to--;
  if (to == name) *to++ = 'x';
  *to = 0;
  return name;
}

/* "data/hh-rlhf/harmless-base.test.jsonl.gz": "harmless-base.test". */
static char *source_name(const char *path) {
  static const char *const suffixes[] = {".gz", ".jsonl", ".json"};
  char *name = mem_copy_string(file_name(path));
  for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
    if (file_has_suffix(name, suffixes[i]) && strlen(name) > strlen(suffixes[i]))
      name[strlen(name) - strlen(suffixes[i])] = 0;
  char *plain = plain_name(name);
  free(name);
  return plain;
}

char **sweep_file_names(const char *const *paths, size_t n) {
  char **names = mem_alloc(n, sizeof *names);
  for (size_t i = 0; i < n; i++) {
    names[i] = source_name(paths[i]);
    for (size_t j = 0; j < i; j++) {
      if (strcmp(names[j], names[i]) != 0) continue;
      char *numbered = mem_format("%s-%zu", names[i], i + 1);
      free(names[i]);
      names[i] = numbered;
      j = (size_t)-1; /* from the start: that one could be taken, too */
    }
  }
  return names;
}

static void make_sources(Sweep *sweep) {
  const SweepSettings *s = sweep->settings;
  const SweepAxis *axis = &sweep->grid.axes[AXIS_SOURCE];
  sweep->n_sources = axis->n;
  sweep->sources = mem_alloc(axis->n, sizeof *sweep->sources);
  const char **paths = mem_alloc(axis->n, sizeof *paths);
  for (size_t i = 0; i < axis->n; i++) paths[i] = axis->values[i].text;
  char **names = sweep_file_names(paths, axis->n);
  for (size_t i = 0; i < axis->n; i++)
    sweep->sources[i] = (SweepSource){.path = paths[i],
                                      .heldout = s->heldout.count ? s->heldout.items[i] : NULL,
                                      .name = names[i],
                                      .frozen = mem_format("%s/frozen/%s.h5", s->output, names[i])};
  free(names);
  free(paths);
}

/* A control as a word: "--l2-sp 0.01" is "l2-sp-0.01". */
static char *method_name(const SweepRun *run) {
  return run->control ? plain_name(run->control->text) : mem_format("anchor-%s", run->anchor->text);
}

/* What varies, in words: source_pairs-64_lr-1e-05_anchor-0.1_last_seed-1. */
static char *run_name(const Sweep *sweep, const SweepRun *run) {
  const SweepAxis *axes = sweep->grid.axes;
  char *layers = run->layers ? plain_name(run->layers->text) : NULL;
  char *name = mem_format("%s%s%s%s%s%s%s%s%s%s%s_seed-%s", axes[AXIS_SOURCE].n > 1 ? sweep->sources[run->source].name : "",
                          axes[AXIS_SOURCE].n > 1 ? "_" : "", axes[AXIS_QUANTITY].n > 1 ? "pairs-" : "",
                          axes[AXIS_QUANTITY].n > 1 ? run->quantity->text : "", axes[AXIS_QUANTITY].n > 1 ? "_" : "",
                          axes[AXIS_RATE].n > 1 ? "lr-" : "", axes[AXIS_RATE].n > 1 ? run->rate->text : "",
                          axes[AXIS_RATE].n > 1 ? "_" : "", run->method, layers && axes[AXIS_LAYERS].n > 1 ? "_" : "",
                          layers && axes[AXIS_LAYERS].n > 1 ? layers : "", run->seed->text);
  free(layers);
  return name;
}

/* All seeds of one setting. */
static void add_setting(Sweep *sweep, SweepRun run) {
  const SweepAxis *seeds = &sweep->grid.axes[AXIS_SEED];
  run.setting = sweep->n_settings++;
  sweep->runs = mem_resize(sweep->runs, sweep->n_runs + seeds->n, sizeof *sweep->runs);
  for (size_t i = 0; i < seeds->n; i++) {
    SweepRun *to = &sweep->runs[sweep->n_runs++];
    *to = run;
    to->seed = &seeds->values[i];
    to->method = method_name(to);
    to->name = run_name(sweep, to);
    to->folder = file_join(sweep->settings->output, to->name);
    to->reference = to->matched = SWEEP_NONE;
  }
}

/* Anchors with their layers, then controls, of one source, quantity and rate. */
static void add_methods(Sweep *sweep, SweepRun run) {
  SweepGrid *grid = &sweep->grid;
  const SweepAxis *anchors = &grid->axes[AXIS_ANCHOR], *layers = &grid->axes[AXIS_LAYERS],
                  *controls = &grid->axes[AXIS_CONTROL];
  for (size_t i = 0; i < anchors->n; i++) {
    run.anchor = &anchors->values[i];
    for (size_t j = 0; j < (run.anchor->number > 0 ? layers->n : 1); j++) {
      run.layers = run.anchor->number > 0 ? &layers->values[j] : NULL;
      add_setting(sweep, run);
    }
  }
  run.layers = NULL;
  run.anchor = NULL;
  for (size_t i = 0; i < controls->n; i++) {
    run.control = &controls->values[i];
    add_setting(sweep, run);
  }
}

/* The run that differs in the method alone: this anchor, on the first layers given. */
static long find_anchor(const Sweep *sweep, const SweepRun *like, double anchor) {
  for (size_t i = 0; i < sweep->n_runs; i++) {
    const SweepRun *run = &sweep->runs[i];
    if (!run->control && run->anchor->number == anchor && run->source == like->source &&
        run->quantity == like->quantity && run->rate == like->rate && run->seed == like->seed)
      return (long)i;
  }
  return SWEEP_NONE;
}

/* "--stop-at-drift anchor:0.1": the run of this anchor. */
static Status find_matched(const Sweep *sweep, SweepRun *run, Error *err) {
  const char *at = run->control ? strstr(run->control->text, matched_word) : NULL;
  double anchor;
  if (!at) return STATUS_OK;
  char *word = mem_copy_string(at + strlen(matched_word));
  word[strcspn(word, " ")] = 0;
  Status status = STATUS_OK;
  if (parse_real(word, &anchor)) run->matched = find_anchor(sweep, run, anchor);
  if (run->matched == SWEEP_NONE)
    status = error_set(err, STATUS_USAGE, "--control \"%s\": no run of this sweep has --anchor %s", run->control->text,
                       word);
  free(word);
  return status;
}

static Status check_names(const Sweep *sweep, Error *err) {
  for (size_t i = 0; i < sweep->n_runs; i++)
    for (size_t j = i + 1; j < sweep->n_runs; j++)
      if (strcmp(sweep->runs[i].name, sweep->runs[j].name) == 0)
        return error_set(err, STATUS_USAGE, "two runs would be called %s: give values that differ in letters or digits",
                         sweep->runs[i].name);
  return STATUS_OK;
}

Status sweep_make_runs(Sweep *sweep, Error *err) {
  SweepGrid *grid = &sweep->grid;
  make_sources(sweep);
  for (size_t a = 0; a < sweep->n_sources; a++)
    for (size_t b = 0; b < grid->axes[AXIS_QUANTITY].n; b++)
      for (size_t c = 0; c < grid->axes[AXIS_RATE].n; c++)
        add_methods(sweep, (SweepRun){.source = a,
                                      .quantity = &grid->axes[AXIS_QUANTITY].values[b],
                                      .rate = &grid->axes[AXIS_RATE].values[c]});
  Status status = check_names(sweep, err);
  for (size_t i = 0; i < sweep->n_runs && status == STATUS_OK; i++) {
    sweep->runs[i].reference = find_anchor(sweep, &sweep->runs[i], 0);
    status = find_matched(sweep, &sweep->runs[i], err);
  }
  return status;
}

void sweep_clear(Sweep *sweep) {
  for (size_t i = 0; i < sweep->n_sources; i++) {
    free(sweep->sources[i].name);
    free(sweep->sources[i].frozen);
  }
  for (size_t i = 0; i < sweep->n_runs; i++) {
    free(sweep->runs[i].name);
    free(sweep->runs[i].folder);
    free(sweep->runs[i].method);
  }
  free(sweep->sources);
  free(sweep->runs);
  free(sweep->program);
  sweep_grid_clear(&sweep->grid);
  *sweep = (Sweep){0};
}
