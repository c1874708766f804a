/* The forward pass. */
#ifndef FATHOM_MODEL_FORWARD_H
#define FATHOM_MODEL_FORWARD_H

#include "model/model.h"
#include "model/pass.h"
#include "model/sites.h"

/* Runs the batch through the model; afterwards pass->final_normed holds the last hidden state [T, D] and, where the pass
 * keeps the blocks, every block's buffers what the backward pass needs. tap may be NULL. The batch must fit the pass. */
void model_forward(const Model *model, const Batch *batch, Pass *pass, const Tap *tap);

/* The same, and the keys and values of the batch's one sequence are kept in prefix, which has room for them
 * (prefix_init is what calls this). */
void model_forward_keep(const Model *model, const Batch *batch, Pass *pass, struct Prefix *prefix);

/* After model_forward over a pass that keeps the blocks' inputs: fills the shared buffers with what the block computed, to
 * the same bits. */
void model_rerun_block(const Model *model, const Batch *batch, Pass *pass, size_t layer);

/* logits[n, V] of n rows of pass->final_normed, through the language-model head. */
void model_logits(const Model *model, const Pass *pass, size_t first_row, size_t n, real *logits);

/* The same of n rows of last hidden states, hidden[n, D]. */
void model_logits_of(const Model *model, size_t n, const real *hidden, real *logits);

/* rewards[B]: the score head on the last row of each sequence. */
void model_rewards(const Model *model, const Batch *batch, const Pass *pass, real *rewards);

#endif
