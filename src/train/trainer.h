/* Reward training with an anchor: the loop from step 0 to the saved model. */
#ifndef FATHOM_TRAIN_TRAINER_H
#define FATHOM_TRAIN_TRAINER_H

#include "base/table.h"
#include "model/model.h"
#include "store/activations.h"
#include "text/samples/samples.h"
#include "text/tokenizer/tokenizer.h"
#include "train/anchor.h"
#include "train/rows.h"

typedef struct TrainPlan {
  const char *folder;               /* the run's */
  const SampleSet *train, *heldout; /* pairs: items[2i] chosen, items[2i+1] rejected; heldout may be empty */
  const char *parts;                /* "all", "last:K", "lora" or "head" */
  const char *base;                 /* the model as its user named it, for an adapter to say */
  size_t steps;                     /* 0: by epochs */
  double epochs;
  size_t batch_pairs, batch_tokens; /* pairs of a step; tokens of a micro-batch */
  bool recompute;                   /* blocks keep their input alone and run again in the backward pass: same bits */
  double learning_rate, warmup;     /* peak; share of the steps with a rising rate */
  double weight_decay, clip;        /* clip 0 = none */
  double centring;                  /* c of the loss */
  double lambda;                    /* anchor strength */
  AnchorNorm anchor_norm;
  const char *anchor_layers, *token_rule_name;
  TokenRule token_rule; /* of the anchor, its scale and all drift */
  double sft;           /* a of (1 - a) L_BT + a L_SFT */
  double l2_sp;         /* X of X |w - w0|^2 */
  double stop_at_drift; /* ends the run once the probe set's mean relative drift is this much; 0 = never */
  const Source *source; /* the model's files and the adapter merged into it, which L2-SP reads again; may be NULL */
  const Adapter *adapter;
  size_t probe_pairs;      /* held-out pairs of the probe set */
  size_t checkpoint_every; /* steps; 0 = none */
  bool resume;
  uint64_t seed;
  const char *frozen_path;    /* the frozen features; NULL: RUN/frozen.h5. Recorded where they do not exist */
  StoreContents frozen_about; /* provenance of that store */
  struct Values *values;      /* train/values.h: what is looked at with the probe set; NULL: nothing */
  const char *identity;       /* of model, tokenizer and data: decides whether a checkpoint fits */
} TrainPlan;

/* What a finished run says of itself. */
typedef struct TrainSummary {
  size_t steps, trained_parameters;
  size_t steps_made, micro_batches, tokens;        /* by this process: a resumed run has made others before */
  size_t value_looks;                              /* by this process, and how long they took */
  double value_seconds;
  double step_seconds;                             /* of these steps, without evaluation */
  const char *end;                                 /* "steps": all were made; "drift": stop_at_drift was reached */
  double seconds, bt_loss, accuracy;               /* of the last step */
  double first_heldout_accuracy, heldout_accuracy; /* NaN where nothing is held out */
  double anchor;                                   /* R of the last step */
  double sft_loss;                                 /* L_SFT of the last step, NaN without */
  double l2_sp;                                    /* |w - w0|^2 before the last update, NaN without */
  double probe_drift; /* of the result: mean relative squared drift of all blocks on the probe set */
} TrainSummary;

/* Trains model in place. A loss or gradient that is not finite is STATUS_NUMERIC naming the step; the last checkpoint
 * stays, and one of parameters that are not finite is never written. */
Status trainer_run(Model *model, const Tokenizer *tokenizer, const TrainPlan *plan, const Provenance *from,
                   TrainSummary *summary, Error *err);

#endif
