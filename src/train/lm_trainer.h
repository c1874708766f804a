/* Language-model training: from random weights or from a model that is there, on sequences of tokens. */
#ifndef FATHOM_TRAIN_LM_TRAINER_H
#define FATHOM_TRAIN_LM_TRAINER_H

#include "base/table.h"
#include "model/model.h"
#include "text/samples/samples.h"
#include "text/tokenizer/tokenizer.h"

typedef struct LmPlan {
  const char *folder;               /* the run's */
  const SampleSet *train, *heldout; /* sequences, at least one with two tokens; heldout may be empty */
  const char *parts;                /* "all", "last:K" or "lora" */
  const char *base;                 /* the model as its user named it, for an adapter to say */
  size_t steps;                     /* 0: by epochs */
  double epochs;
  size_t batch_sequences, batch_tokens; /* sequences of a step; tokens of a micro-batch */
  bool recompute;                       /* blocks keep their input alone and run again in the backward pass: same bits */
  double learning_rate, warmup;         /* peak; share of the steps with a rising rate */
  double weight_decay, clip;            /* clip 0 = none */
  size_t checkpoint_every;              /* steps; 0 = none */
  bool resume;
  uint64_t seed;
  const char *identity; /* of model, tokenizer, data and settings: decides whether a checkpoint fits */
} LmPlan;

/* What a finished run says of itself; losses are nats a token, NaN where nothing is held out. */
typedef struct LmSummary {
  size_t steps, trained_parameters;
  size_t steps_made, tokens;    /* by this process: a resumed run has made others before */
  double seconds, step_seconds; /* by this process; of the steps without evaluation */
  double loss;                  /* of the last step's batch, before its update */
  double first_heldout_loss, heldout_loss;
} LmSummary;

/* Trains model in place and saves it, or what LoRA has trained of it. A loss or gradient that is not finite is
 * STATUS_NUMERIC naming the step; the last checkpoint stays. */
Status lm_trainer_run(Model *model, const Tokenizer *tokenizer, const LmPlan *plan, const Provenance *from,
                      LmSummary *summary, Error *err);

#endif
