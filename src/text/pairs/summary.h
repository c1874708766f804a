/* What can be said of preference pairs without a model: how long the answers are, how far length alone would tell the
 * better one, and which prompts two data sets share. */
#ifndef FATHOM_TEXT_PAIRS_SUMMARY_H
#define FATHOM_TEXT_PAIRS_SUMMARY_H

#include "text/samples/samples.h"

typedef struct PairSummary {
  size_t n_pairs, n_prompts;             /* n_prompts: different first user turns */
  double chosen_words, rejected_words;   /* mean length of the answers */
  double chosen_tokens, rejected_tokens; /* with what the chat template writes behind them; NaN where there are no tokens */
  double longer_wins_words, longer_wins_tokens; /* share of the pairs whose chosen answer is the longer one, equal lengths
                                                 * count one half: the accuracy of "longer wins"; that of "shorter wins" is
                                                 * what is missing to 1. NaN where there are no pairs or tokens */
} PairSummary;

/* samples[2 n_pairs]: chosen, rejected, ... */
PairSummary pairs_summarise(const Sample *samples, size_t n_pairs);

/* "2308 pairs of 2178 prompts; mean answer in words: chosen 33.9, rejected 37.4; longer wins 0.436, shorter wins 0.564",
 * tokens as well where there are any; freed by the caller. */
char *pairs_describe(const PairSummary *summary);

/* "2312 rows, 2308 used; left out: 4 with an empty answer, ..."; freed by the caller. max_length is for the text. */
char *samples_describe_counts(const SampleSet *set, size_t max_length);

typedef struct PromptOverlap {
  size_t n_prompts; /* different prompts that are in both */
  size_t n_pairs;   /* pairs of the second set with such a prompt */
} PromptOverlap;

PromptOverlap pairs_overlap(const Sample *first, size_t n_first, const Sample *second, size_t n_second); /* n: pairs */

#endif
