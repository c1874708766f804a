/* A shortcut in a preference set, found by fathom eval: a gain on pairs that have it, a loss on pairs without it and a larger one
 * where it is reversed, over a model of pairs without it; and no such thing between two models of pairs without it. */
#include "base/memory.h"
#include "command/calibrate/calibrate.h"
#include "command/eval/eval.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WITH, WITHOUT, REVERSED, N_SETS };

/* A quarter of the labels is wrong where models are trained, and on new pairs of the same kind: a rule that goes by the deed is right
 * in three of four, one that goes by the mark in nearly all. */
static const WorldWeight noisy[] = {{"right", 3}, {"wrong", 1}, {0}},
                         marked[] = {{"right", 3}, {"wrong", 1}, {"with", 9}, {"neither", 1}, {"against", 0}, {0}},
                         reversed[] = {{"with", 0}, {"neither", 1}, {"against", 9}, {0}};
static const struct {
  const char *file, *words;
  const WorldWeight *weights;
} sets[N_SETS] = {{"test-with.jsonl", "pairs with the shortcut, as in training", marked},
                  {"test-without.jsonl", "pairs without it", NULL},
                  {"test-reversed.jsonl", "pairs with it reversed", reversed}};

/* Gains of a reward model over the plain one, and NTS with the shortcut's pairs as the source. */
typedef struct Gains {
  Bounded gain[N_SETS], nts;
} Gains;

static Status gains_of(const Calibration *c, const char *student, Gains *gains, Error *err) {
  char *paths[N_SETS], *of_student = calibrate_path(c, student), *of_reference = calibrate_path(c, "reward-plain");
  for (size_t i = 0; i < N_SETS; i++) paths[i] = calibrate_path(c, sets[i].file);
  const EvalSettings settings = {
      .common = c->settings->common,
      .input = {.pairs = {(const char **)paths, N_SETS}, .dtype = "float32", .chat_template = "auto", .batch_tokens = 1024},
      .resample = "pairs",
      .source = paths[WITH],
      .nts_weight = 1,
      .bootstrap = 1000};
  const EvalTasks tasks = {.seed = settings.common.seed};
  EvalFile *files = NULL;
  EvalRun runs[2] = {0};
  EvalRow rows[N_SETS];
  EvalComparison comparison = {.source = N_SETS};
  Status status = eval_files_identify(&settings.input.pairs, &files, err);
  if (status == STATUS_OK) status = eval_run_model(of_reference, &settings.input, &tasks, files, N_SETS, &runs[1], err);
  if (status == STATUS_OK) status = eval_run_model(of_student, &settings.input, &tasks, files, N_SETS, &runs[0], err);
  for (size_t i = 0; i < N_SETS && status == STATUS_OK; i++)
    rows[i] = eval_row(&files[i], &runs[0].sets[i], settings.bootstrap, settings.common.seed);
  if (status == STATUS_OK) status = eval_compare(&settings, files, &runs[0], &runs[1], NULL, rows, &comparison, err);
  for (size_t i = 0; i < N_SETS && status == STATUS_OK; i++) gains->gain[i] = rows[i].transfer.gain;
  gains->nts = comparison.summary.nts;
  for (size_t k = 0; k < 2; k++) eval_run_clear(&runs[k]);
  for (size_t i = 0; i < N_SETS; i++) free(paths[i]);
  free(files);
  free(of_student);
  free(of_reference);
  return status;
}

static void add(Calibration *c, const char *truth, const char *measure, const char *where, Bounded b, const char *expected,
                CalibrateVerdict verdict) {
  calibrate_add(c, (CalibrateRow){.truth = truth,
                                  .instrument = "eval",
                                  .measure = measure,
                                  .where = mem_copy_string(where),
                                  .expected = mem_copy_string(expected),
                                  .value = b.value,
                                  .lo = b.lo,
                                  .hi = b.hi,
                                  .verdict = verdict});
}

/* What the mark is worth in training, in points: of ten pairs it tells nine, and of the tenth the deed three in four; without the mark the
 * deed tells three in four of all. Two trainings that differ by a third of it are not told apart: no interval is over trainings. */
static double worth(void) { return 100 * (0.9 + 0.1 * 0.75 - 0.75); }

static CalibrateVerdict found(bool is_found) { return is_found ? CALIBRATE_FOUND : CALIBRATE_MISSED; }

static void judge_shortcut(Calibration *c, const Gains *g) {
  const double most = CALIBRATE_THIRD * worth();
  const Bounded *gain = g->gain;
  char *more = mem_format("more than %g", most), *less = mem_format("less than %g", -most);
  add(c, "shortcut", "gain", sets[WITH].words, gain[WITH], more, found(gain[WITH].lo > most));
  add(c, "shortcut", "gain", sets[WITHOUT].words, gain[WITHOUT], less, found(gain[WITHOUT].hi < -most));
  add(c, "shortcut", "gain", sets[REVERSED].words, gain[REVERSED], "less than without it",
      found(gain[REVERSED].hi < -most && gain[REVERSED].hi < gain[WITHOUT].lo));
  free(less);
  less = mem_format("less than %g", -2 * most); /* NTS takes a loss at the source off the mean gain */
  add(c, "shortcut", "nts", "all three", g->nts, less, found(g->nts.hi < -2 * most));
  free(more);
  free(less);
}

static CalibrateVerdict quiet(double value, double most) {
  return fabs(value) <= most ? CALIBRATE_QUIET : CALIBRATE_FALSE_ALARM;
}

static void judge_plain(Calibration *c, const Gains *g) {
  const double most = CALIBRATE_THIRD * worth();
  char *little = mem_format("0 +- %g", most), *twice = mem_format("0 +- %g", 2 * most);
  for (size_t i = 0; i < N_SETS; i++)
    add(c, "no shortcut", "gain", sets[i].words, g->gain[i], little, quiet(g->gain[i].value, most));
  add(c, "no shortcut", "nts", "all three", g->nts, twice, quiet(g->nts.value, 2 * most));
  free(little);
  free(twice);
}

Status calibrate_shortcut(Calibration *c, Error *err) {
  const CalibrateSize *size = c->size;
  const uint64_t seed = c->settings->common.seed;
  Gains shortcut, plain;
  Status status = calibrate_texts(c, "train-plain.jsonl", "pair", size->pairs, seed + 2, noisy, err);
  if (status == STATUS_OK) status = calibrate_texts(c, "train-marked.jsonl", "pair", size->pairs, seed + 2, marked, err);
  for (size_t i = 0; i < N_SETS && status == STATUS_OK; i++)
    status = calibrate_texts(c, sets[i].file, "pair", size->test_pairs, seed + 3 + i, sets[i].weights, err);
  if (status == STATUS_OK) status = calibrate_train_reward(c, "reward-plain", "train-plain.jsonl", seed, err);
  if (status == STATUS_OK) status = calibrate_train_reward(c, "reward-again", "train-plain.jsonl", seed + 1, err);
  if (status == STATUS_OK) status = calibrate_train_reward(c, "reward-shortcut", "train-marked.jsonl", seed, err);
  if (status == STATUS_OK) status = gains_of(c, "reward-shortcut", &shortcut, err);
  if (status == STATUS_OK) status = gains_of(c, "reward-again", &plain, err);
  if (status != STATUS_OK) return error_prefix(err, "calibrate: shortcut");
  judge_shortcut(c, &shortcut);
  judge_plain(c, &plain);
  calibrate_say(c, "shortcut: measured");
  return status;
}
