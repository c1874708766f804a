/* How well scores tell the words of two poles apart: AUC inside folds and Hedges' g, with intervals over lemmas. */
#ifndef FATHOM_PROBES_VALUES_AXIS_SCORES_H
#define FATHOM_PROBES_VALUES_AXIS_SCORES_H

#include "probes/transfer/accuracy.h"
#include "probes/values/axis_design.h"

/* Pairs of one word of the first pole and one of the second, and in how many of them the first scores higher; a tie is
 * one half. */
typedef struct PairCount {
  double won, pairs;
} PairCount;

void pairs_count(size_t n, const double *scores, const bool *labels, PairCount *count); /* adds */

/* Hedges' g of the first pole over the second: difference of means over the pooled standard deviation, times the exact
 * correction for few words (Hedges 1981). NaN where a pole has fewer than 2 words or nothing varies. */
double hedges_g(size_t n, const double *scores, const bool *labels);

/* AUC over pairs of words of one fold, and g over all, of scores[n]; 95 % bootstrap intervals over lemmas, drawn pole by
 * pole with all their words from a stream of the seed alone. n_resamples 0: none. */
void axis_summarise(const AxisDesign *design, const double *scores, size_t n_resamples, uint64_t seed, Bounded *auc,
                    Bounded *g);

#endif
