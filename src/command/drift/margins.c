/* fathom drift --by margin: do the pairs that drift most change their reward margin most? */
#include "base/memory.h"
#include "command/drift/by.h"
#include "command/margins.h"
#include "probes/drift/drift.h"
#include "probes/drift/spearman.h"
#include "probes/drift/split.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_PAIRS = 10, KINDS = 2 };
/* What the drift is set against: with margins before and after their change, else the margins themselves. */
static const char *const kind_names[][KINDS] = {{"margin", "margin_size"}, {"margin_change", "margin_change_size"}};

/* Pairs of which the rows of both sides are in the stores, and the margins in every file of them. */
typedef struct Pairs {
  size_t n;
  size_t *at;             /* [n] which samples of the plan they are */
  uint32_t *chosen;       /* [n] the sample in the stores that is their chosen side */
  bool has_before;
  double *before, *after; /* [n] margins; without before these are zeros */
  double *against[KINDS]; /* [n] after - before, and its size */
  double *drift;          /* [n_sites, n] */
  size_t n_rows, n_pairs; /* their rows; pairs of the stores, with margins or not */
} Pairs;

static void pairs_clear(Pairs *p) {
  void *const all[] = {p->at, p->chosen, p->before, p->after, p->against[0], p->against[1], p->drift};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) free(all[i]);
}

/* Is number s of the plan a pair with rows on both sides? */
static bool is_pair(const StoreContents *c, const RowPlan *plan, size_t s) {
  const size_t chosen = plan->samples[s], last = plan->rows[plan->begin[s + 1] - 1];
  return store_is_second_side(c, chosen + 1) && c->row_sample[plan->rows[plan->begin[s]]] == chosen && c->row_sample[last] == chosen + 1;
}

static void find_pairs(const DriftStores *stores, Pairs *p) {
  const RowPlan *plan = &stores->plan;
  p->at = mem_alloc(plan->n_samples, sizeof *p->at);
  p->chosen = mem_alloc(plan->n_samples, sizeof *p->chosen);
  for (size_t s = 0; s < plan->n_samples; s++) {
    if (!is_pair(store_contents(stores->a), plan, s)) continue;
    p->at[p->n] = s;
    p->chosen[p->n++] = plan->samples[s];
  }
  p->n_pairs = p->n;
  p->before = mem_alloc(p->n, sizeof *p->before);
  p->after = mem_alloc(p->n, sizeof *p->after);
  for (size_t k = 0; k < KINDS; k++) p->against[k] = mem_alloc(p->n, sizeof *p->against[k]);
  p->drift = mem_alloc(stores->n_a * p->n, sizeof *p->drift);
}

/* Leaves the pairs with margins. */
static void keep_known(const RowPlan *plan, Pairs *p) {
  size_t n = 0;
  for (size_t i = 0; i < p->n; i++) {
    if (isnan(p->before[i]) || isnan(p->after[i])) continue;
    p->at[n] = p->at[i];
    p->chosen[n] = p->chosen[i];
    p->before[n] = p->before[i];
    p->after[n] = p->after[i];
    p->against[0][n] = p->after[n] - p->before[n];
    p->against[1][n] = fabs(p->against[0][n]);
    p->n_rows += plan->begin[p->at[n] + 1] - plan->begin[p->at[n]];
    n++;
  }
  p->n = n;
}

static Status read_pairs(const DriftStores *stores, const OptionTexts *files, Pairs *p, Error *err) {
  const char *first = files->items[0], *last = files->items[files->count - 1];
  find_pairs(stores, p);
  if (p->n == 0)
    return error_set(err, STATUS_DATA, "%s: no preference pair among its samples (fathom record --pairs)", store_path(stores->a));
  p->has_before = files->count == 2;
  Status status = p->has_before ? margins_read(first, stores->a, p->n, p->chosen, p->before, err) : STATUS_OK;
  if (status == STATUS_OK) status = margins_read(last, stores->a, p->n, p->chosen, p->after, err);
  if (status != STATUS_OK) return status;
  keep_known(&stores->plan, p);
  if (p->n >= LEAST_PAIRS) return STATUS_OK;
  return error_set(err, STATUS_DATA, "%s: %zu of %zu pairs have rewards in %s%s%s, expected at least %d", store_path(stores->a), p->n,
                   p->n_pairs, first, p->has_before ? " and in " : "", p->has_before ? last : "", LEAST_PAIRS);
}

typedef struct Work {
  PartTable *table;
  Pairs *pairs;
} Work;

/* Root of a pair's mean squared change over the frozen rows' variance, that of all rows. */
static void find_drift(const RowPlan *plan, const Pairs *p, const double *change, const double *spread, double *drift) {
  double unit = 0;
  for (size_t i = 0; i < plan->n_rows; i++) unit += spread[i] / (double)plan->n_rows;
  for (size_t k = 0; k < p->n; k++) {
    const size_t first = plan->begin[p->at[k]], end = plan->begin[p->at[k] + 1];
    double sum = 0;
    for (size_t i = first; i < end; i++) sum += change[i];
    drift[k] = unit > 0 ? sqrt(sum / (double)(end - first) / unit) : NAN;
  }
}

