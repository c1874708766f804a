/* What the parts of `fathom drift` share: drift.c (the command), drift_select.c (measures and limits), drift_lens.c
 * (--lens), drift_labels.c (what probes predict), drift_stores.c (two stores, the rows and sites they are compared on),
 * drift_nonfinite.c (samples that are left out), drift_compare.c (site against site), drift_cross.c (all against all). */
#ifndef FATHOM_COMMAND_DRIFT_H
#define FATHOM_COMMAND_DRIFT_H

#include "command/command.h"
#include "model/model.h"
#include "probes/drift/measure.h"
#include "probes/drift/rows.h"
#include "store/activations.h"
#include "store/result.h"

typedef struct DriftSettings {
  CommonSettings common;
  const char *measures, *sites, *layers, *lens, *output;
  size_t bootstrap, memory, rows;
  bool cross, list, keep_first, skip_nonfinite;
  OptionTexts fail_above;
} DriftSettings;

/* Memory where the user gives none, unless the least that is possible takes more. */
static const size_t DRIFT_MEMORY = (size_t)1 << 30;

/* The model of --lens. */
typedef struct DriftLensModel {
  Source *source; /* NULL: none */
  Model model;
} DriftLensModel;

/* Two stores of the same rows, and what some measures ask for beside these. */
typedef struct DriftStores {
  Store *a, *b;
  DriftLensModel lens;
  uint32_t *row_class; /* [plan.n_rows] labels of samples by number, or NULL */
  size_t n_classes;
  RowPlan plan;
  size_t n_rows; /* rows that both hold, before any is left out */
  size_t n_samples; /* samples before --rows */
  bool first_left_out;
  size_t *sites_a, *sites_b; /* chosen sites by number; without cross pair by pair, of one name */
  size_t n_a, n_b;
  size_t n_only_a, n_only_b;       /* sites that the other store lacks, which are passed over */
  const char *only_a, *only_b;     /* the first of them */
  size_t n_nonfinite;              /* samples left out */
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

/* --fail-above MEASURE=X */
typedef struct DriftLimit {
  const char *text; /* as written */
  char measure[64];
  double most;
} DriftLimit;

Status drift_limits_parse(const OptionTexts *texts, DriftLimit **limits, Error *err); /* freed by the caller */
/* Is every limit's measure one that is printed? */
Status drift_limits_check(const DriftLimit *limits, size_t n, const DriftSelection *selection, Error *err);

/* What was measured, each [n_sites, n_printed]. */
typedef struct DriftAnswers {
  size_t n_sites, n_printed;
  double *value, *low, *high;
} DriftAnswers;

DriftAnswers drift_answers_new(size_t n_sites, size_t n_printed); /* zeros */
void drift_answers_clear(DriftAnswers *answers);

/* Measures every site of the stores. */
Status drift_measure_sites(const DriftStores *stores, const DriftSelection *selection, const DriftSettings *settings,
                           DriftAnswers *answers, Error *err);

Status drift_compare(const Invocation *call, const DriftSettings *settings, const DriftStores *stores,
                     const DriftSelection *selection, const DriftLimit *limits, Error *err);
Status drift_cross(const Invocation *call, const DriftSettings *settings, const DriftStores *stores, Error *err);

#endif
