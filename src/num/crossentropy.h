/* Cross entropy of rows of logits. */
#ifndef FATHOM_NUM_CROSSENTROPY_H
#define FATHOM_NUM_CROSSENTROPY_H

#include "num/real.h"

#include <stddef.h>
#include <stdint.h>

/* losses[r] = -log softmax(logits[r])[targets[r]] of n rows of v logits, targets in [0, v);
 * dlogits[n, v] = scales[r] * d losses[r] / d logits[r]. logits and dlogits do not overlap. */
void crossentropy_rows(size_t n, size_t v, const real *logits, const int32_t *targets, const double *scales,
                       double *losses, real *dlogits);

#endif
