/* Edits of one block's parameters, found by fathom drift: in that block and not before it, by what can see them, and not by what
 * cannot. */
#include "base/memory.h"
#include "command/calibrate.h"
#include "command/drift.h"
#include "model/edit.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RESAMPLES = 1000 };

static void add_noise(const Model *model, size_t layer, uint64_t seed, real *values) {
  edit_add_noise(&model->table, layer, CALIBRATE_NOISE, seed, values);
}

static void rotate_values(const Model *model, size_t layer, uint64_t seed, real *values) {
  edit_rotate_values(&model->config, &model->table, layer, seed, values);
}

static void translate(const Model *model, size_t layer, uint64_t seed, real *values) {
  edit_translate(&model->table, layer, CALIBRATE_TRANSLATION, seed, values);
}

static void add_rank_one(const Model *model, size_t layer, uint64_t seed, real *values) {
  edit_add_rank_one(&model->table, ROLE_DOWN, layer, CALIBRATE_RANK_ONE, seed, values);
}

/* Where an edit can be seen first, as a site of the block that it is in, and where it is judged. */
static const struct {
  CalibrateEdit *edit;
  const char *first, *judged;
  bool is_undone; /* behind `judged` everything is as it was, but for rounding */
} edits[CALIBRATE_TRUTHS] = {
    [TRUTH_NOTHING] = {NULL, NULL, "hook_resid_post", true},
    [TRUTH_NOISE] = {add_noise, "attn.hook_v", "hook_resid_post", false},
    [TRUTH_ROTATION] = {rotate_values, "attn.hook_v", "attn.hook_v", true},
    [TRUTH_TRANSLATION] = {translate, "hook_mlp_out", "hook_resid_post", false},
    [TRUTH_RANK_ONE] = {add_rank_one, "hook_mlp_out", "hook_resid_post", false},
};

static char *site_of(const Calibration *c, const char *name) { return mem_format("blocks.%zu.%s", c->layer, name); }

/* The residual stream behind every block, and what the edited block does; freed by the caller. */
static char *site_list(const Calibration *c) {
  const size_t n = (size_t)json_number(json_get(c->config, "num_hidden_layers"), 0), b = c->layer;
  char *list = mem_format("blocks.%zu.attn.hook_v,blocks.%zu.hook_attn_out,blocks.%zu.hook_mlp_out", b, b, b);
  for (size_t l = 0; l < n; l++) {
    char *longer = mem_format("%s,blocks.%zu.hook_resid_post", list, l);
    free(list);
    list = longer;
  }
  return list;
}

/* --- one edit --- */

/* What was measured, and of what. */
typedef struct Measured {
  CalibrateTruth truth;
  DriftStores stores;
  DriftSelection selection;
  const MeasureValue **values; /* [n_printed] */
  DriftAnswers answers;
} Measured;

static const char *site_name(const Measured *m, size_t site) {
  return store_contents(m->stores.a)->sites[m->stores.sites_a[site]].name;
}

static size_t find_value(const Measured *m, const char *name) {
  size_t v = 0;
  while (v < m->selection.n_printed && strcmp(m->values[v]->name, name) != 0) v++;
  assert(v < m->selection.n_printed); /* every rule's measure is among calibrate_measures */
  return v;
}

static size_t find_site(const Measured *m, const char *name) {
  size_t i = 0;
  while (i < m->stores.n_a && strcmp(site_name(m, i), name) != 0) i++;
  return i;
}

static CalibrateReading reading_at(const Measured *m, const CalibrateRule *rule, size_t site) {
  const size_t at = site * m->selection.n_printed, v = find_value(m, rule->measure);
  const DriftAnswers *a = &m->answers;
  return (CalibrateReading){a->value[at + v], a->low[at + v], a->high[at + v],
                            rule->beside ? a->value[at + find_value(m, rule->beside)] : rule->identical};
}

/* Sites that the forward pass reaches before `first` must be as they were; where the edit is undone, those behind `judged` too. */
static bool is_elsewhere(const Measured *m, size_t site, size_t first, size_t judged) {
  return site < first || (edits[m->truth].is_undone && site > judged);
}

