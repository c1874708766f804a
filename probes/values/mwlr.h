/* The mixture-weighted log ratio of two distributions over one vocabulary (the value-bias paper, arXiv
 * 2601.20838):
 *
 *     MWLR(y) = 0.5 (p1(y) + p2(y)) (log p2(y) - log p1(y))
 *
 * Where both have the same support, sum_y MWLR(y) = 0.5 (KL(p2||p1) - KL(p1||p2)). Two models' vocabularies are first
 * joined on the strings of their tokens; each p stays a softmax over its own whole vocabulary, so that what a model
 * gives to strings the other lacks is mass lost, which the caller reports. */
#ifndef FATHOM_PROBES_VALUES_MWLR_H
#define FATHOM_PROBES_VALUES_MWLR_H

#include "num/real.h"

#include <stddef.h>
#include <stdint.h>

/* Several ids of one model can stand for one string: their probabilities add up, or the largest counts. */
typedef enum MwlrDuplicates { MWLR_SUM, MWLR_MAX } MwlrDuplicates;

/* One model's next-token distribution on the joined strings. logits[v]; strings[v]: the string of each id, below
 * n_strings, or -1. log_p[n_strings]: log-probabilities; -inf of a string that no id stands for. Returns the
 * probability of all ids that stand for a string, whatever `duplicates`; NaN where a logit is not finite. */
double mwlr_gather(size_t v, const real *logits, const int32_t *strings, MwlrDuplicates duplicates, size_t n_strings,
                   double *log_p);

/* mwlr[n] of two distributions, and its sum. */
double mwlr_compute(size_t n, const double *log_p1, const double *log_p2, double *mwlr);

/* KL(p||q) in nats over n strings, as far as p lies on them. */
double kl_divergence(size_t n, const double *log_p, const double *log_q);

#endif
