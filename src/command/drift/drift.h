/* What the parts of `fathom drift` share: drift.c (the command), select.c (measures and limits), lens.c
 * (--lens), labels.c (what probes predict), stores.c (two stores, the rows and sites they are compared on),
 * nonfinite.c (samples that are left out), sites.c (sites measured, as memory allows), compare.c (site
 * against site: printed, written, judged), cross.c (all against all), beside.h (differences, noise and floors
 * beside a drift), outliers.c (columns that are left out), by.h (where the change lies). */
#ifndef FATHOM_COMMAND_DRIFT_DRIFT_H
#define FATHOM_COMMAND_DRIFT_DRIFT_H

#include "command/command.h"
#include "model/model.h"
#include "probes/drift/measure.h"
#include "probes/drift/rows.h"
#include "store/activations.h"
#include "store/result.h"

typedef struct DriftSettings {
  CommonSettings common;
  const char *measures, *sites, *layers, *lens, *against, *against_layer, *noise, *output, *by, *tokenizer;
  size_t bootstrap, memory, rows, without_outliers, top;
  bool cross, list, keep_first, skip_nonfinite, floor;
  OptionTexts fail_above, margins;
} DriftSettings;

/* Memory where the user gives none, unless the least that is possible takes more. */
static const size_t DRIFT_MEMORY = (size_t)1 << 30;

enum { DRIFT_TOP = 10 }; /* samples of --by sample where the user does not say */

/* The model of --lens. */
typedef struct DriftLensModel {
  Source *source; /* NULL: none */
  Model model;
} DriftLensModel;

/* Columns of largest variance in the frozen model: columns [n_sites, k], the largest first, and their part of the
 * variance, share [n_sites]. */
typedef struct DriftOutliers {
  size_t k; /* 0: none */
  size_t *columns;
  double *share;
} DriftOutliers;

/* Two stores of the same rows, and what some measures ask for beside these. */
typedef struct DriftStores {
  Store *a, *b;
  DriftLensModel lens;
  uint32_t *row_class; /* [plan.n_rows] labels of samples by number, or NULL */
  size_t n_classes;
  RowPlan plan;
  size_t shift; /* rows by which B's are shifted, to pair them with other samples; 0: they are not */
  const DriftOutliers *outliers; /* columns that measures do not see; NULL: they see all */
  size_t n_rows; /* rows that both hold, before any is left out */
  size_t n_samples; /* samples before --rows */
  bool first_left_out;
  size_t *sites_a, *sites_b; /* chosen sites by number; without cross pair by pair, of one name */
  size_t n_a, n_b;
  size_t n_only_a, n_only_b;       /* sites that the other store lacks, which are passed over */
  const char *only_a, *only_b;     /* the first of them */
  size_t n_nonfinite;              /* samples left out */
  size_t n_unshared;               /* and those that the stores of --against or --noise do not hold */
  size_t kept_bytes;               /* of --memory that is taken by resamples of all sites */
} DriftStores;

Status drift_stores_open(const char *path_a, const char *path_b, const DriftSettings *settings, DriftStores *stores,
                         Error *err);
void drift_stores_close(DriftStores *stores); /* all zeros is fine */

/* Opens the model at path; it must be the one that the frozen store was recorded from, and have a language-model head.
 */
Status drift_lens_open(const char *path, const Store *frozen, DriftLensModel *lens, Error *err);
void drift_lens_close(DriftLensModel *lens); /* all zeros is fine */
/* Labels of the frozen store's samples, as classes of the rows that are compared. STATUS_DATA where there are none,
 * only one, or too many to be classes. */
Status drift_labels_read(DriftStores *stores, Error *err);

/* How the lens reads a site: those of the residual stream through the final norm, ln_final as it is; false where it
 * does not. lens must outlive what is written to at. */
bool drift_lens_at(const DriftLensModel *lens, const char *site, DriftLens *at);

/* Leaves out of the plan the samples that hold a NaN or an infinity at a chosen site of either store. */
Status drift_skip_nonfinite(DriftStores *stores, Error *err);
/* Their number, where there are any, as the result's attribute "nonfinite_samples". */
Status drift_write_nonfinite(const DriftStores *stores, Result *result, Error *err);

/* Site number `site` of a store as a side of a measure; context must outlive the side. */
typedef struct StoreRows {
  Store *store;
  size_t site;
} StoreRows;
RowSide drift_side(StoreRows *context);

