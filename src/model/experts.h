/* A block's mixture of experts in place of its MLP (Shazeer et al. 2017): a router chooses top_k of X gated MLPs for
 * each row and weighs what they give; optionally one more MLP, shared by all rows, behind a gate of its own. Every sum
 * has a fixed order: the numbers do not depend on the number of threads. */
#ifndef FATHOM_MODEL_EXPERTS_H
#define FATHOM_MODEL_EXPERTS_H

#include "num/activation.h"
#include "num/linear.h"
#include "num/real.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct ExpertsShape {
  size_t hidden_size;      /* D */
  size_t n_experts, top_k; /* X; k <= X of them for a row */
  size_t expert_width;     /* F */
  size_t shared_width;     /* S: of the expert that every row uses, 0 where there is none */
  bool renormalise;        /* the k weights of a row are divided by their sum */
  Activation activation;
} ExpertsShape;

/* The weights of one block. */
typedef struct Experts {
  const Linear *router;                                     /* [X, D] */
  const Linear *gate_up;                                    /* X of [2F, D], gates above ups */
  const Linear *down;                                       /* X of [D, F] */
  const Linear *shared_gate_up, *shared_down, *shared_gate; /* [2S, D], [D, S] and [1, D] where S > 0 */
} Experts;

/* out[T,D] = sum over the k experts of a row, in ascending order, of weight * down(act(gate x) up x)
 *          + sigmoid(shared_gate x) * the shared expert, where there is one;
 * the weights are the k largest of softmax(router x), the first of equal ones. kept[experts_kept()] and
 * routes[experts_routes()] serve the backward pass; scratch: experts_scratch() reals. */
void experts_forward(const ExpertsShape *shape, const Experts *w, size_t rows, const real *x, real *kept,
                     size_t *routes, real *scratch, real *out);

/* Where gradients go; each may be NULL. gate_up[X,2F,D] and down[X,D,F] hold all experts. */
typedef struct ExpertsGradients {
  real *router, *gate_up, *down, *shared_gate_up, *shared_down, *shared_gate;
} ExpertsGradients;

/* dx[T,D] is overwritten; gradients are overwritten, or added to where accumulate is set. Which experts a row uses is a
 * constant. kept is used up. Scratch: experts_backward_scratch() reals. */
void experts_backward(const ExpertsShape *shape, const Experts *w, size_t rows, const real *x, real *kept,
                      const size_t *routes, const real *dout, const ExpertsGradients *gradients, bool accumulate,
                      real *dx, real *scratch);

/* For at most this many rows: reals of kept and of the scratches, entries of routes. */
size_t experts_kept(const ExpertsShape *shape, size_t rows);
size_t experts_routes(const ExpertsShape *shape, size_t rows);
size_t experts_scratch(const ExpertsShape *shape, size_t rows);
size_t experts_backward_scratch(const ExpertsShape *shape, size_t rows);

#endif
