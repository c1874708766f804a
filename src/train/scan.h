/* Rewards of many answers to one prompt: what all texts begin with is run once, and only the rest of each is computed. */
#ifndef FATHOM_TRAIN_SCAN_H
#define FATHOM_TRAIN_SCAN_H

#include "base/error.h"
#include "base/log.h"
#include "model/prefix.h"
#include "text/tokenizer/tokenizer.h"

/* n texts, of which shared is the beginning; text i goes on with own.ids[offsets[i] .. offsets[i + 1]), at least one. */
typedef struct ScanTexts {
  size_t n;
  TokenList shared, own;
  size_t *offsets; /* [n + 1] */
} ScanTexts;

/* head, ids[i] and tail, for each of n ids. */
void scan_texts_of_ids(ScanTexts *texts, const TokenList *head, const int32_t *ids, size_t n, const TokenList *tail);

/* Whole texts, whose ids are whole->ids[ends[i - 1] .. ends[i]): what all begin with is found, and left to shared. */
void scan_texts_of_whole(ScanTexts *texts, const TokenList *whole, const size_t *ends, size_t n);

size_t scan_texts_longest(const ScanTexts *texts); /* tokens */
void scan_texts_clear(ScanTexts *texts);           /* all zeros is fine */

/* Runs all texts in batches of at most batch_tokens tokens, what they share once. The calls are those of
 * prefix_run_tapped: a batch has the texts' own tokens. Where the model cannot share a beginning (prefix_fits), texts are run
 * whole. */
Status scan_texts_run(const Model *model, const ScanTexts *texts, size_t batch_tokens, PrefixTake *begin, const Tap *tap,
                      PrefixTake *take, void *context, Error *err);

/* rewards[n]: the reward head on the last token of each text, in batches of at most batch_tokens tokens. progress, which
 * may be NULL, counts texts from `done` on. */
Status scan_rewards(const Model *model, const ScanTexts *texts, size_t batch_tokens, Progress *progress, size_t done,
                    real *rewards, Error *err);

#endif
