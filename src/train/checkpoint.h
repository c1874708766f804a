/* Checkpoints: the trained parameters, both moments and the step, from which a run goes on to the same bytes. */
#ifndef FATHOM_TRAIN_CHECKPOINT_H
#define FATHOM_TRAIN_CHECKPOINT_H

#include "base/digest.h"
#include "base/error.h"
#include "num/real.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct CheckpointState {
  size_t step;                   /* updates made */
  size_t n;                      /* trained parameters */
  real *values, *first, *second; /* [n] */
  const char *settings_sha256;   /* of model, data and everything that decides the numbers */
} CheckpointState;

/* Nothing is saved of parameters that could only go on to nothing, the checkpoint before being worth more: STATUS_NUMERIC where one is
 * not finite. */
Status checkpoint_check(const CheckpointState *state, Error *err);

/* Writes RUN/checkpoint-STEP (whole or not at all), then removes the older ones. */
Status checkpoint_write(const char *run_folder, const CheckpointState *state, Error *err);

/* The step of the newest whole checkpoint, SIZE_MAX where there is none. */
size_t checkpoint_newest(const char *run_folder);
/* Adds to the error of a run that failed where it can be looked at: its newest whole checkpoint, if there is one. */
void checkpoint_name_newest(const char *run_folder, Error *err);
void checkpoint_remove_all(const char *run_folder); /* of a run that is finished */

/* Reads the newest whole checkpoint of the folder into state (its arrays are the caller's); *found false where there is
 * none. One of other settings is STATUS_DATA. */
Status checkpoint_read_newest(const char *run_folder, CheckpointState *state, bool *found, Error *err);

#endif
