/* The representation anchor (ours, METHODS section 4): R = mean over anchored blocks and counted tokens of
 * |h - h0|^2 / s_l^2, a relative squared drift. Its parts per block are the drift that every step reports. */
#ifndef FATHOM_TRAIN_ANCHOR_H
#define FATHOM_TRAIN_ANCHOR_H

#include "model/backward.h"
#include "train/frozen.h"
#include "train/rows.h"

typedef struct Anchor {
  double lambda;
  size_t n_layers, width;
  bool *anchored; /* [L]: S */
  size_t n_anchored;
  const double *scale; /* [L]: s_l^2 */
  /* One step, over its micro-batches: */
  size_t step_rows; /* |T| */
  double *drift;    /* [L]: sum over rows of |h - h0|^2 / (|T| s_l^2) so far */
  /* One micro-batch: */
  size_t n_rows, room;
  size_t *batch_row;   /* [n_rows]: counted row -> row of the batch */
  float *frozen;       /* [L, n_rows, width] */
  double *row_squares; /* [n_rows] */
} Anchor;

/* Marks the blocks of "all", "last", "middle" (the middle third) or a list such as "0,3-7,-1" in anchored[n_layers]. */
Status anchor_choose_layers(const char *layers, size_t n_layers, bool *anchored, Error *err);

Status anchor_init(Anchor *anchor, double lambda, const char *layers, size_t n_layers, size_t width,
                   const double *scale, Error *err);
void anchor_clear(Anchor *anchor); /* all zeros is fine */

/* A step over step_rows counted rows begins. */
void anchor_begin_step(Anchor *anchor, size_t step_rows);

/* Loads the frozen rows of a micro-batch whose sequences are samples number indices[] of frozen_open. */
Status anchor_load(Anchor *anchor, Frozen *frozen, const SampleBatch *batch, const size_t *indices, Error *err);

/* For model_backward: adds the drift of the micro-batch at each block and, at anchored blocks with lambda > 0, the
 * gradient of lambda R. With lambda 0 the gradient is not touched. */
Injection anchor_injection(Anchor *anchor);

/* R of the step: the mean drift over anchored blocks. */
double anchor_value(const Anchor *anchor);

#endif
