/* Words that the text uses in two ways, found by fathom axis in the hidden states of the base model, on words that no axis was fit on; and
 * the same words mixed, between which there is nothing to find. */
#include "base/file.h"
#include "base/memory.h"
#include "command/axis/axis.h"
#include "command/calibrate/calibrate.h"

#include <stdlib.h>

static const double MOST_P = 0.01; /* over all blocks: seen. Of mixed words, one calibration in a hundred is taken in */
static const char TOO_SMALL[] = "models so small do not know the words";

/* Every second word of both kinds changes sides. */
static void mix(AxisWords *w) {
  for (size_t i = 0; i < w->n_pole_words; i++) w->first[i] = i % 2 == 0;
}

static void add(Calibration *c, const char *truth, const AxisData *data, const AxisResults *r, bool planted) {
  size_t k = 0; /* the block with the best axis, which p_max allows for */
  for (size_t i = 1; i < data->n_sites; i++)
    if (r->evaluations[i].auc.value > r->evaluations[k].auc.value) k = i;
  const Bounded auc = r->evaluations[k].auc;
  const bool seen = r->p_max[k] <= MOST_P, asked = !planted || !c->settings->quick;
  calibrate_add(c, (CalibrateRow){.truth = truth,
                                  .instrument = "axis",
                                  .measure = "auc",
                                  .where = mem_copy_string(data->sites[k]),
                                  .expected = asked ? mem_format("p_max %s %g: is %.3g", planted ? "at most" : "above", MOST_P, r->p_max[k])
                                                    : mem_copy_string(TOO_SMALL),
                                  .value = auc.value,
                                  .lo = auc.lo,
                                  .hi = auc.hi,
                                  .verdict = !asked    ? CALIBRATE_NOT_ASKED
                                             : planted ? (seen ? CALIBRATE_FOUND : CALIBRATE_MISSED)
                                                       : (seen ? CALIBRATE_FALSE_ALARM : CALIBRATE_QUIET)});
}

Status calibrate_words(Calibration *c, Error *err) {
  char *base = calibrate_path(c, "base"), *lexicon = file_join(c->world, CALIBRATE_LEXICON),
       *templates = file_join(c->world, CALIBRATE_TEMPLATES);
  const AxisSettings settings = {.common = c->settings->common,
                                 .input = {.dtype = "float32", .chat_template = "auto", .batch_tokens = CALIBRATE_BATCH_TOKENS},
                                 .lexicon = lexicon,
                                 .templates = templates,
                                 .poles = "agency,communion",
                                 .method = "mean",
                                 .folds = 5,
                                 .permutations = 400,
                                 .bootstrap = 100};
  AxisData data = {0};
  AxisResults of_kinds = {0}, of_mixed = {0};
  Status status = axis_from_model(base, &settings, &data, err);
  if (status == STATUS_OK) status = axis_compute(&settings, &data, &of_kinds, err);
  if (status == STATUS_OK) mix(&data.words);
  if (status == STATUS_OK) status = axis_compute(&settings, &data, &of_mixed, err);
  if (status == STATUS_OK) {
    add(c, "kinds of words", &data, &of_kinds, true);
    add(c, "mixed words", &data, &of_mixed, false);
    calibrate_say(c, "kinds of words: measured");
  } else {
    error_prefix(err, "calibrate: kinds of words");
  }
  axis_results_clear(&of_kinds, data.n_sites);
  axis_results_clear(&of_mixed, data.n_sites);
  axis_data_clear(&data);
  free(base);
  free(lexicon);
  free(templates);
  return status;
}
