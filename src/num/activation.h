/* Gated activations of the MLP. */
#ifndef FATHOM_NUM_ACTIVATION_H
#define FATHOM_NUM_ACTIVATION_H

#include "num/real.h"

#include <stddef.h>

/* out[T,F] = silu(gate) * up, silu(g) = g / (1 + e^-g); gate_up[T,2F] holds a row's gates, then its ups. */
void activation_swiglu_forward(size_t rows, size_t f, const real *gate_up, real *out);

/* gate_up[T,2F] is replaced by its gradient, given dout[T,F]. */
void activation_swiglu_backward(size_t rows, size_t f, real *gate_up, const real *dout);

#endif
