/* The Bradley-Terry loss of reward pairs. */
#ifndef FATHOM_TRAIN_LOSS_H
#define FATHOM_TRAIN_LOSS_H

#include "num/real.h"
#include "text/samples/samples.h"

#include <stddef.h>

/* Sums over pairs; a step divides by its number of pairs. D = r_first - r_second, and m, p and weight are the pair's
 * margin, probability and weight. What counts as right is the side that the label favours, the first at p = 1/2. */
typedef struct PairSums {
  double loss;     /* weight * -[p log sigmoid(D - m) + (1 - p) log sigmoid(-D - m)] */
  double centring; /* weight * (r_first + r_second)^2 */
  double correct;  /* pairs whose favoured side leads; ties, and labels of 1/2, count one half */
  double margin;   /* its lead */
  double reward;   /* (r_first + r_second) / 2 */
} PairSums;

/* rewards[2n]: first (chosen), second (rejected), first, ... labels[n], or NULL where no pair has one
 * (p 1, weight 1, margin 0). Adds to *sums;
 * drewards[2n] (or NULL) = scale * d(loss + centring * its sum)/dreward. */
void loss_bradley_terry(size_t n_pairs, const real *rewards, const PairLabel *labels, double centring, double scale,
                        PairSums *sums, real *drewards);

#endif
