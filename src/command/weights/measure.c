/* The drift of each weight: its values are read in blocks, twice where they have changed. */
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "command/weights/weights.h"
#include "model/adapt.h"
#include "num/blas.h"
#include "probes/drift/weight.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_LEAST = 16, BLOCK_ELEMENTS = 1 << 19 };

/* An adapter's factors in float64; rank 0: none. */
typedef struct Factors {
  size_t rank;
  double scale, *a, *b; /* [rank, columns], [rows, rank] */
} Factors;

/* count rows of W1 - W0 and of W0, or columns where the matrix is wider than high: [count, shorter side]. */
typedef Status TakeBlock(void *context, size_t count, const double *difference, const double *base, Error *err);

static size_t shorter_side(const WeightPair *pair) { return pair->rows < pair->columns ? pair->rows : pair->columns; }

static double *widened(const real *values, size_t n) {
  double *wide = mem_alloc(n, sizeof *wide);
  for (size_t i = 0; i < n; i++) wide[i] = (double)values[i];
  return wide;
}

static Status read_factors(const WeightsRun *run, const WeightPair *pair, Factors *out, Error *err) {
  AdaptFactors read = {0};
  *out = (Factors){0};
  if (!pair->has_factors) return STATUS_OK;
  const WeightsSide *side = &run->sides[1];
  const Status status = adapt_factors(&side->model.config, side->adapter, &pair->w1.parameter, &read, err);
  if (status == STATUS_OK)
    *out = (Factors){read.rank, read.scale, widened(read.a, read.rank * pair->columns),
                     widened(read.b, pair->rows * read.rank)};
  adapt_factors_clear(&read);
  return status;
}

static Status read_rows(const WeightSource *w, size_t first, size_t n, real *out, Error *err) {
  if (w->tensor)
    return parameters_read_rows(w->config, &w->parameter, &w->place, w->tensor, first, n, out, err);
  memset(out, 0, n * w->parameter.columns * sizeof *out);
  return STATUS_OK;
}

/* Rows [first, first + n) of both; w1 is w0 where they are one tensor. */
static Status read_both(const WeightPair *pair, size_t first, size_t n, real *w0, real *w1, Error *err) {
  Status status = read_rows(&pair->w0, first, n, w0, err);
  if (status == STATUS_OK && w1 != w0) status = read_rows(&pair->w1, first, n, w1, err);
  return status;
}

/* Are W0 and W1 one tensor, so that nothing but factors can make a difference? */
static bool share_tensor(const WeightPair *pair) { return pair->w0.tensor && pair->w0.tensor == pair->w1.tensor; }

/* Adds scale B A to rows, or columns, [first, first + count). */
static void add_product(const WeightPair *pair, const Factors *f, bool by_columns, size_t first, size_t count,
                        double *difference) {
  const size_t rows = pair->rows, columns = pair->columns, rank = f->rank;
  if (rank == 0) return;
  if (by_columns)
    blas_gemm_f64(true, true, count, rows, rank, f->scale, f->a + first, columns, f->b, rank, 1, difference, rows);
  else
    blas_gemm_f64(false, false, count, columns, rank, f->scale, f->b + first * rank, rank, f->a, columns, 1, difference,
                  columns);
}

/* Hands over [count, n] of the difference and the base from values read: element (i, j) is at i * down + j * across. */
static Status hand_over(const WeightPair *pair, const Factors *f, bool by_columns, size_t first, size_t count,
                        const real *w0, const real *w1, double *buffer, TakeBlock *take, void *context, Error *err) {
  const size_t n = shorter_side(pair), down = by_columns ? 1 : pair->columns, across = by_columns ? pair->columns : 1;
  double *difference = buffer, *base = buffer + count * n;
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < n; j++) {
      const size_t from = i * down + j * across, to = i * n + j;
      base[to] = (double)w0[from];
      difference[to] = (double)w1[from] - base[to];
    }
  add_product(pair, f, by_columns, first, count, difference);
  return take(context, count, difference, base, err);
}

