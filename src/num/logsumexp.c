/* Normalisers of softmax. The largest value is taken out first, so that large logits do not overflow. */
#include "num/logsumexp.h"

#include <math.h>

double log_sum_exp(size_t v, const real *x) {
  double most = (double)x[0], sum = 0;
  for (size_t i = 1; i < v; i++) most = (double)x[i] > most ? (double)x[i] : most;
  for (size_t i = 0; i < v; i++) {
    if (!isfinite(x[i])) return NAN;
    sum += exp((double)x[i] - most);
  }
  return most + log(sum);
}

double log_add_exp(double a, double b) {
  const double most = a > b ? a : b, least = a > b ? b : a;
  return most + log1p(exp(least - most));
}
