/* Transfer from paired results on several data sets: gains over a reference model, their mean over targets (AOG), the
 * net transfer score (NTS), the worst target and the performance gap recovered (PGR), each with a paired bootstrap.
 *
 *   gain(T) = 100 (accuracy of the student - accuracy of the reference) on T, in points
 *   AOG(S) = mean over the targets T != S of gain(T)                                  (ours)
 *   NTS_g(S) = AOG(S) - g * max(0, -gain(S)),  S the source data set                  (ours)
 *   PGR = (student - weak) / (ceiling - weak)                                         (Burns et al. 2023)
 *
 * Every data set is resampled by itself, its pairs (or its clusters of pairs) drawn with replacement; student,
 * reference and ceiling are taken on the same draw. A data set's draws depend on the seed and its place in the list
 * alone. Bounds are the 2.5 and 97.5 % quantiles. */
#ifndef FATHOM_PROBES_TRANSFER_GAINS_H
#define FATHOM_PROBES_TRANSFER_GAINS_H

#include "probes/transfer/accuracy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct TransferSet {
  size_t n_pairs;
  const double *student, *reference; /* [n_pairs] of pair_correct */
  const double *ceiling;             /* the same of a ceiling model, or NULL */
  const size_t *cluster;             /* [n_pairs] from 0: what is drawn together; NULL = each pair by itself */
  size_t n_clusters;
  bool is_source;
} TransferSet;

typedef struct TransferGain {
  Bounded gain; /* points */
  Bounded gap;  /* 100 (ceiling - reference), points; NaN without a ceiling */
  Bounded pgr;  /* NaN where the gap's lower bound is not above 0 */
} TransferGain;

typedef struct TransferSummary {
  Bounded aog;  /* NaN without a target */
  Bounded nts;  /* NaN without a source or a target */
  size_t worst; /* the target of least gain, whose interval is that of its own gain; n_sets where there is none */
} TransferSummary;

/* gains[n_sets]. n_resamples 0: no intervals, and no PGR. A data set without pairs has NaN, and so has what includes
 * it. */
void transfer_gains(const TransferSet *sets, size_t n_sets, double g, size_t n_resamples, uint64_t seed,
                    TransferGain *gains, TransferSummary *summary);

#endif