/* How many rows to read at a time where they are n long: about as many, which products want, and not too much memory. */
static size_t block_rows(size_t n) {
  const size_t square = n > BLOCK_LEAST ? n : BLOCK_LEAST, most = BLOCK_ELEMENTS / n + 1;
  return square < most ? square : most;
}

/* The whole weight in blocks. One that is wider than high is read as a whole, since its columns are handed over. */
static Status for_blocks(const WeightPair *pair, const Factors *f, TakeBlock *take, void *context, Error *err) {
  const bool by_columns = pair->rows < pair->columns;
  const size_t n = shorter_side(pair), length = by_columns ? pair->columns : pair->rows,
               most = block_rows(n) < length ? block_rows(n) : length,
               held = (by_columns ? length : most) * n;
  void *buffer = NULL, *values = NULL;
  Status status = mem_try(2 * most * n, sizeof(double), &buffer, err);
  if (status == STATUS_OK) status = mem_try(2 * held, sizeof(real), &values, err);
  real *w0 = values, *w1 = share_tensor(pair) ? w0 : w0 + held;
  if (status == STATUS_OK && by_columns) status = read_both(pair, 0, pair->rows, w0, w1, err);
  for (size_t first = 0; first < length && status == STATUS_OK; first += most) {
    const size_t count = length - first < most ? length - first : most, skip = by_columns ? first : 0;
    if (!by_columns) status = read_both(pair, first, count, w0, w1, err);
    if (status == STATUS_OK)
      status = hand_over(pair, f, by_columns, first, count, w0 + skip, w1 + skip, buffer, take, context, err);
  }
  free(buffer);
  free(values);
  return status;
}

/* --- first reading: squares --- */

typedef struct Squares {
  size_t n;
  double difference, base;
} Squares;

static Status take_squares(void *context, size_t count, const double *difference, const double *base, Error *err) {
  Squares *s = context;
  (void)err;
  for (size_t i = 0; i < count; i++) {
    double d = 0, b = 0;
    for (size_t j = i * s->n; j < (i + 1) * s->n; j++) {
      d += difference[j] * difference[j];
      b += base[j] * base[j];
    }
    s->difference += d;
    s->base += b;
  }
  return STATUS_OK;
}

/* --- second reading: singular values --- */

typedef struct Spectra {
  WeightRows *rows; /* of the difference; NULL where it has them from factors */
  WeightGram *gram; /* of W0 */
} Spectra;

static Status take_spectra(void *context, size_t count, const double *difference, const double *base, Error *err) {
  Spectra *s = context;
  weight_gram_add(s->gram, count, base);
  return s->rows ? weight_rows_add(s->rows, count, difference, err) : STATUS_OK;
}

/* sigma: of the factors, NULL for those of the difference itself. */
static Status measure_spectra(WeightPair *pair, const Factors *f, const double *sigma, size_t n_sigma, Error *err) {
  static const Factors none = {0};
  const size_t n = shorter_side(pair);
  Spectra s = {0};
  double base = NAN, *values = sigma ? NULL : mem_alloc(n, sizeof *values);
  Status status = weight_gram_new(n, &s.gram, err);
  if (status == STATUS_OK && !sigma) status = weight_rows_new(n, &s.rows, err);
  if (status == STATUS_OK) status = for_blocks(pair, sigma ? &none : f, take_spectra, &s, err);
  if (status == STATUS_OK) status = weight_gram_norm(s.gram, &base, err);
  if (status == STATUS_OK && !sigma) status = weight_rows_spectrum(s.rows, values, err);
  if (status == STATUS_OK) {
    const double *from = sigma ? sigma : values;
    pair->values[WEIGHT_SPECTRAL] = from[0];
    pair->values[WEIGHT_RELATIVE_SPECTRAL] = base > 0 ? from[0] / base : NAN;
    pair->values[WEIGHT_EFFECTIVE_RANK] = weight_effective_rank(sigma ? n_sigma : n, from);
  }
  weight_rows_free(s.rows);
  weight_gram_free(s.gram);
  free(values);
  return status;
}

