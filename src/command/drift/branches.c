/* fathom drift --by branch: what attention, MLP and the stream from below have in the change of the residual stream.
 *
 * resid_post = resid_pre + attn_out + mlp_out, so the changes d = y - x of these sites add up in the same way, and the
 * share of one of them in the change of resid_post,
 *
 *     share(site) = sum_i <d_site,i , d_post,i> / sum_i |d_post,i|^2   over rows i (fathom's own),
 *
 * adds up to 1 over the three. It is negative where a branch works against the change. The deepest resid_post is also
 * split over the branches of all blocks up to it ("share_all"). */
#include "base/memory.h"
#include "base/sitename.h"
#include "command/drift/by.h"
#include "probes/drift/drift.h"
#include "probes/drift/split.h"

#include <stdlib.h>
#include <string.h>

/* Something that is added to the stream. */
typedef struct Branch {
  char *part;  /* the site's name as the table has it */
  size_t a, b; /* its number in either store */
} Branch;

typedef struct Target {
  const char *site, *measure;
  size_t a, b;
  Branch *branches;
  size_t n;
  bool has_stream; /* the stream from below is among the branches; if not, it is what they leave */
  char *stream;
  PartRow *rows; /* [n + 1] once it is measured: a row a branch, and one for what they leave */
} Target;

static bool is_in_both(const DriftStores *s, const char *name, size_t width, size_t *a, size_t *b) {
  return store_find_site(s->a, name, a) && store_find_site(s->b, name, b) && store_contents(s->a)->sites[*a].width == width &&
         store_contents(s->b)->sites[*b].width == width;
}

/* Adds the site of this kind and layer, under the name part, to a target; false where a store lacks it. */
static bool add_branch(const DriftStores *s, const char *kind, int layer, const char *part, Target *to) {
  char *name = site_name_format(kind, layer);
  Branch branch;
  const size_t width = store_contents(s->a)->sites[to->a].width;
  const bool found = is_in_both(s, name, width, &branch.a, &branch.b);
  if (found) {
    branch.part = mem_copy_string(part ? part : name);
    to->branches = mem_resize(to->branches, to->n + 1, sizeof branch);
    to->branches[to->n++] = branch;
  }
  free(name);
  return found;
}

/* What comes into a block, under the name of its resid_pre, whichever site holds it. */
static bool add_stream(const DriftStores *s, int layer, Target *to) {
  return add_branch(s, "resid_pre", layer, to->stream, to) || (layer > 0 && add_branch(s, "resid_post", layer - 1, to->stream, to));
}

static void target_clear(Target *t) {
  for (size_t k = 0; k < t->n; k++) free(t->branches[k].part);
  free(t->branches);
  free(t->stream);
  free(t->rows);
  *t = (Target){0};
}

/* One block's branches, or of all blocks up to it. False where a store lacks one. */
static bool target_make(const DriftStores *s, size_t i, bool from_all, Target *to) {
  const StoreSite *site = &store_contents(s->a)->sites[s->sites_a[i]];
  const SiteName name = site_name_parse(site->name);
  *to = (Target){.site = site->name, .measure = from_all ? "share_all" : "share", .a = s->sites_a[i], .b = s->sites_b[i]};
  if (name.layer == SITE_NO_LAYER || strcmp(name.kind, "resid_post") != 0) return false;
  if (store_contents(s->b)->sites[to->b].width != site->width) return false;
  const int first = from_all ? 0 : name.layer;
  to->stream = site_name_format("resid_pre", first);
  to->has_stream = add_stream(s, first, to);
  bool complete = true;
  for (int layer = first; layer <= name.layer && complete; layer++)
    complete = add_branch(s, "attn_out", layer, NULL, to) && add_branch(s, "mlp_out", layer, NULL, to);
  if (!complete) target_clear(to);
  return complete;
}

/* The rows of a block, and room to read them. */
typedef struct Rows {
  const DriftStores *stores;
  size_t first, n, d, first_sample;
  float *x, *y, *scratch; /* [capacity, d] */
  double *delta;          /* [capacity, d] change of the target */
} Rows;

static size_t rows_capacity(const RowPlan *plan) { return plan->longest > ROW_BLOCK ? plan->longest : ROW_BLOCK; }

