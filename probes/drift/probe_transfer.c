/* Does a probe that was fit on the frozen model still work on the other? Classes of rows are predicted by ridge
 * regression on one indicator a class, the largest score wins. Samples are dealt out, class by class in turn, to a half
 * that is fit on and a half that is held out. The shares of held-out rows that are right, of a probe
 *
 * - probe_frozen: fit on X, tested on X;
 * - probe_transfer: fit on X, tested on Y;
 * - probe_refit: fit on Y, tested on Y;
 * - probe_chance: that always says the class most frequent in the half that is fit on.
 *
 * Transfer below refit: what the probe read is still there, in other directions; refit below frozen: it is lost. The
 * common design of linear probes; halves and penalty (RIDGE times the mean variance of a column) fathom's own.
 *
 * The fits stream: S = sum (r - m)(r - m)' in float64, then (S + penalty) w = sum (r - m)(t - mean t). Intervals, on
 * the scale of atanh: how well these very probes do on new samples; held-out samples are resampled, the fits stay as
 * they are. */
#include "base/memory.h"
#include "num/blas.h"
#include "num/crossproduct.h"
#include "probes/drift/measure.h"
#include "probes/drift/scatter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { X, Y, SIDES };
enum { FROZEN, TRANSFER, REFIT, CHANCE, VALUES };

enum { LEAST_HELD_OUT = 10 }; /* samples, for an interval */

static const double RIDGE = 0.01;

/* What a fit on one side is made from; rows less the side's mean. */
typedef struct Fit {
  Scatter scatter;
  double *sum;     /* [d] */
  double *cross;   /* [classes, d] sums of the rows of each class; once settled the weights */
  double *offsets; /* [classes] once settled */
} Fit;

typedef struct ProbeTransfer {
  DriftShape shape;
  bool *held_out; /* [n_samples] */
  size_t *counts; /* [classes] rows: in the first pass those fit on, in the second those held out */
  Fit fits[SIDES];
  float *gathered; /* [block, d] rows that are fit on */
  bool defined;
  /* second pass */
  double *right[CHANCE]; /* [n_samples] rows predicted well */
  double *rows;          /* [n_samples] rows tested */
  double *row;           /* [d] */
  const struct ProbeTransfer *settled;
} ProbeTransfer;

/* A sample's class is that of its first row that has one. */
static bool *deal_samples(const DriftShape *shape) {
  const DriftAids *aids = &shape->aids;
  bool *held_out = mem_alloc(shape->n_samples, sizeof *held_out), *next = mem_alloc(aids->n_classes, sizeof *next);
  for (size_t s = 0; s < shape->n_samples; s++)
    for (size_t i = shape->plan->begin[s]; i < shape->plan->begin[s + 1]; i++) {
      const uint32_t class = aids->row_class[i];
      if (class == ROW_NO_CLASS) continue;
      held_out[s] = next[class];
      next[class] = !next[class];
      break;
    }
  free(next);
  return held_out;
}

static void *begin(const DriftShape *shape, const void *settled) {
  ProbeTransfer *p = mem_alloc(1, sizeof *p);
  const size_t d = shape->dx, classes = shape->aids.n_classes;
  p->shape = *shape;
  p->settled = settled;
  p->held_out = deal_samples(shape);
  p->counts = mem_alloc(classes, sizeof *p->counts);
  if (settled) {
    for (size_t k = 0; k < CHANCE; k++) p->right[k] = mem_alloc(shape->n_samples, sizeof(double));
    p->rows = mem_alloc(shape->n_samples, sizeof *p->rows);
    p->row = mem_alloc(d, sizeof *p->row);
    return p;
  }
  p->gathered = mem_alloc((shape->longest > ROW_BLOCK ? shape->longest : ROW_BLOCK) * d, sizeof *p->gathered);
  for (size_t side = 0; side < SIDES; side++) {
    Fit *fit = &p->fits[side];
    scatter_init(&fit->scatter, d);
    fit->sum = mem_alloc(d, sizeof *fit->sum);
    fit->cross = mem_alloc(classes * d, sizeof *fit->cross);
    fit->offsets = mem_alloc(classes, sizeof *fit->offsets);
  }
  return p;
}

static void free_state(void *state) {
  ProbeTransfer *p = state;
  for (size_t side = 0; side < SIDES; side++) {
    scatter_clear(&p->fits[side].scatter);
    free(p->fits[side].sum);
    free(p->fits[side].cross);
    free(p->fits[side].offsets);
  }
  for (size_t k = 0; k < CHANCE; k++) free(p->right[k]);
  free(p->held_out);
  free(p->counts);
  free(p->gathered);
  free(p->rows);
  free(p->row);
  free(p);
}

