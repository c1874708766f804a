/* Exact and random relabelings. */
#include "probes/values/permutation.h"

#include "base/memory.h"
#include "base/rng.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What is compared is sums of the same numbers in another order: differences of rounding are ties. */
static bool is_as_large(double found, double statistic, double scale) {
  return fabs(found) >= fabs(statistic) - 1e-10 * scale;
}

static double largest(size_t n, const double *values) {
  double most = 0;
  for (size_t i = 0; i < n; i++) most = fmax(most, fabs(values[i]));
  return most;
}

/* n over k, or limit + 1 where it is more than limit. */
static size_t count_choices(size_t n, size_t k, size_t limit) {
  if (k > n - k) k = n - k;
  double count = 1; /* whole at every step, and exact as far as a limit goes */
  for (size_t i = 1; i <= k && count <= (double)limit; i++) count = count * (double)(n - k + i) / (double)i;
  return count <= (double)limit ? (size_t)(count + 0.5) : limit + 1;
}

/* The next choice of k of n in lexicographic order; false behind the last. */
static bool next_choice(size_t n, size_t k, size_t *chosen) {
  for (size_t i = k; i-- > 0;)
    if (chosen[i] < n - k + i) {
      chosen[i]++;
      for (size_t j = i + 1; j < k; j++) chosen[j] = chosen[j - 1] + 1;
      return true;
    }
  return false;
}

/* Difference of the group means, where the values sum to nothing: the others' sum is that of the first with its sign
 * turned. */
static double difference(size_t n, size_t k, const double *centred, const size_t *chosen) {
  double sum = 0;
  for (size_t i = 0; i < k; i++) sum += centred[chosen[i]];
  return sum / (double)k + sum / (double)(n - k);
}

Permutation permutation_of_groups(size_t n, const double *values, const bool *is_first, size_t limit, uint64_t seed) {
  double *centred = mem_alloc(n, sizeof *centred), mean = 0;
  size_t *chosen = mem_alloc(n, sizeof *chosen), *order = mem_alloc(n, sizeof *order), k = 0, n_large = 0;
  for (size_t i = 0; i < n; i++) mean += values[i] / (double)n;
  for (size_t i = 0; i < n; i++) {
    centred[i] = values[i] - mean;
    order[i] = i;
    if (is_first[i]) chosen[k++] = i;
  }
  assert(k > 0 && k < n);
  const double statistic = difference(n, k, centred, chosen), scale = largest(n, centred);
  const size_t n_all = count_choices(n, k, limit);
  Permutation found = {.statistic = statistic, .is_exact = n_all <= limit, .labelings = n_all <= limit ? n_all : limit};
  if (found.is_exact) {
    for (size_t i = 0; i < k; i++) chosen[i] = i;
    do n_large += is_as_large(difference(n, k, centred, chosen), statistic, scale);
    while (next_choice(n, k, chosen));
    found.p = (double)n_large / (double)n_all;
    found.least_p = (2 * k == n ? 2.0 : 1.0) / (double)n_all; /* groups of one size have a mirror image */
  } else {
    Rng rng = rng_new(seed);
    for (size_t b = 0; b < limit; b++) {
      rng_shuffle(&rng, order, n);
      n_large += is_as_large(difference(n, k, centred, order), statistic, scale);
    }
    found.p = (1.0 + (double)n_large) / (1.0 + (double)limit);
    found.least_p = 1.0 / (1.0 + (double)limit);
  }
  free(centred);
  free(chosen);
  free(order);
  return found;
}

/* The mean with the signs that the bits say, a set bit turning one. */
static double signed_mean(size_t n, const double *values, const uint64_t *bits) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += bits[i / 64] >> (i % 64) & 1 ? -values[i] : values[i];
  return sum / (double)n;
}

Permutation permutation_of_signs(size_t n, const double *values, size_t limit, uint64_t seed) {
  assert(n > 0);
  const size_t n_bits = (n + 63) / 64;
  uint64_t *bits = mem_alloc(n_bits, sizeof *bits);
  const double statistic = signed_mean(n, values, bits), scale = largest(n, values);
  const bool is_exact = n < 48 && (size_t)1 << n <= limit;
  Permutation found = {.statistic = statistic, .is_exact = is_exact, .labelings = is_exact ? (size_t)1 << n : limit};
  Rng rng = rng_new(seed);
  size_t n_large = 0;
  for (size_t b = 0; b < found.labelings; b++) {
    bits[0] = b;
    for (size_t i = 0; i < n_bits && !is_exact; i++) bits[i] = rng_next(&rng);
    n_large += is_as_large(signed_mean(n, values, bits), statistic, scale);
  }
  const double found_itself = is_exact ? 0 : 1;
  found.p = (found_itself + (double)n_large) / (found_itself + (double)found.labelings);
  found.least_p = (is_exact ? 2.0 : 1.0) / (found_itself + (double)found.labelings);
  free(bits);
  return found;
}

static int ascending(const void *a, const void *b) {
  const double x = **(const double *const *)a, y = **(const double *const *)b;
  return (x > y) - (x < y);
}

void adjust_benjamini_hochberg(size_t n, const double *p, double *q) {
  const double **sorted = mem_alloc(n, sizeof *sorted);
  size_t n_tests = 0;
  for (size_t i = 0; i < n; i++) {
    q[i] = NAN;
    if (!isnan(p[i])) sorted[n_tests++] = &p[i];
  }
  qsort(sorted, n_tests, sizeof *sorted, ascending);
  double least = 1;
  for (size_t i = n_tests; i-- > 0;) {
    least = fmin(least, *sorted[i] * (double)n_tests / (double)(i + 1));
    q[sorted[i] - p] = least;
  }
  free(sorted);
}
