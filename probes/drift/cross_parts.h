/* What the parts of cross.c share: sides centred, pairs of sides, and the two forms of their products. */
#ifndef FATHOM_PROBES_DRIFT_CROSS_PARTS_H
#define FATHOM_PROBES_DRIFT_CROSS_PARTS_H

#include "probes/drift/cross.h"

#include <stdbool.h>
#include <stddef.h>

/* All sites of both models in one list. */
typedef struct CrossSides {
  const RowPlan *plan;
  const RowSide **sides;      /* [n] */
  double **means;             /* [n][width] */
  double *squares;            /* [n] sums of squares before centring */
  float *scales;              /* [n] a power of two for each side, so that float32 products of products stay in range */
  size_t n, widest;
  size_t capacity;            /* rows of the largest block */
  size_t small;               /* of the largest where blocks of all sides are held */
  bool clustered;             /* some sample has several rows */
} CrossSides;

/* Centred and scaled rows of samples [first_sample, first_sample + n_samples) of side s, [n, width]. */
Status cross_read(const CrossSides *c, size_t s, size_t first_sample, size_t n_samples, float *rows, Error *err);

typedef struct CrossPair {
  size_t left, right;
} CrossPair;

/* What is asked for: every side with itself and then each of the first model's with each of the other's, and whether sample
 * by sample too. The order in which they are taken between columns, and where each of the passes begins in it. */
typedef struct CrossPairs {
  CrossPair *items;
  size_t count;
  bool by_sample;
  size_t *order, *passes; /* [count], [n_passes + 1] */
  size_t n_passes;
} CrossPairs;

/* The passes that memory asks for. */
void cross_pairs_make(const CrossRequest *request, CrossPairs *pairs);
void cross_pairs_clear(CrossPairs *pairs);

/* Sizes of the sides alone: no row is read. */
CrossSides cross_sides_sizes(const CrossRequest *request);

/* Products of cka.c's top comment for every pair asked for, [n, n]: |T|^2, and where samples have several rows <T,W>
 * and |W|^2. Others stay 0. */
typedef struct CrossProducts {
  double *tt, *tw, *ww;
  float *along; /* [pairs, n_samples] <S_c, T>; where asked for by sample */
} CrossProducts;

Status cross_by_columns(const CrossSides *c, const CrossPairs *pairs, CrossProducts *to, Error *err);

Status cross_by_rows(const CrossSides *c, const CrossPairs *pairs, CrossProducts *to, Error *err);
size_t cross_rows_memory(const CrossSides *c, const CrossRequest *request);

/* to[n, n] += weight * F F' for features F [n, size], `stride` floats apart: float32 products over slices, added in
 * float64. */
void cross_add_features(size_t n, size_t size, const float *features, size_t stride, double weight, double *to);

#endif
