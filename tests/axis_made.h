/* Made words for tests of value axes: lemmas of several forms, two poles, a difference planted along column 0. */
#ifndef FATHOM_TESTS_AXIS_MADE_H
#define FATHOM_TESTS_AXIS_MADE_H

#include "base/memory.h"
#include "base/rng.h"
#include "probes/values/axis_design.h"

#include <stdlib.h>

static const char *const poles[] = {"agency", "communion"};
static const char *const methods[] = {"mean", "lda", "logistic"};

typedef struct Made {
  size_t n, d, n_lemmas;
  float *rows;
  bool *first;
  size_t *lemma;
} Made;

static inline void made_clear(Made *m) {
  free(m->rows);
  free(m->first);
  free(m->lemma);
}

/* n_lemmas lemmas of `forms` words, poles alternating; every word is its lemma's Gaussian row, `own` times one of its own,
 * and for the first pole `apart` along column 0. */
static inline Made make(size_t n_lemmas, size_t forms, size_t d, double own, double apart, uint64_t seed) {
  Made m = {n_lemmas * forms, d, n_lemmas, mem_alloc(n_lemmas * forms * d, sizeof(float)),
            mem_alloc(n_lemmas * forms, sizeof(bool)), mem_alloc(n_lemmas * forms, sizeof(size_t))};
  Rng rng = rng_new(seed);
  double *common = mem_alloc(d, sizeof *common);
  for (size_t i = 0; i < m.n; i++) {
    if (i % forms == 0)
      for (size_t j = 0; j < d; j++) common[j] = rng_normal(&rng);
    m.lemma[i] = i / forms;
    m.first[i] = m.lemma[i] % 2;
    for (size_t j = 0; j < d; j++)
      m.rows[i * d + j] = (float)(3 + common[j] + own * rng_normal(&rng) + (j == 0 && m.first[i] ? apart : 0));
  }
  free(common);
  return m;
}

#endif
