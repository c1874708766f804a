/* fathom drift --by position|end|group|label: every measure on the rows of one part after the other, and the share that
 * each part has in the change. */
#include "base/memory.h"
#include "command/drift/by.h"
#include "probes/drift/drift.h"
#include "probes/drift/split.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PARTS = 100 };
#define NO_PART UINT32_MAX

typedef struct Parts {
  char *names[MOST_PARTS];
  size_t n;
  uint32_t *of_row; /* [plan.n_rows] */
  RowPlan plans[MOST_PARTS];
  size_t *sample_at[MOST_PARTS]; /* as row_plan_part has it */
  char *difference;              /* of two parts; NULL: there are not two */
  size_t left_out;               /* rows of no part */
} Parts;

static void parts_clear(Parts *parts) {
  for (size_t p = 0; p < parts->n; p++) {
    free(parts->names[p]);
    row_plan_clear(&parts->plans[p]);
    free(parts->sample_at[p]);
  }
  free(parts->of_row);
  free(parts->difference);
}

/* Positions 0, 1, 2-3, 4-7 and so on: about as many rows in each as texts are long. */
static size_t doubling(size_t position) {
  size_t bin = 0;
  for (; position; position >>= 1) bin++;
  return bin;
}

static char *doubling_name(size_t bin) {
  const size_t first = bin ? (size_t)1 << (bin - 1) : 0, last = bin ? 2 * first - 1 : 0;
  return first == last ? mem_format("%zu", first) : mem_format("%zu-%zu", first, last);
}

static void assign_positions(const DriftStores *stores, bool from_end, Parts *parts) {
  const StoreContents *c = store_contents(stores->a);
  uint32_t number[8 * sizeof(size_t) + 1];
  size_t *bins = mem_alloc(stores->plan.n_rows, sizeof *bins);
  bool found[8 * sizeof(size_t) + 1] = {false};
  for (size_t i = 0; i < stores->plan.n_rows; i++) {
    const size_t row = stores->plan.rows[i], at = c->row_token[row];
    bins[i] = doubling(from_end ? c->n_tokens[c->row_sample[row]] - 1 - at : at);
    found[bins[i]] = true;
  }
  for (size_t bin = 0; bin < sizeof found / sizeof found[0]; bin++) {
    if (!found[bin]) continue;
    number[bin] = (uint32_t)parts->n;
    parts->names[parts->n++] = doubling_name(bin);
  }
  for (size_t i = 0; i < stores->plan.n_rows; i++) parts->of_row[i] = number[bins[i]];
  free(bins);
}

