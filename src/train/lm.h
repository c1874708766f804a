/* Language modelling: the mean of -log p(token | those before it) over sequences of tokens, its gradient, and a step that
 * goes down it. Of every sequence all tokens but the first are predicted. */
#ifndef FATHOM_TRAIN_LM_H
#define FATHOM_TRAIN_LM_H

#include "train/optimiser.h"
#include "train/rows.h"
#include "train/token_loss.h"

/* What a step works on and with; set up once. */
typedef struct LmStepper {
  Model *model;
  Pass *pass;         /* keeps the blocks, or their inputs */
  TokenLoss tokens;
  Gradients gradients;
  real *first, *second; /* AdamW's moments, laid out as the gradients */
  size_t n_trained;     /* values of gradients, first and second */
  double clip, weight_decay;
  size_t batch_tokens;
  SampleBatch batch;
} LmStepper;

typedef struct LmStepResult {
  double loss;      /* nats, mean over the predicted tokens */
  double grad_norm; /* before clipping */
  size_t tokens, micro_batches;
} LmStepResult;

/* Everything but the model, the pass and the moments, which are the caller's. */
void lm_stepper_clear(LmStepper *stepper); /* all zeros is fine */

/* Loss of samples[n] and its gradient, in stepper->gradients. At least one sample must have two tokens. */
void lm_gradient(LmStepper *stepper, const Sample *const *samples, size_t n, LmStepResult *result);

/* The same, and the update, whose number counts from 1. A loss or gradient that is not finite is STATUS_NUMERIC naming the
 * update and leaves the parameters untouched. */
Status lm_step(LmStepper *stepper, const Sample *const *samples, size_t n, double learning_rate, size_t update,
               LmStepResult *result, Error *err);

/* *loss = the loss of samples[n], forward alone; NaN where nothing is predicted. A log-probability that is not finite is
 * STATUS_NUMERIC naming the sample. */
Status lm_loss(const Model *model, Pass *pass, const Sample *const *samples, size_t n, size_t batch_tokens, double *loss,
               Error *err);

#endif
