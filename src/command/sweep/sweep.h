/* `fathom sweep`: what is run. A grid of settings (grid.c) becomes runs with names; each is a folder, and a few
 * command lines of this program (words.c) that run.c executes side by side. folder.c keeps what the
 * sweep is in its folder, rows.c reads what its runs came to, table.c and result.c print and store it. */
#ifndef FATHOM_COMMAND_SWEEP_SWEEP_H
#define FATHOM_COMMAND_SWEEP_SWEEP_H

#include "base/process.h"
#include "command/inputs.h"

enum { SWEEP_NONE = -1 };

typedef struct SweepSettings {
  CommonSettings common;
  InputSettings input; /* pairs: the sources */
  OptionTexts heldout, eval, anchor_layers, controls, value_prompts;
  const char *output, *grid, *anchors, *rates, *quantities, *seeds; /* lists with commas */
  const char *anchor_tokens, *split_seed;
  const char *parts, *steps, *epochs, *batch_size, *warmup, *weight_decay, *clip, *probe_pairs, *value_axis,
      *value_words; /* to train as they are; so are value_prompts */
  double eval_split;
  size_t jobs, memory, checkpoint_every;
  bool array, collect, dry_run, drop_models;
} SweepSettings;

/* One value of an axis, as it was written. */
typedef struct SweepValue {
  char *text;
  double number; /* NaN where it is no number: a file, "all" */
} SweepValue;

typedef struct SweepAxis {
  SweepValue *values;
  size_t n;
} SweepAxis;

typedef enum SweepAxisName {
  AXIS_SOURCE,
  AXIS_QUANTITY, /* training pairs; "all" */
  AXIS_RATE,
  AXIS_ANCHOR,
  AXIS_LAYERS, /* of runs with an anchor of more than 0 */
  AXIS_CONTROL, /* options for train, without anchor */
  AXIS_SEED,
  N_AXES,
} SweepAxisName;

typedef struct SweepGrid {
  SweepAxis axes[N_AXES];
} SweepGrid;

const char *sweep_axis_name(SweepAxisName axis); /* as in the grid file */

/* The shortest text that reads back as this number; freed by the caller. */
char *sweep_number_text(double number);

/* From the options and --grid; an axis given in both, a value that is none, or an unknown key is STATUS_USAGE or, in the
 * file, STATUS_DATA. */
Status sweep_grid_read(const SweepSettings *settings, SweepGrid *grid, Error *err);
void sweep_grid_clear(SweepGrid *grid); /* all zeros is fine */

/* A data set to train on. */
typedef struct SweepSource {
  const char *path, *heldout; /* heldout NULL: a part of path */
  char *name;                 /* unique among the sources, fit for a file's name */
  char *frozen;               /* its store */
  size_t n_train;             /* pairs to train on, without those held out; known once the inputs are read */
} SweepSource;

typedef struct SweepRun {
  char *name, *folder;
  size_t source;
  const SweepValue *quantity, *rate, *anchor, *layers, *control, *seed; /* layers, control NULL: none */
  char *method;     /* "anchor-0.1", "anchor-0", the control's name: what a legend says, without layers */
  size_t setting;   /* number of what it is but for the seed, from 0 */
  long reference;   /* the run with anchor 0 that is otherwise the same, itself where it is that; SWEEP_NONE */
  long matched;     /* the run whose drift this one is stopped at; SWEEP_NONE */
} SweepRun;

typedef struct Sweep {
  const SweepSettings *settings;
  const Invocation *call;
  const char *model;
  SweepGrid grid;
  SweepSource *sources;
  size_t n_sources;
  SweepRun *runs; /* in the order of the table: seeds run fastest */
  size_t n_runs, n_settings;
  size_t run_threads, record_threads, jobs;
  char *program; /* this very one */
} Sweep;

/* Names of files without folders and endings, unique, fit for a file's name or a column's; each and all are freed by the
 * caller. */
char **sweep_file_names(const char *const *paths, size_t n);

/* The runs of the grid, named. */
Status sweep_make_runs(Sweep *sweep, Error *err);
void sweep_clear(Sweep *sweep); /* all zeros is fine */

/* Command lines; freed by words_free. */
typedef struct Words {
  char **items; /* NULL behind the last */
  size_t n;
} Words;
void words_add(Words *words, const char *word);
void words_free(Words *words);

/* Refuses, behind -- and in controls, options that runs have from the sweep itself: they would be overruled, or mislead. */
Status sweep_check_words(const Sweep *sweep, Error *err);

Words sweep_record_words(const Sweep *sweep, size_t source);
Words sweep_train_words(const Sweep *sweep, const SweepRun *run);
Words sweep_eval_words(const Sweep *sweep, const SweepRun *run);
bool sweep_has_eval(const Sweep *sweep, const SweepRun *run); /* is there a data set for it to be evaluated on? */
bool sweep_is_target(const Sweep *sweep, const SweepRun *run, size_t eval); /* not its own source */

#endif
