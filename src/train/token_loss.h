/* Cross entropy of tokens through the language-model head, and its gradient: rows of last hidden states are collected
 * until a block of logits is worth computing. What the rows and their weights are is the caller's. */
#ifndef FATHOM_TRAIN_TOKEN_LOSS_H
#define FATHOM_TRAIN_TOKEN_LOSS_H

#include "model/backward.h"

typedef struct TokenLoss {
  Arena arena;      /* all that follows */
  size_t chunk, n;  /* rows whose logits are in memory at a time, and those that wait */
  size_t *rows;     /* [chunk]: of the batch */
  int32_t *targets; /* [chunk]: the tokens that follow them */
  double *scales;   /* [chunk] */
  double *losses;   /* [chunk] */
  real *hidden;     /* [chunk, D] */
  real *dhidden;    /* [chunk, D] */
  real *logits;     /* [chunk, V] */
  real *dlogits;    /* [chunk, V] */
  real *dfinal;     /* [max_rows, D]: for model_backward */
  double sum;       /* of scale * -log p; the caller sets it to 0 */
} TokenLoss;

/* Rows of a chunk for a vocabulary: what 64 MiB of logits hold, 16 to 512. */
size_t token_loss_chunk(size_t vocab_size);

/* Bytes that token_loss_init takes. */
size_t token_loss_bytes(const ModelConfig *config, size_t chunk, size_t max_rows);

/* For batches of at most max_rows rows. */
Status token_loss_init(TokenLoss *loss, const ModelConfig *config, size_t chunk, size_t max_rows, Error *err);
void token_loss_clear(TokenLoss *loss); /* all zeros is fine */

/* After a forward pass over n_rows rows: dfinal becomes all zeros. */
void token_loss_begin(TokenLoss *loss, const ModelConfig *config, size_t n_rows);

/* Adds scale * -log p(target | row) to sum and its gradient to dfinal, and to the head's own where that is trained, by the
 * next token_loss_flush at the latest; each row once. gradients_clear_tables must have begun the step, and model_backward
 * comes after the flush. */
void token_loss_add(TokenLoss *loss, const Model *model, const Pass *pass, size_t row, int32_t target, double scale,
                    Gradients *gradients);
void token_loss_flush(TokenLoss *loss, const Model *model, const Pass *pass, Gradients *gradients);

#endif
