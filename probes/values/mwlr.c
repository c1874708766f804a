/* MWLR and the divergences that its sum is made of; everything in double. */
#include "probes/values/mwlr.h"

#include "num/logsumexp.h"

#include <math.h>

double mwlr_gather(size_t v, const real *logits, const int32_t *strings, MwlrDuplicates duplicates, size_t n_strings,
                   double *log_p) {
  const double normaliser = log_sum_exp(v, logits);
  double mass = 0;
  if (isnan(normaliser)) return NAN;
  for (size_t s = 0; s < n_strings; s++) log_p[s] = -INFINITY;
  for (size_t i = 0; i < v; i++) {
    if (strings[i] < 0) continue;
    const double log_one = (double)logits[i] - normaliser;
    double *to = &log_p[strings[i]];
    mass += exp(log_one);
    if (*to == -INFINITY)
      *to = log_one;
    else if (duplicates == MWLR_SUM)
      *to = log_add_exp(*to, log_one);
    else
      *to = fmax(*to, log_one);
  }
  return mass;
}

double mwlr_compute(size_t n, const double *log_p1, const double *log_p2, double *mwlr) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    mwlr[i] = 0.5 * (exp(log_p1[i]) + exp(log_p2[i])) * (log_p2[i] - log_p1[i]);
    sum += mwlr[i];
  }
  return sum;
}

double kl_divergence(size_t n, const double *log_p, const double *log_q) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += exp(log_p[i]) * (log_p[i] - log_q[i]);
  return sum;
}
