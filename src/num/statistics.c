/* Quantiles and resampling. */
#include "num/statistics.h"

#include "base/memory.h"
#include "base/rng.h"

#include <assert.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* Regularised incomplete beta function by its continued fraction (Lentz); converges fast for x < (a + 1) / (a + b + 2).
 */
static double beta_fraction(double a, double b, double x) {
  const double tiny = 1e-300;
  double c = 1, d = 1 - (a + b) * x / (a + 1);
  d = 1 / (fabs(d) < tiny ? tiny : d);
  double h = d;
  for (int m = 1; m <= 500; m++) {
    for (int odd = 0; odd < 2; odd++) {
      const double term = odd ? -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
                              : m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
      d = 1 + term * d;
      c = 1 + term / c;
      d = 1 / (fabs(d) < tiny ? tiny : d);
      if (fabs(c) < tiny) c = tiny;
      h *= c * d;
    }
    if (fabs(c * d - 1) < 1e-15) break;
  }
  return exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) * h / a;
}

/* P(T > t) for t > 0. */
static double student_tail(double t, double df) {
  const double x = df / (df + t * t), a = df / 2, b = 0.5;
  return 0.5 * (x < (a + 1) / (a + b + 2) ? beta_fraction(a, b, x) : 1 - beta_fraction(b, a, 1 - x));
}

double student_quantile(double p, double df) {
  assert(p > 0 && p < 1 && df > 0);
  if (p == 0.5) return 0;
  const double tail = p < 0.5 ? p : 1 - p;
  double low = 0, high = 1;
  while (student_tail(high, df) > tail) low = high, high *= 2;
  for (int i = 0; i < 200 && high - low > 1e-14 * high; i++) {
    const double middle = 0.5 * (low + high);
    if (student_tail(middle, df) > tail)
      low = middle;
    else
      high = middle;
  }
  return p < 0.5 ? -high : high;
}

double hedges_correction(double df) { return exp(lgamma(df / 2) - lgamma((df - 1) / 2)) / sqrt(df / 2); }

double quantile_sorted(size_t n, const double *sorted, double p) {
  const double at = p * (double)(n - 1);
  const size_t below = (size_t)at, above = below + 1 < n ? below + 1 : below;
  const double share = at - (double)below;
  return share == 0 ? sorted[below] : sorted[below] + share * (sorted[above] - sorted[below]);
}

/* Items are drawn some time before they are added, so that those of a large sample come from memory meanwhile. */
static void resample_mean(Rng rng, size_t n, size_t k, const double *values, double *mean) {
  enum { AHEAD = 64 };
  const double *drawn[AHEAD];
  for (size_t i = 0, m; i < n; i += m) {
    m = n - i < AHEAD ? n - i : AHEAD;
    for (size_t x = 0; x < m; x++) {
      drawn[x] = values + rng_below(&rng, n) * k;
      __builtin_prefetch(drawn[x]);
    }
    for (size_t x = 0; x < m; x++)
      for (size_t j = 0; j < k; j++) mean[j] += drawn[x][j];
  }
  for (size_t j = 0; j < k; j++) mean[j] /= (double)n;
}

void resample_means(uint64_t seed, size_t n_resamples, size_t n, size_t k, const double *values, double *means) {
  enum { SMALL = 1 << 16 }; /* draws below which starting threads costs more than they save */
  Rng seeds = rng_new(seed);
  uint64_t *own = mem_alloc(n_resamples, sizeof *own);
  for (size_t b = 0; b < n_resamples; b++) own[b] = rng_next(&seeds);
  memset(means, 0, sizeof *means * n_resamples * k);
#pragma omp parallel for schedule(static) if (!omp_in_parallel() && n_resamples * n > SMALL)
  for (size_t b = 0; b < n_resamples; b++) resample_mean(rng_new(own[b]), n, k, values, means + b * k);
  free(own);
}
