/* Axes of all sites: fit, tested on held-out words, printed. */
#include "base/log.h"
#include "base/memory.h"
#include "base/sitename.h"
#include "command/axis/axis.h"
#include "probes/values/axis_compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void axis_data_clear(AxisData *data) {
  axis_words_clear(&data->words);
  carriers_clear(&data->carriers);
  free(data->rule);
  for (size_t k = 0; k < data->n_sites; k++) {
    free(data->sites[k]);
    free(data->rows[k]);
  }
  for (size_t i = 0; i < data->n_notes; i++) free(data->notes[i]);
  free(data->sites);
  free(data->widths);
  free(data->rows);
  free(data->architecture);
  free(data->model);
  free(data->sha256);
  free(data->notes);
  *data = (AxisData){0};
}

void axis_note(AxisData *data, bool is_warning, char *note) {
  if (is_warning) log_warn("%s", note);
  data->notes = mem_resize(data->notes, data->n_notes + 1, sizeof *data->notes);
  data->notes[data->n_notes++] = note;
}

char *axis_interval_words(const AxisSettings *s, const char *unit) {
  if (!s->bootstrap) return NULL;
  return mem_format("95 %% over %s, %zu resamples, the same for every site", unit, s->bootstrap);
}

/* --- computing --- */

void axis_results_clear(AxisResults *r, size_t n_sites) {
  for (size_t k = 0; k < n_sites; k++) {
    if (r->evaluations) axis_evaluation_clear(&r->evaluations[k]);
    if (r->axes) axis_clear(&r->axes[k]);
  }
  axis_design_clear(&r->design);
  free(r->evaluations);
  free(r->axes);
  free(r->p);
  free(r->p_max);
  free(r->scores);
  free(r->projections);
  free(r->units);
}

/* Means over lemmas of every category's scores at one site, with intervals. */
static void project_categories(const AxisSettings *s, const AxisWords *w, const double *scores, Bounded *to,
                               size_t *units) {
  bool *chosen = mem_alloc(w->n, sizeof *chosen);
  for (size_t c = 0; c < w->n_categories; c++) {
    Interval interval;
    for (size_t i = 0; i < w->n; i++) chosen[i] = w->category[i] == c;
    Estimate mean = axis_lemma_mean(w->n, scores, chosen, w->lemma, w->n_lemmas, &units[c]);
    intervals_bootstrap(units[c], 1, &mean, s->bootstrap, s->common.seed, &interval);
    to[c] = (Bounded){mean.value, interval.low, interval.high};
    free(mean.pseudo);
  }
  free(chosen);
}

