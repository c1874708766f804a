/* The text-generation control, after GRM (Yang et al. 2024): beside the reward, the language-model head goes on
 * predicting the better answer, L_SFT = -mean log p(token | before it) over the step's response tokens. */
#ifndef FATHOM_TRAIN_SFT_H
#define FATHOM_TRAIN_SFT_H

#include "model/backward.h"
#include "train/loss.h"
#include "train/rows.h"

typedef struct Sft {
  double share;       /* a: the loss is (1 - a) L_BT + a L_SFT; 0 = none, and nothing is allocated */
  Arena arena;        /* all that follows */
  size_t chunk;       /* rows whose logits are in memory at a time */
  size_t *rows;       /* [chunk]: of the batch */
  int32_t *targets;   /* [chunk]: the tokens that follow them */
  double *scales;     /* [chunk] */
  double *losses;     /* [chunk] */
  real *hidden;       /* [chunk, D] */
  real *dhidden;      /* [chunk, D] */
  real *logits;       /* [chunk, V] */
  real *dlogits;      /* [chunk, V] */
  real *dfinal;       /* [max_rows, D]: for model_backward */
  double step_tokens; /* sum over the step's pairs of weight * response tokens */
  double value;       /* L_SFT of the step so far */
} Sft;

/* Rows of a chunk for a vocabulary: what 64 MiB of logits hold, 16 to 512. */
size_t sft_chunk_rows(size_t vocab_size);

/* Bytes that sft_init takes, 0 for a share of 0. */
size_t sft_bytes(const ModelConfig *config, double share, size_t chunk, size_t max_rows);

/* For batches of at most max_rows rows. */
Status sft_init(Sft *sft, const ModelConfig *config, double share, size_t chunk, size_t max_rows, Error *err);
void sft_clear(Sft *sft); /* all zeros is fine */

/* A step of samples[2 n_pairs] begins; labels[n_pairs] or NULL as for loss_bradley_terry. The side that the label
 * favours is the one whose text is learnt (the first at 1/2): a weak label must not let the true one through. */
void sft_begin_step(Sft *sft, const Sample *const *samples, const PairLabel *labels, size_t n_pairs);

/* After a forward pass over pairs of the step (labels: theirs): adds to value, writes dfinal = a dL_SFT/dfinal_normed,
 * and adds to the head's gradient where that is trained. Before model_backward; gradients_clear_tables must have begun
 * the sum. */
void sft_add(Sft *sft, const Model *model, const SampleBatch *batch, const PairLabel *labels, const Pass *pass,
             Gradients *gradients);

#endif