static void judge(Calibration *c, const Measured *m, const CalibrateRule *rule, size_t first, size_t judged) {
  const char *expected;
  const CalibrateClaim claim = rule->claims[m->truth];
  const CalibrateReading r = reading_at(m, rule, judged);
  if (claim == CLAIM_NOTHING) return;
  CalibrateRow row = {.truth = calibrate_truths[m->truth],
                      .instrument = "drift",
                      .measure = rule->measure,
                      .where = mem_copy_string(site_name(m, judged)),
                      .value = r.value,
                      .lo = r.lo,
                      .hi = r.hi};
  row.verdict = calibrate_judge(rule, claim, &r, &expected);
  if (m->truth == TRUTH_NOTHING && row.verdict == CALIBRATE_BLIND) row.verdict = CALIBRATE_QUIET;
  row.expected = mem_copy_string(expected);
  for (size_t i = 0; i < m->stores.n_a && isfinite(rule->tolerance); i++) {
    if (i == judged || !is_elsewhere(m, i, first, judged)) continue;
    const CalibrateReading other = reading_at(m, rule, i);
    row.places++;
    row.false_alarms += calibrate_speaks(rule, &other);
  }
  calibrate_add(c, row);
}

static Status judge_all(Calibration *c, const Measured *m, Error *err) {
  char *first_name = edits[m->truth].first ? site_of(c, edits[m->truth].first) : NULL,
       *judged_name = site_of(c, edits[m->truth].judged);
  const size_t judged = find_site(m, judged_name), first = first_name ? find_site(m, first_name) : judged;
  Status status = STATUS_OK;
  if (judged == m->stores.n_a || first == m->stores.n_a)
    status = error_set(err, STATUS_DATA, "calibrate: %s: not recorded", judged_name);
  for (const CalibrateRule *rule = calibrate_rules; rule->measure && status == STATUS_OK; rule++)
    judge(c, m, rule, first, judged);
  free(first_name);
  free(judged_name);
  return status;
}

static Status measure(Calibration *c, CalibrateTruth truth, const char *store, Error *err) {
  char *base = calibrate_path(c, "base"), *a = calibrate_path(c, "base.h5"), *b = calibrate_path(c, store);
  const DriftSettings settings = {
      .common = c->settings->common, .measures = calibrate_measures, .lens = base, .bootstrap = RESAMPLES};
  Measured m = {.truth = truth};
  Status status = drift_select(settings.measures, true, &m.selection, err);
  if (status == STATUS_OK) status = drift_stores_open(a, b, &settings, &m.stores, err);
  if (status == STATUS_OK) {
    m.answers = drift_answers_new(m.stores.n_a, m.selection.n_printed, 0);
    m.values = mem_alloc(m.selection.n_printed, sizeof *m.values);
    for (size_t v = 0, n = 0; v < m.selection.n_values; v++)
      if (m.selection.printed[v]) m.values[n++] = m.selection.values[v];
    status = drift_measure_sites(&m.stores, &m.selection, &settings, &m.answers, err);
  }
  if (status == STATUS_OK) status = judge_all(c, &m, err);
  drift_answers_clear(&m.answers);
  free(m.values);
  drift_stores_close(&m.stores);
  drift_selection_clear(&m.selection);
  free(base);
  free(a);
  free(b);
  return status;
}

/* A folder's name for each truth: "rank_one". */
static const char *const names[CALIBRATE_TRUTHS] = {"again", "noise", "rotation", "translation", "rank_one"};

static Status plant(Calibration *c, CalibrateTruth truth, const char *sites, Error *err) {
  const char *model = truth == TRUTH_NOTHING ? "base" : names[truth];
  char *store = mem_format("%s.h5", names[truth]);
  Status status = STATUS_OK;
  if (truth != TRUTH_NOTHING) status = calibrate_edit(c, model, edits[truth].edit, err);
  if (status == STATUS_OK) status = calibrate_record(c, model, names[truth], sites, err);
  if (status == STATUS_OK) status = measure(c, truth, store, err);
  if (status == STATUS_OK && truth != TRUTH_NOTHING) status = calibrate_weights(c, truth, model, err);
  if (status == STATUS_OK)
    calibrate_say(c, "%s: recorded and measured", calibrate_truths[truth]);
  else
    error_prefix(err, "calibrate: %s", calibrate_truths[truth]);
  free(store);
  return status;
}

Status calibrate_drift(Calibration *c, Error *err) {
  char *sites = site_list(c);
  Status status = calibrate_record(c, "base", "base", sites, err);
  for (CalibrateTruth truth = 0; truth < CALIBRATE_TRUTHS && status == STATUS_OK; truth++)
    status = plant(c, truth, sites, err);
  free(sites);
  return status;
}
