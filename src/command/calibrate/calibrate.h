/* What the parts of `fathom calibrate` share: calibrate.c (the command: what is planted, in order), open.c (the folder, and
 * what all models share), make.c (texts, models and recordings), claims.c (what a measure of drift must see, and what
 * it is blind to), measure.c (drift between the base model and another), drift.c (edits of parameters against every
 * measure of drift), least.c (how little noise each still sees), weights.c (the same edits against fathom weights),
 * values.c (a tilt of values against fathom implicit), words.c (kinds of words against fathom axis),
 * shortcut.c (a shortcut against fathom eval), table.c (what is printed), write.c (what is written). Every
 * instrument is run by the functions that its command runs. */
#ifndef FATHOM_COMMAND_CALIBRATE_CALIBRATE_H
#define FATHOM_COMMAND_CALIBRATE_CALIBRATE_H

#include "command/command.h"
#include "model/model.h"
#include "text/tokenizer/tokenizer.h"

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
  CALIBRATE_NOT_ASKED,   /* nothing is claimed of this measure and this truth; `expected` says why */
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

/* How far every value of drift is, at every recorded site, from what identical models give: [n_truths, n_rules, n_sites], NaN where it
 * is undefined. */
typedef struct CalibrateCurves {
  double *distances;
  char **sites; /* [n_sites] in the order of the forward pass */
  size_t n_truths, n_rules, n_sites;
} CalibrateCurves;

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
  CalibrateCurves curves;
  char base_sha256[DIGEST_TEXT];
} Calibration;

/* In the world's folder, beside config.json. */
#define CALIBRATE_GRAMMAR "village.grammar"
#define CALIBRATE_LEXICON "values.tsv"
#define CALIBRATE_TEMPLATES "templates.tsv"

/* In the folder: what activations are recorded of, sayings that are labelled by the kind of word in them. */
#define CALIBRATE_PROMPTS "prompts.jsonl"

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

/* The base model with an edit of this size, as `name`. */
typedef void CalibrateEdit(const Model *model, size_t layer, double size, uint64_t seed, real *values);
Status calibrate_edit(Calibration *c, const char *name, CalibrateEdit *edit, double size, Error *err);
CalibrateEdit calibrate_add_noise;

/* NAME.h5: all tokens of the prompts through a model, this many at a time, at the sites that edits are looked for at: the stream behind
 * every block and, of the edited one, the values of its attention and what it adds to the stream. */
enum { CALIBRATE_BATCH_TOKENS = 2048 };
Status calibrate_record(const Calibration *c, const char *model, const char *name, size_t batch_tokens, Error *err);

/* A reward model `name` on the base model, from a file of pairs. */
Status calibrate_train_reward(Calibration *c, const char *name, const char *pairs, uint64_t seed, Error *err);

typedef enum CalibrateTruth { TRUTH_NOTHING, TRUTH_NOISE, TRUTH_ROTATION, TRUTH_TRANSLATION, TRUTH_RANK_ONE, CALIBRATE_TRUTHS } CalibrateTruth;
extern const char *const calibrate_truths[CALIBRATE_TRUTHS];

/* What is planted: sizes of the edits. */
#define CALIBRATE_NOISE 0.1       /* deviation over the root mean square of a matrix */
#define CALIBRATE_TRANSLATION 1.0 /* length of what is added to the stream */
#define CALIBRATE_RANK_ONE 0.3    /* norm over that of the matrix */

/* Edits of parameters: drift of the activations and of the weights. */
Status calibrate_drift(Calibration *c, Error *err);
Status calibrate_weights(Calibration *c, CalibrateTruth truth, const char *edited, Error *err);
Status calibrate_least(Calibration *c, Error *err);

/* Of values that the text plants, up to a third is left to chance and to little training: a value is found within that of what was planted,
 * and as much is no false alarm where nothing was. */
#define CALIBRATE_THIRD (1.0 / 3)
Status calibrate_values(Calibration *c, Error *err);
Status calibrate_words(Calibration *c, Error *err);
Status calibrate_shortcut(Calibration *c, Error *err);

/* --- drift --- */

typedef struct CalibrateReading {
  double value, lo, hi;
  double identical; /* what it would be if nothing had changed */
} CalibrateReading;

/* NOTHING: no claim; ONE: the change has one direction, and this value counts directions. */
typedef enum CalibrateClaim { CLAIM_NOTHING, CLAIM_SEES, CLAIM_BLIND, CLAIM_ONE } CalibrateClaim;

/* What is claimed of a value of fathom drift. */
typedef struct CalibrateRule {
  const char *measure;
  const char *beside; /* identical models have here what this value has; NULL: `identical` */
  double identical;
  double tolerance; /* how far from it a value may be where nothing changed (of `beside`: as a share); infinite: it means nothing there */
  CalibrateClaim claims[CALIBRATE_TRUTHS];
  const char *unasked; /* why there is no claim, where there is none */
} CalibrateRule;

extern const CalibrateRule calibrate_rules[]; /* ended by a measure of NULL */
size_t calibrate_count_rules(void);
char *calibrate_measures(void); /* for --measures: all of them, and what they stand beside; freed by the caller */

/* How far from what identical models give, in the unit of the tolerance; NaN: undefined. */
double calibrate_distance(const CalibrateRule *rule, const CalibrateReading *reading);
/* Is it further than the tolerance, and its interval too? */
bool calibrate_speaks(const CalibrateRule *rule, const CalibrateReading *reading);
/* The verdict on a claim. *expected: what was expected, in words, freed by the caller. */
CalibrateVerdict calibrate_judge(const CalibrateRule *rule, CalibrateClaim claim, const CalibrateReading *reading,
                                 char **expected);

/* All that fathom drift says of base.h5 and another recording, at these sites (NULL: all). */
typedef struct CalibrateMeasured CalibrateMeasured;
Status calibrate_measure(const Calibration *c, const char *store, const char *sites, size_t resamples, CalibrateMeasured **out,
                         Error *err);
void calibrate_measured_free(CalibrateMeasured *m); /* NULL is fine */
size_t calibrate_count_sites(const CalibrateMeasured *m);
const char *calibrate_site(const CalibrateMeasured *m, size_t site);
/* The number of a site of the edited block, such as "hook_resid_post". */
size_t calibrate_find_site(const Calibration *c, const CalibrateMeasured *m, const char *name);
CalibrateReading calibrate_reading(const CalibrateMeasured *m, const CalibrateRule *rule, size_t site);

/* --- the table --- */

/* Takes the row's texts over. */
void calibrate_add(Calibration *c, CalibrateRow row);
bool calibrate_holds(const CalibrateRow *row);
Status calibrate_write(const Calibration *c, const Provenance *from, Error *err);
void calibrate_note(const Calibration *c, Table *table); /* what is to be known of the rows */
Status calibrate_print(const Calibration *c, const Provenance *from, Error *err);

/* Of a row: its texts and numbers, in the order and by the names that table and file have them. */
enum { ROW_TRUTH, ROW_INSTRUMENT, ROW_MEASURE, ROW_WHERE, ROW_EXPECTED, ROW_VERDICT, ROW_TEXTS };
enum { ROW_VALUE, ROW_LO, ROW_HI, ROW_FALSE_ALARMS, ROW_PLACES, ROW_NUMBERS };
extern const char *const calibrate_text_names[ROW_TEXTS], *const calibrate_number_names[ROW_NUMBERS];
const char *calibrate_text(const CalibrateRow *row, int which);
double calibrate_number(const CalibrateRow *row, int which);

#endif
