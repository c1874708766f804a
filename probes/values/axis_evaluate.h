/* How well an axis is borne out on words it was not fit on: the whole protocol of one site. */
#ifndef FATHOM_PROBES_VALUES_AXIS_EVALUATE_H
#define FATHOM_PROBES_VALUES_AXIS_EVALUATE_H

#include "probes/transfer/accuracy.h"
#include "probes/values/axis_fit.h"

#include <stdint.h>

typedef struct AxisProtocol {
  AxisMethod method;
  const double *covariates; /* [n, n_covariates], or NULL */
  size_t n_covariates;
  const bool *labels;    /* axis_labelings() */
  size_t n_permutations; /* of labels */
  bool with_intervals;
  uint64_t seed;
} AxisProtocol;

enum { AXIS_MOST_RANDOM = 1000 }; /* random axes: as many as permutations, but no more than this */

typedef struct AxisEvaluation {
  Bounded auc;      /* over pairs of words of one fold, which the axis of the other folds ranks */
  Bounded g;        /* Hedges' g of the held-out scores */
  Bounded random;   /* AUC of Gaussian axes, their sign set on the other folds: mean and 95 % of them */
  double *held_out; /* [n] score of each word on the axis of the other folds, in their midpoint and scale */
  double *permuted; /* [n_permutations] AUC of axes refit to permuted poles */
} AxisEvaluation;

/* rows[n, d] of the design's words. Covariates are regressed out by the words of the other folds alone. The random axes
 * of a site depend on the seed and its number, site. */
Status axis_evaluate(const AxisDesign *design, const AxisProtocol *protocol, uint64_t site, size_t d, const float *rows,
                     AxisEvaluation *evaluation, Error *err);
void axis_evaluation_clear(AxisEvaluation *evaluation); /* all zeros is fine */

/* p[n_sites] = (1 + #(permuted >= auc)) / (1 + B) of each site, and most[n_sites] the same against the largest AUC of all
 * sites in each permutation (max-T), which allows for having looked at them all. NaN where there are no permutations. */
void axis_p_values(size_t n_sites, const AxisEvaluation *evaluations, size_t n_permutations, double *p, double *most);

#endif
