/* One training step: micro-batches forward and backward, then the update. */
#ifndef FATHOM_TRAIN_STEP_H
#define FATHOM_TRAIN_STEP_H

#include "train/adamw.h"
#include "train/anchor.h"
#include "train/loss.h"

/* What a step works on and with; set up once. */
typedef struct Stepper {
  Model *model;
  Pass *pass;
  Frozen *frozen;
  Anchor *anchor;
  Gradients gradients;
  real *first, *second; /* AdamW's moments, laid out as the gradients */
  size_t n_trained;
  double centring, clip, weight_decay;
  size_t batch_tokens;
  SampleBatch batch;
} Stepper;

typedef struct StepResult {
  PairSums pairs; /* sums over the step's pairs */
  double anchor, grad_norm;
  size_t tokens;
} StepResult;

/* samples[2 n_pairs] (chosen, rejected, ...), with their numbers among those of frozen_open. update counts from 1. A loss or
 * gradient that is not finite is STATUS_NUMERIC and leaves the parameters untouched. */
Status step_run(Stepper *stepper, const Sample *const *samples, const size_t *indices, size_t n_pairs,
                double learning_rate, size_t update, StepResult *result, Error *err);

#endif
