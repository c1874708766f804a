/* What a reward head reads, kept in memory: the last token's final hidden state (ln_final.hook_normalized) of every
 * sample, from a store or from one forward pass. Where the head alone is trained these never change, and a step is one
 * of logistic regression on them: no forward pass at all. */
#ifndef FATHOM_TRAIN_FEATURES_H
#define FATHOM_TRAIN_FEATURES_H

#include "model/backward.h"
#include "store/activations.h"
#include "text/samples/samples.h"

typedef struct Features {
  size_t n, width;
  real *rows;        /* [n, width] */
  size_t from_store; /* so many came from the store */
} Features;

/* Those of samples[n]: what the store (NULL: none) has of them, whatever its token rule, and the rest by running the
 * model over batches of at most batch_tokens tokens. A row that is not finite is STATUS_NUMERIC naming the sample. */
Status features_load(Features *features, const Model *model, Store *store, const Sample *const *samples, size_t n,
                     size_t batch_tokens, Error *err);
void features_clear(Features *features); /* all zeros is fine */

/* rewards[n] of samples number indices[n], or where that is NULL from `first` on. */
void features_rewards(const Features *features, const Model *model, const size_t *indices, size_t first, size_t n,
                      real *rewards);

/* The head's gradient of drewards[n]: overwritten, or with accumulate added to. gradients begin at the score. */
void features_backward(const Features *features, const size_t *indices, size_t n, const real *drewards, bool accumulate,
                       Gradients *gradients);

#endif
