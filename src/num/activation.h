/* The nonlinear functions of the MLP, plain and gated, and the soft cap of logits, each with its gradient. */
#ifndef FATHOM_NUM_ACTIVATION_H
#define FATHOM_NUM_ACTIVATION_H

#include "num/real.h"

#include <stddef.h>

typedef enum Activation {
  ACTIVATION_SILU,      /* x / (1 + e^-x) */
  ACTIVATION_GELU_TANH, /* x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2 (Hendrycks and Gimpel 2016) */
  ACTIVATION_GELU_ERF,  /* x (1 + erf(x / sqrt 2)) / 2 */
  ACTIVATION_RELU,      /* max(x, 0) */
} Activation;

/* out[T,F] = act(gate) up; gate_up[T,2F] holds a row's gates, then its ups (SwiGLU, GeGLU: Shazeer 2020). */
void activation_gated_forward(Activation act, size_t rows, size_t f, const real *gate_up, real *out);

/* gate_up[T,2F] is replaced by its gradient, given dout[T,F]. */
void activation_gated_backward(Activation act, size_t rows, size_t f, real *gate_up, const real *dout);

/* out[T,F] = act(x[T,F]). out may be x where x is not needed again. */
void activation_plain_forward(Activation act, size_t rows, size_t f, const real *x, real *out);

/* x[T,F] is replaced by its gradient, given dout[T,F]. */
void activation_plain_backward(Activation act, size_t rows, size_t f, real *x, const real *dout);

/* x[n] <- cap tanh(x / cap), cap > 0. */
void softcap_forward(size_t n, real cap, real *x);

/* dy[n] is replaced by the gradient of x, given the capped values y[n]. */
void softcap_backward(size_t n, real cap, const real *y, real *dy);

#endif
