/* What the parts of `fathom weights` share: weights.c (the command), open.c (two models), pairs.c (which
 * weight is compared with which), measure.c (the drift of a pair), table.c (rows, result and table). */
#ifndef FATHOM_COMMAND_WEIGHTS_WEIGHTS_H
#define FATHOM_COMMAND_WEIGHTS_WEIGHTS_H

#include "command/command.h"
#include "model/model.h"
#include "model/tensor_layout.h"

typedef struct WeightsSettings {
  CommonSettings common;
  const char *layers, *adapter, *output;
  bool strict;
} WeightsSettings;

/* One of the two models: its files are checked, and its weights read one at a time. */
typedef struct WeightsSide {
  const char *path;
  char *name;       /* the path, and the adapter on it */
  Source *source;   /* of side 1 that of side 0 where both are one file: what they share has not drifted */
  Adapter *adapter; /* of side 1; NULL: none */
  Model model;      /* configuration and table */
  HeadTensors head;
} WeightsSide;

/* Where a side's weight is read from. */
typedef struct WeightSource {
  const ModelConfig *config;
  Parameter parameter; /* its shape, and its place in stacks */
  TensorPlace place;
  const Tensor *tensor; /* NULL: zeros (a bias that this side's reward head lacks) */
} WeightSource;

/* What is said of a weight, in the order of the table. */
typedef enum WeightMeasure {
  WEIGHT_FROBENIUS,          /* |W1 - W0| */
  WEIGHT_RELATIVE_FROBENIUS, /* |W1 - W0| / |W0| */
  WEIGHT_SPECTRAL,           /* |W1 - W0|_2 */
  WEIGHT_RELATIVE_SPECTRAL,  /* |W1 - W0|_2 / |W0|_2 */
  WEIGHT_EFFECTIVE_RANK,     /* of W1 - W0; NaN where they are equal */
  WEIGHT_MEASURES,
} WeightMeasure;

extern const char *const weight_measures[WEIGHT_MEASURES];

/* A weight W [rows, columns] of both models. */
typedef struct WeightPair {
  const char *tensor, *kind; /* Hugging Face's name; the role's ("q", "attn_norm"), see --help */
  size_t layer;              /* SIZE_MAX outside the blocks */
  size_t rows, columns;
  bool is_vector; /* [1, columns]: spectral norm and effective rank say nothing of it */
  WeightSource w0, w1;
  bool has_factors;       /* w1 has an adapter's factors on top of its tensor */
  double base, values[WEIGHT_MEASURES]; /* |W0|; NaN: not of a vector, or undefined */
} WeightPair;

typedef struct WeightsRun {
  const WeightsSettings *settings;
  WeightsSide sides[2];
  bool *chosen; /* [n_layers] by --layers; NULL: everything, the weights outside the blocks too */
  WeightPair *pairs;
  size_t n_pairs;
  char **notes; /* [n_notes] */
  size_t n_notes;
} WeightsRun;

/* Opens both models and checks that they are of one shape. second may be an adapter's folder: it is put on the first. */
Status weights_open(WeightsRun *run, const char *first, const char *second, const WeightsSettings *settings, Error *err);
void weights_close(WeightsRun *run); /* all zeros is fine */

/* Which weights are compared. A weight that one side lacks, or has in another shape, is STATUS_DATA naming it. */
Status weights_pair(WeightsRun *run, Error *err);

void weights_note(WeightsRun *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Fills every pair's values. A weight that is not finite is STATUS_DATA naming it. */
Status weights_measure(WeightsRun *run, Error *err);

Provenance weights_provenance(const Invocation *call, const WeightsRun *run);
Status weights_write(const WeightsRun *run, const Provenance *provenance, Error *err);
Status weights_print(const WeightsRun *run, const Provenance *provenance, Error *err);

#endif