static void add_to_fit(ProbeTransfer *p, const RowBlock *block, size_t side) {
  const size_t d = p->shape.dx;
  const float *rows = side == X ? block->x : block->y;
  const double *mean = side == X ? p->shape.moments->mean_x : p->shape.moments->mean_y;
  Fit *fit = &p->fits[side];
  size_t n = 0;
  for (size_t s = 0; s < block->n_samples; s++)
    for (size_t i = block->begin[s]; i < block->begin[s + 1]; i++) {
      const uint32_t class = p->shape.aids.row_class[block->first_row + i];
      if (p->held_out[block->first_sample + s] || class == ROW_NO_CLASS) continue;
      memcpy(p->gathered + n++ * d, rows + i * d, d * sizeof *rows);
      for (size_t j = 0; j < d; j++) {
        const double value = rows[i * d + j] - mean[j];
        fit->sum[j] += value;
        fit->cross[class * d + j] += value;
      }
      if (side == X) p->counts[class]++;
    }
  scatter_add(&fit->scatter, n, p->gathered, mean, NULL, NULL);
}

static size_t predict(const ProbeTransfer *fitted, const Fit *fit, const double *row) {
  const size_t d = fitted->shape.dx;
  size_t best = 0;
  double highest = -INFINITY;
  for (size_t c = 0; c < fitted->shape.aids.n_classes; c++) {
    const double score = dot_f64(d, fit->cross + c * d, row) + fit->offsets[c];
    if (!(score > highest)) continue;
    best = c;
    highest = score;
  }
  return best;
}

static void test_row(ProbeTransfer *p, size_t sample, uint32_t class, const float *x, const float *y) {
  const ProbeTransfer *fitted = p->settled;
  const RowMoments *m = fitted->shape.moments;
  const float *const tested[CHANCE] = {x, y, y};
  const double *const means[CHANCE] = {m->mean_x, m->mean_x, m->mean_y};
  for (size_t k = 0; k < CHANCE; k++) {
    for (size_t j = 0; j < p->shape.dx; j++) p->row[j] = tested[k][j] - means[k][j];
    p->right[k][sample] += predict(fitted, &fitted->fits[k == REFIT ? Y : X], p->row) == class;
  }
  p->rows[sample]++;
  p->counts[class]++;
}

static void accumulate(void *state, const RowBlock *block) {
  ProbeTransfer *p = state;
  const size_t d = p->shape.dx;
  for (size_t side = 0; side < SIDES && !p->settled; side++) add_to_fit(p, block, side);
  if (!p->settled || !p->settled->defined) return;
  for (size_t s = 0; s < block->n_samples; s++)
    for (size_t i = block->begin[s]; i < block->begin[s + 1]; i++) {
      const uint32_t class = p->shape.aids.row_class[block->first_row + i];
      if (class != ROW_NO_CLASS && p->held_out[block->first_sample + s])
        test_row(p, block->first_sample + s, class, block->x + i * d, block->y + i * d);
    }
}

static void merge(void *into, const void *from) {
  ProbeTransfer *a = into;
  const ProbeTransfer *b = from;
  const size_t d = a->shape.dx, classes = a->shape.aids.n_classes, n = a->shape.n_samples;
  for (size_t c = 0; c < classes; c++) a->counts[c] += b->counts[c];
  for (size_t side = 0; side < SIDES && !a->settled; side++) {
    scatter_merge(&a->fits[side].scatter, &b->fits[side].scatter);
    sums_add(d, b->fits[side].sum, a->fits[side].sum);
    sums_add(classes * d, b->fits[side].cross, a->fits[side].cross);
  }
  for (size_t k = 0; k < CHANCE; k++) sums_add(n, b->right[k], a->right[k]);
  sums_add(n, b->rows, a->rows);
}

