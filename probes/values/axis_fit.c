/* The difference of means and linear discriminant analysis, through the Gram matrix; the axis of all words. */
#include "probes/values/axis_fit.h"

#include "base/memory.h"
#include "num/blas.h"
#include "probes/values/axis_parts.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool axis_method_from_name(const char *name, AxisMethod *method) {
  static const char *const names[] = {"mean", "lda", "logistic"};
  for (int i = 0; i < 3; i++)
    if (strcmp(name, names[i]) == 0) {
      *method = (AxisMethod)i;
      return true;
    }
  return false;
}

/* --- the fitter --- */

/* Takes the mean of the rows out of their Gram matrix. */
static void centre_gram(size_t n, double *gram) {
  double *means = mem_alloc(n, sizeof *means), total = 0;
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < n; j++) means[i] += gram[i * n + j];
    means[i] /= (double)n;
    total += means[i] / (double)n;
  }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) gram[i * n + j] += total - means[i] - means[j];
  free(means);
}

/* Keeps the eigenvectors that rows reach, in ascending order. */
static Status decompose(AxisFitter *f, Error *err) {
  const size_t n = f->n;
  f->vectors = mem_alloc(n * n, sizeof *f->vectors);
  f->values = mem_alloc(n, sizeof *f->values);
  memcpy(f->vectors, f->gram, n * n * sizeof *f->vectors);
  const Status status = blas_eigen(n, f->vectors, f->values, true, err);
  if (status != STATUS_OK) return status;
  size_t first = 0;
  while (first < n && !(f->values[first] > AXIS_LEAST_EIGENVALUE * f->values[n - 1])) first++;
  f->rank = n - first;
  memmove(f->values, f->values + first, f->rank * sizeof *f->values);
  memmove(f->vectors, f->vectors + first * n, f->rank * n * sizeof *f->vectors);
  return STATUS_OK;
}

Status axis_fitter_new(AxisMethod method, size_t n, size_t d, const double *gram, AxisFitter **out, Error *err) {
  AxisFitter *f = mem_alloc(1, sizeof *f);
  *f = (AxisFitter){.method = method, .n = n, .d = d, .gram = mem_alloc(n * n, sizeof *f->gram)};
  memcpy(f->gram, gram, n * n * sizeof *gram);
  centre_gram(n, f->gram);
  for (size_t i = 0; i < n * n; i++) f->square += f->gram[i] * f->gram[i];
  for (size_t i = 0; i < n; i++) f->trace += f->gram[i * n + i];
  const Status status = method == AXIS_MEAN ? STATUS_OK : decompose(f, err);
  *out = status == STATUS_OK ? f : NULL;
  if (status != STATUS_OK) axis_fitter_free(f);
  return status;
}

void axis_fitter_free(AxisFitter *f) {
  if (!f) return;
  free(f->gram);
  free(f->vectors);
  free(f->values);
  free(f);
}

/* The coefficients of the difference of means. */
static void contrast(size_t n, const bool *labels, double *coefficients) {
  size_t count = 0;
  for (size_t i = 0; i < n; i++) count += labels[i];
  assert(count > 0 && count < n);
  for (size_t i = 0; i < n; i++) coefficients[i] = labels[i] ? 1 / (double)count : -1 / (double)(n - count);
}

/* Ledoit and Wolf's shrinkage of the rows centred by pole, and the mean eigenvalue it shrinks to. sums[n] = K 1 over the
 * first pole, K being centred: over the second pole it is the same with the other sign. */
