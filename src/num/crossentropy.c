/* Cross entropy and its gradient, softmax - 1 at the target. */
#include "num/crossentropy.h"

#include "num/vec.h"

enum { BLOCK = 64 * VEC_LANES }; /* terms summed in real before they go into a double */

static real largest(size_t v, const real *x) {
  real most = x[0];
  for (size_t i = 1; i < v; i++) most = x[i] > most ? x[i] : most;
  return most;
}

/* out = e^(x - most); returns the sum of at most BLOCK terms. */
static double exponentials(size_t n, const real *x, real most, real *out) {
  const vec top = vec_all(most);
  vec sum = vec_all(0);
  size_t i = 0;
  for (; i + VEC_LANES <= n; i += VEC_LANES) {
    const vec e = vec_exp(vec_load(x + i) - top);
    vec_store(out + i, e);
    sum += e;
  }
  if (i < n) {
    const vec e = vec_exp(vec_load_part(x + i, n - i, -INFINITY) - top);
    vec_store_part(out + i, e, n - i);
    sum += e; /* e^-inf is 0 */
  }
  return (double)vec_sum(sum);
}

static double one_row(size_t v, const real *logits, size_t target, double scale, real *dlogits) {
  const real most = largest(v, logits);
  double sum = 0;
  for (size_t at = 0; at < v; at += BLOCK)
    sum += exponentials(v - at < BLOCK ? v - at : BLOCK, logits + at, most, dlogits + at);
  const real factor = (real)(scale / sum);
  for (size_t i = 0; i < v; i++) dlogits[i] *= factor;
  dlogits[target] -= (real)scale;
  return log(sum) - ((double)logits[target] - (double)most);
}

void crossentropy_rows(size_t n, size_t v, const real *logits, const int32_t *targets, const double *scales,
                       double *losses, real *dlogits) {
#pragma omp parallel for schedule(static)
  for (size_t r = 0; r < n; r++) losses[r] = one_row(v, logits + r * v, (size_t)targets[r], scales[r], dlogits + r * v);
}
