/* The anchor's value and gradient. */
#include "train/anchor.h"

#include "base/memory.h"
#include "base/sitename.h"

#include <stdlib.h>
#include <string.h>

Status anchor_choose_layers(const char *layers, size_t n_layers, bool *anchored, Error *err) {
  if (strcmp(layers, "all") == 0)
    for (size_t l = 0; l < n_layers; l++) anchored[l] = true;
  else if (strcmp(layers, "last") == 0)
    anchored[n_layers - 1] = true;
  else if (strcmp(layers, "middle") == 0)
    for (size_t l = n_layers / 3; l < (2 * n_layers + 2) / 3; l++) anchored[l] = true;
  else
    return layers_parse(layers, "--anchor-layers", n_layers, anchored, err);
  return STATUS_OK;
}

Status anchor_init(Anchor *a, double lambda, const char *layers, size_t n_layers, size_t width, const double *scale,
                   Error *err) {
  *a = (Anchor){.lambda = lambda,
                .n_layers = n_layers,
                .width = width,
                .scale = scale,
                .anchored = mem_alloc(n_layers, sizeof *a->anchored),
                .drift = mem_alloc(n_layers, sizeof *a->drift)};
  const Status status = anchor_choose_layers(layers, n_layers, a->anchored, err);
  for (size_t l = 0; l < n_layers; l++) a->n_anchored += a->anchored[l];
  return status;
}

void anchor_clear(Anchor *a) {
  free(a->anchored);
  free(a->drift);
  free(a->batch_row);
  free(a->frozen);
  free(a->row_squares);
  *a = (Anchor){0};
}

void anchor_begin_step(Anchor *a, size_t step_rows) {
  a->step_rows = step_rows;
  memset(a->drift, 0, a->n_layers * sizeof *a->drift);
}

Status anchor_load(Anchor *a, Frozen *frozen, const SampleBatch *batch, const size_t *indices, Error *err) {
  a->n_rows = 0;
  for (size_t s = 0; s < batch->batch.n_sequences; s++) a->n_rows += frozen_rows(frozen, batch->samples[s]);
  if (a->n_rows > a->room) {
    a->room = a->n_rows;
    a->batch_row = mem_resize(a->batch_row, a->room, sizeof *a->batch_row);
    a->row_squares = mem_resize(a->row_squares, a->room, sizeof *a->row_squares);
    free(a->frozen);
    a->frozen = mem_alloc_aligned(a->room * a->n_layers * a->width, sizeof *a->frozen, 2 << 20);
  }
  size_t row = 0;
  for (size_t s = 0; s < batch->batch.n_sequences; s++) {
    size_t first, end;
    token_rule_counted_range(batch->samples[s], frozen->rule, &first, &end);
    for (size_t l = 0; l < a->n_layers; l++) {
      const Status status =
          frozen_read(frozen, batch->samples[s], indices[s], l, a->frozen + (l * a->n_rows + row) * a->width, err);
      if (status != STATUS_OK) return status;
    }
    for (size_t t = first; t < end; t++) a->batch_row[row++] = batch->offsets[s] + t;
  }
  return STATUS_OK;
}

static void add_block(void *context, size_t layer, const real *resid_post, real *dresid) {
  Anchor *a = context;
  const size_t d = a->width;
  const float *h0 = a->frozen + layer * a->n_rows * d;
  const double norm = 1 / ((double)a->step_rows * a->scale[layer]);
  const bool pulls = a->anchored[layer] && a->lambda > 0;
  /* d(lambda R)/dh = 2 lambda (h - h0) / (|S| |T| s_l^2) */
  const real pull = pulls ? (real)(2 * a->lambda * norm / (double)a->n_anchored) : 0;
#pragma omp parallel for schedule(static)
  for (size_t r = 0; r < a->n_rows; r++) {
    const real *h = resid_post + a->batch_row[r] * d;
    real *dh = dresid + a->batch_row[r] * d;
    double squares = 0;
    for (size_t i = 0; i < d; i++) {
      const real difference = h[i] - (real)h0[r * d + i];
      squares += (double)difference * (double)difference;
      if (pulls) dh[i] += pull * difference;
    }
    a->row_squares[r] = squares;
  }
  double sum = 0;
  for (size_t r = 0; r < a->n_rows; r++) sum += a->row_squares[r];
  a->drift[layer] += sum * norm;
}

Injection anchor_injection(Anchor *a) { return (Injection){add_block, a}; }

double anchor_value(const Anchor *a) {
  double sum = 0;
  for (size_t l = 0; l < a->n_layers; l++)
    if (a->anchored[l]) sum += a->drift[l];
  return sum / (double)a->n_anchored;
}