static double shrinkage(const AxisFitter *f, const bool *labels, const double *sums, double *mean_eigenvalue) {
  const double n = (double)f->n, d = (double)f->d;
  double count = 0, within = 0, sums2 = 0, fourth = 0, trace = 0;
  for (size_t i = 0; i < f->n; i++) {
    count += labels[i];
    sums2 += sums[i] * sums[i];
    if (labels[i]) within += sums[i]; /* of K over pairs of one pole */
  }
  const double inverse = 1 / count + 1 / (n - count);
  for (size_t i = 0; i < f->n; i++) {
    const double size = labels[i] ? count : n - count, sum = labels[i] ? sums[i] : -sums[i];
    const double norm = fmax(0, f->gram[i * f->n + i] - 2 * sum / size + within / (size * size));
    trace += norm;
    fourth += norm * norm;
  }
  const double square = fmax(0, f->square - 2 * sums2 * inverse + within * within * inverse * inverse) / (n * n);
  trace /= n;
  *mean_eigenvalue = trace / d;
  const double spread = square - trace * trace / d, noise = (fourth / n - square) / n;
  return spread <= 0 || noise >= spread ? 1 : noise <= 0 ? 0 : noise / spread;
}

/* The total covariance in the place of the one within poles: they differ by a multiple of m m', m the difference of the
 * means, which does not change the direction of the inverse times m. */
static Status fit_lda(const AxisFitter *f, size_t n_labelings, const bool *labels, double *coefficients, Error *err) {
  const size_t n = f->n, rank = f->rank;
  double *indicator = mem_alloc(n_labelings * n, sizeof *indicator), *sums = mem_alloc(n_labelings * n, sizeof *sums),
         *parts = mem_alloc(n_labelings * rank, sizeof *parts);
  for (size_t i = 0; i < n_labelings * n; i++) indicator[i] = labels[i];
  blas_gemm_f64(false, false, n_labelings, n, n, 1, indicator, n, f->gram, n, 0, sums, n);
  blas_gemm_f64(false, true, n_labelings, rank, n, 1, coefficients, n, f->vectors, n, 0, parts, rank);
  Status status = STATUS_OK;
  for (size_t b = 0; b < n_labelings && status == STATUS_OK; b++) {
    double mean;
    const double s = shrinkage(f, labels + b * n, sums + b * n, &mean);
    if (!(mean * (double)f->d > AXIS_LEAST_EIGENVALUE * f->trace / (double)n))
      status = error_set(err, STATUS_NUMERIC,
                         "all words of a pole have the same activations: lda goes by how they differ within the poles, "
                         "the method mean does not");
    for (size_t k = 0; k < rank; k++) parts[b * rank + k] /= (1 - s) * f->values[k] / (double)n + s * mean;
  }
  blas_gemm_f64(false, false, n_labelings, n, rank, 1, parts, rank, f->vectors, n, 0, coefficients, n);
  free(indicator);
  free(sums);
  free(parts);
  return status;
}

Status axis_fitter_fit(const AxisFitter *f, size_t n_labelings, const bool *labels, double *coefficients, Error *err) {
  for (size_t b = 0; b < n_labelings; b++) contrast(f->n, labels + b * f->n, coefficients + b * f->n);
  if (f->method == AXIS_MEAN || f->rank == 0) return STATUS_OK;
  if (f->method == AXIS_LOGISTIC) return axis_fit_logistic(f, n_labelings, labels, coefficients, err);
  return fit_lda(f, n_labelings, labels, coefficients, err);
}

/* --- the axis of all words --- */

/* The direction of length 1, from rows whose covariates are taken out. */
static Status find_direction(const AxisDesign *design, AxisMethod method, size_t d, const double *rows, double *direction,
                             Error *err) {
  const size_t n = design->n;
  double *gram = NULL, *coefficients = mem_alloc(n, sizeof *coefficients), square = 0;
  AxisFitter *fitter = NULL;
  Status status = STATUS_OK;
  contrast(n, design->first, coefficients);
  if (method != AXIS_MEAN) {
    gram = mem_alloc(n * n, sizeof *gram);
    axis_gram(n, d, rows, gram);
    status = axis_fitter_new(method, n, d, gram, &fitter, err);
    if (status == STATUS_OK) status = axis_fitter_fit(fitter, 1, design->first, coefficients, err);
  }
  if (status == STATUS_OK) {
    blas_gemm_f64(false, false, 1, d, n, 1, coefficients, n, rows, d, 0, direction, d);
    for (size_t j = 0; j < d; j++) square += direction[j] * direction[j];
    if (!(square > 0) || !isfinite(square))
      status = error_set(err, STATUS_NUMERIC, "the words of both poles have the same mean: there is no axis");
    for (size_t j = 0; j < d; j++) direction[j] /= sqrt(square);
  }
  axis_fitter_free(fitter);
  free(gram);
  free(coefficients);
  return status;
}

