/* Edits of one block's parameters, found by fathom drift: in that block and not before it, by what can see them, and not by what
 * cannot. */
#include "base/memory.h"
#include "command/calibrate/calibrate.h"
#include "model/edit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RESAMPLES = 1000, OTHER_BATCH_TOKENS = 96 };

void calibrate_add_noise(const Model *model, size_t layer, double size, uint64_t seed, real *values) {
  edit_add_noise(&model->table, layer, size, seed, values);
}

static void rotate_values(const Model *model, size_t layer, double size, uint64_t seed, real *values) {
  (void)size;
  edit_rotate_values(&model->config, &model->table, layer, seed, values);
}

static void translate(const Model *model, size_t layer, double size, uint64_t seed, real *values) {
  edit_translate(&model->table, layer, size, seed, values);
}

static void add_rank_one(const Model *model, size_t layer, double size, uint64_t seed, real *values) {
  edit_add_rank_one(&model->table, ROLE_DOWN, layer, size, seed, values);
}

/* `first`: where an edit can be seen first, as a site of the block that it is in, and where it is judged. */
static const struct {
  const char *name; /* of the model's folder and the recording */
  CalibrateEdit *edit;
  double size;
  const char *first, *judged;
  bool is_undone; /* behind `judged` everything is as it was, but for rounding */
} edits[CALIBRATE_TRUTHS] = {
    [TRUTH_NOTHING] = {"again", NULL, 0, "hook_resid_post", "hook_resid_post", true},
    [TRUTH_NOISE] = {"noise", calibrate_add_noise, CALIBRATE_NOISE, "attn.hook_v", "hook_resid_post", false},
    [TRUTH_ROTATION] = {"rotation", rotate_values, 0, "attn.hook_v", "attn.hook_v", true},
    [TRUTH_TRANSLATION] = {"translation", translate, CALIBRATE_TRANSLATION, "hook_mlp_out", "hook_resid_post", false},
    [TRUTH_RANK_ONE] = {"rank_one", add_rank_one, CALIBRATE_RANK_ONE, "hook_mlp_out", "hook_resid_post", false},
};

/* Sites that the forward pass reaches before the edit must be as they were; where it is undone, those behind it too. */
static bool is_elsewhere(CalibrateTruth truth, size_t site, size_t first, size_t judged) {
  return site < first || (edits[truth].is_undone && site > judged);
}

static void judge(Calibration *c, CalibrateTruth truth, const CalibrateMeasured *m, const CalibrateRule *rule) {
  const size_t first = calibrate_find_site(c, m, edits[truth].first), judged = calibrate_find_site(c, m, edits[truth].judged);
  const CalibrateReading r = calibrate_reading(m, rule, judged);
  CalibrateRow row = {.truth = calibrate_truths[truth],
                      .instrument = "drift",
                      .measure = rule->measure,
                      .where = mem_copy_string(calibrate_site(m, judged)),
                      .value = r.value,
                      .lo = r.lo,
                      .hi = r.hi};
  row.verdict = calibrate_judge(rule, rule->claims[truth], &r, &row.expected);
  if (truth == TRUTH_NOTHING && row.verdict == CALIBRATE_BLIND) row.verdict = CALIBRATE_QUIET;
  for (size_t i = 0; i < calibrate_count_sites(m) && isfinite(rule->tolerance); i++) {
    if (!is_elsewhere(truth, i, first, judged)) continue;
    const CalibrateReading other = calibrate_reading(m, rule, i);
    if (isnan(other.value)) continue; /* a measure that is undefined there can give no alarm */
    row.places++;
    row.false_alarms += calibrate_speaks(rule, &other);
  }
  calibrate_add(c, row);
}

static void keep_curves(Calibration *c, CalibrateTruth truth, const CalibrateMeasured *m) {
  CalibrateCurves *k = &c->curves;
  if (!k->distances) {
    *k = (CalibrateCurves){.n_truths = CALIBRATE_TRUTHS, .n_rules = calibrate_count_rules(), .n_sites = calibrate_count_sites(m)};
    k->distances = mem_alloc(k->n_truths * k->n_rules * k->n_sites, sizeof *k->distances);
    k->sites = mem_alloc(k->n_sites, sizeof *k->sites);
    for (size_t i = 0; i < k->n_sites; i++) k->sites[i] = mem_copy_string(calibrate_site(m, i));
  }
  for (size_t r = 0; r < k->n_rules; r++)
    for (size_t i = 0; i < k->n_sites; i++) {
      const CalibrateReading reading = calibrate_reading(m, &calibrate_rules[r], i);
      k->distances[(truth * k->n_rules + r) * k->n_sites + i] = calibrate_distance(&calibrate_rules[r], &reading);
    }
}

/* Nothing is recorded in other batches than the base model was: what differs is rounding. */
static Status plant(Calibration *c, CalibrateTruth truth, Error *err) {
  const char *name = edits[truth].name, *model = edits[truth].edit ? name : "base";
  char *store = mem_format("%s.h5", name);
  CalibrateMeasured *m = NULL;
  Status status = STATUS_OK;
  if (edits[truth].edit) status = calibrate_edit(c, model, edits[truth].edit, edits[truth].size, err);
  if (status == STATUS_OK)
    status = calibrate_record(c, model, name, edits[truth].edit ? CALIBRATE_BATCH_TOKENS : OTHER_BATCH_TOKENS, err);
  if (status == STATUS_OK) status = calibrate_measure(c, store, NULL, RESAMPLES, &m, err);
  for (const CalibrateRule *rule = calibrate_rules; rule->measure && status == STATUS_OK; rule++) judge(c, truth, m, rule);
  if (status == STATUS_OK) keep_curves(c, truth, m);
  if (status == STATUS_OK && edits[truth].edit) status = calibrate_weights(c, truth, model, err);
  if (status == STATUS_OK)
    calibrate_say(c, "%s: recorded and measured", calibrate_truths[truth]);
  else
    error_prefix(err, "calibrate: %s", calibrate_truths[truth]);
  calibrate_measured_free(m);
  free(store);
  return status;
}

Status calibrate_drift(Calibration *c, Error *err) {
  Status status = calibrate_record(c, "base", "base", CALIBRATE_BATCH_TOKENS, err);
  for (CalibrateTruth truth = 0; truth < CALIBRATE_TRUTHS && status == STATUS_OK; truth++) status = plant(c, truth, err);
  return status;
}
