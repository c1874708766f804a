/* The rewards of another model for the pairs of a run, found by id: from a model that is run on the same files, or from
 * the result of an eval on them. */
#ifndef FATHOM_COMMAND_PAIR_REWARDS_H
#define FATHOM_COMMAND_PAIR_REWARDS_H

#include "command/eval/eval.h"

typedef struct PairEntry PairEntry;

typedef struct PairRewards {
  EvalRun run;
  PairEntry *entries; /* [n_entries], by key */
  size_t n_entries;
} PairRewards;

/* path: a model, or a result of eval. schema: how the run's own pairs were read; other pairs are STATUS_DATA. */
Status pair_rewards_open(const char *path, const InputSettings *settings, const OptionTexts *files, const char *schema,
                         PairRewards *rewards, Error *err);
void pair_rewards_close(PairRewards *rewards); /* all zeros is fine */

/* *found: two rewards, chosen and rejected, of the pair with this id and prompt; NULL where the model has none (the
 * pair was too long for it). Two pairs that cannot be told apart are STATUS_DATA. */
Status pair_rewards_find(const PairRewards *rewards, const Sample *chosen, const double **found, Error *err);

#endif
