/* The buffers of a forward pass over a ragged batch, and of the backward pass that may follow: one arena, allocated
 * once and used for every batch. */
#ifndef FATHOM_MODEL_PASS_H
#define FATHOM_MODEL_PASS_H

#include "base/memory.h"
#include "model/config.h"
#include "num/real.h"

#include <stdint.h>

/* T rows (tokens) of B sequences, one after the other, no padding. */
typedef struct Batch {
  size_t n_sequences;
  const size_t *offsets; /* [B + 1]; sequence s is rows offsets[s] .. offsets[s + 1] - 1, at least one */
  const int32_t *ids;    /* [T], each in [0, V) */
} Batch;

/* What one block computes. Without `keeps` all blocks share one set, and resid_post overwrites resid_pre. */
typedef struct LayerBuffers {
  real *resid_pre;   /* [T, D] */
  real *attn_normed; /* [T, D] */
  real *attn_stats;  /* [T, 2] */
  real *qkv;         /* [T, (H + 2K) E], q and k rotated */
  real *lse;         /* [T, H] */
  real *z;           /* [T, H E] */
  real *resid_mid;   /* [T, D] */
  real *mlp_normed;  /* [T, D] */
  real *mlp_stats;   /* [T, 2] */
  real *gate_up;     /* [T, 2F] */
  real *hidden;      /* [T, F] */
  real *resid_post;  /* [T, D]: the next block's resid_pre */
} LayerBuffers;

typedef struct Pass {
  Arena arena;
  size_t max_rows, longest; /* capacity: rows of a batch, and tokens of its longest sequence */
  bool keeps;               /* every block's buffers are kept, for the backward pass */
  LayerBuffers *layers;     /* [L] */
  real *final_normed;       /* [T, D] */
  real *final_stats;        /* [T, 2] */
  real *cosines, *sines;    /* [longest, E / 2] */
  size_t *positions;        /* [T] */
  real *scratch;
  /* Backward, with keeps: */
  real *dresid;  /* [T, D] */
  real *dnormed; /* [T, D] */
  real *dqkv;    /* [T, (H + 2K) E] */
  real *dz;      /* [T, H E] */
  real *dhidden; /* [T, F] */
} Pass;

/* Room for batches of at most max_rows rows whose sequences are at most `longest` long, at the current number of
 * threads. */
Status pass_init(Pass *pass, const ModelConfig *config, size_t max_rows, size_t longest, bool keeps, Error *err);
void pass_clear(Pass *pass); /* all zeros is fine */

/* Bytes that pass_init would take. */
size_t pass_bytes(const ModelConfig *config, size_t max_rows, size_t longest, bool keeps);

#endif
