/* The Bradley-Terry loss of reward pairs. */
#ifndef FATHOM_TRAIN_LOSS_H
#define FATHOM_TRAIN_LOSS_H

#include "num/real.h"

#include <stddef.h>

/* Sums over pairs; a step divides by its number of pairs. */
typedef struct PairSums {
  double loss;    /* -log sigmoid(r_chosen - r_rejected) + centring (r_chosen + r_rejected)^2 */
  double correct; /* pairs with r_chosen > r_rejected; ties count one half */
  double margin;  /* r_chosen - r_rejected */
  double reward;  /* (r_chosen + r_rejected) / 2 */
} PairSums;

/* rewards[2n]: chosen, rejected, chosen, ... Adds to *sums; drewards[2n] (or NULL) = scale * dloss/dreward. */
void loss_bradley_terry(size_t n_pairs, const real *rewards, double centring, double scale, PairSums *sums,
                        real *drewards);

#endif
