/* The face of a drift measure: one file, one Measure, one line in the table of measure.c.
 *
 * A measure compares X (the frozen model's activations) with Y (the other model's) on the same rows. It sees the rows
 * in blocks of whole samples, in one or more passes, each with a state of its own:
 *
 *     first = begin(shape, NULL);     for each block: accumulate(first, block);      settle(first);
 *     second = begin(shape, first);   for each block: accumulate(second, block);     settle(second);
 *     finish(second, estimates);      free(second), free(first)
 *
 * Several workers (threads, MPI ranks) may share a pass: each begins a state, sees other blocks, and merge(into, from)
 * adds them up before settle. A state only reads the settled one that it began with.
 *
 * Uncertainty is over samples, never over rows. Beside its value a measure gives one jackknife pseudo-value a sample on
 * a scale where the sampling distribution is nearly symmetric; interval.h resamples those. A value that cannot do that
 * honestly has none, and its row of the table says why. */
#ifndef FATHOM_PROBES_DRIFT_MEASURE_H
#define FATHOM_PROBES_DRIFT_MEASURE_H

#include "base/error.h"
#include "probes/drift/rows.h"
#include "probes/drift/subsample.h"

#include <stdbool.h>
#include <stddef.h>

enum { MEASURE_MAX_VALUES = 6 };

/* What some measures ask for beside rows. */
typedef enum MeasureNeeds { NEEDS_ROWS, NEEDS_LENS, NEEDS_LABELS } MeasureNeeds;

/* A frozen head that reads a site's rows: logits [n, n_vocab] from rows [n, width]. */
typedef struct DriftLens {
  size_t width, n_vocab;
  void (*logits)(const void *context, size_t n, const float *rows, float *logits);
  const void *context;
} DriftLens;

#define ROW_NO_CLASS UINT32_MAX

/* All zeros: none of it, and seed 0. */
typedef struct DriftAids {
  uint64_t seed;             /* of subsamples */
  const DriftLens *lens;     /* NULL: no head reads this site */
  const uint32_t *row_class; /* [n_rows of the plan], each below n_classes or ROW_NO_CLASS; NULL: no labels */
  size_t n_classes;
} DriftAids;

/* What a state is made for; the moments are known before the first pass of a measure. */
typedef struct DriftShape {
  size_t n_rows, n_samples, dx, dy;
  size_t longest;      /* rows of the longest sample */
  const RowPlan *plan; /* outlives the state, as do the moments */
  const RowMoments *moments;
  bool with_intervals;           /* pseudo-values are wanted */
  const RowSubsample *subsample; /* for measures that are `subsampled`; outlives the state */
  DriftAids aids;
} DriftShape;

/* Interval bounds are value(centre + spread) on this scale. */
typedef enum IntervalScale { SCALE_NONE, SCALE_RAW, SCALE_LOG, SCALE_ATANH } IntervalScale;

/* One number a measure gives, with what an interval needs. NaN = undefined for these rows. */
typedef struct Estimate {
  double value;
  IntervalScale scale; /* SCALE_NONE: no interval */
  double centre;       /* on the scale; differs from value's own place where a known bias is taken out */
  double *pseudo;      /* [n_samples], mean 0, on the scale; freed by the caller; NULL where there is no interval */
  size_t n_samples;    /* that it rests on, where pseudo is 0 for the others; 0: all */
} Estimate;

/* What people read in `fathom drift --list`. */
typedef struct MeasureValue {
  const char *name, *range, *identical, *invariant_to, *cost, *source, *help;
  const char *no_interval; /* why there is none; NULL: there is one */
  const char *note;        /* what tables with this value say in a # line; NULL: nothing */
} MeasureValue;

typedef struct Measure {
  const char *name;
  size_t n_values;
  MeasureValue values[MEASURE_MAX_VALUES];
  bool same_width;             /* undefined (NaN) where the widths differ */
  bool by_default;             /* cheap enough to be measured unasked; train's probes measure these */
  bool subsampled;             /* looks at the rows of the subsample alone */
  MeasureNeeds needs;          /* undefined (NaN) without it */
  size_t passes, extra_passes; /* for the values; more of them for intervals */
  size_t matrices; /* of d x d doubles that it holds at a time, rounded up; all else is rows of a block and numbers a sample */
  void *(*begin)(const DriftShape *shape, const void *settled);
  void (*accumulate)(void *state, const RowBlock *block);
  void (*merge)(void *into, const void *from);
  Status (*settle)(void *state, Error *err);
  void (*finish)(const void *state, Estimate *estimates); /* [n_values] */
  void (*free)(void *state);
} Measure;

extern const Measure measure_cka, measure_procrustes, measure_cosine, measure_relative_l2, measure_coherence,
    measure_subspace, measure_effective_rank, measure_knn, measure_rsa, measure_lens_kl, measure_probe_transfer,
    measure_procrustes_held_out;

/* NULL-terminated, in the order of the output. */
extern const Measure *const measures[];

/* The measure that gives the value of this name, and which of its values that is; NULL if there is none. */
const Measure *measure_find(const char *value_name, size_t *index);

/* Are all rows of one side the same? Then nothing that is centred is defined. The sum of squares around the mean is
 * compared with the raw one; a float32 row that differs in its last bit is still seen among a billion rows. */
bool is_constant(double centred_square, double raw_square);

/* Of measures whose state needs no last step. */
Status settle_nothing(void *state, Error *err);

/* Adds sums [n] of another worker; none where from is NULL. */
void sums_add(size_t n, const double *from, double *into);

/* Pseudo-values with their mean taken out, as an estimate's. */
void pseudo_centre(size_t n, double *pseudo);

/* The interval of (over / under)^power, whose value is set, on the log scale: sample s takes part_over[s] of the one sum and
 * part_under[s] of the other away with it where it is left out. The centre is moved by the jackknife's estimate of what
 * these parts leave of a bias. None where a sample leaves nothing under the line. */
typedef struct Ratio {
  double over, under, power;
  const double *part_over, *part_under; /* [n_samples] */
} Ratio;
void estimate_of_ratio(const Ratio *ratio, size_t n_samples, Estimate *estimate);

#endif
