/* Layers of random bytes in every element type, in one or several parts, in any order of rows, with factors beside them; and
 * the values that they stand for. */
#ifndef FATHOM_TESTS_MADE_LAYERS_H
#define FATHOM_TESTS_MADE_LAYERS_H

#include "base/memory.h"
#include "base/rng.h"
#include "num/linear.h"
#include "weights/dtype.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A layer in a file's bytes, and what it should be. */
typedef struct Layer {
  Linear linear;
  real *values; /* [n, k] */
  void *owned[2 * LINEAR_PARTS + 1];
  size_t n_owned;
} Layer;

static void *owned(Layer *layer, size_t count, size_t size) {
  return layer->owned[layer->n_owned++] = mem_alloc(count, size);
}

/* Random bytes whose widened values are all finite: where a block's are not, other bytes are drawn. */
static void random_blocks(Rng *rng, Dtype dtype, size_t n, uint8_t *bytes) {
  const DtypeInfo *info = dtype_info(dtype);
  float values[GEMM_CHUNK];
  for (size_t b = 0; b < n / info->block; b++) {
    bool finite;
    do {
      finite = true;
      for (size_t i = 0; i < info->bytes; i++) bytes[b * info->bytes + i] = (uint8_t)rng_below(rng, 256);
      dtype_widen(dtype, bytes + b * info->bytes, info->block, values);
      for (size_t i = 0; i < info->block; i++) finite = finite && fabsf(values[i]) < 1e18f;
    } while (!finite);
  }
}

static void random_order(Rng *rng, uint32_t *order, size_t n) {
  for (size_t i = 0; i < n; i++) {
    const size_t j = rng_below(rng, i + 1);
    order[i] = order[j];
    order[j] = (uint32_t)i;
  }
}

/* Adds rows of a type, or of plain values where dtype is DTYPE_COUNT. */
static void add_part(Layer *layer, Rng *rng, Dtype dtype, size_t rows, bool ordered) {
  Linear *w = &layer->linear;
  LinearPart *part = &w->parts[w->n_parts++];
  const size_t k = w->k;
  uint32_t *order = NULL;
  float *row = mem_alloc(k, sizeof *row);
  *part = (LinearPart){.rows = rows};
  if (ordered) {
    part->order = order = owned(layer, rows, sizeof *order);
    random_order(rng, order, rows);
  }
  layer->values = mem_resize(layer->values, (w->n + rows) * k, sizeof *layer->values);
  if (dtype == DTYPE_COUNT) {
    real *values = owned(layer, rows * k, sizeof *values);
    for (size_t i = 0; i < rows * k; i++) values[i] = (real)rng_normal(rng);
    part->values = values;
  } else {
    const DtypeInfo *info = dtype_info(dtype);
    uint8_t *bytes = owned(layer, rows * k / info->block * info->bytes + 1, 1);
    random_blocks(rng, dtype, rows * k, bytes + 1);
    part->bytes = bytes + 1; /* unaligned, as in a file */
    part->block = info->block, part->block_bytes = info->bytes, part->widen = dtype_widener(dtype);
  }
  for (size_t r = 0; r < rows; r++) {
    const size_t stored = order ? order[r] : r;
    if (part->bytes) dtype_widen(dtype, part->bytes + stored * k / part->block * part->block_bytes, k, row);
    for (size_t i = 0; i < k; i++)
      layer->values[(w->n + r) * k + i] = part->values ? part->values[stored * k + i] : (real)row[i];
  }
  w->n += rows;
  free(row);
}

static void layer_clear(Layer *layer) {
  for (size_t i = 0; i < layer->n_owned; i++) free(layer->owned[i]);
  free(layer->values);
  *layer = (Layer){0};
}

/* Factors for every part but, at times, one; and the values with them multiplied out. */
static void add_factors(Layer *layer, Rng *rng, size_t without) {
  Linear *w = &layer->linear;
  for (size_t i = 0, first = 0; i < w->n_parts; first += w->parts[i++].rows) {
    const size_t rank = 1 + rng_below(rng, 20), rows = w->parts[i].rows;
    const real scale = i ? (real)0.75 : 1;
    if (i == without) continue;
    real *a = mem_alloc(rank * w->k, sizeof *a), *b = mem_alloc(rows * rank, sizeof *b);
    for (size_t j = 0; j < rank * w->k; j++) a[j] = (real)rng_normal(rng);
    for (size_t j = 0; j < rows * rank; j++) b[j] = (real)rng_normal(rng);
    w->factors[w->n_factors++] = (LinearFactors){first, rows, rank, scale, a, b};
    for (size_t r = 0; r < rows; r++)
      for (size_t p = 0; p < w->k; p++) {
        double sum = 0;
        for (size_t j = 0; j < rank; j++) sum += (double)b[r * rank + j] * (double)a[j * w->k + p];
        layer->values[(first + r) * w->k + p] += scale * (real)sum;
      }
  }
}

static void clear_factors(Layer *layer) {
  for (size_t i = 0; i < layer->linear.n_factors; i++) {
    free((void *)layer->linear.factors[i].a);
    free((void *)layer->linear.factors[i].b);
  }
}

#endif
