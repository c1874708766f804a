/* fathom eval: pairwise accuracy of a reward model on any number of data sets, and its gains over another one. */
#include "command/eval/eval.h"

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "command/info/info.h"
#include "probes/drift/interval.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const EvalSettings eval_defaults = {.input = {.dtype = "float32", .chat_template = "auto", .batch_tokens = 1024},
                                           .resample = "pairs",
                                           .nts_weight = 1,
                                           .bootstrap = 1000};

#define AT(member) offsetof(EvalSettings, member)
static const Option eval_options[] = {
    {"pairs", 0, OPTION_TEXTS, AT(input.pairs), 0, 0, "FILE",
     "preference pairs in a layout that fathom info lists, one data set a file; JSONL or JSON array, plain or gzip; may "
     "be repeated", NULL},
    {"output", 'o', OPTION_TEXT, AT(output), 0, 0, "E.h5",
     "also write the table and the rewards of every pair, for a later --reference", NULL},
    {"reference", 0, OPTION_TEXT, AT(reference), 0, 0, "MODEL|E.h5",
     "what gains are measured against: a model that is run, too, or the result of an earlier eval on the same files",
     NULL},
    {"ceiling", 0, OPTION_TEXT, AT(ceiling), 0, 0, "MODEL|E.h5",
     "a model trained on true labels, for the performance gap recovered (PGR); needs --reference, the weak model",
     NULL},
    {"source", 0, OPTION_TEXT, AT(source), 0, 0, "FILE",
     "the data set of --pairs whose kind MODEL was trained on; all others are targets", NULL},
    {"nts-weight", 0, OPTION_REAL, AT(nts_weight), 0, 1000, "G", "weight of a loss on the source in NTS", NULL},
    {"bootstrap", 0, OPTION_SIZE, AT(bootstrap), 0, 1e6, "B", "resamples of gains; 0 = no intervals, and no PGR", NULL},
    {"resample", 0, OPTION_CHOICE, AT(resample), 0, 0, "pairs|prompts",
     "what is drawn: pairs, or prompts with all their pairs (wider where many pairs share a prompt)", NULL},
    {"ablate", 0, OPTION_TEXT, AT(ablate), 0, 0, "prompt,shuffle",
     "also score the answers without their prompt, or behind prompts shuffled between pairs, or both", NULL},
    {"reorder", 0, OPTION_FLAG, AT(reorder), 0, 0, NULL,
     "score all texts again, shuffled and with sides swapped: do rewards depend on order or batch?", NULL},
    {"limit", 0, OPTION_SIZE, AT(input.limit), 1, 1e12, "N", "the first N pairs of each file only", NULL},
    LENGTH_OPTIONS(EvalSettings),
    DTYPE_OPTION(EvalSettings),
    WIDEN_OPTION(EvalSettings),
    {0}};
#undef AT

/* What belongs to a comparison is refused without one. */
static Status check_settings(const EvalSettings *s, Error *err) {
  if (!s->input.pairs.count) return error_set(err, STATUS_USAGE, "eval: --pairs FILE is needed");
  if (s->bootstrap && s->bootstrap < BOOTSTRAP_LEAST)
    return error_set(err, STATUS_USAGE, "--bootstrap %zu: expected 0 or at least %d resamples", s->bootstrap,
                     BOOTSTRAP_LEAST);
  if (s->nts_weight != eval_defaults.nts_weight && !s->source)
    return error_set(err, STATUS_USAGE, "--nts-weight needs --source");
  if (s->reference) return STATUS_OK;
  const char *without = s->ceiling                                              ? "--ceiling"
                        : s->source                                             ? "--source"
                        : s->bootstrap != eval_defaults.bootstrap && !s->ablate ? "--bootstrap"
                        : strcmp(s->resample, eval_defaults.resample) != 0      ? "--resample"
                                                                                : NULL;
  return without ? error_set(err, STATUS_USAGE, "%s needs --reference: what gains are measured against", without)
                 : STATUS_OK;
}

/* Found out before hours of computing: can the result be written, and is there such a model? */
static Status check_paths(const EvalSettings *s, Error *err) {
  const char *const models[] = {s->reference, s->ceiling};
  for (size_t i = 0; i < 2; i++)
    if (models[i] && !file_exists(models[i]))
      return error_set(err, STATUS_SYSTEM, "%s: no such model or result", models[i]);
  FileWriter writer = {0};
  const Status status = s->output ? file_writer_open(&writer, s->output, err) : STATUS_OK;
  file_writer_discard(&writer);
  return status;
}