static Status measure_site(void *context, size_t i, Error *err) {
  const Work *w = context;
  const DriftStores *stores = w->table->stores;
  const DriftSettings *settings = w->table->settings;
  const Pairs *p = w->pairs;
  StoreRows rows_a = {stores->a, stores->sites_a[i]}, rows_b = {stores->b, stores->sites_b[i]};
  const RowSource source = {drift_side(&rows_a), drift_side(&rows_b)};
  const size_t n_rows = stores->plan.n_rows;
  double *drift = p->drift + i * p->n;
  if (source.x.width != source.y.width)
    return error_set(err, STATUS_DATA, "%s and %s: %s has width %zu against %zu, and --by margin needs one width", source.x.name,
                     source.y.name, source.x.site, source.x.width, source.y.width);
  double *change = mem_alloc(n_rows, sizeof *change), *spread = mem_alloc(n_rows, sizeof *spread);
  const Status status = row_changes_read(&source, &stores->plan, change, spread, err);
  if (status == STATUS_OK) find_drift(&stores->plan, p, change, spread, drift);
  free(change);
  free(spread);
  for (size_t k = 0; k < KINDS && status == STATUS_OK; k++) {
    Estimate e = {.value = NAN};
    if (!isnan(drift[0])) e = spearman_estimate(p->n, drift, p->against[k], settings->bootstrap > 0);
    PartRow row = {source.x.site, kind_names[p->has_before][k], "spearman", e.value, {NAN, NAN}, p->n, p->n_rows};
    intervals_bootstrap(p->n, 1, &e, settings->bootstrap, settings->common.seed, &row.interval);
    estimates_clear(&e, 1);
    w->table->rows[i * KINDS + k] = row;
  }
  return status;
}

/* The pairs themselves, for other figures than ours. */
static Status write_pairs(const void *context, Result *result, Error *err) {
  const Work *w = context;
  const Pairs *p = w->pairs;
  const size_t shape[] = {w->table->stores->n_a, p->n};
  const StoreContents *c = store_contents(w->table->stores->a);
  const char **sites = mem_alloc(shape[0], sizeof *sites), **ids = mem_alloc(p->n, sizeof *ids);
  for (size_t i = 0; i < shape[0]; i++) sites[i] = w->table->rows[i * KINDS].site;
  for (size_t i = 0; i < p->n; i++) ids[i] = c->groups[p->chosen[i]];
  Status status = result_write_strings(result, "pairs/site", sites, shape[0], err);
  if (status == STATUS_OK) status = result_write_strings(result, "pairs/id", ids, p->n, err);
  if (status == STATUS_OK && p->has_before) status = result_write_array(result, "pairs/margin_before", 1, &p->n, p->before, err);
  if (status == STATUS_OK) status = result_write_array(result, "pairs/margin_after", 1, &p->n, p->after, err);
  if (status == STATUS_OK) status = result_write_array(result, "pairs/relative_l2", 2, shape, p->drift, err);
  free(sites);
  free(ids);
  return status;
}

static char *note_words(const Pairs *p, const OptionTexts *files) {
  char *source = p->has_before ? mem_format("the change of its reward margin, chosen - rejected, from %s to %s, and with the size of that change",
                                            files->items[0], files->items[1])
                               : mem_format("its reward margin, chosen - rejected, by %s, and with the size of that", files->items[0]);
  char *words = mem_format("spearman: rank correlation, over %zu of %zu pairs, of a pair's drift (root of its mean squared change "
                           "over the frozen rows' variance, fathom's own) with %s; of twenty intervals that should hold 0 one does not",
                           p->n, p->n_pairs, source);
  free(source);
  return words;
}

Status drift_by_margin(const Invocation *call, const DriftSettings *settings, const DriftStores *stores, Error *err) {
  Pairs pairs = {0};
  PartTable table = {
      .kind = "margins", .call = call, .settings = settings, .stores = stores, .n = stores->n_a * KINDS, .write_more = write_pairs};
  Work work = {&table, &pairs};
  const size_t bytes = drift_site_bytes(stores, NULL) + 2 * stores->plan.n_rows * sizeof(double);
  Status status = read_pairs(stores, &settings->margins, &pairs, err);
  char *note = note_words(&pairs, &settings->margins);
  table.note = note;
  table.more = &work;
  table.rows = mem_alloc(table.n, sizeof *table.rows);
  if (status == STATUS_OK) status = drift_each_site(settings, stores->n_a, bytes, measure_site, &work, err);
  if (status == STATUS_OK) status = part_table_finish(&table, err);
  free(table.rows);
  free(note);
  pairs_clear(&pairs);
  return status;
}