/* Only factors make the difference: its singular values are theirs. */
static Status measure_factors(WeightPair *pair, const Factors *f, Error *err) {
  static const Factors none = {0};
  const size_t shorter = shorter_side(pair), n = f->rank < shorter ? f->rank : shorter;
  Squares squares = {.n = shorter};
  double *sigma = mem_alloc(n, sizeof *sigma);
  Status status = weight_factors_spectrum(pair->rows, pair->columns, f->rank, f->scale, f->a, f->b, sigma, err);
  if (status == STATUS_OK) status = for_blocks(pair, &none, take_squares, &squares, err);
  for (size_t i = 0; i < n && status == STATUS_OK; i++) squares.difference += sigma[i] * sigma[i];
  pair->values[WEIGHT_FROBENIUS] = sqrt(squares.difference);
  pair->base = sqrt(squares.base);
  if (status == STATUS_OK && squares.difference > 0) status = measure_spectra(pair, f, sigma, n, err);
  free(sigma);
  return status;
}

static Status measure_dense(WeightPair *pair, const Factors *f, Error *err) {
  Squares squares = {.n = shorter_side(pair)};
  Status status = for_blocks(pair, f, take_squares, &squares, err);
  pair->values[WEIGHT_FROBENIUS] = sqrt(squares.difference);
  pair->base = sqrt(squares.base);
  if (status == STATUS_OK && squares.difference > 0 && !pair->is_vector)
    status = measure_spectra(pair, f, NULL, 0, err);
  return status;
}

static Status measure_pair(const WeightsRun *run, WeightPair *pair, Error *err) {
  Factors f;
  double *v = pair->values;
  Status status = read_factors(run, pair, &f, err);
  v[WEIGHT_SPECTRAL] = v[WEIGHT_RELATIVE_SPECTRAL] = pair->is_vector ? NAN : 0;
  v[WEIGHT_EFFECTIVE_RANK] = NAN;
  if (status == STATUS_OK)
    status = f.rank && share_tensor(pair) ? measure_factors(pair, &f, err) : measure_dense(pair, &f, err);
  v[WEIGHT_RELATIVE_FROBENIUS] = v[WEIGHT_FROBENIUS] == 0 ? 0 : pair->base > 0 ? v[WEIGHT_FROBENIUS] / pair->base : NAN;
  free(f.a);
  free(f.b);
  return status;
}

/* What was read stops counting as this process's memory. */
static void forget(const WeightPair *pair) {
  const WeightSource *sides[] = {&pair->w0, &pair->w1};
  for (int k = 0; k < 2; k++)
    if (sides[k]->tensor) file_forget(sides[k]->tensor->bytes, sides[k]->tensor->n_bytes);
}

/* Each weight is measured by one thread, so that the number of threads changes no bit. */
Status weights_measure(WeightsRun *run, Error *err) {
  const size_t n = run->n_pairs;
  Error *errors = mem_alloc(n, sizeof *errors);
  Status *states = mem_alloc(n, sizeof *states), status = STATUS_OK;
  size_t total = 0, done = 0;
  for (size_t i = 0; i < n; i++) total += run->pairs[i].rows * run->pairs[i].columns;
  Progress progress = progress_begin("weights", "parameters", total);
  bool failed = false;
#pragma omp parallel for schedule(dynamic)
  for (size_t i = 0; i < n; i++) {
    bool skip;
#pragma omp atomic read
    skip = failed;
    if (skip) continue;
    states[i] = measure_pair(run, &run->pairs[i], &errors[i]);
    forget(&run->pairs[i]);
    if (states[i] != STATUS_OK) {
#pragma omp atomic write
      failed = true;
    }
#pragma omp critical(weights_progress)
    progress_show(&progress, done += run->pairs[i].rows * run->pairs[i].columns);
  }
  progress_end(&progress);
  for (size_t i = 0; i < n && status == STATUS_OK; i++)
    if (states[i] != STATUS_OK) {
      *err = errors[i];
      status = states[i];
    }
  free(errors);
  free(states);
  return status;
}