/* A number that goes with a site's name, whichever others are looked at (FNV-1a). */
static uint64_t site_number(const char *site) {
  uint64_t number = UINT64_C(0xcbf29ce484222325);
  for (const char *at = site; *at; at++) number = (number ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
  return number;
}

static Status build_site(const AxisSettings *s, const AxisData *data, const AxisProtocol *protocol, size_t k,
                         AxisResults *r, Error *err) {
  const AxisWords *w = &data->words;
  const size_t d = data->widths[k];
  const float *rows = data->rows[k];
  double *scores = r->scores + k * w->n;
  size_t *units = mem_alloc(w->n_categories, sizeof *units);
  Status status = axis_fit(&r->design, protocol->method, data->sites[k], d, rows, protocol->covariates,
                           protocol->n_covariates, &r->axes[k], err);
  if (status == STATUS_OK) {
    status = axis_evaluate(&r->design, protocol, site_number(data->sites[k]), d, rows, &r->evaluations[k], err);
    if (status != STATUS_OK) error_prefix(err, "%s", data->sites[k]);
  }
  if (status == STATUS_OK) {
    status = axis_score_words(&r->design, &r->axes[k], w->n, rows, protocol->covariates, protocol->n_covariates, scores,
                              err);
  }
  if (status == STATUS_OK) {
    memcpy(scores, r->evaluations[k].held_out, w->n_pole_words * sizeof *scores);
    project_categories(s, w, scores, r->projections + k * w->n_categories, units);
    if (k == 0) memcpy(r->units, units, w->n_categories * sizeof *units);
  }
  free(units);
  return status;
}

/* Sites are shared out over the threads; each is computed by one, so that the number of threads changes no bit. */
static Status build_sites(const AxisSettings *s, const AxisData *data, const AxisProtocol *protocol, AxisResults *r,
                          Error *err) {
  const size_t n = data->n_sites;
  Error *errors = mem_alloc(n, sizeof *errors);
  Status *states = mem_alloc(n, sizeof *states), status = STATUS_OK;
  Progress progress = progress_begin("axis", "sites", n);
  size_t done = 0;
#pragma omp parallel for schedule(dynamic)
  for (size_t k = 0; k < n; k++) {
    states[k] = build_site(s, data, protocol, k, r, &errors[k]);
#pragma omp critical(axis_progress)
    progress_show(&progress, ++done);
  }
  progress_end(&progress);
  for (size_t k = 0; k < n && status == STATUS_OK; k++)
    if (states[k] != STATUS_OK) {
      *err = errors[k];
      status = states[k];
    }
  free(errors);
  free(states);
  return status;
}

Status axis_check_words(const AxisSettings *s, AxisWords *w, Error *err) {
  AxisDesign design = {0};
  Status status = axis_words_index(w, err);
  if (status == STATUS_OK) status = axis_words_check_fit(w, err);
  if (status == STATUS_OK)
    status = axis_design_init(&design, w->n_pole_words, w->first, w->lemma, w->n_pole_lemmas, s->folds, s->common.seed,
                              (const char *const *)w->categories, err);
  axis_design_clear(&design);
  return status;
}

Status axis_compute(const AxisSettings *s, const AxisData *data, AxisResults *r, Error *err) {
  const AxisWords *w = &data->words;
  const size_t n = data->n_sites;
  Status status = axis_design_init(&r->design, w->n_pole_words, w->first, w->lemma, w->n_pole_lemmas, s->folds,
                                   s->common.seed, (const char *const *)w->categories, err);
  if (status != STATUS_OK) return status;
  bool *labels = axis_labelings(&r->design, s->permutations, s->common.seed);
  AxisProtocol protocol = {.covariates = w->n_covariates ? w->covariate : NULL,
                           .n_covariates = w->n_covariates,
                           .labels = labels,
                           .n_permutations = s->permutations,
                           .with_intervals = s->bootstrap > 0,
                           .seed = s->common.seed};
  axis_method_from_name(s->method, &protocol.method);
  r->evaluations = mem_alloc(n, sizeof *r->evaluations);
  r->axes = mem_alloc(n, sizeof *r->axes);
  r->p = mem_alloc(n, sizeof *r->p);
  r->p_max = mem_alloc(n, sizeof *r->p_max);
  r->scores = mem_alloc(n * w->n, sizeof *r->scores);
  r->projections = mem_alloc(n * w->n_categories, sizeof *r->projections);
  r->units = mem_alloc(w->n_categories, sizeof *r->units);
  status = build_sites(s, data, &protocol, r, err);
  if (status == STATUS_OK) axis_p_values(n, r->evaluations, s->permutations, r->p, r->p_max);
  free(labels);
  return status;
}

/* --- printing --- */

enum { FIXED_COLUMNS = 13 };
static const char *const fixed_columns[FIXED_COLUMNS] = {"site", "layer", "auc",   "auc_lo",     "auc_hi",    "g",        "g_lo",
                                                         "g_hi", "p",     "p_max", "random_auc", "random_lo", "random_hi"};

void axis_note_results(const AxisSettings *s, const AxisData *data, const AxisResults *r, Table *table) {
  static const char *const methods[] = {"difference of means", "linear discriminant, Ledoit-Wolf shrinkage",
                                        "logistic regression, L2 penalty"};
  const AxisWords *w = &data->words;
  AxisMethod method = AXIS_MEAN;
  size_t n_first = 0;
  axis_method_from_name(s->method, &method);
  for (size_t i = 0; i < w->n_pole_words; i++) n_first += w->first[i];
  table_note(table, "axis: %s, from %s (-) to %s (+)", methods[method], w->categories[1], w->categories[0]);
  table_note(table, "words: %zu of %s (%zu lemmas), %zu of %s (%zu lemmas)", n_first, w->categories[0], r->units[0],
             w->n_pole_words - n_first, w->categories[1], r->units[1]);
  for (size_t c = 2; c < w->n_categories; c++)
    table_note(table, "beside the poles: %s (%zu lemmas), which no axis is fit on", w->categories[c], r->units[c]);
  for (size_t i = 0; i < data->n_notes; i++) table_note(table, "%s", data->notes[i]);
  table_note(table, "held out: each of %zu folds of whole lemmas is scored by the axis of the others; auc is over pairs "
                    "of words of one fold, g (Hedges) over all words", s->folds);
  for (size_t k = 0; k < w->n_covariates; k++)
    table_note(table, "covariate: %s, regressed out of all words by those the axis is fit on", w->covariates[k]);
  if (w->n_pole_lemmas == w->n_pole_words)
    table_note(table, "no two words share a lemma: inflections that are no lemma's are in several folds, and make auc, g and p too good");
  if (s->bootstrap)
    table_note(table, "interval: 95 %% over lemmas, of auc a score interval (Hanley and McNeil's variance), of g a jackknife, of "
                      "scores %zu resamples, the same for every site; they take the axes as given", s->bootstrap);
  if (!s->permutations) return;
  table_note(table, "p: unit: lemmas, %zu of them (%zu words), which exchange their poles inside their fold; "
                    "the axis is refit in each of %zu permutations; (1 + # of AUCs at least as high) / (1 + %zu)",
             w->n_pole_lemmas, w->n_pole_words, s->permutations, s->permutations);
  table_note(table, "p_max: the same against the largest AUC of the %zu sites (max-T)", data->n_sites);
  table_note(table, "random: mean and 95 %% of the AUCs of %zu Gaussian axes",
             s->permutations < AXIS_MOST_RANDOM ? s->permutations : AXIS_MOST_RANDOM);
}

static void print_bounded(Table *table, Bounded b) {
  table_number(table, b.value);
  table_number(table, b.lo);
  table_number(table, b.hi);
}

static Status print(const AxisSettings *s, const Provenance *provenance, const AxisData *data, const AxisResults *r,
                    Error *err) {
  const AxisWords *w = &data->words;
  const size_t n_columns = FIXED_COLUMNS + 3 * w->n_categories;
  char **columns = mem_alloc(n_columns, sizeof *columns);
  for (size_t i = 0; i < FIXED_COLUMNS; i++) columns[i] = mem_copy_string(fixed_columns[i]);
  for (size_t c = 0; c < w->n_categories; c++)
    for (size_t i = 0; i < 3; i++)
      columns[FIXED_COLUMNS + 3 * c + i] = mem_format("score_%s%s", w->categories[c], i == 0 ? "" : i == 1 ? "_lo" : "_hi");
  Table *table = table_begin(stdout, s->common.json, provenance, (const char *const *)columns, n_columns);
  axis_note_results(s, data, r, table);
  for (size_t c = 0; c < w->n_categories; c++)
    table_note(table, "score_%s: mean score of its words over lemmas, 0 half-way between the poles, in standard deviations of "
                      "the words%s", w->categories[c], c < 2 ? "; held out" : "");
  for (size_t k = 0; k < data->n_sites; k++) {
    const int layer = site_name_parse(data->sites[k]).layer;
    table_string(table, data->sites[k]);
    table_number(table, layer == SITE_NO_LAYER ? NAN : layer);
    print_bounded(table, r->evaluations[k].auc);
    print_bounded(table, r->evaluations[k].g);
    table_number(table, r->p[k]);
    table_number(table, r->p_max[k]);
    print_bounded(table, r->evaluations[k].random);
    for (size_t c = 0; c < w->n_categories; c++) print_bounded(table, r->projections[k * w->n_categories + c]);
  }
  const Status status = table_end(table, err);
  for (size_t i = 0; i < n_columns; i++) free(columns[i]);
  free(columns);
  return status;
}

Status axis_build(const Invocation *call, const AxisSettings *s, AxisData *data, Error *err) {
  AxisResults r = {0};
  Provenance provenance = invocation_provenance(call, "axis", &s->common);
  provenance.models[0].path = data->model;
  provenance.models[0].sha256 = data->sha256;
  provenance.n_models = 1;
  Status status = axis_compute(s, data, &r, err);
  if (status == STATUS_OK && s->output) status = axis_write(s->output, s, &provenance, data, &r, err);
  if (status == STATUS_OK && s->control_vector)
    status = axis_write_control_vector(s->control_vector, r.axes, data->n_sites, data->architecture, err);
  if (status == STATUS_OK) status = print(s, &provenance, data, &r, err);
  axis_results_clear(&r, data->n_sites);
  return status;
}
