/* Normalisers of softmax over a vocabulary, in double. */
#ifndef FATHOM_NUM_LOGSUMEXP_H
#define FATHOM_NUM_LOGSUMEXP_H

#include "num/real.h"

#include <stddef.h>

/* log sum_i e^x_i of v > 0 values, in double; NaN where one is not finite. log softmax(x)_i = x_i - this. */
double log_sum_exp(size_t v, const real *x);

/* log (e^a + e^b) */
double log_add_exp(double a, double b);

#endif
