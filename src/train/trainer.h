/* Reward training with an anchor: the loop from step 0 to the saved model. */
#ifndef FATHOM_TRAIN_TRAINER_H
#define FATHOM_TRAIN_TRAINER_H

#include "base/table.h"
#include "model/model.h"
#include "store/activations.h"
#include "text/samples.h"
#include "text/tokenizer.h"
#include "train/rows.h"

typedef struct TrainPlan {
  const char *folder;               /* the run's */
  const SampleSet *train, *heldout; /* pairs: items[2i] chosen, items[2i+1] rejected; heldout may be empty */
  const char *parts;                /* "all", "last:K" or "head" */
  size_t steps;                     /* 0: by epochs */
  double epochs;
  size_t batch_pairs, batch_tokens; /* pairs of a step; tokens of a micro-batch */
  double learning_rate, warmup;     /* peak; share of the steps with a rising rate */
  double weight_decay, clip;        /* clip 0 = none */
  double centring;                  /* c of the loss */
  double lambda;                    /* anchor strength */
  const char *anchor_layers, *token_rule_name;
  TokenRule token_rule;    /* of the anchor, its scale and all drift */
  size_t probe_pairs;      /* held-out pairs of the probe set */
  size_t checkpoint_every; /* steps; 0 = none */
  bool resume;
  uint64_t seed;
  const char *frozen_path;    /* the frozen features; NULL: RUN/frozen.h5. Recorded where they do not exist */
  StoreContents frozen_about; /* provenance of that store */
  const char *identity;       /* of model, tokenizer and data: decides whether a checkpoint fits */
} TrainPlan;

/* What a finished run says of itself. */
typedef struct TrainSummary {
  size_t steps, trained_parameters, tokens;
  double seconds, bt_loss, accuracy; /* of the last step */
  bool has_heldout;
  double first_heldout_accuracy, heldout_accuracy;
  double anchor; /* R of the last step */
} TrainSummary;

/* Trains model in place. A loss or gradient that is not finite is STATUS_NUMERIC naming the step; the last checkpoint
 * stays. */
Status trainer_run(Model *model, const Tokenizer *tokenizer, const TrainPlan *plan, const Provenance *from,
                   TrainSummary *summary, Error *err);

#endif
