/* Average ranks, and medians of categories. */
#define _GNU_SOURCE /* qsort_r */
#include "probes/values/ranks.h"

#include "num/statistics.h"

#include <math.h>
#include <stdlib.h>

static int by_score(const void *a, const void *b, void *context) {
  const double *scores = context;
  const size_t i = *(const size_t *)a, j = *(const size_t *)b;
  return scores[i] > scores[j] ? -1 : scores[i] < scores[j] ? 1 : (i > j) - (i < j);
}

void ranks_from_scores(size_t n, const double *scores, double *ranks, size_t *order) {
  for (size_t i = 0; i < n; i++) order[i] = i;
  qsort_r(order, n, sizeof *order, by_score, (void *)scores);
  for (size_t first = 0, end; first < n; first = end) {
    for (end = first + 1; end < n && scores[order[end]] == scores[order[first]];) end++;
    for (size_t i = first; i < end; i++) ranks[order[i]] = 0.5 * (double)(first + 1 + end); /* places first+1 .. end */
  }
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

void ranks_by_category(size_t n_words, const double *ranks, const size_t *category, size_t n_categories,
                       double *medians, double *means, double *scratch) {
  for (size_t c = 0; c < n_categories; c++) {
    size_t n = 0;
    double sum = 0;
    for (size_t w = 0; w < n_words; w++)
      if (category[w] == c) sum += scratch[n++] = ranks[w];
    qsort(scratch, n, sizeof *scratch, ascending);
    medians[c] = n ? quantile_sorted(n, scratch, 0.5) : NAN;
    means[c] = n ? sum / (double)n : NAN;
  }
}
