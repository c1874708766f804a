/* Made rows of two models for the tests of drift measures, and a measure run over them. */
#ifndef FATHOM_TESTS_MADE_ROWS_H
#define FATHOM_TESTS_MADE_ROWS_H

#include "base/memory.h"
#include "base/rng.h"
#include "probes/drift/drift.h"
#include "tests/tap.h"

#include <stdlib.h>

/* Rows of two models with a class each; both share every sample. */
typedef struct Rows {
  size_t n, dx, dy, n_classes;
  float *x, *y;
  uint32_t *sample, *class;
} Rows;

static Rows rows_new(size_t n, size_t dx, size_t dy) {
  return (Rows){n, dx, dy, 2, mem_alloc(n * dx, 4), mem_alloc(n * dy, 4), mem_alloc(n, 4), mem_alloc(n, 4)};
}

static void rows_free(Rows *rows) {
  free(rows->x);
  free(rows->y);
  free(rows->sample);
  free(rows->class);
}

static Status read_x(void *context, size_t first, size_t n, float *to, Error *err) {
  (void)err;
  const Rows *rows = context;
  memcpy(to, rows->x + first * rows->dx, n * rows->dx * 4);
  return STATUS_OK;
}

static Status read_y(void *context, size_t first, size_t n, float *to, Error *err) {
  (void)err;
  const Rows *rows = context;
  memcpy(to, rows->y + first * rows->dy, n * rows->dy * 4);
  return STATUS_OK;
}

static RowSource source_of(Rows *rows) {
  return (RowSource){{rows->dx, read_x, rows, "x", "s", NULL, NULL, NULL}, {rows->dy, read_y, rows, "y", "s", NULL, NULL, NULL}};
}

/* A frozen head of made weights; make_measures.py has the same. */
enum { VOCABULARY = 12 };

static void made_logits(const void *context, size_t n, const float *rows, float *logits) {
  const size_t d = *(const size_t *)context;
  for (size_t i = 0; i < n; i++)
    for (size_t v = 0; v < VOCABULARY; v++) {
      double sum = 0;
      for (size_t j = 0; j < d; j++) sum += rows[i * d + j] * sin(1 + 7 * (double)v + 3 * (double)j);
      logits[i * VOCABULARY + v] = (float)(0.3 * sum);
    }
}

/* All values of a measure; plan and estimates are given back where wanted. */
static bool measure(Rows *rows, const Measure *m, bool with_intervals, Estimate *estimates) {
  const RowSource source = source_of(rows);
  const DriftLens lens = {rows->dx, VOCABULARY, made_logits, &rows->dx};
  const DriftAids aids = {5, &lens, rows->class, rows->n_classes};
  RowPlan plan;
  Error err = {0};
  Status status = row_plan_make(rows->n, rows->sample, NULL, &plan, &err);
  if (status == STATUS_OK) status = drift_measure(&source, &plan, &m, 1, &aids, with_intervals, estimates, &err);
  row_plan_clear(&plan);
  if (status != STATUS_OK) printf("# %s\n", err.text);
  return status == STATUS_OK;
}

__attribute__((unused)) static double value_of(Rows *rows, const char *name) {
  Estimate estimates[MEASURE_MAX_VALUES];
  size_t index;
  const Measure *m = measure_find(name, &index);
  return m && measure(rows, m, false, estimates) ? estimates[index].value : -1e300;
}

/* Samples of least to most rows, with a common part in a sample's rows; Y = X + shift + noise. Classes move one column.
 */
static Rows random_rows(Rng *rng, size_t n_samples, size_t d, size_t least, size_t most, double shift, double noise) {
  Rows rows = rows_new(most * n_samples, d, d);
  double *common = mem_alloc(2 * d, sizeof *common);
  rows.n = 0;
  for (uint32_t s = 0; s < n_samples; s++) {
    const size_t m = least + rng_below(rng, most - least + 1);
    for (size_t j = 0; j < 2 * d; j++) common[j] = rng_normal(rng);
    for (size_t i = 0; i < m; i++, rows.n++) {
      rows.sample[rows.n] = s;
      rows.class[rows.n] = (uint32_t)rng_below(rng, 2) & -(uint32_t)(i == 0);
      if (i) rows.class[rows.n] = rows.class[rows.n - 1];
      for (size_t j = 0; j < d; j++) {
        const double scale = 1.0 / sqrt(1.0 + (double)j);
        const double x = 0.7 + scale * (common[j] + rng_normal(rng)) + (j == 2 && rows.class[rows.n] ? 1.5 : 0);
        rows.x[rows.n * d + j] = (float)x;
        rows.y[rows.n * d + j] = (float)(x + shift + noise * scale * (common[d + j] + rng_normal(rng)));
      }
    }
  }
  free(common);
  return rows;
}

#endif
