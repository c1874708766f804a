/* Reading the golden arrays of tests/fixtures, and comparing with them. Which arrays there are is said in README.md
 * there. */
#ifndef FATHOM_TESTS_GOLDEN_H
#define FATHOM_TESTS_GOLDEN_H

#include "base/file.h"
#include "base/memory.h"
#include "model/forward.h"
#include "num/real.h"
#include "tests/tap.h"
#include "weights/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* How near a float32 pass must come to the golden, as a share of the array's largest value; a double pass differs by
 * the golden's own rounding alone. */
#ifdef FATHOM_DOUBLE
#define GOLDEN_TOLERANCE 2e-7
#else
#define GOLDEN_TOLERANCE 1e-5
#endif

/* Ends the test program: without its input there is nothing to test. */
__attribute__((noreturn, unused)) static void bail_out(const Error *err) {
  printf("Bail out! %s\n", err->text);
  exit(1);
}

typedef struct Golden {
  char *path;
  FileMap map;
  Weights *arrays;
} Golden;

typedef struct GoldenArray {
  size_t rows, width;
  real *values; /* [rows, width] */
} GoldenArray;

/* Ids and offsets of the sequences a golden was made from. */
typedef struct GoldenBatch {
  Batch batch;
  size_t *offsets, rows;
  int32_t *ids;
} GoldenBatch;

__attribute__((unused)) static char *fixture_path(const char *name) {
  const char *source = getenv("SRCDIR");
  return mem_format("%s/tests/fixtures/%s", source ? source : ".", name);
}

__attribute__((unused)) static Golden golden_open(const char *name) {
  Golden golden = {.path = fixture_path(name), .arrays = weights_new()};
  Error err = {0};
  if (safetensors_open(golden.path, &golden.map, golden.arrays, &err) != STATUS_OK) bail_out(&err);
  return golden;
}

__attribute__((unused)) static void golden_close(Golden *golden) {
  weights_free(golden->arrays);
  file_unmap(&golden->map);
  free(golden->path);
}

/* An array of no rows where there is none of that name. */
__attribute__((unused)) static GoldenArray golden_array(const Golden *golden, const char *name) {
  const Tensor *tensor = weights_find(golden->arrays, name);
  if (!tensor) return (GoldenArray){0};
  GoldenArray array = {.width = tensor->shape[tensor->n_dims - 1]};
  array.rows = tensor->count / array.width;
  array.values = mem_alloc(tensor->count, sizeof *array.values);
  float *widened = mem_alloc(tensor->count, sizeof *widened);
  dtype_widen(tensor->dtype, tensor->bytes, tensor->count, widened);
  for (size_t i = 0; i < tensor->count; i++) array.values[i] = widened[i];
  free(widened);
  return array;
}

__attribute__((unused)) static GoldenBatch golden_batch(const Golden *golden) {
  const GoldenArray ids = golden_array(golden, "ids"), offsets = golden_array(golden, "offsets");
  GoldenBatch out = {.rows = ids.width,
                     .ids = mem_alloc(ids.width, sizeof *out.ids),
                     .offsets = mem_alloc(offsets.width, sizeof *out.offsets)};
  for (size_t i = 0; i < ids.width; i++) out.ids[i] = (int32_t)ids.values[i];
  for (size_t i = 0; i < offsets.width; i++) out.offsets[i] = (size_t)offsets.values[i];
  out.batch = (Batch){.n_sequences = offsets.width - 1, .offsets = out.offsets, .ids = out.ids};
  free(ids.values);
  free(offsets.values);
  return out;
}

__attribute__((unused)) static void golden_batch_clear(GoldenBatch *batch) {
  free(batch->ids);
  free(batch->offsets);
}

/* Largest |a - b| of n values as a share of the largest |b|; NaN where any difference is. Not a number is not near. */
__attribute__((unused)) static double relative_difference(const real *a, const real *b, size_t n) {
  double difference = 0, largest = 0;
  for (size_t i = 0; i < n; i++) {
    const double d = fabs((double)a[i] - (double)b[i]);
    if (!(d <= difference)) difference = d; /* also taken where d is NaN, */
    if (isnan(difference)) return NAN;      /* and kept */
    if (fabs((double)b[i]) > largest) largest = fabs((double)b[i]);
  }
  return difference == 0 ? 0 : difference / largest;
}

/* Near as a whole, and each row by its own largest value, so that an error in rows of small values is seen too. */
__attribute__((unused)) static bool rows_are_near(const real *found, const real *expected, size_t rows, size_t width,
                                                  double tolerance) {
  bool near = rows > 0 && relative_difference(found, expected, rows * width) <= tolerance;
  for (size_t t = 0; t < rows; t++)
    near = near && relative_difference(found + t * width, expected + t * width, width) <= 5 * tolerance;
  return near;
}

#endif
