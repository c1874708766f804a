/* What the files of the trainer share: the state of a run. trainer_prepare.c sets it up and trainer_frozen.c
 * its frozen features, trainer.c is the loop, trainer_evaluate.c looks at held-out pairs. */
#ifndef FATHOM_TRAIN_TRAINER_PARTS_H
#define FATHOM_TRAIN_TRAINER_PARTS_H

#include "store/result.h"
#include "train/checkpoint.h"
#include "train/order.h"
#include "train/probe.h"
#include "train/step.h"
#include "train/trainer.h"

/* Everything a run holds; trainer_clear accepts it half built. */
typedef struct Trainer {
  const TrainPlan *plan;
  Model *model;
  const Sample **samples; /* training pairs, then the probe set; for the head alone all held-out pairs */
  size_t n_train, n_samples, n_pairs, n_steps;
  Order order;   /* of the pairs */
  Arena arena;                /* gradients and moments */
  Pass pass;
  Frozen frozen;
  Features features; /* where the head alone is trained */
  Anchor anchor;
  Probe probe;
  Stepper stepper;
  Result *run;
  size_t value_looks; /* by this process */
  double value_seconds;
  size_t step;  /* updates made */
  bool stopped; /* stop_at_drift was reached */
} Trainer;

/* Features, memory, the new head, and with --resume the newest checkpoint: up to the first step that is still to do. */
Status trainer_prepare(Trainer *trainer, const Provenance *from, Error *err);
void trainer_clear(Trainer *trainer);

/* Records the frozen features where their store does not exist, and opens it. */
Status trainer_prepare_frozen(Trainer *trainer, Error *err);

/* Is the head alone trained? Then no block can drift, and the store holds what the head reads. */
bool trainer_is_head_alone(const Trainer *trainer);

/* Held-out accuracy, and the full drift measures on the probe set, into the log. */
Status trainer_evaluate(Trainer *trainer, Error *err);

/* After an update: evaluates where that is due, and sets stopped where the drift of the probe set has reached
 * stop_at_drift. */
Status trainer_look(Trainer *trainer, Error *err);

/* What a checkpoint of this moment holds. */
CheckpointState trainer_checkpoint_state(Trainer *trainer);

#endif