/* Midpoint, scale and separation of the design's words, along[n] being their projections. */
static Status place(const AxisDesign *design, const double *along, double *midpoint, double *scale, double *separation,
                    Error *err) {
  const size_t n = design->n;
  double sums[2] = {0}, counts[2] = {0}, square = 0;
  for (size_t i = 0; i < n; i++) {
    sums[design->first[i]] += along[i];
    counts[design->first[i]] += 1;
  }
  const double low = sums[0] / counts[0], high = sums[1] / counts[1], mean = (sums[0] + sums[1]) / (double)n;
  for (size_t i = 0; i < n; i++) square += (along[i] - mean) * (along[i] - mean);
  *midpoint = 0.5 * (low + high);
  *scale = sqrt(square / (double)(n - 1));
  *separation = (high - low) / *scale;
  if (*scale > 0) return STATUS_OK;
  return error_set(err, STATUS_NUMERIC, "the words do not differ along the axis");
}

static Status place_axis(const AxisDesign *design, const float *rows, ValueAxis *axis, Error *err) {
  double *along = mem_alloc(design->n, sizeof *along);
  for (size_t i = 0; i < design->n; i++) along[i] = axis_project(axis, rows + i * axis->width);
  const Status status = place(design, along, &axis->midpoint, &axis->scale, &axis->separation, err);
  free(along);
  return status;
}

static double squared_size(size_t n, const double *numbers) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += numbers[i] * numbers[i];
  return sum;
}

Status axis_fit(const AxisDesign *design, AxisMethod method, const char *site, size_t d, const float *rows,
                const double *covariates, size_t n_covariates, ValueAxis *axis, Error *err) {
  const size_t n = design->n;
  double *centred = NULL, *residuals = NULL, *matrix = NULL;
  *axis = (ValueAxis){.site = mem_copy_string(site), .width = d, .direction = mem_alloc(d, sizeof(double))};
  Status status = axis_centred_rows(n, d, rows, &centred, err);
  if (status == STATUS_OK && n_covariates) {
    matrix = mem_alloc(n * n, sizeof *matrix);
    residuals = mem_alloc(n * d, sizeof *residuals);
    status = axis_residual_matrix(n, n_covariates, covariates, NULL, matrix, err);
    if (status == STATUS_OK) blas_gemm_f64(false, false, n, d, n, 1, matrix, n, centred, d, 0, residuals, d);
    if (status == STATUS_OK) status = axis_check_left(squared_size(n * d, centred), squared_size(n * d, residuals), err);
  }
  if (status == STATUS_OK)
    status = find_direction(design, method, d, residuals ? residuals : centred, axis->direction, err);
  if (status == STATUS_OK) status = place_axis(design, rows, axis, err);
  free(centred);
  free(residuals);
  free(matrix);
  if (status == STATUS_OK) return status;
  axis_clear(axis);
  return site[0] ? error_prefix(err, "%s", site) : status;
}

Status axis_score_words(const AxisDesign *design, const ValueAxis *axis, size_t n_all, const float *rows,
                        const double *covariates, size_t n_covariates, double *scores, Error *err) {
  double midpoint = axis->midpoint, scale = axis->scale, separation;
  Status status = STATUS_OK;
  for (size_t i = 0; i < n_all; i++) scores[i] = axis_project(axis, rows + i * axis->width);
  if (n_covariates) {
    bool *train = mem_alloc(n_all, sizeof *train);
    for (size_t i = 0; i < design->n; i++) train[i] = true;
    status = axis_take_out(n_all, n_covariates, covariates, train, scores, err);
    if (status == STATUS_OK) status = place(design, scores, &midpoint, &scale, &separation, err);
    free(train);
  }
  for (size_t i = 0; i < n_all; i++) scores[i] = (scores[i] - midpoint) / scale;
  return status == STATUS_OK ? status : error_prefix(err, "%s", axis->site);
}
