/* fathom drift: how far the activations of one store are from those of another, layer by layer. */
#include "command/drift/beside.h"

#include "base/file.h"
#include "base/memory.h"
#include "command/drift/by.h"

#include <stdlib.h>
#include <string.h>

static const char *asked_words(const Measure *measure) {
  return measure->by_default              ? "default"
         : measure->needs == NEEDS_LENS   ? "--lens MODEL"
         : measure->needs == NEEDS_LABELS ? "by name; samples with labels"
                                          : "by name";
}

static Status list_measures(const Invocation *call, const DriftSettings *settings, Error *err) {
  static const char *const columns[] = {"measure", "range",    "identical", "blind_to", "cost",
                                        "asked",   "interval", "source",    "what"};
  enum { N_COLUMNS = sizeof columns / sizeof columns[0] };
  const Provenance provenance = invocation_provenance(call, "drift", &settings->common);
  Table *table = table_begin(stdout, settings->common.json, &provenance, columns, N_COLUMNS);
  table_note(table, "identical: the value for two identical models; cost: arithmetic for n rows of width d");
  table_note(table,
             "asked: what is measured by default and what by name only; interval: over samples, or why there is none");
  for (size_t m = 0; measures[m]; m++)
    for (size_t v = 0; v < measures[m]->n_values; v++) {
      const MeasureValue *value = &measures[m]->values[v];
      char *interval =
          value->no_interval ? mem_format("none: %s", value->no_interval) : mem_copy_string("over samples");
      const char *const cells[N_COLUMNS] = {
          value->name, value->range,  value->identical, value->invariant_to, value->cost, asked_words(measures[m]),
          interval,    value->source, value->help};
      for (size_t i = 0; i < N_COLUMNS; i++) table_string(table, cells[i]);
      free(interval);
    }
  return table_end(table, err);
}

/* Some ways have numbers of their own, and options of theirs alone. */
static Status check_by(const DriftSettings *s, Error *err) {
  const char *by = s->by ? s->by : "";
  const bool samples = strcmp(by, "sample") == 0, margins = strcmp(by, "margin") == 0;
  if (!drift_by_has_measures(s->by) && (s->measures || s->lens))
    return error_set(err, STATUS_USAGE, "--%s and --by %s exclude each other: that gives numbers of its own",
                     s->measures ? "measures" : "lens", by);
  if (!samples && (s->top != DRIFT_TOP || s->tokenizer))
    return error_set(err, STATUS_USAGE, "--%s needs --by sample", s->tokenizer ? "tokenizer" : "top");
  if (!margins && s->margins.count) return error_set(err, STATUS_USAGE, "--margins needs --by margin");
  if (margins && s->margins.count != 1 && s->margins.count != 2)
    return error_set(err, STATUS_USAGE,
                     "--by margin: --margins was given %zu times, expected twice (rewards before and after) or once (after)",
                     s->margins.count);
  return STATUS_OK;
}

/* Could the result be written, and not over what is read? Found out before anything is measured. */
static Status check_output(const Invocation *call, const DriftSettings *s, Error *err) {
  const char *const read[] = {call->args[0], call->args[1], s->against, s->noise, s->margins.count > 0 ? s->margins.items[0] : NULL,
                              s->margins.count > 1 ? s->margins.items[1] : NULL};
  if (!s->output) return STATUS_OK;
  for (size_t i = 0; i < sizeof read / sizeof read[0]; i++)
    if (read[i] && file_is_same(s->output, read[i]))
      return error_set(err, STATUS_USAGE, "--output %s: is read, expected another file to write to", s->output);
  return file_check_writable(s->output, err);
}

static Status run(const Invocation *call, const void *given, Error *err) {
  const DriftSettings *settings = given;
  if (settings->list) return list_measures(call, settings, err);
  if (call->n_args != 2)
    return error_set(err, STATUS_USAGE, "drift: two activation stores are needed (fathom drift A.h5 B.h5)");
  if (settings->bootstrap && settings->bootstrap < BOOTSTRAP_LEAST)
    return error_set(err, STATUS_USAGE, "--bootstrap %zu: expected 0 or at least %d resamples", settings->bootstrap,
                     BOOTSTRAP_LEAST);
  Status asked = check_by(settings, err);
  if (asked == STATUS_OK) asked = check_output(call, settings, err);
  if (asked != STATUS_OK) return asked;
  DriftStores stores = {0};
  DriftBeside beside = {0};
  DriftSelection selection = {0};
  DriftLimit *limits = NULL;
  Status status = drift_select(settings->measures, settings->lens, &selection, err);
  if (status == STATUS_OK && settings->by) status = drift_by_check(&selection, err);
  if (status == STATUS_OK) status = drift_limits_parse(&settings->fail_above, &limits, err);
  if (status == STATUS_OK) status = drift_limits_check(limits, settings->fail_above.count, &selection, err);
  if (status == STATUS_OK) status = drift_stores_open(call->args[0], call->args[1], settings, &stores, err);
  if (status == STATUS_OK) status = drift_beside_open(call->args[0], settings, &stores, &beside, err);
  if (status == STATUS_OK && settings->cross)
    status = drift_cross(call, settings, &stores, err);
  else if (status == STATUS_OK && settings->by)
    status = drift_by(call, settings, &stores, &selection, err);
  else if (status == STATUS_OK)
    status = drift_compare(call, settings, &stores, &beside, &selection, limits, err);
  drift_beside_close(&beside);
  drift_stores_close(&stores);
  drift_selection_clear(&selection);
  free(limits);
  return status;
}

