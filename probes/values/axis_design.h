/* Which words an axis is fit and tested on: two poles, lemmas that stay together, folds of whole lemmas, and the
 * labelings of a permutation test. */
#ifndef FATHOM_PROBES_VALUES_AXIS_DESIGN_H
#define FATHOM_PROBES_VALUES_AXIS_DESIGN_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct AxisDesign {
  size_t n;            /* words */
  const bool *first;   /* [n] of the first pole? borrowed */
  const size_t *lemma; /* [n] below n_lemmas; the words of a lemma are of one pole; borrowed */
  size_t n_lemmas;
  size_t n_folds;
  size_t *fold; /* [n] below n_folds; all words of a lemma in one */
} AxisDesign;

/* Deals the lemmas of each pole, shuffled with the seed, to the folds, so that every fold has some of both. A pole of
 * fewer lemmas than folds is STATUS_DATA; poles names them for messages. */
Status axis_design_init(AxisDesign *design, size_t n, const bool *first, const size_t *lemma, size_t n_lemmas,
                        size_t n_folds, uint64_t seed, const char *const poles[2], Error *err);
void axis_design_clear(AxisDesign *design); /* all zeros is fine */

/* labels[1 + n_permutations, n]: the true poles, then permutations of them. Lemmas exchange their poles with all their
 * words, and only inside their fold: folds keep how many lemmas of each pole they hold, so that the true labeling is one
 * draw among equals where words and poles have nothing to do with each other. Freed by the caller. */
bool *axis_labelings(const AxisDesign *design, size_t n_permutations, uint64_t seed);

#endif
