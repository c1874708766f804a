/* Ranks of words by score, and where the words of each category stand among them. */
#ifndef FATHOM_PROBES_VALUES_RANKS_H
#define FATHOM_PROBES_VALUES_RANKS_H

#include <stddef.h>

/* ranks[n] of scores[n]: 1 for the highest, ties share the average of their places. order[n] is scratch. */
void ranks_from_scores(size_t n, const double *scores, double *ranks, size_t *order);

/* Median and mean rank of each category's words: category[n_words] is below n_categories; medians and means
 * [n_categories]; scratch[n_words]. Of an even number of words the median is the mean of the middle two; a category
 * without words has NaN. */
void ranks_by_category(size_t n_words, const double *ranks, const size_t *category, size_t n_categories,
                       double *medians, double *means, double *scratch);

#endif
