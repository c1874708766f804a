/* fathom calibrate: do the instruments find what was planted, and nothing else? */
#include "command/calibrate/calibrate.h"

#include "base/file.h"
#include "base/log.h"

static const CalibrateSize whole = {.texts = 20000,
                                    .steps = 300,
                                    .sequences = 16,
                                    .learning_rate = 3e-3,
                                    .prompts = 80,
                                    .pairs = 800,
                                    .test_pairs = 300,
                                    .reward_learning_rate = 1e-3},
                           quick = {.n_layers = 3,
                                    .hidden_size = 32,
                                    .intermediate_size = 88,
                                    .head_dim = 8,
                                    .texts = 3000,
                                    .steps = 120,
                                    .sequences = 8,
                                    .learning_rate = 5e-3,
                                    .prompts = 64,
                                    .pairs = 800,
                                    .test_pairs = 300,
                                    .reward_learning_rate = 1e-3};

/* STATUS_NO naming the first instrument that failed. */
static Status judge(const Calibration *c, Error *err) {
  const CalibrateRow *first = NULL;
  size_t n = 0;
  for (size_t i = 0; i < c->n_rows; i++) {
    if (calibrate_holds(&c->rows[i])) continue;
    if (n++ == 0) first = &c->rows[i];
  }
  if (!first) return STATUS_OK;
  return error_set(err, STATUS_NO, "calibrate: %zu of %zu rows are not as they should be, the first %s: %s %s at %s is %.6g, expected %s; %zu "
                                   "of %zu places elsewhere are false alarms",
                   n, c->n_rows, first->truth, first->instrument, first->measure, first->where, first->value, first->expected,
                   first->false_alarms, first->places);
}

static Status run(const Invocation *call, const void *given, Error *err) {
  const CalibrateSettings *s = given;
  Calibration c = {.call = call, .settings = s, .size = s->quick ? &quick : &whole, .started = clock_seconds()};
  Status status = s->output ? file_check_writable(s->output, err) : STATUS_OK;
  if (status != STATUS_OK) return status;
  log_set_quiet(true); /* calibrate_say speaks for the parts */
  status = calibrate_open(&c, err);
  if (status == STATUS_OK)
    calibrate_say(&c, "in %s: 4 language models are pretrained, 3 reward models trained, which takes %s", c.folder,
                  s->quick ? "seconds" : "a few minutes");
  if (status == STATUS_OK) status = calibrate_pretrain(&c, "base", s->common.seed, NULL, err);
  if (status == STATUS_OK) status = calibrate_drift(&c, err);
  if (status == STATUS_OK) status = calibrate_least(&c, err);
  if (status == STATUS_OK) status = calibrate_values(&c, err);
  if (status == STATUS_OK) status = calibrate_words(&c, err);
  if (status == STATUS_OK) status = calibrate_shortcut(&c, err);
  log_set_quiet(s->common.quiet);
  Provenance from = invocation_provenance(call, "calibrate", &s->common);
  from.models[0].path = "base";
  from.models[0].sha256 = c.base_sha256;
  from.n_models = 1;
  if (status == STATUS_OK && s->output) status = calibrate_write(&c, &from, err);
  if (status == STATUS_OK) status = calibrate_print(&c, &from, err);
  if (status == STATUS_OK) status = judge(&c, err);
  calibrate_close(&c);
  return status;
}

#define AT(member) offsetof(CalibrateSettings, member)
static const Option options[] = {
    {"quick", 0, OPTION_FLAG, AT(quick), 0, 0, NULL,
     "smaller models, pretrained for seconds (three blocks of width 32, not six of width 64)", NULL},
    {"world", 0, OPTION_TEXT, AT(world), 0, 0, "DIR",
     "the folder of village.grammar, config.json and values.tsv (default: the one that is shipped)", NULL},
    {"keep", 0, OPTION_TEXT, AT(keep), 0, 0, "DIR",
     "make everything in this folder and leave it there: texts, models, recordings (default: a temporary one)", NULL},
    {"output", 'o', OPTION_TEXT, AT(output), 0, 0, "C.h5", "also write the table to a file", NULL},
    {0}};
#undef AT

static const CalibrateSettings defaults = {0};

const Command command_calibrate = {
    .name = "calibrate",
    .arguments = "",
    .summary = "check the instruments on made models in which the truth is planted",
    .details =
        "Pretrains small language models on texts of a made world, plants truths and looks for them with the functions of drift,\n"
        "weights, implicit, axis and eval. All of it is fathom's own; no data are needed. Planted in one block of the base model:\n"
        "  nothing         recorded again, in other batches\n"
        "  noise           in every matrix\n"
        "  rotation        of each head's values, undone by the next matrix: behind it all is as it was\n"
        "  translation     a vector added to all that the MLP gives\n"
        "  rank one        a change of that rank of the MLP's last matrix\n"
        "  least noise     ever less of it: the value is the least that is still seen\n"
        "and by training:\n"
        "  value tilt      words of one category three times as often the best thing, in the text of one of two models\n"
        "  other texts     of the same world: no tilt\n"
        "  kinds of words  in sayings of their own; mixed words: the same words in another order, with nothing to find\n"
        "  shortcut        a mark on the chosen answers of a preference set, tested with it, without it and reversed\n"
        "  no shortcut     two reward models of one set without it\n\n"
        "Each row is one measure on one truth: what it said, what was expected, the verdict, and how often it spoke elsewhere, where\n"
        "nothing had changed. Rows with the verdict blind are what a measure cannot see; of those not asked nothing is claimed, and\n"
        "expected says why. The exit code is 1 where an instrument misses or gives a false alarm.",
    .example = "fathom calibrate -o calibration.h5",
    .options = options,
    .defaults = &defaults,
    .settings_size = sizeof(CalibrateSettings),
    .min_args = 0,
    .max_args = 0,
    .run = run,
};
