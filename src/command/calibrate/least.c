/* How little noise each measure of drift still sees: noise in ever smaller doses, of one draw, in one block. */
#include "base/memory.h"
#include "command/calibrate/calibrate.h"

#include <math.h>
#include <stdlib.h>

static const char TRUTH[] = "least noise", JUDGED[] = "hook_resid_post";
static const double doses[] = {0.1, 0.03, 0.01, 0.003, 0.001, 0.0003};
enum { DOSES = sizeof doses / sizeof doses[0], ENOUGH = 1 }; /* doses[ENOUGH] must be seen: a third of what is planted otherwise */

/* What a measure said of each dose. */
typedef struct Answers {
  double distance[DOSES]; /* in the edited block */
  bool speaks[DOSES];
  size_t false_alarms, places; /* before it */
} Answers;

/* The stream behind the edited block, and before it; freed by the caller. */
static char *site_list(const Calibration *c) {
  char *list = mem_format("blocks.%zu.%s", c->layer, JUDGED);
  for (size_t l = 0; l < c->layer; l++) {
    char *longer = mem_format("%s,blocks.%zu.%s", list, l, JUDGED);
    free(list);
    list = longer;
  }
  return list;
}

static Status measure_dose(Calibration *c, size_t dose, Answers *answers, Error *err) {
  char *name = mem_format("noise-%g", doses[dose]), *store = mem_format("%s.h5", name), *sites = site_list(c);
  CalibrateMeasured *m = NULL;
  Status status = calibrate_edit(c, name, calibrate_add_noise, doses[dose], err);
  if (status == STATUS_OK) status = calibrate_record(c, name, name, CALIBRATE_BATCH_TOKENS, err);
  if (status == STATUS_OK) status = calibrate_measure(c, store, sites, 0, &m, err);
  for (size_t r = 0; calibrate_rules[r].measure && status == STATUS_OK; r++) {
    const CalibrateRule *rule = &calibrate_rules[r];
    const size_t judged = calibrate_find_site(c, m, JUDGED);
    const CalibrateReading reading = calibrate_reading(m, rule, judged);
    answers[r].distance[dose] = calibrate_distance(rule, &reading);
    answers[r].speaks[dose] = calibrate_speaks(rule, &reading);
    for (size_t i = 0; i < judged; i++) {
      const CalibrateReading before = calibrate_reading(m, rule, i);
      answers[r].places += !isnan(before.value);
      answers[r].false_alarms += calibrate_speaks(rule, &before);
    }
  }
  calibrate_measured_free(m);
  free(name);
  free(store);
  free(sites);
  return status;
}

/* The smallest dose that it sees, as all larger ones, each as more than the next smaller; NAN: not even the largest. */
static double least_of(const Answers *a, bool *grows) {
  size_t n = 0;
  while (n < DOSES && a->speaks[n]) n++;
  *grows = true;
  for (size_t k = 1; k < n; k++) *grows = *grows && a->distance[k] < a->distance[k - 1];
  return n ? doses[n - 1] : NAN;
}

Status calibrate_least(Calibration *c, Error *err) {
  Answers *answers = mem_alloc(calibrate_count_rules(), sizeof *answers);
  Status status = STATUS_OK;
  for (size_t k = 0; k < DOSES && status == STATUS_OK; k++) status = measure_dose(c, k, answers, err);
  for (size_t r = 0; calibrate_rules[r].measure && status == STATUS_OK; r++) {
    bool grows;
    if (calibrate_rules[r].claims[TRUTH_NOISE] != CLAIM_SEES) continue;
    const double least = least_of(&answers[r], &grows);
    calibrate_add(c, (CalibrateRow){.truth = TRUTH,
                                    .instrument = "drift",
                                    .measure = calibrate_rules[r].measure,
                                    .where = mem_format("blocks.%zu.%s", c->layer, JUDGED),
                                    .expected = mem_format("at most %g, and more of more", doses[ENOUGH]),
                                    .value = least,
                                    .lo = NAN,
                                    .hi = NAN,
                                    .verdict = least <= doses[ENOUGH] && grows ? CALIBRATE_FOUND : CALIBRATE_MISSED,
                                    .false_alarms = answers[r].false_alarms,
                                    .places = answers[r].places});
  }
  if (status == STATUS_OK)
    calibrate_say(c, "%s: %d doses recorded and measured", TRUTH, DOSES);
  else
    error_prefix(err, "calibrate: %s", TRUTH);
  free(answers);
  return status;
}
