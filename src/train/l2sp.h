/* L2-SP (Li, Grandvalet and Davoine 2018): a penalty of |w - w0|^2, w0 the weights that training starts from. */
#ifndef FATHOM_TRAIN_L2SP_H
#define FATHOM_TRAIN_L2SP_H

#include "model/backward.h"
#include "model/model.h"

typedef struct L2sp {
  double strength; /* X of the loss's term X |w - w0|^2 */
  size_t n;        /* parameters that are trained, without a new head, which has no w0 */
  struct L2spPart *parts;
  size_t copied;       /* bytes of w0 kept in memory; the rest is read from the mapped files */
  double *row_squares; /* [the most rows of a parameter] */
} L2sp;

/* Takes the model's values from offset `begin` on as w0. Matrices that lie in the source as they are in memory are read
 * from there in every step; only the others (vectors, transposed matrices, what an adapter was merged into) are copied.
 * source and adapter (either may be NULL) must outlive it. with_head: the score head was read and not made anew. */
void l2sp_init(L2sp *l2sp, double strength, const Model *model, size_t begin, bool with_head, const Source *source,
               const Adapter *adapter);
void l2sp_clear(L2sp *l2sp); /* all zeros is fine */

/* Adds 2 X (w - w0) to the gradients, of which gradients_clear_tables must have begun the sum; returns |w - w0|^2. */
double l2sp_add(const L2sp *l2sp, const Model *model, Gradients *gradients);

#endif
