/* Rewards of samples: the one pass over texts that score, eval and the held-out accuracy of a run share. */
#ifndef FATHOM_TRAIN_REWARDS_H
#define FATHOM_TRAIN_REWARDS_H

#include "base/error.h"
#include "base/log.h"
#include "model/model.h"
#include "train/rows.h"

/* Has the model a reward head that was trained? A head that is missing or holds only zeros must not pass for rewards:
 * STATUS_DATA. name is the model's, for messages. */
Status rewards_check_head(const Model *model, const char *name, Error *err);

/* rewards[n], in batches of at most batch_tokens tokens; unit 2 keeps the sides of a pair in one batch. The pass must
 * hold the largest batch (sample_batch_extent). progress may be NULL. A reward that is not finite is STATUS_NUMERIC
 * naming the sample. */
Status rewards_run(const Model *model, Pass *pass, const Sample *const *samples, size_t n, size_t unit,
                   size_t batch_tokens, Progress *progress, real *rewards, Error *err);

/* The same with a pass of its own and a progress line called label. */
Status rewards_compute(const Model *model, const Sample *const *samples, size_t n, size_t batch_tokens,
                       const char *label, real *rewards, Error *err);

#endif
