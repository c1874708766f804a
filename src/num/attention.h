/* Causal grouped-query attention over a ragged batch, without ever holding a T x T matrix: a block of queries of one
 * head of one sequence at a time, only against the keys it can see: all earlier ones, or a window of them. */
#ifndef FATHOM_NUM_ATTENTION_H
#define FATHOM_NUM_ATTENTION_H

#include "num/real.h"

#include <stddef.h>

/* Keys and values that stand before every sequence of a batch: its sequences continue one text, of which this is kept.
 * Rows are `stride` reals apart, key/value head h of a row at column h * E. */
typedef struct AttentionPrefix {
  size_t length, stride; /* length 0: none */
  const real *k, *v;
} AttentionPrefix;

/* q, k, v point into one row-major buffer with `stride` reals between rows (the fused projection): head h of q at
 * column h * E, key/value head h / (H / K) of k and v likewise. z and dz are packed [T, H * E]. */
typedef struct AttentionShape {
  size_t n_sequences;
  const size_t *offsets; /* [n_sequences + 1]: rows of sequence s are [offsets[s], offsets[s + 1]) */
  size_t n_heads, n_kv_heads, head_dim, stride;
  real scale;    /* of the scores, 1 / sqrt(E) as a rule */
  size_t window; /* query i sees key j where 0 <= i - j < window; 0: all earlier ones */
  real softcap;  /* a scaled score s becomes softcap tanh(s / softcap); 0: it stays */
  AttentionPrefix prefix; /* forward only; positions, and so the window, count from its first key */
} AttentionShape;

/* z = softmax(cap(scale q k') + causal mask) v; lse[T, H] = log of each row's sum of exponentials, for the backward pass.
 * Scratch: attention_scratch() reals. */
void attention_forward(const AttentionShape *shape, const real *q, const real *k, const real *v, real *z, real *lse,
                       real *scratch);

/* dq, dk, dv have the layout of q, k, v and are overwritten. Scratch: attention_backward_scratch() reals. */
void attention_backward(const AttentionShape *shape, const real *q, const real *k, const real *v, const real *z,
                        const real *lse, const real *dz, real *dq, real *dk, real *dv, real *scratch);

/* For batches of at most this many rows whose longest sequence, its prefix included, is at most this long, at the current
 * thread count. */
size_t attention_scratch(size_t longest);
size_t attention_backward_scratch(size_t rows, size_t longest, size_t n_heads, size_t head_dim);

#endif
