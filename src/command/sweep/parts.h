/* What the parts of `fathom sweep` know of one another: the data it reads, what a run costs, and what became of it. */
#ifndef FATHOM_COMMAND_SWEEP_PARTS_H
#define FATHOM_COMMAND_SWEEP_PARTS_H

#include "command/sweep/sweep.h"
#include "command/train/options.h"
#include "store/result.h"

/* --- inputs.c: the model and all data, read once to see that they are sound and what they cost --- */

typedef struct SweepData {
  const char *path;
  char digest[DIGEST_TEXT];
  size_t n_pairs, n_tokens, n_rows; /* n_rows: of the anchor's token rule */
  size_t n_train;                   /* pairs, without those held out */
  size_t longest, longest_pair;     /* tokens of a side, of both sides together */
} SweepData;

typedef struct SweepInputs {
  Inputs model;
  const char *model_sha256; /* of its weights, with an adapter's */
  Model widened; /* the same with the table of parameters that training has; only to be looked at */
  char values[DIGEST_TEXT]; /* of what runs look at of value words (train/values.h); "" without */
  SweepData *sources, *heldout, *evals; /* heldout: one for each source, or none */
} SweepInputs;

Status sweep_read_inputs(Sweep *sweep, SweepInputs *inputs, Error *err);
void sweep_inputs_clear(SweepInputs *inputs); /* all zeros is fine */

/* A run's settings as train will read them from its words, which must outlive them; freed by sweep_train_settings_free. */
Status sweep_train_settings(const Words *words, TrainSettings *settings, Error *err);
void sweep_train_settings_free(TrainSettings *settings);

/* Is the result of this run an adapter (--train lora), no whole model? */
bool sweep_run_is_adapter(const Sweep *sweep, const SweepRun *run);

/* Would train accept every run? */
Status sweep_check_runs(const Sweep *sweep, SweepInputs *inputs, Error *err);

/* --- cost.c --- */

typedef struct SweepCost {
  size_t run_bytes;           /* memory of the largest run, about */
  double *run_flop;           /* [n_runs]: training and evaluation */
  double record_flop;         /* of the sources that are not recorded yet */
  unsigned long long disk_bytes; /* frozen features and models */
  double rate;                /* FLOP a second of this machine with all threads, about; 0 where it was not measured */
} SweepCost;

Status sweep_cost(const Sweep *sweep, const SweepInputs *inputs, bool measure, SweepCost *cost, Error *err);
void sweep_cost_clear(SweepCost *cost);

/* Memory that is free now, in bytes; 0 where the system does not say. */
size_t sweep_free_memory(void);

/* --- folder.c --- */

/* Makes the folder and those of the runs, or goes on with one of the same settings; *lock is for sweep_close_folder.
 * Another sweep's folder is STATUS_DATA, one that is in use STATUS_SYSTEM. Thread counts are those of the first call. */
Status sweep_open_folder(Sweep *sweep, const SweepInputs *inputs, int *lock, Error *err);
void sweep_close_folder(int lock); /* -1 is fine */

/* --- run.c --- */

/* What is in a run's folder. */
typedef enum SweepState { SWEEP_MISSING, SWEEP_INTERRUPTED, SWEEP_TRAINED, SWEEP_DONE, SWEEP_FAILED } SweepState;
SweepState sweep_state(const Sweep *sweep, const SweepRun *run);
const char *sweep_state_name(SweepState state);
/* Why it failed, one line; freed by the caller. */
char *sweep_failure(const SweepRun *run);
/* What --drop-models removes; freed by the caller. */
char *sweep_weights_path(const SweepRun *run);

/* Does whatever is missing, sweep->jobs runs at a time. STATUS_SYSTEM where a signal stopped it. Runs that fail are
 * marked, which is no error here. */
Status sweep_execute(const Sweep *sweep, ProcessWatch *watch, const SweepCost *cost, Error *err);

/* --- rows.c: what the runs came to --- */

typedef enum SweepNumber {
  NUMBER_LR,
  NUMBER_ANCHOR,
  NUMBER_TRAIN_PAIRS,
  NUMBER_SEED,
  NUMBER_STEPS,
  NUMBER_BT_LOSS,
  NUMBER_ACCURACY,
  NUMBER_HELDOUT_BEFORE,
  NUMBER_HELDOUT,
  NUMBER_HELDOUT_GAIN,
  NUMBER_DRIFT,
  NUMBER_MEAN_TARGET,
  NUMBER_AOG,
  NUMBER_NTS,
  NUMBER_WORST_GAIN,
  N_NUMBERS,
} SweepNumber;

typedef struct SweepRow {
  SweepState state;
  char *message; /* of a failed run; else "" */
  double numbers[N_NUMBERS];
  double *accuracy, *lo, *hi, *gain; /* [n_evals]: NaN where it is no target or there is no result */
  double *drift;                     /* [n_measures, n_layers] of the result on the probe set */
} SweepRow;

enum { SWEEP_CURVES = 4 };
extern const char *const sweep_curve_names[SWEEP_CURVES];

typedef struct SweepRows {
  const Sweep *sweep;
  SweepRow *rows; /* [n_runs] */
  size_t n_evals;
  char **eval_names; /* [n_evals]: unique, from the paths */
  char **sites, **measures;
  size_t n_sites, n_measures;
  size_t n_steps, n_eval_steps; /* of the longest run */
  double *curves; /* [SWEEP_CURVES, n_runs, n_steps]: of every step, NaN behind the end */
} SweepRows;

Status sweep_rows_read(const Sweep *sweep, SweepRows *rows, Error *err);
void sweep_rows_clear(SweepRows *rows);

/* Mean over the finished seeds of a setting, with Student's 95 % interval where there are at least two. */
typedef struct SweepMean {
  double mean, lo, hi;
  size_t n;
} SweepMean;
SweepMean sweep_mean(const double *values, size_t n);

/* --- table.c, result.c --- */

const char *sweep_number_name(SweepNumber number);

/* Columns: the numbers, then the accuracy on each data set of --eval, then the gain on each. */
double sweep_value(const SweepRows *rows, size_t run, size_t column);
SweepMean sweep_setting_mean(const SweepRows *rows, size_t setting, size_t column);

Status sweep_print(const SweepRows *rows, const Inputs *inputs, const Provenance *from, bool json, Error *err);
Status sweep_write_result(const SweepRows *rows, const Provenance *from, const char *path, Error *err);

#endif
