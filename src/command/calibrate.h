/* What the parts of `fathom calibrate` share: calibrate.c (the command: what is planted, in order), calibrate_open.c (the folder, and
 * what all models share), calibrate_make.c (texts, models and recordings), calibrate_drift.c (edits of parameters against every measure of drift),
 * calibrate_claims.c (what a measure must see, and what it is blind to), calibrate_weights.c (the same edits against fathom weights),
 * calibrate_values.c (a tilt of values against fathom implicit), calibrate_shortcut.c (a shortcut against fathom eval),
 * calibrate_table.c (what is printed and written). Every instrument is run by the functions that its command runs. */
#ifndef FATHOM_COMMAND_CALIBRATE_H
#define FATHOM_COMMAND_CALIBRATE_H

#include "command/command.h"
#include "model/model.h"
#include "text/tokenizer.h"

typedef struct CalibrateSettings {
  CommonSettings common;
  const char *world, *output, *keep;
  bool quick;
} CalibrateSettings;

/* How large everything is. */
typedef struct CalibrateSize {
  size_t n_layers, hidden_size, intermediate_size, head_dim; /* of the models; 0: as config.json has it */
  size_t texts, steps, sequences;                            /* pretraining: texts of the world, updates, sequences of an update */
  double learning_rate;
  size_t prompts;            /* that activations are recorded of */
  size_t pairs, test_pairs;  /* to train reward models with, and of each data set they are tested on */
  double reward_learning_rate;
} CalibrateSize;

typedef enum CalibrateVerdict {
  CALIBRATE_FOUND,       /* what was planted is seen */
  CALIBRATE_MISSED,      /* it is not */
  CALIBRATE_BLIND,       /* a measure that cannot see it does not */
  CALIBRATE_QUIET,       /* nothing was planted, and nothing is seen */
  CALIBRATE_FALSE_ALARM, /* something is seen where nothing is to be seen */
  CALIBRATE_VERDICTS,
} CalibrateVerdict;

/* One measure on one truth. */
typedef struct CalibrateRow {
  const char *truth, *instrument, *measure; /* borrowed */
  char *where, *expected;                   /* owned */
  double value, lo, hi;                     /* NaN: undefined, or no interval */
  CalibrateVerdict verdict;
  size_t false_alarms, places; /* elsewhere: of how many places where nothing was planted is something seen */
} CalibrateRow;

typedef struct Calibration {
  const Invocation *call;
  const CalibrateSettings *settings;
  const CalibrateSize *size;
  double started;
  char *world;          /* folder of the grammar */
  char *folder;         /* of everything that is made */
  bool is_temporary;    /* it is removed at the end */
  Json *config;         /* of the models */
  Tokenizer *tokenizer; /* of all of them */
  size_t layer;         /* the block that edits are made in, one in the middle */
  CalibrateRow *rows;
  size_t n_rows;
  char base_sha256[DIGEST_TEXT];
} Calibration;

/* In the world's folder, beside config.json. */
#define CALIBRATE_GRAMMAR "village.grammar"
#define CALIBRATE_LEXICON "values.tsv"

/* Folder, configuration and, with the text of the plain world, the tokenizer. */
Status calibrate_open(Calibration *c, Error *err);
void calibrate_close(Calibration *c); /* half open is fine */

/* A step that is done, with the seconds since the start. */
void calibrate_say(const Calibration *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A name in the folder; freed by the caller. */
char *calibrate_path(const Calibration *c, const char *name);

/* A weight of the grammar; lists end with a name of NULL. */
typedef struct WorldWeight {
  const char *name;
  double value;
} WorldWeight;

/* Texts of a rule as the file `name`. */
Status calibrate_texts(const Calibration *c, const char *name, const char *rule, size_t count, uint64_t seed,
                       const WorldWeight *weights, Error *err);

/* A language model `name`, pretrained on the world with these weights; all begin with the same random parameters. */
Status calibrate_pretrain(Calibration *c, const char *name, uint64_t text_seed, const WorldWeight *weights, Error *err);

/* The base model, edited, as `name`. */
typedef void CalibrateEdit(const Model *model, size_t layer, uint64_t seed, real *values);
Status calibrate_edit(Calibration *c, const char *name, CalibrateEdit *edit, Error *err);

/* NAME.h5: all tokens of prompts.txt through a model, at these sites. */
Status calibrate_record(const Calibration *c, const char *model, const char *name, const char *sites, Error *err);

/* A reward model `name` on the base model, from a file of pairs. */
Status calibrate_train_reward(Calibration *c, const char *name, const char *pairs, uint64_t seed, Error *err);

/* Takes the row's texts over. */
void calibrate_add(Calibration *c, CalibrateRow row);

/* Edits of parameters: drift of the activations and of the weights. */
Status calibrate_drift(Calibration *c, Error *err);
typedef enum CalibrateTruth { TRUTH_NOTHING, TRUTH_NOISE, TRUTH_ROTATION, TRUTH_TRANSLATION, TRUTH_RANK_ONE, CALIBRATE_TRUTHS } CalibrateTruth;
extern const char *const calibrate_truths[CALIBRATE_TRUTHS];
Status calibrate_weights(Calibration *c, CalibrateTruth truth, const char *edited, Error *err);

/* What is planted: sizes of the edits. */
#define CALIBRATE_NOISE 0.3    /* deviation over the root mean square of a matrix */
#define CALIBRATE_TRANSLATION 3 /* length of what is added to the stream */
#define CALIBRATE_RANK_ONE 1.0 /* norm over that of the matrix */

Status calibrate_values(Calibration *c, Error *err);
Status calibrate_shortcut(Calibration *c, Error *err);

/* Of a number: does a measure say that something has changed? */
typedef struct CalibrateReading {
  double value, lo, hi;
  double identical; /* what it would be if nothing had changed */
} CalibrateReading;

typedef enum CalibrateClaim { CLAIM_NOTHING, CLAIM_SEES, CLAIM_BLIND, CLAIM_ONE } CalibrateClaim;

/* What is claimed of a value of fathom drift. */
typedef struct CalibrateRule {
  const char *measure;
  const char *beside; /* identical models have here what this value has; NULL: `identical` */
  double identical;
  double tolerance; /* how far from it rounding takes a value at most; infinite: its size means nothing where nothing changed */
  CalibrateClaim claims[CALIBRATE_TRUTHS];
} CalibrateRule;

extern const CalibrateRule calibrate_rules[]; /* ended by a measure of NULL */
extern const char calibrate_measures[];       /* all of them, for --measures */

/* Is the value off by more than rounding, and its interval too? */
bool calibrate_speaks(const CalibrateRule *rule, const CalibrateReading *reading);
/* The verdict on a claim, and in words what was expected. */
CalibrateVerdict calibrate_judge(const CalibrateRule *rule, CalibrateClaim claim, const CalibrateReading *reading,
                                 const char **expected);

bool calibrate_holds(const CalibrateRow *row);
Status calibrate_write(const Calibration *c, const Provenance *from, Error *err);
Status calibrate_print(const Calibration *c, const Provenance *from, Error *err);

#endif
