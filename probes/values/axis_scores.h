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

/* AUC over pairs of words of one fold, and g over all, of scores[n], with 95 % intervals over lemmas; the scores are taken
 * as given. Of the AUC it is the score interval, Wilson's way, with Hanley and McNeil's variance (Newcombe 2006 compares
 * such), so that it does not close where all pairs are won; the number of units in it is fathom's own: as many as a
 * jackknife over lemmas says they are worth, from the lemmas to the words. Of g it is g plus and minus t standard errors of
 * that jackknife, t of n_lemmas - 2. NaN where leaving a lemma out leaves no g. */
void axis_summarise(const AxisDesign *design, const double *scores, bool with_intervals, Bounded *auc, Bounded *g);

#endif
