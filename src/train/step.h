/* One training step: micro-batches forward and backward, then the update. */
#ifndef FATHOM_TRAIN_STEP_H
#define FATHOM_TRAIN_STEP_H

#include "train/adamw.h"
#include "train/anchor.h"
#include "train/features.h"
#include "train/l2sp.h"
#include "train/loss.h"
#include "train/sft.h"

/* What a step works on and with; set up once. */
typedef struct Stepper {
  Model *model;
  Pass *pass;
  Frozen *frozen;
  Anchor *anchor;
  Sft sft;   /* all zeros: off */
  L2sp l2sp; /* all zeros: off */
  const Features *features; /* of the samples by number, where the head alone is trained: no forward pass. Or NULL */
  Gradients gradients;
  real *first, *second; /* AdamW's moments, laid out as the gradients */
  size_t n_trained;
  double centring, clip, weight_decay;
  size_t batch_tokens;
  SampleBatch batch;
} Stepper;

/* The terms of a step's loss, each without its factor; 0 where it is off. */
typedef struct LossParts {
  double bt;       /* mean over the pairs of -weight log sigmoid(lead - margin), or with soft labels (train/loss.h) */
  double centring; /* mean of weight (r_chosen + r_rejected)^2; factor c */
  double sft;      /* L_SFT; factor a, and 1 - a on the two above */
  double anchor;   /* R; factor lambda */
  double l2_sp;    /* |w - w0|^2; factor X */
  double total;    /* (1 - a) (bt + c centring) + a sft + lambda anchor + X l2_sp */
} LossParts;

typedef struct StepResult {
  PairSums pairs; /* sums over the step's pairs */
  LossParts loss;
  double grad_norm; /* of all terms together, before clipping */
  size_t tokens, micro_batches;
} StepResult;

/* samples[2 n_pairs] (chosen, rejected, ...), with their numbers among those of frozen_open, and what the pairs ask for
 * (labels[n_pairs], NULL: nothing of their own). update counts from 1. A loss or gradient that is not finite is
 * STATUS_NUMERIC naming the update and leaves the parameters untouched. */
Status step_run(Stepper *stepper, const Sample *const *samples, const size_t *indices, const PairLabel *labels,
                size_t n_pairs, double learning_rate, size_t update, StepResult *result, Error *err);

#endif
