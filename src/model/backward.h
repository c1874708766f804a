/* The backward pass: the forward pass in a mirror. */
#ifndef FATHOM_MODEL_BACKWARD_H
#define FATHOM_MODEL_BACKWARD_H

#include "model/model.h"
#include "model/pass.h"

/* Gradients of the parameters from `begin` (an offset of the table) to its end: what is trained. */
typedef struct Gradients {
  real *values; /* [table.total - begin] */
  size_t begin;
  int32_t *touched; /* ids whose embedding rows hold a gradient */
  size_t n_touched;
} Gradients;

/* Adds a loss's own gradient at blocks.layer.hook_resid_post to dresid[T, D], when the pass gets there. */
typedef struct Injection {
  void (*add)(void *context, size_t layer, const real *resid_post, real *dresid);
  void *context;
} Injection;

/* drewards[B]: dLoss / dreward of each sequence, or NULL. dfinal[T, D]: dLoss / dfinal_normed, or NULL. Both may be
 * given. Every gradient from gradients->begin on is overwritten, or with accumulate added to; values must have been all
 * zeros before the first call. Stops at the lowest block that has something to train. Destroys the pass's gate_up
 * buffers. injection may be NULL. */
void model_backward(const Model *model, const Batch *batch, Pass *pass, const real *drewards, const real *dfinal,
                    const Injection *injection, bool accumulate, Gradients *gradients);

/* Of model_logits_of on hidden[n, D]: dhidden[n, D] from dlogits[n, V], which is destroyed, and the logits themselves.
 * dhead[V, D], the head's own gradient, is added to; NULL where it is not wanted. */
void model_logits_backward(const Model *model, size_t n, const real *hidden, const real *logits, real *dlogits,
                           real *dhidden, real *dhead);

/* Before the model_backward of a sum that something else adds to as well: all zeros for the gradients of the
 * language-model head and of the whole embedding, of which model_backward clears no more than the rows it used. */
void gradients_clear_tables(const Model *model, Gradients *gradients);

/* Frees what model_backward keeps in gradients beside values. */
void gradients_clear(Gradients *gradients);

#endif
