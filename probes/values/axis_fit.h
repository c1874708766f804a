/* Fitting axes through the Gram matrix of the rows: with n words of width D, every axis of the three methods is a sum of
 * rows, X'a, and a[n] needs X X' alone. So many labelings of the same rows cost little more than one.
 *
 *   mean      a = 1/n_1 on the first pole's words, -1/n_2 on the second's: the difference of means
 *   lda       (1 - s) S + s m I, S the pooled within-pole covariance (divided by n), m its mean eigenvalue, s Ledoit and
 *             Wolf's shrinkage (2004) of the rows centred by pole; axis = its inverse times the difference of means
 *   logistic  minimises sum log(1 + exp(-y (w . x + b))) + |w|^2 / 2 over rows divided by one number, which makes the mean
 *             variance of a column 1 (scikit-learn's default penalty on such rows) */
#ifndef FATHOM_PROBES_VALUES_AXIS_FIT_H
#define FATHOM_PROBES_VALUES_AXIS_FIT_H

#include "base/error.h"
#include "probes/values/axis.h"
#include "probes/values/axis_design.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum AxisMethod { AXIS_MEAN, AXIS_LDA, AXIS_LOGISTIC } AxisMethod;

bool axis_method_from_name(const char *name, AxisMethod *method); /* "mean", "lda", "logistic" */

typedef struct AxisFitter AxisFitter;

/* gram[n, n] = X X' of rows of width d; not needed afterwards. */
Status axis_fitter_new(AxisMethod method, size_t n, size_t d, const double *gram, AxisFitter **out, Error *err);
void axis_fitter_free(AxisFitter *fitter); /* NULL is fine */

/* labels[n_labelings, n], both poles in each; coefficients[n_labelings, n]: axis b is X' coefficients_b, of any length. */
Status axis_fitter_fit(const AxisFitter *fitter, size_t n_labelings, const bool *labels, double *coefficients,
                       Error *err);

/* Fits the axis of all words of a design, rows[n, d], covariates[n, n_covariates] regressed out of them first (NULL:
 * none); midpoint and scale are of the rows as they are. site is copied, and named in errors. Rows that are all the same, of which
 * the covariates leave nothing, or for lda all the same within either pole, are STATUS_NUMERIC. */
Status axis_fit(const AxisDesign *design, AxisMethod method, const char *site, size_t d, const float *rows,
                const double *covariates, size_t n_covariates, ValueAxis *axis, Error *err);

/* scores[n_all] of rows[n_all, d], the design's words and others behind them, with the covariates taken out of all by the
 * regression that axis_fit made on the design's words, and in the midpoint and scale that these then have. Without
 * covariates (NULL) it is axis_score of every row. */
Status axis_score_words(const AxisDesign *design, const ValueAxis *axis, size_t n_all, const float *rows,
                        const double *covariates, size_t n_covariates, double *scores, Error *err);

#endif
