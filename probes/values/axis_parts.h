/* What the parts of fitting and testing an axis share. Nobody else includes it. */
#ifndef FATHOM_PROBES_VALUES_AXIS_PARTS_H
#define FATHOM_PROBES_VALUES_AXIS_PARTS_H

#include "probes/values/axis_fit.h"

/* Eigenvalues below this share of the largest are rounding: rows do not reach there. */
#define AXIS_LEAST_EIGENVALUE 1e-12

/* The centred Gram matrix and its eigenvectors that count; with the mean alone there are none. */
struct AxisFitter {
  AxisMethod method;
  size_t n, d;
  double *gram;    /* [n, n] of rows with their mean taken out */
  double *vectors; /* [rank, n] */
  double *values;  /* [rank] */
  size_t rank;
  double square; /* squared Frobenius norm of gram */
  double trace;
};

/* The logistic fit of a fitter; see axis_fitter_fit. */
Status axis_fit_logistic(const AxisFitter *fitter, size_t n_labelings, const bool *labels, double *coefficients,
                         Error *err);

/* rows[n, d] in float64 with the mean of all taken out; freed by the caller. What is not finite is STATUS_NUMERIC. */
Status axis_centred_rows(size_t n, size_t d, const float *rows, double **centred, Error *err);

/* What takes covariates out of n words: residuals = matrix . rows, with an intercept, the regression fitted on the words
 * marked train[n] (NULL: all) by least squares of least length. covariates[n, q], matrix[n, n]. */
Status axis_residual_matrix(size_t n, size_t q, const double *covariates, const bool *train, double *matrix, Error *err);

/* The same for numbers[n], in place, by words marked train[n]: without a matrix, for many words. */
Status axis_take_out(size_t n, size_t q, const double *covariates, const bool *train, double *numbers, Error *err);

/* STATUS_NUMERIC where of a squared size no more than rounding is left once covariates are taken out. */
Status axis_check_left(double before, double after, Error *err);

/* X X' of rows[n, d]. */
void axis_gram(size_t n, size_t d, const double *rows, double *gram);

#endif
