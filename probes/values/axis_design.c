/* Folds and permutations that keep lemmas whole. */
#include "probes/values/axis_design.h"

#include "base/memory.h"
#include "base/rng.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* pole[n_lemmas]: is the lemma of the first pole? */
static bool *lemma_poles(const AxisDesign *design) {
  bool *pole = mem_alloc(design->n_lemmas, sizeof *pole), *seen = mem_alloc(design->n_lemmas, sizeof *seen);
  for (size_t i = 0; i < design->n; i++) {
    const size_t lemma = design->lemma[i];
    assert(lemma < design->n_lemmas && (!seen[lemma] || pole[lemma] == design->first[i]));
    pole[lemma] = design->first[i];
    seen[lemma] = true;
  }
  free(seen);
  return pole;
}

Status axis_design_init(AxisDesign *design, size_t n, const bool *first, const size_t *lemma, size_t n_lemmas,
                        size_t n_folds, uint64_t seed, const char *const poles[2], Error *err) {
  *design = (AxisDesign){.n = n, .first = first, .lemma = lemma, .n_lemmas = n_lemmas, .n_folds = n_folds};
  bool *pole = lemma_poles(design);
  size_t *list = mem_alloc(n_lemmas, sizeof *list), *fold_of = mem_alloc(n_lemmas, sizeof *fold_of);
  Rng rng = rng_new(seed);
  Status status = STATUS_OK;
  for (int side = 0; side < 2 && status == STATUS_OK; side++) {
    size_t count = 0;
    for (size_t l = 0; l < n_lemmas; l++)
      if (pole[l] == (side == 0)) list[count++] = l;
    if (count < n_folds)
      status = error_set(err, STATUS_DATA, "pole %s has %zu lemmas, expected at least %zu: one for each fold",
                         poles[side], count, n_folds);
    rng_shuffle(&rng, list, count);
    /* Dealt from both ends, so that folds are of nearly one size. */
    for (size_t i = 0; i < count; i++) fold_of[list[i]] = side == 0 ? i % n_folds : n_folds - 1 - i % n_folds;
  }
  design->fold = mem_alloc(n, sizeof *design->fold);
  for (size_t i = 0; i < n; i++) design->fold[i] = fold_of[lemma[i]];
  free(pole);
  free(list);
  free(fold_of);
  return status;
}

void axis_design_clear(AxisDesign *design) {
  free(design->fold);
  *design = (AxisDesign){0};
}

/* Lemmas fold by fold, rising in each: those of fold f are list[begin[f]] to list[begin[f + 1]]. */
static void sort_by_fold(const AxisDesign *design, size_t *begin, size_t *list) {
  size_t *fold_of = mem_alloc(design->n_lemmas, sizeof *fold_of), *at = mem_alloc(design->n_folds + 1, sizeof *at);
  for (size_t i = 0; i < design->n; i++) fold_of[design->lemma[i]] = design->fold[i];
  for (size_t l = 0; l < design->n_lemmas; l++) begin[fold_of[l] + 1]++;
  for (size_t f = 0; f < design->n_folds; f++) at[f + 1] = begin[f + 1] += begin[f];
  for (size_t l = 0; l < design->n_lemmas; l++) list[at[fold_of[l]]++] = l;
  free(fold_of);
  free(at);
}

bool *axis_labelings(const AxisDesign *design, size_t n_permutations, uint64_t seed) {
  const size_t n = design->n, n_lemmas = design->n_lemmas;
  bool *labels = mem_alloc((1 + n_permutations) * n, sizeof *labels), *pole = lemma_poles(design);
  bool *drawn = mem_alloc(n_lemmas, sizeof *drawn);
  size_t *begin = mem_alloc(design->n_folds + 1, sizeof *begin), *list = mem_alloc(n_lemmas, sizeof *list),
         *order = mem_alloc(n_lemmas, sizeof *order);
  sort_by_fold(design, begin, list);
  memcpy(labels, design->first, n * sizeof *labels);
  Rng rng = rng_new(seed ^ UINT64_C(0x5851f42d4c957f2d));
  for (size_t b = 1; b <= n_permutations; b++) {
    for (size_t f = 0; f < design->n_folds; f++) {
      const size_t *own = list + begin[f], count = begin[f + 1] - begin[f];
      memcpy(order, own, count * sizeof *order);
      rng_shuffle(&rng, order, count);
      for (size_t i = 0; i < count; i++) drawn[own[i]] = pole[order[i]];
    }
    for (size_t i = 0; i < n; i++) labels[b * n + i] = drawn[design->lemma[i]];
  }
  free(pole);
  free(drawn);
  free(begin);
  free(list);
  free(order);
  return labels;
}
