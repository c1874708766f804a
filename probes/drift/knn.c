/* Do rows keep their neighbours? `knn` = mean over rows of the Jaccard overlap |A n B| / |A u B| of their k = 10
 * nearest neighbours by cosine among the rows of X and among those of Y, rows as recorded (as in the ReSi benchmark,
 * Klabunde et al. 2024). Rows of one sample resemble each other whatever a model does, so that neighbours are looked
 * for in other samples alone (fathom's own; the same where a sample has one row). Ties go to the row that comes first.
 *
 * All pairs of rows are looked at, so that it sees a subsample of whole samples, and depends on how many rows that has:
 * M rows that are unrelated give about k / (2 M - k). Undefined where some row has no more than k others to choose
 * from.
 *
 * No interval: neighbours are replaced one by one, at which a jackknife over samples jumps. In simulations of 60 to 200
 * samples it came out 1.4 to 2.6 times too wide, and a mean over rows with neighbours taken as given 1.1 to 1.6 times
 * too narrow. */
#include "base/memory.h"
#include "num/blas.h"
#include "probes/drift/measure.h"

#include <math.h>
#include <stdlib.h>

enum { K = 10, TILE = 128 }; /* neighbours; rows whose similarities are held at a time */

typedef struct Knn {
  DriftShape shape;
  KeptRows rows;
  double value;
} Knn;

static void *begin(const DriftShape *shape, const void *settled) {
  (void)settled;
  Knn *k = mem_alloc(1, sizeof *k);
  k->shape = *shape;
  k->rows = kept_rows_new(shape->subsample, shape->dx, shape->dy);
  return k;
}

static void free_state(void *state) {
  Knn *k = state;
  kept_rows_clear(&k->rows);
  free(k);
}

static void accumulate(void *state, const RowBlock *block) {
  Knn *k = state;
  kept_rows_take(&k->rows, block);
}

static void merge(void *into, const void *from) {
  kept_rows_merge(&((Knn *)into)->rows, &((const Knn *)from)->rows);
}

/* The K rows of largest similarity [n], [begin, end) left out, to nearest. */
static void find_nearest(size_t n, const double *similarity, size_t begin, size_t end, uint32_t nearest[K]) {
  double best[K];
  size_t found = 0;
  for (size_t j = 0; j < n; j++) {
    if (j == begin) j = end;
    if (j == n) break;
    const double s = similarity[j];
    if (found == K && !(s > best[K - 1])) continue;
    size_t at = found < K ? found++ : K - 1;
    for (; at > 0 && s > best[at - 1]; at--) {
      best[at] = best[at - 1];
      nearest[at] = nearest[at - 1];
    }
    best[at] = s;
    nearest[at] = (uint32_t)j;
  }
}

/* Neighbours of every row of one side, [n, K]. */
static uint32_t *all_nearest(const RowSubsample *s, size_t d, const float *rows) {
  const size_t n = s->n_rows;
  uint32_t *nearest = mem_alloc(n * K, sizeof *nearest);
  double *unit = mem_alloc(n * d, sizeof *unit), *similarity = mem_alloc(TILE * n, sizeof *similarity);
  kept_rows_unit(n, d, rows, false, unit);
  size_t sample = 0;
  for (size_t first = 0; first < n; first += TILE) {
    const size_t m = n - first < TILE ? n - first : TILE;
    blas_gemm_f64(false, true, m, n, d, 1, unit + first * d, d, unit, d, 0, similarity, n);
    for (size_t i = first; i < first + m; i++) {
      while (s->begin[sample + 1] <= i) sample++;
      find_nearest(n, similarity + (i - first) * n, s->begin[sample], s->begin[sample + 1], nearest + i * K);
    }
  }
  free(unit);
  free(similarity);
  return nearest;
}

static double overlap(const uint32_t a[K], const uint32_t b[K]) {
  size_t common = 0;
  for (size_t i = 0; i < K; i++)
    for (size_t j = 0; j < K; j++) common += a[i] == b[j];
  return (double)common / (double)(2 * K - common);
}

static Status settle(void *state, Error *err) {
  (void)err;
  Knn *k = state;
  const RowSubsample *s = k->shape.subsample;
  size_t longest = 0;
  for (size_t i = 0; i < s->n_samples; i++)
    if (s->begin[i + 1] - s->begin[i] > longest) longest = s->begin[i + 1] - s->begin[i];
  k->value = NAN;
  if (s->n_rows <= longest + K || kept_rows_constant(&k->rows))
    return STATUS_OK;
  uint32_t *of_x = all_nearest(s, k->shape.dx, k->rows.x), *of_y = all_nearest(s, k->shape.dy, k->rows.y);
  double sum = 0;
  for (size_t i = 0; i < s->n_rows; i++) sum += overlap(of_x + i * K, of_y + i * K);
  k->value = sum / (double)s->n_rows;
  free(of_x);
  free(of_y);
  return STATUS_OK;
}

static void finish(const void *state, Estimate *estimates) {
  estimates[0] = (Estimate){.value = ((const Knn *)state)->value};
}

const Measure measure_knn = {
    .name = "knn",
    .n_values = 1,
    .values = {{"knn", "0 to 1", "1", "rotation and scale of either side, scale of each row",
                "m^2 d for m <= 2000 rows", "Klabunde et al. 2024 (ReSi); neighbours from other samples: fathom's own",
                "mean Jaccard overlap of a row's 10 nearest neighbours by cosine, rows as recorded; unrelated sides: "
                "about 10 / (2 m - 10)",
                "neighbours are replaced one by one: a jackknife over samples comes out far too wide, neighbours taken "
                "as given too narrow",
                "knn depends on the number of rows: compare it at the same rows alone"}},
    .subsampled = true,
    .passes = 1,
    .begin = begin,
    .accumulate = accumulate,
    .merge = merge,
    .settle = settle,
    .finish = finish,
    .free = free_state,
};