/* Sums become weights and offsets. *defined is false where the side says nothing. */
static Status solve(const ProbeTransfer *p, Fit *fit, const size_t *counts, double raw_square, bool *defined,
                    Error *err) {
  const size_t d = p->shape.dx, classes = p->shape.aids.n_classes;
  size_t n = 0;
  for (size_t c = 0; c < classes; c++) n += counts[c];
  double *total = fit->scatter.total;
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j <= i; j++) total[i * d + j] -= fit->sum[i] * fit->sum[j] / (double)n;
  const double trace = scatter_trace(&fit->scatter);
  *defined = !is_constant(trace, raw_square);
  if (!*defined) return STATUS_OK;
  for (size_t i = 0; i < d; i++) total[i * d + i] += RIDGE * trace / (double)d;
  for (size_t c = 0; c < classes; c++)
    for (size_t j = 0; j < d; j++) fit->cross[c * d + j] -= (double)counts[c] / (double)n * fit->sum[j];
  const Status status = blas_solve(d, total, classes, fit->cross, err);
  for (size_t c = 0; c < classes; c++)
    fit->offsets[c] = ((double)counts[c] - dot_f64(d, fit->cross + c * d, fit->sum)) / (double)n;
  return status;
}

static Status settle(void *state, Error *err) {
  ProbeTransfer *p = state;
  const RowMoments *m = p->shape.moments;
  if (p->settled) return STATUS_OK;
  size_t present = 0;
  for (size_t c = 0; c < p->shape.aids.n_classes; c++) present += p->counts[c] > 0;
  p->defined = present > 1;
  for (size_t side = 0; side < SIDES && p->defined; side++) {
    const double square = side == X ? m->square_x : m->square_y;
    const Status status = solve(p, &p->fits[side], p->counts, square, &p->defined, err);
    if (status != STATUS_OK) return status;
  }
  return STATUS_OK;
}

static Estimate estimate(const ProbeTransfer *p, const double *right, double n_rows) {
  const size_t n = p->shape.n_samples;
  double total = 0;
  size_t held_out = 0;
  for (size_t s = 0; s < n; s++) {
    total += right[s];
    held_out += p->rows[s] > 0;
  }
  const double value = total / n_rows;
  Estimate e = {.value = value, .scale = value < 1 ? SCALE_ATANH : SCALE_RAW};
  e.centre = value < 1 ? atanh(value) : value;
  if (!p->shape.with_intervals || held_out < LEAST_HELD_OUT) return e;
  const double slope = value < 1 ? 1 / (1 - value * value) : 1;
  e.n_samples = held_out;
  e.pseudo = mem_alloc(n, sizeof *e.pseudo);
  for (size_t s = 0; s < n; s++) e.pseudo[s] = (double)n * slope * (right[s] - value * p->rows[s]) / n_rows;
  pseudo_centre(n, e.pseudo);
  return e;
}

static void finish(const void *state, Estimate *estimates) {
  const ProbeTransfer *p = state, *fitted = p->settled;
  size_t commonest = 0, n_rows = 0;
  for (size_t c = 0; c < p->shape.aids.n_classes; c++) {
    if (fitted->counts[c] > fitted->counts[commonest]) commonest = c;
    n_rows += p->counts[c];
  }
  for (size_t v = 0; v < VALUES; v++) estimates[v] = (Estimate){.value = NAN};
  if (n_rows == 0) return;
  for (size_t k = 0; k < CHANCE; k++) estimates[k] = estimate(p, p->right[k], (double)n_rows);
  estimates[CHANCE].value = (double)p->counts[commonest] / (double)n_rows;
}

#define NOTE                                                                                                           \
  "probes are fit on half of the samples and tested on the other; "                                                    \
  "intervals are of these very probes on new samples, and need 10 held-out samples"
#define SHARE "0 to 1"
#define COST "n d^2 + d^3"
#define SOURCE "linear probes, common use; halves and penalty: fathom's own"

const Measure measure_probe_transfer = {
    .name = "probe_transfer",
    .n_values = VALUES,
    .values = {{"probe_frozen", SHARE, "that of the others", "rotation, scale and translation of either side", COST,
                SOURCE, "share of held-out rows whose label a ridge probe on x finds", NULL, NOTE},
               {"probe_transfer", SHARE, "that of the others", "joint rotation, joint scale, joint translation", COST,
                SOURCE, "the same probe on y: below probe_refit where what it reads went into other directions", NULL,
                NOTE},
               {"probe_refit", SHARE, "that of the others", "rotation, scale and translation of either side", COST,
                SOURCE, "a probe fit anew on y: below probe_frozen where what it reads was lost", NULL, NOTE},
               {"probe_chance", SHARE, "that of the labels", "everything but the labels", COST, SOURCE,
                "share of held-out rows with the label that is most frequent where probes are fit",
                "a property of these labels", NULL}},
    .same_width = true,
    .needs = NEEDS_LABELS,
    .passes = 2,
    .matrices = 6,
    .begin = begin,
    .accumulate = accumulate,
    .merge = merge,
    .settle = settle,
    .finish = finish,
    .free = free_state,
};
