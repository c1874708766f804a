/* What fathom calibrate claims of each measure of drift: every value of the registry is claimed something of or is known to be no drift; no
 * claim contradicts the invariances that the registry names; and the verdicts are those that the numbers call for. */
#include "base/memory.h"
#include "command/calibrate/calibrate.h"
#include "probes/drift/measure.h"
#include "tests/tap.h"

#include <stdlib.h>

/* Values that no change is read from: what others stand beside, and what unrelated data would give. */
static bool is_beside(const char *name) {
  static const char *const beside[] = {"cka_floor", "probe_chance"};
  for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++)
    if (strcmp(beside[i], name) == 0) return true;
  for (const CalibrateRule *rule = calibrate_rules; rule->measure; rule++)
    if (rule->beside && strcmp(rule->beside, name) == 0) return true;
  return false;
}

static const CalibrateRule *find_rule(const char *name) {
  for (const CalibrateRule *rule = calibrate_rules; rule->measure; rule++)
    if (strcmp(rule->measure, name) == 0) return rule;
  return NULL;
}

static void check_all_are_claimed(void) {
  size_t n = 0;
  for (size_t m = 0; measures[m]; m++)
    for (size_t v = 0; v < measures[m]->n_values; v++, n++) {
      const char *name = measures[m]->values[v].name;
      ok(find_rule(name) || is_beside(name), "%s: calibrated, or stands beside what is", name);
    }
  ok(n >= 26, "%zu values in the registry", n);
  char *list = calibrate_measures();
  for (const CalibrateRule *rule = calibrate_rules; rule->measure; rule++)
    ok(strstr(list, rule->measure) && (!rule->beside || strstr(list, rule->beside)), "%s: asked for", rule->measure);
  free(list);
}

/* Does the registry say that the change of one side alone is not seen? "joint rotation" is that of both. */
static bool is_invariant(const char *text, const char *change) {
  for (const char *at = text; (at = strstr(at, change)); at++)
    if (at - text < 6 || strncmp(at - 6, "joint ", 6) != 0) return true;
  return false;
}

static void check_invariances(void) {
  static const struct {
    const char *change;
    CalibrateTruth truth;
  } changes[] = {{"rotation", TRUTH_ROTATION}, {"translation", TRUTH_TRANSLATION}};
  for (const CalibrateRule *rule = calibrate_rules; rule->measure; rule++) {
    size_t v;
    const Measure *measure = measure_find(rule->measure, &v);
    if (!ok(measure != NULL, "%s: a measure", rule->measure)) continue;
    for (size_t i = 0; i < 2; i++) {
      const bool invariant = is_invariant(measure->values[v].invariant_to, changes[i].change);
      const CalibrateClaim claim = rule->claims[changes[i].truth];
      if (strcmp(rule->measure, "coherence") == 0 || claim == CLAIM_NOTHING) continue; /* it reads the kind of change, not that there is one */
      ok(claim == (invariant ? CLAIM_BLIND : CLAIM_SEES), "%s: %s of a %s, and the registry says \"%s\"", rule->measure,
         claim == CLAIM_BLIND ? "blind" : "sees", changes[i].change, measure->values[v].invariant_to);
    }
  }
}

static void check_reasons(void) {
  for (const CalibrateRule *rule = calibrate_rules; rule->measure; rule++) {
    bool unasked = false;
    for (size_t t = 0; t < CALIBRATE_TRUTHS; t++) unasked = unasked || rule->claims[t] == CLAIM_NOTHING;
    ok(unasked == (rule->unasked != NULL), "%s: says why where nothing is claimed", rule->measure);
    ok(unasked || isfinite(rule->tolerance), "%s: has a tolerance", rule->measure);
  }
}

static void check_verdict(const char *measure, CalibrateClaim claim, CalibrateReading r, CalibrateVerdict verdict, const char *words) {
  const CalibrateRule *rule = find_rule(measure);
  char *expected;
  const CalibrateVerdict found = calibrate_judge(rule, claim, &r, &expected);
  ok(found == verdict && strcmp(expected, words) == 0, "%s %g [%g, %g] beside %g: verdict %d, expected \"%s\"", measure, r.value, r.lo,
     r.hi, r.identical, (int)found, expected);
  free(expected);
}

