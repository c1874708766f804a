/* AdamW (Loshchilov and Hutter 2019) on flat arrays, the learning rate's schedule, and the global gradient norm. */
#ifndef FATHOM_TRAIN_ADAMW_H
#define FATHOM_TRAIN_ADAMW_H

#include "num/real.h"

#include <stddef.h>

typedef struct AdamwStep {
  double learning_rate, beta1, beta2, epsilon, weight_decay;
  size_t step;           /* 1 for the first */
  double gradient_scale; /* clipping: the gradient is multiplied by this first */
} AdamwStep;

/* One update of values[n], first[n], second[n]: decoupled decay, both moments bias-corrected. */
void adamw_update(const AdamwStep *step, size_t n, real *values, const real *gradient, real *first, real *second);

/* sum of x^2, in double over fixed chunks: the same bits for any number of threads. */
double sum_of_squares(size_t n, const real *x);

/* Cosine decay to 0 after a linear rise over the first warmup steps; step counts from 0. */
double learning_rate_at(size_t step, size_t n_steps, size_t warmup, double peak);

#endif
