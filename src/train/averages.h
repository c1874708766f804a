/* Averages of the last row of samples, group by group: a word's activations over the sentences it stands at the end of. */
#ifndef FATHOM_TRAIN_AVERAGES_H
#define FATHOM_TRAIN_AVERAGES_H

#include "model/model.h"
#include "model/sites.h"
#include "text/samples.h"

typedef struct AveragePlan {
  const SiteList *sites;
  const Sample *const *samples; /* [n_samples] */
  const size_t *group;          /* [n_samples] below n_groups; each has at least one sample */
  size_t n_samples, n_groups;
  size_t batch_tokens;
  const char *label; /* of the progress line */
} AveragePlan;

/* rows[sites->count]: of each site [n_groups, width], the mean over a group's samples of their last row, which does not
 * depend on batches. What is not finite is STATUS_NUMERIC naming site and sample. */
Status averages_record(const Model *model, const AveragePlan *plan, float *const *rows, Error *err);

#endif
