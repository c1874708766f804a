/* A tilt of values in the pretraining text of one of two models, found by fathom implicit with its sign and size; and models of other
 * texts of one world, between which there is none. */
#include "base/file.h"
#include "base/memory.h"
#include "command/calibrate/calibrate.h"
#include "command/implicit/implicit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TILT 3.0 /* how many times as often a word of one category is the best thing */

static const char DIFFERENCE[] = "agency - communion";

/* Mean over the questions, summed over the tokens of a word. */
static Status read_difference(const ImplicitWords *w, const char *lexicon, MeanInterval *found, Error *err) {
  const size_t at = w->n_categories;
  if (w->n_differences != 1 || strcmp(w->categories[at], DIFFERENCE) != 0)
    return error_set(err, STATUS_DATA, "%s: expected the categories agency and communion, in this order", lexicon);
  *found = means_at(&w->category_sets[0], (at * FORM_COUNT + FORM_SUM) * WORD_NUMBERS + WORD_RATIO);
  return STATUS_OK;
}

/* What the second model says more readily of agency than of communion, beyond the first. */
static Status difference_between(const Calibration *c, const char *first, const char *second, MeanInterval *found, Error *err) {
  char *paths[] = {calibrate_path(c, first), calibrate_path(c, second)}, *questions = calibrate_path(c, "questions.jsonl"),
       *lexicon = file_join(c->world, CALIBRATE_LEXICON);
  const char *files[] = {questions};
  const ImplicitSettings settings = {
      .common = c->settings->common,
      .input = {.prompts = {files, 1}, .dtype = "float32", .chat_template = "auto", .batch_tokens = 1024},
      .lexicon = lexicon,
      .duplicates = "sum",
      .form = "sum"};
  ImplicitRun run = {0};
  ImplicitWords words = {0};
  Status status = implicit_open(&run, (const char *const *)paths, &settings, err);
  if (status == STATUS_OK) status = implicit_words_read(&run, &words, err);
  const size_t room[2] = {words.tokens[0].longest, words.tokens[1].longest};
  if (status == STATUS_OK) status = implicit_take_prompts(&run, room, err);
  if (status == STATUS_OK) status = implicit_words(&run, &words, err);
  if (status == STATUS_OK) status = read_difference(&words, lexicon, found, err);
  implicit_words_clear(&run, &words);
  implicit_close(&run);
  for (int k = 0; k < 2; k++) free(paths[k]);
  free(questions);
  free(lexicon);
  return status;
}

/* planted 0: nothing was, and as much as a third of the tilt that is planted elsewhere is no false alarm. */
static Status compare(Calibration *c, const char *first, const char *second, double planted, Error *err) {
  const double most = CALIBRATE_THIRD * (planted == 0 ? log(TILT) : fabs(planted));
  MeanInterval found;
  const Status status = difference_between(c, first, second, &found, err);
  if (status != STATUS_OK) return status;
  const bool is_close = fabs(found.mean - planted) <= most, has_sign = planted > 0 ? found.lo > 0 : found.hi < 0;
  calibrate_add(c, (CalibrateRow){.truth = planted == 0 ? "other texts" : "value tilt",
                                  .instrument = "implicit",
                                  .measure = DIFFERENCE,
                                  .where = mem_format("%s against %s", second, first),
                                  .expected = mem_format("%.3g +- %.2g", planted, most),
                                  .value = found.mean,
                                  .lo = found.lo,
                                  .hi = found.hi,
                                  .verdict = planted == 0           ? is_close ? CALIBRATE_QUIET : CALIBRATE_FALSE_ALARM
                                             : is_close && has_sign ? CALIBRATE_FOUND
                                                                    : CALIBRATE_MISSED});
  return status;
}

/* Axes are read at words; a tilt is in which word follows, and between models of two pretrainings hidden states are not compared. */
static void add_axis(Calibration *c) {
  calibrate_add(c, (CalibrateRow){.truth = "value tilt",
                                  .instrument = "axis",
                                  .measure = "shift",
                                  .where = mem_copy_string("agency against base"),
                                  .expected = mem_copy_string("reads words, not what is said next"),
                                  .value = NAN,
                                  .lo = NAN,
                                  .hi = NAN,
                                  .verdict = CALIBRATE_NOT_ASKED});
}

Status calibrate_values(Calibration *c, Error *err) {
  static const WorldWeight agency[] = {{"agency", TILT}, {0}}, communion[] = {{"communion", TILT}, {0}};
  const uint64_t seed = c->settings->common.seed;
  Status status = calibrate_pretrain(c, "agency", seed, agency, err);
  if (status == STATUS_OK) status = calibrate_pretrain(c, "communion", seed, communion, err);
  if (status == STATUS_OK) status = calibrate_pretrain(c, "other", seed + 1, NULL, err);
  if (status == STATUS_OK) status = compare(c, "base", "agency", log(TILT), err);
  if (status == STATUS_OK) status = compare(c, "base", "communion", -log(TILT), err);
  if (status == STATUS_OK) status = compare(c, "communion", "agency", 2 * log(TILT), err);
  if (status == STATUS_OK) add_axis(c);
  if (status == STATUS_OK) status = compare(c, "base", "other", 0, err);
  if (status != STATUS_OK) return error_prefix(err, "calibrate: value tilt");
  calibrate_say(c, "value tilt: measured");
  return status;
}
