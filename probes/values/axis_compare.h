/* An axis of one model and the same words in another: how far they moved along it, and how far the axis turned. Both are
 * Estimates whose pseudo-values are over lemmas (probes/drift/interval.h makes intervals of them). */
#ifndef FATHOM_PROBES_VALUES_AXIS_COMPARE_H
#define FATHOM_PROBES_VALUES_AXIS_COMPARE_H

#include "probes/drift/measure.h"
#include "probes/values/axis_fit.h"

#include <stdint.h>

/* Mean over lemmas of numbers[n], the words of a lemma averaged first; lemma[n] below n_lemmas, words with chosen[i] false
 * left out. *n_units: lemmas that have a word, which the estimate has a pseudo-value of each. */
Estimate axis_lemma_mean(size_t n, const double *numbers, const bool *chosen, const size_t *lemma, size_t n_lemmas,
                         size_t *n_units);

/* Groups of lemmas that the jackknife of a rotation leaves out in turn. */
enum { AXIS_MOST_GROUPS = 40 };

/* Angle in degrees, 0 to 180, between the axes of x[n, d] and y[n, d] of the design's words, each fit by itself. The
 * pseudo-values are a jackknife over groups of whole lemmas, at most AXIS_MOST_GROUPS of them and of nearly one size,
 * drawn with the seed; *n_units: how many. */
Status axis_rotation(const AxisDesign *design, AxisMethod method, const double *covariates, size_t n_covariates, size_t d,
                     const float *x, const float *y, uint64_t seed, Estimate *angle, size_t *n_units, Error *err);

#endif
