/* Runs a model over samples and writes the rows of the wanted sites into an activation store: `fathom record`, and the
 * frozen features of a training run. */
#ifndef FATHOM_TRAIN_RECORDER_H
#define FATHOM_TRAIN_RECORDER_H

#include "model/model.h"
#include "model/sites.h"
#include "store/activations.h"
#include "text/samples/samples.h"
#include "train/rows.h"

typedef struct RecordPlan {
  const char *path;
  const SiteList *sites;
  const Sample *const *samples;
  size_t n_samples;
  const char *rule_name;
  TokenRule rule;
  StoreDtype dtype;
  size_t batch_tokens; /* rows of a batch; a longer sample is a batch of its own */
  bool resume;
  const char *label;   /* of the progress line */
  StoreContents about; /* provenance alone; the rest is filled in from the plan */
} RecordPlan;

typedef struct RecordCost {
  size_t rows, tokens; /* rows stored; tokens run through the model */
  size_t pass_bytes;   /* working memory beside the parameters */
  unsigned long long file_bytes;
} RecordCost;

/* What recorder_run would write and need. */
void recorder_cost(const Model *model, const RecordPlan *plan, RecordCost *cost);

/* Records everything; the store appears under plan->path when whole. Not-finite activations are STATUS_NUMERIC naming
 * site and sample. */
Status recorder_run(const Model *model, const RecordPlan *plan, Error *err);

#endif
