/* The same edits, found by fathom weights: in the matrices that were edited, of the size that was planted, and nowhere else. */
#include "base/memory.h"
#include "command/calibrate.h"
#include "command/weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What is known of a weight of the edited block, by its kind. */
typedef struct Planted {
  const char *kind;
  WeightMeasure measure;
  double expected; /* NaN: more than 0 */
  bool of_norm;    /* times |W0| */
} Planted;

enum { MOST_PLANTED = 8 };
static const Planted planted[CALIBRATE_TRUTHS][MOST_PLANTED] = {
    [TRUTH_NOISE] = {{"q", WEIGHT_RELATIVE_FROBENIUS, CALIBRATE_NOISE, false},
                     {"k", WEIGHT_RELATIVE_FROBENIUS, CALIBRATE_NOISE, false},
                     {"v", WEIGHT_RELATIVE_FROBENIUS, CALIBRATE_NOISE, false},
                     {"o", WEIGHT_RELATIVE_FROBENIUS, CALIBRATE_NOISE, false},
                     {"gate", WEIGHT_RELATIVE_FROBENIUS, CALIBRATE_NOISE, false},
                     {"up", WEIGHT_RELATIVE_FROBENIUS, CALIBRATE_NOISE, false},
                     {"down", WEIGHT_RELATIVE_FROBENIUS, CALIBRATE_NOISE, false}},
    [TRUTH_ROTATION] = {{"v", WEIGHT_RELATIVE_FROBENIUS, NAN, false}, {"o", WEIGHT_RELATIVE_FROBENIUS, NAN, false}},
    [TRUTH_TRANSLATION] = {{"down_bias", WEIGHT_FROBENIUS, CALIBRATE_TRANSLATION, false}},
    [TRUTH_RANK_ONE] = {{"down", WEIGHT_EFFECTIVE_RANK, 1, false},
                        {"down", WEIGHT_SPECTRAL, CALIBRATE_RANK_ONE, true},
                        {"down", WEIGHT_RELATIVE_FROBENIUS, CALIBRATE_RANK_ONE, false}},
};

static bool is_planted(const Calibration *c, CalibrateTruth truth, const WeightPair *pair) {
  for (const Planted *p = planted[truth]; p->kind; p++)
    if (pair->layer == c->layer && strcmp(pair->kind, p->kind) == 0) return true;
  return false;
}

static CalibrateRow row_of(const Calibration *c, const WeightsRun *run, CalibrateTruth truth, const Planted *p,
                           const WeightPair *pair) {
  static const double CLOSE = 0.1; /* of what was planted: noise is drawn */
  const double expected = p->of_norm ? p->expected * pair->base : p->expected, value = pair->values[p->measure];
  const bool found = isnan(expected) ? value > 0 : fabs(value - expected) <= CLOSE * expected;
  CalibrateRow row = {.truth = calibrate_truths[truth],
                      .instrument = "weights",
                      .measure = weight_measures[p->measure],
                      .where = mem_copy_string(pair->tensor),
                      .expected = isnan(expected) ? mem_copy_string("more than 0") : mem_format("%.4g +- 10 %%", expected),
                      .value = value,
                      .lo = NAN,
                      .hi = NAN,
                      .verdict = found ? CALIBRATE_FOUND : CALIBRATE_MISSED};
  for (size_t i = 0; i < run->n_pairs; i++) {
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