/* The site's layer as a number for the output, NaN outside the blocks. */
double drift_layer(const char *site);

/* Provenance with both models, and the notes on rows and intervals that every table begins with. */
Provenance drift_provenance(const Invocation *call, const DriftSettings *settings, const DriftStores *stores);
void drift_note_rows(Table *table, const DriftStores *stores);
void drift_note_sites(Table *table, const DriftStores *stores);
void drift_note_compute(Table *table, const DriftStores *stores);
void drift_note_intervals(Table *table, const DriftSettings *settings);
/* What lo and hi are, which results carry as the attribute "interval"; NULL without them. Freed by the caller. */
char *drift_interval_words(const DriftSettings *settings);

/* The types that the models computed in, one word or "X and Y", which results carry as the attribute "compute_dtype".
 * Freed by the caller. */
char *drift_compute_words(const DriftStores *stores);

/* The measures to run and, of all the values they give, those to print. */
typedef struct DriftSelection {
  const Measure **measures;
  size_t n_measures, n_values; /* values: of all these measures */
  bool *printed;               /* [n_values] */
  const MeasureValue **values; /* [n_values] */
  size_t n_printed;
} DriftSelection;

/* list: names of values; NULL: those measured by default, and with a lens what reads with it. cka_floor goes with
 * cka_biased, which it is the floor of. STATUS_USAGE where a measure needs a lens and there is none, and the other way.
 */
Status drift_select(const char *list, bool has_lens, DriftSelection *selection, Error *err);
void drift_selection_clear(DriftSelection *selection);

/* What the tables say of these measures. */
void drift_note_measures(Table *table, const DriftSelection *selection);

/* --fail-above MEASURE=X */
typedef struct DriftLimit {
  const char *text; /* as written */
  char measure[64];
  double most;
} DriftLimit;

Status drift_limits_parse(const OptionTexts *texts, DriftLimit **limits, Error *err); /* freed by the caller */
/* Is every limit's measure one that is printed? */
Status drift_limits_check(const DriftLimit *limits, size_t n, const DriftSelection *selection, Error *err);

/* Is there a measure for every site? */
Status drift_check_widths(const DriftStores *stores, const DriftSelection *selection, Error *err);

/* Bytes that the largest chosen site takes while these measures look at it: matrices, blocks of rows, a few numbers a
 * sample. NULL: blocks of rows alone. */
size_t drift_site_bytes(const DriftStores *stores, const DriftSelection *selection);

/* work for every one of n sites, which take at most `bytes` each, shared out over the threads as memory allows; one that is
 * done alone has them all. STATUS_USAGE where --memory is too little for one. */
typedef Status (*DriftSiteWork)(void *context, size_t site, Error *err);
Status drift_each_site(const DriftSettings *settings, size_t n, size_t bytes, DriftSiteWork work, void *context, Error *err);

/* Finds the k columns at every site; STATUS_USAGE where a site has no more than k. */
Status drift_outliers_find(const DriftStores *stores, size_t k, DriftOutliers *outliers, Error *err);
void drift_outliers_clear(DriftOutliers *outliers);                       /* all zeros is fine */
char *drift_outliers_words(const DriftOutliers *outliers, size_t i); /* "447,138", of site i; freed by the caller */

/* What was measured, each [n_sites, n_printed]; NULL: nothing was. */
typedef struct DriftAnswers {
  size_t n_sites, n_printed, n_resamples;
  double *value, *low, *high;
  double *resampled; /* [n_sites, n_printed, n_resamples], NaN where there is no interval */
} DriftAnswers;

/* All NaN; resampled only where n_resamples is not 0. */
DriftAnswers drift_answers_new(size_t n_sites, size_t n_printed, size_t n_resamples);
void drift_answers_clear(DriftAnswers *answers);

/* Measures every site of the stores; answers are made for them. */
Status drift_measure_sites(DriftStores *stores, const DriftSelection *selection, const DriftSettings *settings,
                           DriftAnswers *answers, Error *err);

/* Does --by, which may be NULL, split measures? Some ways have numbers of their own. */
bool drift_by_has_measures(const char *by);

typedef struct DriftBeside DriftBeside; /* beside.h: what stands beside a drift */

Status drift_compare(const Invocation *call, const DriftSettings *settings, DriftStores *stores,
                     DriftBeside *beside, const DriftSelection *selection, const DriftLimit *limits, Error *err);
Status drift_cross(const Invocation *call, const DriftSettings *settings, const DriftStores *stores, Error *err);

#endif
