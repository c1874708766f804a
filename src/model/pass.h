/* The buffers of a forward pass over a ragged batch, and of the backward pass that may follow: one arena, allocated
 * once and used for every batch. */
#ifndef FATHOM_MODEL_PASS_H
#define FATHOM_MODEL_PASS_H

#include "base/memory.h"
#include "model/config.h"
#include "num/real.h"

#include <stdint.h>

struct Prefix;

/* T rows (tokens) of B sequences, one after the other, no padding. */
typedef struct Batch {
  size_t n_sequences;
  const size_t *offsets; /* [B + 1]; sequence s is rows offsets[s] .. offsets[s + 1] - 1, at least one */
  const int32_t *ids;    /* [T], each in [0, V) */
  const struct Prefix *prefix; /* what every sequence continues (prefix.h), or NULL; no backward pass then */
} Batch;

/* What of the blocks is still there when the forward pass is over. */
typedef enum PassKeeps {
  KEEP_NOTHING, /* all blocks share one set of buffers, and resid_post overwrites resid_pre */
  KEEP_BLOCKS,  /* every block's buffers, for the backward pass */
  KEEP_INPUTS,  /* every block's resid_pre; for the rest they share one set, which the backward pass fills again */
} PassKeeps;

/* What one block computes. A step that a model does not take has no buffer of its own: what it would write is what it
 * would read. */
typedef struct LayerBuffers {
  real *resid_pre;       /* [T, D] */
  real *attn_normed;     /* [T, D]; resid_pre where nothing is normalised before attention */
  real *attn_stats;      /* [T, 2] */
  real *qkv_raw;         /* [T, (H + 2K) E]; qkv where q and k are not normalised */
  real *q_stats;         /* [T, H, 2], or [T, 2] of all heads together */
  real *k_stats;         /* [T, K, 2], or [T, 2] */
  real *qkv;             /* [T, (H + 2K) E], q and k normalised and rotated; v only where qkv_raw is the same */
  real *lse;             /* [T, H] */
  real *z;               /* [T, H E] */
  real *attn_raw;        /* [T, D], before the norm after attention; resid_mid where there is none */
  real *attn_post_stats; /* [T, 2] */
  real *resid_mid;       /* [T, D] */
  real *mlp_normed;      /* [T, D]; resid_mid where nothing is normalised before the MLP */
  real *mlp_stats;       /* [T, 2] */
  real *gate_up;         /* [T, 2F], ungated [T, F]; of blocks without experts */
  real *hidden;          /* [T, F]; of blocks without experts */
  real *kept;            /* experts_kept(): what experts leave for the backward pass */
  size_t *routes;        /* experts_routes(): which rows they took */
  real *mlp_raw;         /* [T, D], before the norm after the MLP; resid_post where there is none */
  real *mlp_post_stats;  /* [T, 2] */
  real *resid_post;      /* [T, D]: the next block's resid_pre */
} LayerBuffers;

typedef struct Pass {
  Arena arena;
  size_t max_rows, longest; /* capacity: rows of a batch, and tokens of its longest sequence, prefix included */
  PassKeeps keeps;
  LayerBuffers *layers;     /* [L] */
  real *delta;              /* [T, D], what a norm after attention or MLP adds to the stream */
  real *final_normed;       /* [T, D] */
  real *final_stats;        /* [T, 2] */
  size_t *positions;        /* [T] */
  /* Of each kind of rotary positions: a table by position [longest, R / 2] and where each row of the batch finds its
   * own there; or, where frequencies depend on a sequence's length, a table by row [T, R / 2]. */
  real *cosines[ROPE_COUNT], *sines[ROPE_COUNT];
  const size_t *rope_rows[ROPE_COUNT]; /* [T] */
  size_t *own_rows;                    /* [T]: 0, 1, ... */
  real *scratch;
  /* Backward, where something is kept: */
  real *dresid;  /* [T, D] */
  real *dbranch; /* [T, D], of what a branch adds, where that is not dresid itself */
  real *dnormed; /* [T, D] */
  real *dqkv;    /* [T, (H + 2K) E] */
  real *dz;      /* [T, H E] */
  real *dhidden; /* [T, F] */
} Pass;

/* Room for batches of at most max_rows rows whose sequences are at most `longest` long, prefix included, at the current
 * number of threads. */
Status pass_init(Pass *pass, const ModelConfig *config, size_t max_rows, size_t longest, PassKeeps keeps, Error *err);
void pass_clear(Pass *pass); /* all zeros is fine */

/* Fills a table that goes by row for a batch that is about to run; others are filled once. */
void pass_fill_ropes(Pass *pass, const ModelConfig *config, int rope, const Batch *batch);

/* Bytes that pass_init would take. */
size_t pass_bytes(const ModelConfig *config, size_t max_rows, size_t longest, PassKeeps keeps);

#endif
