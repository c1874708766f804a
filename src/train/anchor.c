/* The anchor's value and gradient. */
#include "train/anchor.h"

#include "base/memory.h"
#include "base/sitename.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool anchor_norm_from_name(const char *name, AnchorNorm *norm) {
  static const char *const names[] = {"relative", "unit", "mse"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (strcmp(name, names[i]) == 0) {
      *norm = (AnchorNorm)i;
      return true;
    }
  return false;
}

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

Status anchor_init(Anchor *a, double lambda, AnchorNorm norm, const char *layers, size_t n_layers, size_t width,
                   const double *scale, Error *err) {
  *a = (Anchor){.lambda = lambda,
                .norm = norm,
                .n_layers = n_layers,
                .width = width,
                .scale = scale,
                .anchored = mem_alloc(n_layers, sizeof *a->anchored),
                .drift = mem_alloc(n_layers, sizeof *a->drift),
                .distance = mem_alloc(n_layers, sizeof *a->distance)};
  const Status status = anchor_choose_layers(layers, n_layers, a->anchored, err);
  for (size_t l = 0; l < n_layers; l++) a->n_anchored += a->anchored[l];
  return status;
}

void anchor_clear(Anchor *a) {
  free(a->anchored);
  free(a->drift);
  free(a->distance);
  free(a->batch_row);
  free(a->frozen);
  free(a->row_squares);
  free(a->row_turns);
  *a = (Anchor){0};
}

void anchor_begin_step(Anchor *a, size_t step_rows) {
  a->step_rows = step_rows;
  memset(a->drift, 0, a->n_layers * sizeof *a->drift);
  memset(a->distance, 0, a->n_layers * sizeof *a->distance);
}

Status anchor_load(Anchor *a, Frozen *frozen, const SampleBatch *batch, const size_t *indices, Error *err) {
  a->n_rows = 0;
  for (size_t s = 0; s < batch->batch.n_sequences; s++) a->n_rows += frozen_rows(frozen, batch->samples[s]);
  if (a->n_rows > a->room) {
    a->room = a->n_rows;
    a->batch_row = mem_resize(a->batch_row, a->room, sizeof *a->batch_row);
    a->row_squares = mem_resize(a->row_squares, a->room, sizeof *a->row_squares);
    a->row_turns = mem_resize(a->row_turns, a->room, sizeof *a->row_turns);
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

/* What the distance of the norm at a block is divided by. */
static double divisor(const Anchor *a, size_t layer) {
  return a->norm == ANCHOR_RELATIVE ? a->scale[layer] : a->norm == ANCHOR_MSE ? (double)a->width : 1;
}

/* |h - h0|^2; with a pull other than 0 also dh += pull (h - h0). */
static double pull_to(size_t d, const real *h, const float *h0, real pull, real *dh) {
  double squares = 0;
  for (size_t i = 0; i < d; i++) {
    const real difference = h[i] - (real)h0[i];
    squares += (double)difference * (double)difference;
    if (pull != 0) dh[i] += pull * difference;
  }
  return squares;
}

/* |u - u0|^2 of u = h/|h| and u0 = h0/|h0|; with a pull other than 0 also its gradient times pull / 2:
 * d|u - u0|^2/dh = 2 ((u . u0) u - u0) / |h|. */
static double turn_to(size_t d, const real *h, const float *h0, real pull, real *dh) {
  double length = 0, length0 = 0, turn = 0, cosine = 0;
  for (size_t i = 0; i < d; i++) {
    length += (double)h[i] * (double)h[i];
    length0 += (double)h0[i] * (double)h0[i];
  }
  if (length == 0 || length0 == 0) return 0;
  const double inverse = 1 / sqrt(length), inverse0 = 1 / sqrt(length0);
  for (size_t i = 0; i < d; i++) {
    const double u = (double)h[i] * inverse, u0 = (double)h0[i] * inverse0;
    turn += (u - u0) * (u - u0);
    cosine += u * u0;
  }
  for (size_t i = 0; pull != 0 && i < d; i++)
    dh[i] += (real)((double)pull * inverse * (cosine * ((double)h[i] * inverse) - (double)h0[i] * inverse0));
  return turn;
}

static void add_block(void *context, size_t layer, const real *resid_post, real *dresid) {
  Anchor *a = context;
  if (a->n_rows == 0) return; /* else 0 / 0 where no row of the whole step counts */
  const size_t d = a->width;
  const float *h0 = a->frozen + layer * a->n_rows * d;
  const double rows = (double)a->step_rows, norm = 1 / (rows * divisor(a, layer));
  const bool turns = a->norm == ANCHOR_UNIT;
  /* d(lambda R)/dh = 2 lambda (h - h0) / (|S| |T| s_l^2), and so on for the other norms */
  const real pull =
      a->anchored[layer] && a->lambda > 0 ? (real)(2 * a->lambda * norm / (double)a->n_anchored) : (real)0;
#pragma omp parallel for schedule(static)
  for (size_t r = 0; r < a->n_rows; r++) {
    const real *h = resid_post + a->batch_row[r] * d;
    real *dh = dresid + a->batch_row[r] * d;
    a->row_squares[r] = pull_to(d, h, h0 + r * d, turns ? (real)0 : pull, dh);
    if (turns) a->row_turns[r] = turn_to(d, h, h0 + r * d, pull, dh);
  }
  double squares = 0, sum = 0;
  for (size_t r = 0; r < a->n_rows; r++) {
    squares += a->row_squares[r];
    sum += turns ? a->row_turns[r] : a->row_squares[r];
  }
  a->drift[layer] += squares * (1 / (rows * a->scale[layer]));
  a->distance[layer] += sum * norm;
}

Injection anchor_injection(Anchor *a) { return (Injection){add_block, a}; }

double anchor_value(const Anchor *a) {
  double sum = 0;
  for (size_t l = 0; l < a->n_layers; l++)
    if (a->anchored[l]) sum += a->distance[l];
  return sum / (double)a->n_anchored;
}

double anchor_mean_drift(const Anchor *a) {
  double sum = 0;
  for (size_t l = 0; l < a->n_layers; l++) sum += a->drift[l];
  return sum / (double)a->n_layers;
}
