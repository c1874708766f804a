/* How many directions the rows of X, of Y and of the change Y - X fill, centred: with singular values sigma,
 * `effective_rank_*` = exp(-sum p ln p), p = sigma / sum sigma (Roy and Vetterli 2007), and `participation_*` = (sum
 * sigma^2)^2 / sum sigma^4, the participation ratio. Both are 1 for one direction and d for d equal ones. The change of
 * a rank-1 edit has 1; where nothing changed, or all rows by the same vector as far as float32 can tell, it is
 * undefined. Singular values under LEAST of the largest are rounding, and count as 0. */
#include "base/memory.h"
#include "probes/drift/measure.h"
#include "probes/drift/scatter.h"

#include <math.h>
#include <stdlib.h>

enum { OF_X, OF_Y, OF_CHANGE, SIDES };
enum { EFFECTIVE, PARTICIPATION = SIDES, VALUES = 2 * SIDES };

static const double LEAST = 1e-7;

typedef struct EffectiveRank {
  DriftShape shape;
  bool has_change; /* equal widths */
  Scatter sides[SIDES];
  double values[VALUES];
} EffectiveRank;

static void *begin(const DriftShape *shape, const void *settled) {
  (void)settled;
  EffectiveRank *r = mem_alloc(1, sizeof *r);
  r->shape = *shape;
  r->has_change = shape->dx == shape->dy;
  scatter_init(&r->sides[OF_X], shape->dx);
  scatter_init(&r->sides[OF_Y], shape->dy);
  if (r->has_change) scatter_init(&r->sides[OF_CHANGE], shape->dx);
  return r;
}

static void free_state(void *state) {
  EffectiveRank *r = state;
  for (size_t k = 0; k < SIDES; k++) scatter_clear(&r->sides[k]);
  free(r);
}

static void accumulate(void *state, const RowBlock *block) {
  EffectiveRank *r = state;
  const RowMoments *m = r->shape.moments;
  scatter_add(&r->sides[OF_X], block->n, block->x, m->mean_x, NULL, NULL);
  scatter_add(&r->sides[OF_Y], block->n, block->y, m->mean_y, NULL, NULL);
  if (!r->has_change) return;
  scatter_add(&r->sides[OF_CHANGE], block->n, block->y, m->mean_y, block->x, m->mean_x);
}

static void merge(void *into, const void *from) {
  EffectiveRank *a = into;
  const EffectiveRank *b = from;
  for (size_t k = 0; k < SIDES; k++)
    if (k != OF_CHANGE || a->has_change) scatter_merge(&a->sides[k], &b->sides[k]);
}

/* exp of the entropy of singular values from the eigenvalues [d] of the scatter, ascending. */
static double effective_rank(size_t d, const double *eigenvalues) {
  const double least = LEAST * LEAST * eigenvalues[d - 1];
  double sum = 0, entropy = 0;
  for (size_t i = 0; i < d; i++)
    if (eigenvalues[i] > least) sum += sqrt(eigenvalues[i]);
  for (size_t i = 0; i < d; i++) {
    const double p = eigenvalues[i] > least ? sqrt(eigenvalues[i]) / sum : 0;
    if (p > 0) entropy -= p * log(p);
  }
  return exp(entropy);
}

/* Is the spread below what rounding to float32 leaves in values with this sum of squares? */
static bool is_rounding(double trace, double square) { return !(trace > 0x1p-46 * square); }

static Status settle_side(EffectiveRank *r, size_t k, bool nothing, Error *err) {
  Scatter *side = &r->sides[k];
  r->values[EFFECTIVE + k] = r->values[PARTICIPATION + k] = NAN;
  if (nothing) return STATUS_OK;
  const double trace = scatter_trace(side);
  r->values[PARTICIPATION + k] = trace * trace / scatter_square(side);
  double *eigenvalues = mem_alloc(side->d, sizeof *eigenvalues);
  const Status status = scatter_eigen(side, eigenvalues, false, err);
  if (status == STATUS_OK) r->values[EFFECTIVE + k] = effective_rank(side->d, eigenvalues);
  free(eigenvalues);
  return status;
}

static Status settle(void *state, Error *err) {
  EffectiveRank *r = state;
  const RowMoments *m = r->shape.moments;
  r->values[EFFECTIVE + OF_CHANGE] = r->values[PARTICIPATION + OF_CHANGE] = NAN;
  Status status = settle_side(r, OF_X, is_constant(scatter_trace(&r->sides[OF_X]), m->square_x), err);
  if (status == STATUS_OK) status = settle_side(r, OF_Y, is_constant(scatter_trace(&r->sides[OF_Y]), m->square_y), err);
  if (status == STATUS_OK && r->has_change)
    status =
        settle_side(r, OF_CHANGE, is_rounding(scatter_trace(&r->sides[OF_CHANGE]), m->square_x + m->square_y), err);
  return status;
}

static void finish(const void *state, Estimate *estimates) {
  const EffectiveRank *r = state;
  for (size_t v = 0; v < VALUES; v++) estimates[v] = (Estimate){.value = r->values[v]};
}

#define NO_INTERVAL "spectra of few rows come out too steep, by an amount that resampled rows only make larger"
#define NOTE "effective_rank and participation are at most rows - 1: compare them on the same rows alone"
#define RANGE "1 to d"
#define COST "n d^2 + d^3"
#define BLIND_TO "rotation, scale and translation of either side"
#define BLIND_TO_OF_CHANGE "joint rotation, joint scale, translation of either side"
#define ROY "Roy and Vetterli 2007"

const Measure measure_effective_rank = {
    .name = "effective_rank",
    .n_values = VALUES,
    .values = {{"effective_rank_x", RANGE, "that of y", BLIND_TO, COST, ROY,
                "directions that the frozen rows fill: exp of the entropy of their singular values", NO_INTERVAL, NOTE},
               {"effective_rank_y", RANGE, "that of x", BLIND_TO, COST, ROY, "the same of the other model's rows",
                NO_INTERVAL, NOTE},
               {"effective_rank_change", RANGE, "-", BLIND_TO_OF_CHANGE, COST, ROY " (of the change: fathom's own)",
                "the same of y - x: about 1 where the change is a rank-1 edit", NO_INTERVAL, NOTE},
               {"participation_x", RANGE, "that of y", BLIND_TO, COST, "common use",
                "directions that the frozen rows fill: (sum of variances)^2 / sum of squared variances", NO_INTERVAL,
                NOTE},
               {"participation_y", RANGE, "that of x", BLIND_TO, COST, "common use",
                "the same of the other model's rows", NO_INTERVAL, NOTE},
               {"participation_change", RANGE, "-", BLIND_TO_OF_CHANGE, COST,
                "common use (of the change: fathom's own)", "the same of y - x", NO_INTERVAL, NOTE}},
    .passes = 1,
    .matrices = 6,
    .begin = begin,
    .accumulate = accumulate,
    .merge = merge,
    .settle = settle,
    .finish = finish,
    .free = free_state,
};
