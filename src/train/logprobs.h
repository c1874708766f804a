/* Log-probabilities that a language model gives to tokens, in double over its whole vocabulary. */
#ifndef FATHOM_TRAIN_LOGPROBS_H
#define FATHOM_TRAIN_LOGPROBS_H

#include "base/error.h"
#include "model/model.h"
#include "train/rows.h"

/* What is asked of rows of last hidden states, collected until a block of logits is worth computing. */
typedef struct Logprobs {
  const Model *model;
  Arena arena;
  size_t chunk, n;  /* rows at a time, and waiting */
  real *hidden;     /* [chunk, D] */
  real *logits;     /* [chunk, V] */
  int32_t *targets; /* [chunk] */
  double **to;      /* [chunk] */
} Logprobs;

/* Rows of logits that are held at a time: what 128 MiB hold, 8 to 256. */
size_t logprobs_chunk(size_t vocab_size);

Status logprobs_init(Logprobs *logprobs, const Model *model, Error *err);
void logprobs_clear(Logprobs *logprobs); /* all zeros is fine */

/* *to = log p(target | row), by the next logprobs_flush at the latest; NaN where a logit is not finite. */
void logprobs_add(Logprobs *logprobs, const real *hidden, int32_t target, double *to);
void logprobs_flush(Logprobs *logprobs);

/* A text whose last tokens are asked about. */
typedef struct LogprobText {
  Sample sample; /* ids and n_tokens, borrowed */
  size_t first;  /* >= 1: tokens [first, n_tokens) */
  int32_t end;   /* and this one behind them, -1: none */
  double *log_p; /* [n_tokens - first + 1]: of those tokens, and of `end`, NaN where there is none */
} LogprobText;

/* One forward pass of every text, in batches of at most batch_tokens tokens; a progress line called label. A number
 * that is not finite is STATUS_NUMERIC naming the sample. */
Status logprobs_compute(const Model *model, const LogprobText *texts, size_t n, size_t batch_tokens, const char *label,
                        Error *err);

#endif