/* The part of this name, or n. */
static size_t part_of(const Parts *parts, const char *name) {
  size_t p = 0;
  while (p < parts->n && strcmp(parts->names[p], name) != 0) p++;
  return p;
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Groups or labels, in alphabetical order. */
static Status assign_texts(const DriftStores *stores, bool labels, Parts *parts, Error *err) {
  const StoreContents *c = store_contents(stores->a);
  const char *word = labels ? "label" : "group", *path = store_path(stores->a);
  const char *const *texts = labels ? c->labels : c->groups;
  for (size_t i = 0; i < stores->plan.n_rows; i++) {
    const char *text = texts[c->row_sample[stores->plan.rows[i]]];
    parts->left_out += !text[0];
    if (!text[0] || part_of(parts, text) < parts->n) continue;
    if (parts->n == MOST_PARTS)
      return error_set(err, STATUS_DATA, "%s: more than %d different %ss%s", path, MOST_PARTS, word,
                       labels ? "" : " (those of preference pairs are the pairs: --by sample looks at each)");
    parts->names[parts->n++] = mem_copy_string(text);
  }
  qsort(parts->names, parts->n, sizeof *parts->names, by_text);
  for (size_t i = 0; i < stores->plan.n_rows; i++) {
    const char *text = texts[c->row_sample[stores->plan.rows[i]]];
    parts->of_row[i] = text[0] ? (uint32_t)part_of(parts, text) : NO_PART;
  }
  return parts->n ? STATUS_OK
                  : error_set(err, STATUS_DATA, "%s: its samples have no %ss (/samples/%s) to be split by", path, word, word);
}

static Status parts_make(const DriftStores *stores, const char *by, Parts *parts, Error *err) {
  const StoreContents *c = store_contents(stores->a);
  const bool texts = strcmp(by, "label") == 0 || strcmp(by, "group") == 0;
  Status status = STATUS_OK;
  parts->of_row = mem_alloc(stores->plan.n_rows, sizeof *parts->of_row);
  if (!texts && c->token_rule && strcmp(c->token_rule, "mean") == 0)
    return error_set(err, STATUS_USAGE, "--by %s: the rows of %s are means over tokens, which have no position", by,
                     store_path(stores->a));
  if (texts)
    status = assign_texts(stores, strcmp(by, "label") == 0, parts, err);
  else
    assign_positions(stores, strcmp(by, "end") == 0, parts);
  bool *kept = mem_alloc(stores->plan.n_rows, sizeof *kept);
  for (size_t p = 0; p < parts->n && status == STATUS_OK; p++) {
    for (size_t i = 0; i < stores->plan.n_rows; i++) kept[i] = parts->of_row[i] == p;
    row_plan_part(&stores->plan, kept, &parts->plans[p], &parts->sample_at[p]);
  }
  free(kept);
  if (texts && parts->n == 2) parts->difference = mem_format("%s - %s", parts->names[0], parts->names[1]);
  return status;
}

typedef struct Work {
  PartTable *table;
  const Parts *parts;
  size_t n_each; /* rows of the table a site */
} Work;

/* Sums of squared change over each sample's rows, of all and of each part [n_parts, n_samples]. */
static Status add_up_changes(const RowSource *source, const RowPlan *plan, const Parts *parts, double *total, double *of_part,
                             Error *err) {
  double *change = mem_alloc(plan->n_rows, sizeof *change), *spread = mem_alloc(plan->n_rows, sizeof *spread);
  const Status status = row_changes_read(source, plan, change, spread, err);
  for (size_t s = 0; s < plan->n_samples && status == STATUS_OK; s++)
    for (size_t i = plan->begin[s]; i < plan->begin[s + 1]; i++) {
      total[s] += change[i];
      if (parts->of_row[i] != NO_PART) of_part[parts->of_row[i] * plan->n_samples + s] += change[i];
    }
  free(change);
  free(spread);
  return status;
}

/* The last value of each part: its share of the change. */
static Status measure_shares(const RowSource *source, const RowPlan *plan, const Work *w, size_t stride, Estimate *estimates,
                             Error *err) {
  const Parts *parts = w->parts;
  for (size_t p = 0; p < parts->n; p++) estimates[p * stride + stride - 1] = (Estimate){.value = NAN};
  if (source->x.width != source->y.width) return STATUS_OK;
  double *total = mem_alloc(plan->n_samples, sizeof *total);
  double *of_part = mem_alloc(parts->n * plan->n_samples, sizeof *of_part);
  const Status status = add_up_changes(source, plan, parts, total, of_part, err);
  for (size_t p = 0; p < parts->n && status == STATUS_OK; p++)
    estimates[p * stride + stride - 1] =
        share_estimate(plan->n_samples, of_part + p * plan->n_samples, total, w->table->settings->bootstrap > 0);
  free(total);
  free(of_part);
  return status;
}

static Status measure_parts(const RowSource *source, const Work *w, size_t stride, Estimate *estimates, Error *err) {
  const DriftStores *stores = w->table->stores;
  const DriftSelection *s = w->table->selection;
  DriftLens lens;
  const bool is_read = drift_lens_at(&stores->lens, source->x.site, &lens);
  const DriftAids aids = {.seed = w->table->settings->common.seed, .lens = is_read ? &lens : NULL};
  Status status = STATUS_OK;
  for (size_t p = 0; p < w->parts->n && status == STATUS_OK; p++) {
    const RowPlan *plan = &w->parts->plans[p];
    Estimate *of_part = estimates + p * stride;
    status = drift_measure(source, plan, s->measures, s->n_measures, &aids, w->table->settings->bootstrap > 0, of_part, err);
    for (size_t v = 0; v < s->n_values && status == STATUS_OK; v++)
      estimate_of_part(&of_part[v], plan->n_samples, w->parts->sample_at[p], stores->plan.n_samples);
  }
  return status == STATUS_OK ? measure_shares(source, &stores->plan, w, stride, estimates, err) : status;
}

/* resampled [parts, stride, resamples] */
static void add_rows(const Work *w, const char *site, size_t stride, const Estimate *estimates, const Interval *intervals,
                     const double *resampled, PartRow *to) {
  const Parts *parts = w->parts;
  const DriftSelection *s = w->table->selection;
  const size_t n = w->table->stores->plan.n_samples, n_resamples = w->table->settings->bootstrap;
  for (size_t p = 0; p < parts->n + (parts->difference ? 1 : 0); p++)
    for (size_t v = 0; v < stride; v++) {
      const bool share = v == s->n_values;
      if (!share && !s->printed[v]) continue;
      PartRow row = {.site = site, .measure = share ? "share" : s->values[v]->name};
      if (p < parts->n) {
        row.part = parts->names[p];
        row.value = estimates[p * stride + v].value;
        row.interval = intervals[p * stride + v];
        row.n = parts->plans[p].n_samples;
        row.n_rows = parts->plans[p].n_rows;
      } else {
        row.part = parts->difference;
        row.value = estimates[v].value - estimates[stride + v].value;
        row.interval = interval_of_difference(n_resamples, resampled + v * n_resamples, resampled + (stride + v) * n_resamples);
        row.n = n;
        row.n_rows = parts->plans[0].n_rows + parts->plans[1].n_rows;
      }
      *to++ = row;
    }
}

/* Bytes that a site takes beside a measure's own: what every sample owes to each value of each part and the resamples of
 * these values, for which intervals need as much again; the change and the spread of every row. */
static size_t more_bytes(const DriftStores *stores, const DriftSettings *settings, const Work *w) {
  const size_t n_values = w->parts->n * (w->table->selection->n_values + 1), n_samples = stores->plan.n_samples;
  return (2 * n_values * (n_samples + settings->bootstrap) + (w->parts->n + 1) * n_samples + 2 * stores->plan.n_rows) * sizeof(double);
}

static Status measure_site(void *context, size_t i, Error *err) {
  const Work *w = context;
  const DriftStores *stores = w->table->stores;
  const DriftSettings *settings = w->table->settings;
  StoreRows rows_a = {stores->a, stores->sites_a[i]}, rows_b = {stores->b, stores->sites_b[i]};
  const RowSource source = {drift_side(&rows_a), drift_side(&rows_b)};
  const size_t stride = w->table->selection->n_values + 1, n = w->parts->n * stride;
  Estimate *estimates = mem_alloc(n, sizeof *estimates);
  Interval *intervals = mem_alloc(n, sizeof *intervals);
  double *resampled = w->parts->difference ? mem_alloc(n * settings->bootstrap, sizeof *resampled) : NULL;
  const Status status = measure_parts(&source, w, stride, estimates, err);
  if (status == STATUS_OK) {
    intervals_resample(stores->plan.n_samples, n, estimates, settings->bootstrap, settings->common.seed, intervals, resampled);
    add_rows(w, source.x.site, stride, estimates, intervals, resampled, w->table->rows + i * w->n_each);
  }
  estimates_clear(estimates, n);
  free(estimates);
  free(intervals);
  free(resampled);
  return status;
}

static char *note_words(const char *by, const Parts *parts) {
  const char *kind = strcmp(by, "end") == 0        ? "positions counted from the last token of the sample, which is 0"
                     : strcmp(by, "position") == 0 ? "positions in the sample, from 0"
                     : strcmp(by, "label") == 0    ? "labels of samples"
                                                   : "groups of samples";
  char *rest = parts->left_out ? mem_format("; %zu rows have none and are in no part", parts->left_out) : mem_copy_string("");
  char *words = mem_format("part: %s%s; each measure is of the part's rows alone; share (fathom's own): the part of the "
                           "whole squared change that is in these rows",
                           kind, rest);
  free(rest);
  return words;
}

Status drift_by_part(const Invocation *call, const DriftSettings *settings, const DriftStores *stores,
                     const DriftSelection *s, Error *err) {
  Parts parts = {.n = 0};
  PartTable table = {.kind = "parts", .call = call, .settings = settings, .stores = stores, .selection = s};
  Status status = drift_check_widths(stores, s, err);
  if (status == STATUS_OK) status = parts_make(stores, settings->by, &parts, err);
  char *note = note_words(settings->by, &parts);
  Work work = {&table, &parts, (parts.n + (parts.difference ? 1 : 0)) * (s->n_printed + 1)};
  table.n = stores->n_a * work.n_each;
  table.rows = mem_alloc(table.n, sizeof *table.rows);
  table.note = note;
  table.difference = parts.difference;
  if (status == STATUS_OK)
    status = drift_each_site(settings, stores->n_a, drift_site_bytes(stores, s) + more_bytes(stores, settings, &work), measure_site,
                             &work, err);
  if (status == STATUS_OK) status = part_table_finish(&table, err);
  free(table.rows);
  free(note);
  parts_clear(&parts);
  return status;
}