static void check_verdicts(void) {
  const CalibrateVerdict found = CALIBRATE_FOUND, missed = CALIBRATE_MISSED, blind = CALIBRATE_BLIND, alarm = CALIBRATE_FALSE_ALARM;
  const char *off = "off 1 by more than 1e-06", *at = "1 +- 1e-06";
  check_verdict("cka", CLAIM_SEES, (CalibrateReading){0.9, 0.85, 0.95, 1}, found, off);
  check_verdict("cka", CLAIM_SEES, (CalibrateReading){0.9, NAN, NAN, 1}, found, off);
  check_verdict("cka", CLAIM_SEES, (CalibrateReading){0.9, 0.7, 1.1, 1}, missed, off);
  check_verdict("cka", CLAIM_SEES, (CalibrateReading){1 - 1e-7, NAN, NAN, 1}, missed, off);
  check_verdict("cka", CLAIM_SEES, (CalibrateReading){NAN, NAN, NAN, 1}, missed, off);
  check_verdict("cka", CLAIM_BLIND, (CalibrateReading){NAN, NAN, NAN, 1}, missed, at);
  check_verdict("cka", CLAIM_BLIND, (CalibrateReading){1 + 1e-7, NAN, NAN, 1}, blind, at);
  check_verdict("cka", CLAIM_BLIND, (CalibrateReading){0.999, 0.998, 0.9995, 1}, alarm, at);
  check_verdict("relative_l2", CLAIM_BLIND, (CalibrateReading){2e-5, NAN, NAN, 0}, alarm, "at most 1e-05");
  check_verdict("coherence", CLAIM_SEES, (CalibrateReading){0.98, NAN, NAN, 0}, missed, "more than 0.99");
  check_verdict("coherence", CLAIM_SEES, (CalibrateReading){1, 0.999, 1, 0}, found, "more than 0.99");
  check_verdict("coherence", CLAIM_NOTHING, (CalibrateReading){1, 0.995, 1, 0}, CALIBRATE_NOT_ASKED, "undefined, or not known beforehand");
  check_verdict("effective_rank_y", CLAIM_BLIND, (CalibrateReading){20.0001, NAN, NAN, 20}, blind, "20 +- 0.0002");
  check_verdict("effective_rank_y", CLAIM_BLIND, (CalibrateReading){20.001, NAN, NAN, 20}, alarm, "20 +- 0.0002");
  check_verdict("effective_rank_y", CLAIM_SEES, (CalibrateReading){20.001, NAN, NAN, NAN}, missed, "off nan by more than nan");
  check_verdict("effective_rank_change", CLAIM_ONE, (CalibrateReading){1.005, NAN, NAN, 0}, found, "1 +- 0.01");
  check_verdict("effective_rank_change", CLAIM_ONE, (CalibrateReading){1.2, NAN, NAN, 0}, missed, "1 +- 0.01");
  check_verdict("effective_rank_change", CLAIM_ONE, (CalibrateReading){NAN, 1, 2, 0}, missed, "1 +- 0.01");
}

static void check_what_holds(void) {
  for (int v = 0; v < CALIBRATE_VERDICTS; v++) {
    const CalibrateRow row = {.verdict = (CalibrateVerdict)v};
    ok(calibrate_holds(&row) == (v != CALIBRATE_MISSED && v != CALIBRATE_FALSE_ALARM), "verdict %d", v);
  }
  ok(!calibrate_holds(&(CalibrateRow){.verdict = CALIBRATE_FOUND, .false_alarms = 1, .places = 9}), "found, with a false alarm elsewhere");
  ok(!calibrate_holds(&(CalibrateRow){.verdict = CALIBRATE_NOT_ASKED, .false_alarms = 1, .places = 9}), "not asked, with a false alarm elsewhere");
}

int main(void) {
  check_all_are_claimed();
  check_invariances();
  check_reasons();
  check_verdicts();
  check_what_holds();
  return tap_end();
}
