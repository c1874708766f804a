/* The text-generation control, after GRM (Yang et al. 2024): beside the reward, the language-model head goes on
 * predicting the better answer, L_SFT = -mean log p(token | before it) over the step's response tokens. */
#ifndef FATHOM_TRAIN_SFT_H
#define FATHOM_TRAIN_SFT_H

#include "train/loss.h"
#include "train/rows.h"
#include "train/token_loss.h"

typedef struct Sft {
  double share;       /* a: the loss is (1 - a) L_BT + a L_SFT; 0 = none, and nothing is allocated */
  TokenLoss tokens;   /* its dfinal = a dL_SFT/dfinal_normed is for model_backward */
  double step_tokens; /* sum over the step's pairs of weight * response tokens */
} Sft;

/* Bytes that sft_init takes, 0 for a share of 0. */
size_t sft_bytes(const ModelConfig *config, double share, size_t chunk, size_t max_rows);

/* For batches of at most max_rows rows; chunk as for token_loss_init. */
Status sft_init(Sft *sft, const ModelConfig *config, double share, size_t chunk, size_t max_rows, Error *err);
void sft_clear(Sft *sft); /* all zeros is fine */

/* A step of samples[2 n_pairs] begins; labels[n_pairs] or NULL as for loss_bradley_terry. The side that the label
 * favours is the one whose text is learnt (the first at 1/2): a weak label must not let the true one through. */
void sft_begin_step(Sft *sft, const Sample *const *samples, const PairLabel *labels, size_t n_pairs);

/* After a forward pass over pairs of the step (labels: theirs): adds to the value, writes tokens.dfinal, and adds to the
 * head's gradient where that is trained. Before model_backward; gradients_clear_tables must have begun the sum. */
void sft_add(Sft *sft, const Model *model, const SampleBatch *batch, const PairLabel *labels, const Pass *pass,
             Gradients *gradients);

/* L_SFT of the step so far; 0 for a share of 0. */
double sft_value(const Sft *sft);

#endif