static Rows rows_new(const DriftStores *stores, size_t d) {
  const size_t capacity = rows_capacity(&stores->plan);
  return (Rows){.stores = stores,
                .d = d,
                .x = mem_alloc(capacity * d, sizeof(float)),
                .y = mem_alloc(capacity * d, sizeof(float)),
                .scratch = mem_alloc((capacity + ROW_MOST_GAP) * d, sizeof(float)),
                .delta = mem_alloc(capacity * d, sizeof(double))};
}

static void rows_clear(Rows *r) {
  free(r->x);
  free(r->y);
  free(r->scratch);
  free(r->delta);
}

/* Site number `site` of a store; a NaN or an infinity is STATUS_DATA. */
static Status read_side(Rows *r, Store *store, size_t site, float *rows, Error *err) {
  StoreRows context = {store, site};
  const RowSide side = drift_side(&context);
  const RowPlan *plan = &r->stores->plan;
  const Status status = rows_read(&side, plan, r->first, r->n, r->scratch, rows, err);
  return status == STATUS_OK ? rows_check_finite(&side, plan, r->first, r->n, rows, err) : status;
}

static Status read_both(Rows *r, size_t a, size_t b, Error *err) {
  const Status status = read_side(r, r->stores->a, a, r->x, err);
  return status == STATUS_OK ? read_side(r, r->stores->b, b, r->y, err) : status;
}

/* sums[sample] += <y - x, d_target> of the rows at hand. */
static void add_products(const Rows *r, double *sums) {
  const RowPlan *plan = &r->stores->plan;
  for (size_t i = 0, s = r->first_sample; i < r->n; i++) {
    double product = 0;
    while (plan->begin[s + 1] <= r->first + i) s++;
    for (size_t j = i * r->d; j < (i + 1) * r->d; j++) product += ((double)r->y[j] - (double)r->x[j]) * r->delta[j];
    sums[s] += product;
  }
}

/* Sums over each sample's rows: of the target's squared change, and of each branch's product with it, [n + 1, n_samples]. */
static Status add_up(const DriftStores *stores, const Target *t, double *sums, Error *err) {
  const RowPlan *plan = &stores->plan;
  Rows r = rows_new(stores, store_contents(stores->a)->sites[t->a].width);
  Status status = STATUS_OK;
  for (size_t n; r.first_sample < plan->n_samples && status == STATUS_OK; r.first_sample += n) {
    n = row_plan_block(plan, r.first_sample, rows_capacity(plan));
    r.first = plan->begin[r.first_sample];
    r.n = plan->begin[r.first_sample + n] - r.first;
    status = read_both(&r, t->a, t->b, err);
    for (size_t i = 0; i < r.n * r.d && status == STATUS_OK; i++) r.delta[i] = (double)r.y[i] - (double)r.x[i];
    if (status == STATUS_OK) add_products(&r, sums);
    for (size_t k = 0; k < t->n && status == STATUS_OK; k++) {
      status = read_both(&r, t->branches[k].a, t->branches[k].b, err);
      if (status == STATUS_OK) add_products(&r, sums + (k + 1) * plan->n_samples);
    }
  }
  rows_clear(&r);
  return status;
}

static PartRow make_row(const DriftStores *stores, const DriftSettings *settings, const Target *t, const char *part,
                        const double *product, const double *change) {
  const RowPlan *plan = &stores->plan;
  Estimate e = share_estimate(plan->n_samples, product, change, settings->bootstrap > 0);
  PartRow row = {.site = t->site, .part = part, .measure = t->measure, .value = e.value, .n = plan->n_samples, .n_rows = plan->n_rows};
  intervals_bootstrap(plan->n_samples, 1, &e, settings->bootstrap, settings->common.seed, &row.interval);
  estimates_clear(&e, 1);
  return row;
}

/* A row a branch, and one for what they leave: the stream from below, first, where no site holds it, else rounding. */
static void make_rows(const DriftStores *stores, const DriftSettings *settings, Target *t, const double *sums) {
  const size_t n = stores->plan.n_samples, first = t->has_stream ? 0 : 1;
  double *rest = mem_alloc(n, sizeof *rest);
  memcpy(rest, sums, n * sizeof *rest);
  t->rows = mem_alloc(t->n + 1, sizeof *t->rows);
  for (size_t k = 0; k < t->n; k++) {
    const double *product = sums + (k + 1) * n;
    for (size_t s = 0; s < n; s++) rest[s] -= product[s];
    t->rows[first + k] = make_row(stores, settings, t, t->branches[k].part, product, sums);
  }
  t->rows[first ? 0 : t->n] = make_row(stores, settings, t, first ? t->stream : "remainder", rest, sums);
  free(rest);
}