static const Option options[] = {
    {"measures", 0, OPTION_TEXT, offsetof(DriftSettings, measures), 0, 0, "NAME,...",
     "what to compute (default: those that --list says are)", NULL},
    {"sites", 0, OPTION_TEXT, offsetof(DriftSettings, sites), 0, 0, "NAME,...",
     "sites, by full names or short forms such as resid_post (default: those in both stores)", NULL},
    {"layers", 0, OPTION_TEXT, offsetof(DriftSettings, layers), 0, 0, "LIST",
     "of which blocks, such as 0,3-7,-1 (default: all)", NULL},
    {"lens", 0, OPTION_TEXT, offsetof(DriftSettings, lens), 0, 0, "MODEL",
     "the frozen model, with whose final norm and head lens_kl reads both sides; measured unasked then", "cross"},
    {"bootstrap", 0, OPTION_SIZE, offsetof(DriftSettings, bootstrap), 0, 1e6, "B",
     "resamples of the intervals, 0 for none", NULL},
    {"cross", 0, OPTION_FLAG, offsetof(DriftSettings, cross), 0, 0, NULL,
     "all sites of A.h5 against all of B.h5: cka (default) or cka_biased", "fail-above"},
    {"by", 0, OPTION_CHOICE, offsetof(DriftSettings, by), 0, 0, "position|end|group|label|branch|sample|margin",
     "where the change lies: token positions (from the end: end), groups or labels of samples, what attention and MLP add, "
     "the samples that drift most, drift against the change of reward margins",
     "cross,fail-above,against,against-layer,noise,floor,without-outliers"},
    {"margins", 0, OPTION_TEXTS, offsetof(DriftSettings, margins), 0, 0, "FILE",
     "of --by margin: rewards of the recorded pairs, given twice, before and after (once: margins, not their change): a table of fathom "
     "score, a result of fathom eval, or a reward model, which then scores the recorded tokens",
     NULL},
    {"top", 0, OPTION_SIZE, offsetof(DriftSettings, top), 0, 1e9, "K", "of --by sample: how many a site, 0 for all", NULL},
    {"tokenizer", 0, OPTION_TEXT, offsetof(DriftSettings, tokenizer), 0, 0, "MODEL",
     "of --by sample: the model whose tokenizer the stores' token ids are read with", NULL},
    {"against", 0, OPTION_TEXT, offsetof(DriftSettings, against), 0, 0, "C.h5",
     "how much further than the model of C.h5: its drift from A.h5, and the difference with its interval",
     "cross,against-layer"},
    {"against-layer", 0, OPTION_TEXT, offsetof(DriftSettings, against_layer), 0, 0, "J",
     "how much further than block J of the same model, site by site of one kind; -1 is the last block", "cross,against"},
    {"noise", 0, OPTION_TEXT, offsetof(DriftSettings, noise), 0, 0, "AGAIN.h5",
     "a second recording of the frozen model: print its drift from A.h5, and mark what is not told from it", "cross"},
    {"floor", 0, OPTION_FLAG, offsetof(DriftSettings, floor), 0, 0, NULL,
     "print beside each value what unrelated data would give: B.h5's rows of other samples, ten times", "cross"},
    {"without-outliers", 0, OPTION_SIZE, offsetof(DriftSettings, without_outliers), 1, 1e9, "K",
     "print beside each value what it is without the K columns whose variance is largest in A.h5, and which these are",
     "cross"},
    {"memory", 0, OPTION_BYTES, offsetof(DriftSettings, memory), 0, 0, "SIZE",
     "what sums and blocks of rows may take, such as 512M: sites are done in as many turns, and maps in as many "
     "passes, as that "
     "asks for (default: 1G, or what one site or pair of sites takes)",
     NULL},
    {"rows", 0, OPTION_SIZE, offsetof(DriftSettings, rows), 1, 1e15, "N",
     "at most N rows: whole samples, drawn at random by --seed (default: all)", NULL},
    {"keep-first", 0, OPTION_FLAG, offsetof(DriftSettings, keep_first), 0, 0, NULL, "keep position 0 of each sequence",
     NULL},
    {"skip-nonfinite", 0, OPTION_FLAG, offsetof(DriftSettings, skip_nonfinite), 0, 0, NULL,
     "leave samples with a NaN or an infinity out of both stores, whole, and count them (default: refuse them)", NULL},
    {"fail-above", 0, OPTION_TEXTS, offsetof(DriftSettings, fail_above), 0, 0, "MEASURE=X",
     "exit with 1 where a site's value is above X or undefined; may be repeated", NULL},
    {"list", 0, OPTION_FLAG, offsetof(DriftSettings, list), 0, 0, NULL, "say what can be measured, and stop", NULL},
    {"output", 'o', OPTION_TEXT, offsetof(DriftSettings, output), 0, 0, "D.h5", "also write the result to a file",
     NULL},
    {0}};

