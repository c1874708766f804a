/* The representation anchor (ours): R = mean over anchored blocks l and counted tokens of a distance of h from h0, the
 * frozen model's row. Beside it, whatever the distance, every step reports the relative squared drift of each block. */
#ifndef FATHOM_TRAIN_ANCHOR_H
#define FATHOM_TRAIN_ANCHOR_H

#include "model/backward.h"
#include "train/frozen.h"
#include "train/rows.h"

typedef enum AnchorNorm {
  ANCHOR_RELATIVE, /* |h - h0|^2 / s_l^2, s_l^2 the frozen rows' mean squared distance from their mean: a squared drift
                    * relative to how far the block's rows lie apart, so that one lambda serves all blocks */
  ANCHOR_UNIT,     /* |h/|h| - h0/|h0||^2 = 2 (1 - cos(h, h0)), as LDIFS: blind to lengths, no scale of its own (s_l is
                    * not used); a row of length 0 has no direction and counts 0 */
  ANCHOR_MSE,      /* |h - h0|^2 / D, D the width: blocks with large features weigh more */
} AnchorNorm;

bool anchor_norm_from_name(const char *name, AnchorNorm *norm); /* "relative", "unit", "mse" */

typedef struct Anchor {
  double lambda;
  AnchorNorm norm;
  size_t n_layers, width;
  bool *anchored; /* [L]: S */
  size_t n_anchored;
  const double *scale; /* [L]: s_l^2 of the drift, whatever the norm */
  /* One step, over its micro-batches: */
  size_t step_rows; /* |T| */
  double *drift;    /* [L]: sum over rows of |h - h0|^2 / (|T| s_l^2) so far */
  double *distance; /* [L]: sum over rows of the norm's distance / |T| so far */
  /* One micro-batch: */
  size_t n_rows, room;
  size_t *batch_row;   /* [n_rows]: counted row -> row of the batch */
  float *frozen;       /* [L, n_rows, width] */
  double *row_squares; /* [n_rows]: |h - h0|^2 */
  double *row_turns;   /* [n_rows]: |h/|h| - h0/|h0||^2, under ANCHOR_UNIT */
} Anchor;

/* Marks the blocks of "all", "last", "middle" (the middle third) or a list such as "0,3-7,-1" in anchored[n_layers]. */
Status anchor_choose_layers(const char *layers, size_t n_layers, bool *anchored, Error *err);

Status anchor_init(Anchor *anchor, double lambda, AnchorNorm norm, const char *layers, size_t n_layers, size_t width,
                   const double *scale, Error *err);
void anchor_clear(Anchor *anchor); /* all zeros is fine */

/* A step over step_rows counted rows begins. */
void anchor_begin_step(Anchor *anchor, size_t step_rows);

/* Loads the frozen rows of a micro-batch whose sequences are samples number indices[] of frozen_open. */
Status anchor_load(Anchor *anchor, Frozen *frozen, const SampleBatch *batch, const size_t *indices, Error *err);

/* For model_backward: adds the drift of the micro-batch at each block and, at anchored blocks with lambda > 0, the
 * gradient of lambda R. With lambda 0 the gradient is not touched. */
Injection anchor_injection(Anchor *anchor);

/* R of the step: the mean distance over anchored blocks; 0 where no row counts. */
double anchor_value(const Anchor *anchor);

/* The relative squared drift of the step's rows, its mean over all blocks: ANCHOR_RELATIVE's R of --anchor-layers all.
 */
double anchor_mean_drift(const Anchor *anchor);

#endif
