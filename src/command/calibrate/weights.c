/* The same edits, found by fathom weights: in the matrices that were edited, of the size that was planted, and nowhere else. */
#include "base/memory.h"
#include "command/calibrate/calibrate.h"
#include "command/weights/weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What is known of a weight of the edited block, by its kind. */
typedef struct Planted {
  const char *kind;
  WeightMeasure measure;
  double expected;
  double close; /* as a share of it */
  bool of_norm; /* expected is times |W0| */
} Planted;

/* How far from what was planted. Noise of a thousand numbers has a norm with a deviation of 2 %. A random rotation R gives
 * |W - RW| = sqrt 2 |W| on average, and the fewer directions W has the more it may differ. Else the planted number is exact, but for
 * float32, and a rank of entropy is 1 only where rounding gives nothing to the other directions. */
#define DRAWN 0.1
#define TURNED 0.2
#define EXACT 1e-4
#define OF_RANK 1e-3

enum { MOST_PLANTED = 8 };
static const Planted planted[CALIBRATE_TRUTHS][MOST_PLANTED] = {
    [TRUTH_NOISE] = {{"q", WEIGHT_RELATIVE_FROBENIUS, CALIBRATE_NOISE, DRAWN, false},
                     {"k", WEIGHT_RELATIVE_FROBENIUS, CALIBRATE_NOISE, DRAWN, false},
                     {"v", WEIGHT_RELATIVE_FROBENIUS, CALIBRATE_NOISE, DRAWN, false},
                     {"o", WEIGHT_RELATIVE_FROBENIUS, CALIBRATE_NOISE, DRAWN, false},
                     {"gate", WEIGHT_RELATIVE_FROBENIUS, CALIBRATE_NOISE, DRAWN, false},
                     {"up", WEIGHT_RELATIVE_FROBENIUS, CALIBRATE_NOISE, DRAWN, false},
                     {"down", WEIGHT_RELATIVE_FROBENIUS, CALIBRATE_NOISE, DRAWN, false}},
    [TRUTH_ROTATION] = {{"v", WEIGHT_RELATIVE_FROBENIUS, M_SQRT2, TURNED, false},
                        {"o", WEIGHT_RELATIVE_FROBENIUS, M_SQRT2, TURNED, false}},
    [TRUTH_TRANSLATION] = {{"down_bias", WEIGHT_FROBENIUS, CALIBRATE_TRANSLATION, EXACT, false}},
    [TRUTH_RANK_ONE] = {{"down", WEIGHT_EFFECTIVE_RANK, 1, OF_RANK, false},
                        {"down", WEIGHT_SPECTRAL, CALIBRATE_RANK_ONE, EXACT, true},
                        {"down", WEIGHT_RELATIVE_FROBENIUS, CALIBRATE_RANK_ONE, EXACT, false}},
};

static bool is_planted(const Calibration *c, CalibrateTruth truth, const WeightPair *pair) {
  for (const Planted *p = planted[truth]; p->kind; p++)
    if (pair->layer == c->layer && strcmp(pair->kind, p->kind) == 0) return true;
  return false;
}

static CalibrateRow row_of(const Calibration *c, const WeightsRun *run, CalibrateTruth truth, const Planted *p,
                           const WeightPair *pair) {
  const double expected = p->of_norm ? p->expected * pair->base : p->expected, value = pair->values[p->measure];
  const bool found = fabs(value - expected) <= p->close * expected;
  CalibrateRow row = {.truth = calibrate_truths[truth],
                      .instrument = "weights",
                      .measure = weight_measures[p->measure],
                      .where = mem_copy_string(pair->tensor),
                      .expected = mem_format("%.4g +- %.2g", expected, p->close * expected),
                      .value = value,
                      .lo = NAN,
                      .hi = NAN,
                      .verdict = found ? CALIBRATE_FOUND : CALIBRATE_MISSED};
  for (size_t i = 0; i < run->n_pairs && p == planted[truth]; i++) { /* once: rows of one truth share what is elsewhere */
    if (is_planted(c, truth, &run->pairs[i])) continue;
    row.places++;
    row.false_alarms += run->pairs[i].values[WEIGHT_FROBENIUS] != 0;
  }
  return row;
}

static Status judge(Calibration *c, const WeightsRun *run, CalibrateTruth truth, Error *err) {
  for (const Planted *p = planted[truth]; p->kind; p++) {
    size_t i = 0;
    while (i < run->n_pairs && (run->pairs[i].layer != c->layer || strcmp(run->pairs[i].kind, p->kind) != 0)) i++;
    if (i == run->n_pairs)
      return error_set(err, STATUS_DATA, "calibrate: block %zu has no weight of kind %s", c->layer, p->kind);
    calibrate_add(c, row_of(c, run, truth, p, &run->pairs[i]));
  }
  return STATUS_OK;
}

Status calibrate_weights(Calibration *c, CalibrateTruth truth, const char *edited, Error *err) {
  char *base = calibrate_path(c, "base"), *other = calibrate_path(c, edited);
  const WeightsSettings settings = {.common = c->settings->common};
  WeightsRun run = {0};
  Status status = weights_open(&run, base, other, &settings, err);
  if (status == STATUS_OK) status = weights_pair(&run, err);
  if (status == STATUS_OK) status = weights_measure(&run, err);
  if (status == STATUS_OK) status = judge(c, &run, truth, err);
  weights_close(&run);
  free(base);
  free(other);
  return status;
}
