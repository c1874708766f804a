/* Which token positions of a sample count, and how samples are cut into ragged batches. */
#ifndef FATHOM_TRAIN_ROWS_H
#define FATHOM_TRAIN_ROWS_H

#include "model/pass.h"
#include "text/samples/samples.h"

#include <stdbool.h>

/* Token rules. */
typedef enum TokenRule {
  TOKENS_LAST,     /* the last token */
  TOKENS_RESPONSE, /* the tokens of the final assistant turn; all where a sample is plain text */
  TOKENS_MEAN,     /* one row: the mean over the sequence, position 0 left out where there are others */
  TOKENS_ALL,
} TokenRule;

bool token_rule_from_name(const char *name, TokenRule *rule); /* "last", "response", "mean", "all" */

/* Positions [*first, *end) of a sample under a rule; for TOKENS_MEAN what is averaged. */
void token_rule_range(const Sample *sample, TokenRule rule, size_t *first, size_t *end);

/* The rows of an anchor or a statistic: as above without position 0, except for the single row of TOKENS_LAST. */
void token_rule_counted_range(const Sample *sample, TokenRule rule, size_t *first, size_t *end);

/* A ragged batch put together from samples; its arrays are owned. */
typedef struct SampleBatch {
  Batch batch;
  const Sample **samples; /* [n_sequences] */
  int32_t *ids;
  size_t *offsets;
  size_t room_rows, room_sequences;
} SampleBatch;

/* Fills batch with the samples given, in order; the arrays are reused. */
void sample_batch_fill(SampleBatch *batch, const Sample *const *samples, size_t n);
void sample_batch_clear(SampleBatch *batch); /* all zeros is fine */

/* How many of the samples from `first` on make the next batch: as many as fit max_tokens, at least one `unit` (1, or 2
 * to keep pairs together), always whole units. */
size_t sample_batch_count(const Sample *const *samples, size_t n, size_t first, size_t unit, size_t max_tokens);

/* Tokens of the longest sample, and of the largest batch that sample_batch_count makes: what a Pass must hold. */
void sample_batch_extent(const Sample *const *samples, size_t n, size_t unit, size_t max_tokens, size_t *longest,
                         size_t *most_rows);

#endif