static const DriftSettings defaults = {.bootstrap = 1000, .top = DRIFT_TOP};

const Command command_drift = {
    .name = "drift",
    .arguments = "A.h5 B.h5",
    .summary = "how far the activations of two models are apart, layer by layer",
    .details =
        "A.h5 holds the frozen model's activations, B.h5 the other model's on the same prompts (fathom record);\n"
        "stores whose rows differ are refused. Position 0 of each sequence is left out, since massive activations sit\n"
        "there. Columns: site, layer, measure, value, lo and hi, n (samples). '-' (null in JSON) is what is "
        "undefined:\n"
        "lens_kl outside the residual stream, debiased CKA of fewer than 4 samples, anything centred of constant rows, "
        "cosine and relative_l2 of different\n"
        "widths.\n\n"
        "Intervals are over samples, never over tokens. Debiased CKA counts no pair of rows of one sample, neither in\n"
        "the estimate nor in a resample: with one row a sample it is Nguyen et al.'s formula, with several it is the\n"
        "same U-statistic over distinct samples (fathom's own; exact where samples are equally long). lo and hi are a\n"
        "bootstrap of jackknife pseudo-values, one a sample, with the same integer weights for every site and measure\n"
        "(fathom's own); tests/test_coverage measures how often they hold the truth. Those of procrustes are moved by\n"
        "an estimate of what fitting the rotation takes away, so they may lie above the value; there are none where\n"
        "that is over 5 % of the squared distance, for then the estimate is not to be trusted. --list says which\n"
        "measures have none, and why.\n\n"
        "--by says where the change lies. Of position (0, 1, 2-3, 4-7 ...), end (the same from the last token), group and\n"
        "label each measure is of the part's rows alone, and share is the part of the whole squared change that is in them\n"
        "(fathom's own); of two labels or groups there is their difference, with a paired interval. Of branch the shares are\n"
        "what attention, MLP and the stream from below have in the change of each resid_post. Of sample the columns are site,\n"
        "layer, rank, sample, group, label, relative_l2 (the sample's change in units of the whole's spread), share, n_rows,\n"
        "position and token (where it is largest), text. Of margin it is the rank correlation (Spearman), over preference\n"
        "pairs, of a pair's drift with the change of its reward margin from one reward model to the other, or with the margin\n"
        "of one.\n\n"
        "More columns beside these, all from the same samples and resamples:\n"
        "  --against, --against-layer  against: the other drift; difference: value - against, with difference_lo and\n"
        "                              difference_hi. Where these leave out 0, one drift is the larger\n"
        "  --noise                     noise: the drift of AGAIN.h5; under_noise: yes where the value is not told from it\n"
        "  --floor                     floor: what unrelated data give, the mean of ten pairings of B.h5's rows with those\n"
        "                              of other samples; floor_least and floor_most of the ten\n"
        "  --without-outliers          without_outliers, without_lo, without_hi: the same without the columns named under\n"
        "                              outliers (from 0, the largest first); outlier_share: their part of the variance\n"
        "See the manual, \"Is it more than ...?\"\n\n"
        "With --cross the columns are site_a, site_b, measure, value, lo, hi, n; widths may differ.",
    .example = "fathom drift frozen.h5 tuned.h5 --sites resid_post -o drift.h5",
    .options = options,
    .defaults = &defaults,
    .settings_size = sizeof(DriftSettings),
    .min_args = 0,
    .max_args = 2,
    .run = run,
};