typedef struct Work {
  const DriftStores *stores;
  const DriftSettings *settings;
  Target *targets;
} Work;

static Status measure_target(void *context, size_t i, Error *err) {
  const Work *w = context;
  Target *t = &w->targets[i];
  double *sums = mem_alloc((t->n + 1) * w->stores->plan.n_samples, sizeof *sums);
  const Status status = add_up(w->stores, t, sums, err);
  if (status == STATUS_OK) make_rows(w->stores, w->settings, t, sums);
  free(sums);
  return status;
}

/* Of a target: rows of both sides and their change, sums over samples, and what intervals of one share take. */
static size_t target_bytes(const DriftStores *stores, const DriftSettings *settings, const Target *t) {
  const size_t d = store_contents(stores->a)->sites[t->a].width, capacity = rows_capacity(&stores->plan);
  return (3 * capacity + ROW_MOST_GAP) * d * sizeof(float) + capacity * d * sizeof(double) +
         ((t->n + 5) * stores->plan.n_samples + 2 * settings->bootstrap) * sizeof(double);
}

/* The deepest resid_post that is split, by its place among the chosen sites. */
static size_t find_targets(const DriftStores *stores, Target *targets, size_t *n) {
  size_t deepest = 0;
  double layer = -1;
  for (size_t i = 0; i < stores->n_a; i++) {
    if (!target_make(stores, i, false, &targets[*n])) continue;
    if (drift_layer(targets[*n].site) > layer) layer = drift_layer(targets[*n].site), deepest = i;
    (*n)++;
  }
  return deepest;
}

static Status measure_all(const DriftStores *stores, const DriftSettings *settings, Target *targets, size_t n, PartTable *table,
                          Error *err) {
  Work work = {stores, settings, targets};
  size_t most = 0;
  for (size_t i = 0; i < n; i++) {
    const size_t bytes = target_bytes(stores, settings, &targets[i]);
    if (bytes > most) most = bytes;
    table->n += targets[i].n + 1;
  }
  const Status status = drift_each_site(settings, n, most, measure_target, &work, err);
  table->rows = mem_alloc(table->n, sizeof *table->rows);
  for (size_t i = 0, row = 0; i < n && status == STATUS_OK; i++)
    for (size_t k = 0; k <= targets[i].n; k++) table->rows[row++] = targets[i].rows[k];
  return status;
}

Status drift_by_branch(const Invocation *call, const DriftSettings *settings, const DriftStores *stores, Error *err) {
  Target *targets = mem_alloc(stores->n_a + 1, sizeof *targets);
  size_t n = 0;
  const size_t deepest = find_targets(stores, targets, &n);
  PartTable table = {.kind = "parts",
                     .call = call,
                     .settings = settings,
                     .stores = stores,
                     .note = "part: what is added to the residual stream, whose change the shares are of; share (fathom's own): "
                             "sum of <change of the part, change of the site> over sum of |change of the site|^2; the parts of "
                             "one block add up to 1 (resid_pre is all that came from below), remainder is rounding; share_all: the same "
                             "of the deepest site, over the branches of all blocks"};
  Status status = STATUS_OK;
  if (n == 0)
    status = error_set(err, STATUS_DATA,
                       "%s and %s: no chosen resid_post with attn_out and mlp_out of its block in both, of one width "
                       "(fathom record --sites attn_out,mlp_out,resid_post)",
                       store_path(stores->a), store_path(stores->b));
  else if (drift_layer(store_contents(stores->a)->sites[stores->sites_a[deepest]].name) > 0)
    n += target_make(stores, deepest, true, &targets[n]);
  if (status == STATUS_OK) status = measure_all(stores, settings, targets, n, &table, err);
  if (status == STATUS_OK) status = part_table_finish(&table, err);
  for (size_t i = 0; i < n; i++) target_clear(&targets[i]);
  free(targets);
  free(table.rows);
  return status;
}
