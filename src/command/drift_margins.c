/* fathom drift --by margin: do the pairs that drift most change their reward margin most? */
#include "base/memory.h"
#include "command/drift_by.h"
#include "probes/drift/drift.h"
#include "probes/drift/spearman.h"
#include "probes/drift/split.h"
#include "text/score_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_PAIRS = 10, KINDS = 2 };
static const char *const kind_names[KINDS] = {"margin_change", "margin_change_size"};

/* Pairs that have rows in the stores and rewards in both tables. */
typedef struct Pairs {
  size_t n;
  size_t *at;             /* [n] which samples of the plan they are */
  const char **ids;       /* [n] */
  double *before, *after; /* [n] margins */
  double *change[KINDS];  /* [n] after - before, and its size */
  double *drift;          /* [n_sites, n] */
  size_t n_rows, n_pairs; /* their rows; pairs of the stores, with rewards or not */
} Pairs;

static void pairs_clear(Pairs *p) {
  void *const all[] = {p->at, p->ids, p->before, p->after, p->change[0], p->change[1], p->drift};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) free(all[i]);
}

/* The pair that a sample of the plan is, or NULL: its first side is chosen and the next rejected, of one group. */
static const char *pair_of(const StoreContents *c, uint32_t sample) {
  return store_is_second_side(c, (size_t)sample + 1) ? c->groups[sample] : NULL;
}

static void find_pairs(const DriftStores *stores, const ScoreTable *before, const ScoreTable *after, Pairs *p) {
  const RowPlan *plan = &stores->plan;
  const size_t most = plan->n_samples;
  *p = (Pairs){.at = mem_alloc(most, sizeof *p->at),
               .ids = mem_alloc(most, sizeof *p->ids),
               .before = mem_alloc(most, sizeof *p->before),
               .after = mem_alloc(most, sizeof *p->after),
               .change = {mem_alloc(most, sizeof(double)), mem_alloc(most, sizeof(double))}};
  for (size_t s = 0; s < most; s++) {
    const char *id = pair_of(store_contents(stores->a), plan->samples[s]);
    double first, second;
    p->n_pairs += id != NULL;
    if (!id || !score_table_margin(before, id, &first) || !score_table_margin(after, id, &second)) continue;
    p->at[p->n] = s;
    p->ids[p->n] = id;
    p->before[p->n] = first;
    p->after[p->n] = second;
    p->change[0][p->n] = second - first;
    p->change[1][p->n] = fabs(second - first);
    p->n_rows += plan->begin[s + 1] - plan->begin[s];
    p->n++;
  }
  p->drift = mem_alloc(stores->n_a * p->n, sizeof *p->drift);
}

static Status read_pairs(const DriftStores *stores, const OptionTexts *tables, Pairs *p, Error *err) {
  ScoreTable before = {0}, after = {0};
  Status status = score_table_read(tables->items[0], &before, err);
  if (status == STATUS_OK) status = score_table_read(tables->items[1], &after, err);
  if (status == STATUS_OK) find_pairs(stores, &before, &after, p);
  score_table_clear(&before);
  score_table_clear(&after);
  if (status != STATUS_OK || p->n >= LEAST_PAIRS) return status;
  if (p->n_pairs == 0)
    return error_set(err, STATUS_DATA, "%s: no preference pair among its samples (fathom record --pairs)", store_path(stores->a));
  return error_set(err, STATUS_DATA, "%s: %zu of %zu pairs have rewards in both %s and %s, expected at least %d", store_path(stores->a),
                   p->n, p->n_pairs, tables->items[0], tables->items[1], LEAST_PAIRS);
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
    if (!isnan(drift[0])) e = spearman_estimate(p->n, drift, p->change[k], settings->bootstrap > 0);
    PartRow row = {source.x.site, kind_names[k], "spearman", e.value, {NAN, NAN}, p->n, p->n_rows};
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
  const char **sites = mem_alloc(shape[0], sizeof *sites);
  for (size_t i = 0; i < shape[0]; i++) sites[i] = w->table->rows[i * KINDS].site;
  Status status = result_write_strings(result, "pairs/site", sites, shape[0], err);
  if (status == STATUS_OK) status = result_write_strings(result, "pairs/id", p->ids, p->n, err);
  if (status == STATUS_OK) status = result_write_array(result, "pairs/margin_before", 1, &p->n, p->before, err);
  if (status == STATUS_OK) status = result_write_array(result, "pairs/margin_after", 1, &p->n, p->after, err);
  if (status == STATUS_OK) status = result_write_array(result, "pairs/relative_l2", 2, shape, p->drift, err);
  free(sites);
  return status;
}

Status drift_by_margin(const Invocation *call, const DriftSettings *settings, const DriftStores *stores, Error *err) {
  Pairs pairs = {0};
  PartTable table = {.call = call, .settings = settings, .stores = stores, .n = stores->n_a * KINDS, .write_more = write_pairs};
  Work work = {&table, &pairs};
  Status status = read_pairs(stores, &settings->margins, &pairs, err);
  char *note = mem_format("spearman: rank correlation, over %zu of %zu pairs, of a pair's drift (root of its mean squared change "
                          "over the frozen rows' variance, fathom's own) with the change of its reward margin, chosen - rejected, from %s to %s, "
                          "and with the size of that change",
                          pairs.n, pairs.n_pairs, settings->margins.items[0], settings->margins.items[1]);
  table.note = note;
  table.more = &work;
  table.rows = mem_alloc(table.n, sizeof *table.rows);
  if (status == STATUS_OK) status = drift_each_site(settings, stores->n_a, drift_site_bytes(stores, NULL) + 2 * stores->plan.n_rows * sizeof(double), measure_site, &work, err);
  if (status == STATUS_OK) status = part_table_finish(&table, err);
  free(table.rows);
  free(note);
  pairs_clear(&pairs);
  return status;
}
