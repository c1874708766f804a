/* What the parts of `fathom eval` share: eval.c (the command), eval_run.c (rewards of data sets), eval_result.c (the
 * file that keeps them), eval_compare.c (one model beside another), eval_table.c (what is printed). */
#ifndef FATHOM_COMMAND_EVAL_H
#define FATHOM_COMMAND_EVAL_H

#include "command/inputs.h"
#include "probes/transfer/gains.h"
#include "store/result.h"

typedef struct EvalSettings {
  CommonSettings common;
  InputSettings input;
  const char *output, *reference, *ceiling, *source, *resample;
  double nts_weight;
  size_t bootstrap;
  bool reorder;
} EvalSettings;

/* A file of pairs as it is identified: by its bytes, gunzipped. */
typedef struct EvalFile {
  const char *path; /* borrowed */
  char sha256[DIGEST_TEXT];
} EvalFile;

/* The rewards of one data set. Pairs are in the order of the file; those left out are not there. */
typedef struct EvalSet {
  char *schema;
  size_t n, n_dropped;
  char **ids, **prompts; /* [n]; prompts: hex digits that the first user turn decides */
  double *rewards;       /* [n, 2]: chosen, rejected */
  double *lengths;       /* [n, 2] of the answers, characters */
  double *reordered;     /* [n, 2] or NULL: scored again, sides swapped, in another order */
} EvalSet;

enum { EVAL_MODELS = 2 }; /* a model, and the adapter on it */

/* One model on all data sets. */
typedef struct EvalRun {
  char *name; /* the model's, or the result's file */
  char *model_paths[EVAL_MODELS], *model_digests[EVAL_MODELS];
  size_t n_models;
  EvalSet *sets; /* [n_sets], in the order of the files */
  size_t n_sets;
} EvalRun;

/* Digests of the files; one that is named twice is STATUS_USAGE. files[paths->count] is freed by the caller. */
Status eval_files_identify(const OptionTexts *paths, EvalFile **files, Error *err);

/* Runs the model at path, with settings->adapter where it is set. */
Status eval_run_model(const char *path, const InputSettings *settings, bool reorder, uint64_t seed,
                      const EvalFile *files, size_t n_files, EvalRun *run, Error *err);
void eval_run_clear(EvalRun *run); /* all zeros is fine */

/* What -o writes, and a later --reference reads. Names: data/{path,schema,sha256}, data/COLUMN of the table, and of
 * each data set K from 0 pairs/K/{id,prompt,rewards,lengths}. */
Status eval_result_add_run(Result *result, const EvalRun *run, const EvalFile *files, Error *err);
/* The rewards of these files, found by their digests; each must be there. */
Status eval_result_read(const char *path, const EvalFile *files, size_t n_files, EvalRun *run, Error *err);

/* What there is to say of one data set; NaN where it was not asked for or does not exist. */
typedef struct EvalRow {
  const char *data, *schema, *length_rule;
  double n, n_dropped, n_ties, n_prompts, margin;
  Bounded accuracy, length;
  double n_common, reference_accuracy, ceiling_accuracy;
  TransferGain transfer;
  double reordered_same, reordered_change;
} EvalRow;

/* The row of a data set as far as its own rewards tell. */
EvalRow eval_row(const EvalFile *file, const EvalSet *set);

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
} EvalReport;

Status eval_table_print(const EvalReport *report, const Provenance *from, Error *err);
Status eval_table_write(const EvalReport *report, const Provenance *from, Error *err); /* -o */

#endif