/* A model that gains are measured against: read where it is a result, run where it is a model. An adapter belongs to
 * MODEL alone. */
static Status other_run(const EvalSettings *s, const char *path, const EvalFile *files, EvalRun *run, Error *err) {
  InputSettings input = s->input;
  input.adapter = NULL;
  return info_is_h5(path) ? eval_result_read(path, files, input.pairs.count, run, err)
                          : eval_run_model(path, &input, &(EvalTasks){0}, files, input.pairs.count, run, err);
}

static Status report_runs(const Invocation *call, const EvalSettings *s, const EvalTasks *tasks, const EvalFile *files,
                          const EvalRun runs[3], Error *err) {
  const size_t n = s->input.pairs.count;
  Provenance from = invocation_provenance(call, "eval", &s->common);
  eval_add_models(&runs[0], &from); /* the file speaks of this model alone, and names the others */
  EvalRow *rows = mem_alloc(n, sizeof *rows);
  EvalComparison comparison = {.source = n};
  for (size_t i = 0; i < n; i++) rows[i] = eval_row(&files[i], &runs[0].sets[i], s->bootstrap, s->common.seed);
  const EvalReport report = {.settings = s,
                             .files = files,
                             .student = &runs[0],
                             .reference = s->reference ? &runs[1] : NULL,
                             .ceiling = s->ceiling ? &runs[2] : NULL,
                             .rows = rows,
                             .comparison = &comparison,
                             .ablate = tasks->ablate};
  Status status = STATUS_OK;
  if (s->reference) status = eval_compare(s, files, &runs[0], &runs[1], report.ceiling, rows, &comparison, err);
  if (status == STATUS_OK && s->output) status = eval_table_write(&report, &from, err);
  eval_add_models(&runs[1], &from);
  eval_add_models(&runs[2], &from);
  if (status == STATUS_OK) status = eval_table_print(&report, &from, err);
  free(rows);
  return status;
}

static Status eval_run(const Invocation *call, const void *settings, Error *err) {
  const EvalSettings *s = settings;
  EvalFile *files = NULL;
  EvalRun runs[3] = {0}; /* the model, the reference, the ceiling */
  EvalTasks tasks = {.reorder = s->reorder, .seed = s->common.seed};
  Status status = check_settings(s, err);
  if (status == STATUS_OK) status = eval_ablations_parse(s->ablate, tasks.ablate, err);
  if (status == STATUS_OK) status = check_paths(s, err);
  if (status == STATUS_OK) status = eval_files_identify(&s->input.pairs, &files, err);
  if (status == STATUS_OK && s->reference) status = other_run(s, s->reference, files, &runs[1], err);
  if (status == STATUS_OK && s->ceiling) status = other_run(s, s->ceiling, files, &runs[2], err);
  if (status == STATUS_OK)
    status = eval_run_model(call->args[0], &s->input, &tasks, files, s->input.pairs.count, &runs[0], err);
  if (status == STATUS_OK) status = report_runs(call, s, &tasks, files, runs, err);
  for (size_t i = 0; i < 3; i++) eval_run_clear(&runs[i]);
  free(files);
  return status;
}

const Command command_eval = {
    .name = "eval",
    .arguments = "MODEL --pairs F [--pairs F]...",
    .summary = "pairwise accuracy of a reward model on data sets, and its gains over another model",
    .details =
        "One row a data set: n pairs used and n_dropped left out (together the rows of the file), accuracy with "
        "Wilson's\n"
        "95 % interval, ties, distinct prompts (first user turns), mean margin, and what a rule gets right that sees "
        "only\n"
        "which answer is longer. With --reference also the gain in points on the pairs that both have, with a paired\n"
        "bootstrap, and over all data sets AOG (the mean gain over targets), NTS (AOG minus a loss on the source; "
        "both\n"
        "ours) and the worst target. A gain over the untrained model says nothing: take the weak model, or the run\n"
        "without an anchor.\n"
        "--ablate: reward models are known to ignore the prompt; accuracy that stays without it, or behind another "
        "one, is\n"
        "not about the prompt.\n"
        "--reorder: this kind of reward model scores each text by itself, so that swapped sides must give mirrored "
        "margins\n"
        "in any order and batch, but for rounding. It cannot show how a judge that reads both answers at once would "
        "change.",
    .example = "fathom eval RUN --pairs harmless.jsonl --pairs helpful.jsonl --source harmless.jsonl --reference PLAIN",
    .options = eval_options,
    .defaults = &eval_defaults,
    .settings_size = sizeof(EvalSettings),
    .min_args = 1,
    .max_args = 1,
    .run = eval_run,
};
