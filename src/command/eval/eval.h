/* What the parts of `fathom eval` share: eval.c (the command), run.c (rewards of data sets), ablate.c (with
 * other prompts), result.c (the
 * file that keeps them), compare.c (one model beside another), table.c (what is printed). */
#ifndef FATHOM_COMMAND_EVAL_EVAL_H
#define FATHOM_COMMAND_EVAL_EVAL_H

#include "command/inputs.h"
#include "probes/transfer/gains.h"
#include "store/result.h"

typedef struct EvalSettings {
  CommonSettings common;
  InputSettings input;
  const char *output, *reference, *ceiling, *source, *ablate, *resample;
  double nts_weight;
  size_t bootstrap;
  bool reorder;
} EvalSettings;

/* A file of pairs as it is identified: by its bytes, gunzipped. */
typedef struct EvalFile {
  const char *path; /* borrowed */
  char sha256[DIGEST_TEXT];
} EvalFile;

/* Scored again with another prompt: --ablate prompt, --ablate shuffle. */
typedef enum EvalAblation { EVAL_NO_PROMPT, EVAL_SHUFFLED } EvalAblation;
enum { EVAL_ABLATIONS = 2 };

/* What a model does with each data set beside plain scoring. */
typedef struct EvalTasks {
  bool reorder, ablate[EVAL_ABLATIONS];
  uint64_t seed;
} EvalTasks;

/* The rewards of one data set. Pairs are in the order of the file; those left out are not there. */
typedef struct EvalSet {
  char *schema;
  size_t n, n_dropped;
  size_t n_disfavoured;            /* pairs whose soft label in the file favours the rejected side */
  char **ids, **prompts;           /* [n]; prompts: hex digits that the first user turn decides */
  double *rewards;                 /* [n, 2]: chosen, rejected */
  double *lengths;                 /* [n, 2] of the answers, in words */
  double *n_tokens;                /* [n, 2] of the sides as scored; NULL where a result does not say */
  double *reordered;               /* [n, 2] or NULL: scored again, sides swapped, in another order */
  double *ablated[EVAL_ABLATIONS]; /* [n, 2] or NULL; NaN for pairs that are too long with another prompt */
} EvalSet;

enum { EVAL_MODELS = 2 }; /* a model, and the adapter on it */

/* One model on all data sets. */
typedef struct EvalRun {
  char *name; /* the model's, or the result's file */
  char *model_paths[EVAL_MODELS], *model_digests[EVAL_MODELS];
  size_t n_models;
  EvalSet *sets; /* [n_sets], in the order of the files */
  size_t n_sets;
  char **notes; /* on the data, for the head of a table */
  size_t n_notes;
} EvalRun;

/* Digests of the files; one that is named twice is STATUS_USAGE. files[paths->count] is freed by the caller. */
Status eval_files_identify(const OptionTexts *paths, EvalFile **files, Error *err);

/* Runs the model at path, with settings->adapter where it is set. */
Status eval_run_model(const char *path, const InputSettings *settings, const EvalTasks *tasks, const EvalFile *files,
                      size_t n_files, EvalRun *run, Error *err);
void eval_run_clear(EvalRun *run); /* all zeros is fine */
/* Its models in a result's provenance, which borrows them. */
void eval_add_models(const EvalRun *run, Provenance *from);

/* rewards[n] of the samples, as double. */
Status eval_score(const Inputs *in, const Sample *const *samples, size_t n, size_t batch_tokens, double *rewards,
                  Error *err);

/* "prompt,shuffle"; NULL = none. */
Status eval_ablations_parse(const char *list, bool chosen[EVAL_ABLATIONS], Error *err);
/* Fills set->ablated[which] from in->samples, which were read with rules->keep_turns. Where prompts cannot be shuffled
 * it warns, and no pair has a number: what was computed before must not be lost for that. */
Status eval_ablate(const Inputs *in, const SampleRules *rules, EvalAblation which, size_t batch_tokens, uint64_t seed,
                   EvalSet *set, Error *err);

/* What -o writes, and a later --reference reads. Names: data/{path,schema,sha256}, data/COLUMN of the table, and of
 * each data set K from 0 pairs/K/{id,prompt,rewards,lengths,n_tokens}, with --reorder
 * and --ablate also reordered, no_prompt, shuffled. */
Status eval_result_add_run(Result *result, const EvalRun *run, const EvalFile *files, Error *err);
/* The rewards of these files, found by their digests; each must be there. */
Status eval_result_read(const char *path, const EvalFile *files, size_t n_files, EvalRun *run, Error *err);
/* The rewards of all its data sets, whatever files they were of. */
Status eval_result_read_all(const char *path, EvalRun *run, Error *err);

/* What an ablation says, on the n pairs that fit with both prompts. */
typedef struct EvalAblated {
  double n;
  Bounded accuracy;
  double same;  /* share of pairs whose preference stays */
  Bounded lost; /* points: accuracy with the prompt minus accuracy without */
} EvalAblated;

EvalAblated eval_ablated_row(const EvalSet *set, EvalAblation which, size_t n_resamples, uint64_t seed);

/* What there is to say of one data set; NaN where it was not asked for or does not exist. */
typedef struct EvalRow {
  const char *data, *schema, *length_rule;
  double n, n_dropped, n_ties, n_prompts, margin;
  Bounded accuracy, length;
  double n_common, reference_accuracy, ceiling_accuracy;
  TransferGain transfer;
  double reordered_same, reordered_change;
  EvalAblated ablated[EVAL_ABLATIONS];
} EvalRow;

/* The row of a data set as far as its own rewards tell. */
EvalRow eval_row(const EvalFile *file, const EvalSet *set, size_t n_resamples, uint64_t seed);

/* Prompts (first user turns) that two data sets share. */
size_t eval_shared_prompts(const EvalSet *a, const EvalSet *b);

typedef struct EvalComparison {
  size_t source; /* number of the source data set, or n_sets */
  TransferSummary summary;
} EvalComparison;

/* Fills the rows' gains over the reference; ceiling may be NULL. Pairs that a model lacks are left out for all. */
Status eval_compare(const EvalSettings *settings, const EvalFile *files, const EvalRun *student,
                    const EvalRun *reference, const EvalRun *ceiling, EvalRow *rows, EvalComparison *comparison,
                    Error *err);

/* Everything that is printed and written. reference and ceiling may be NULL. */
typedef struct EvalReport {
  const EvalSettings *settings;
  const EvalFile *files;
  const EvalRun *student, *reference, *ceiling;
  const EvalRow *rows;
  const EvalComparison *comparison;
  const bool *ablate; /* [EVAL_ABLATIONS] */
} EvalReport;

Status eval_table_print(const EvalReport *report, const Provenance *from, Error *err);
Status eval_table_write(const EvalReport *report, const Provenance *from, Error *err); /* -o */

#endif
