/* fathom drift --by branch: what attention, MLP and the stream from below have in the change of the residual stream.
 *
 * resid_post = resid_pre + attn_out + mlp_out, so the changes d = y - x of these sites add up in the same way, and the
 * share of one of them in the change of resid_post,
 *
 *     share(site) = sum_i <d_site,i , d_post,i> / sum_i |d_post,i|^2   over rows i (fathom's own),
 *
 * adds up to 1 over the three. It is negative where a branch works against the change. The deepest resid_post is also
 * split over the branches of all blocks up to it ("share_all"). */
#include "base/log.h"
#include "base/memory.h"
#include "base/sitename.h"
#include "command/drift_by.h"
#include "probes/drift/drift.h"
#include "probes/drift/split.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Something that is added to the stream. */
typedef struct Branch {
  char *part;      /* the site's name as the table has it */
  size_t a, b;     /* its number in either store */
  double *product; /* [n_samples] sums of <d_branch, d_target> */
} Branch;

typedef struct Target {
  const char *site, *measure;
  size_t a, b;
  double *change; /* [n_samples] sums of |d_target|^2 */
  Branch *branches;
  size_t n;
  bool has_stream; /* the stream from below is among the branches; if not, it is what they leave */
  char *stream;
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
    branch.product = mem_alloc(s->plan.n_samples, sizeof *branch.product);
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
  for (size_t k = 0; k < t->n; k++) {
    free(t->branches[k].part);
    free(t->branches[k].product);
  }
  free(t->branches);
  free(t->change);
  free(t->stream);
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
  to->change = mem_alloc(s->plan.n_samples, sizeof *to->change);
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
  size_t first, n, d;
  float *x, *y, *scratch;
} Rows;

static Status read_both(Rows *r, size_t a, size_t b, Error *err) {
  StoreRows of_a = {r->stores->a, a}, of_b = {r->stores->b, b};
  const RowSide x = drift_side(&of_a), y = drift_side(&of_b);
  const Status status = rows_read(&x, &r->stores->plan, r->first, r->n, r->scratch, r->x, err);
  return status == STATUS_OK ? rows_read(&y, &r->stores->plan, r->first, r->n, r->scratch, r->y, err) : status;
}

/* sums[sample] += <y - x, d_target> of the rows at hand; they must be finite. */
static Status add_products(const Rows *r, size_t first_sample, const double *target, const char *site, double *sums, Error *err) {
  const RowPlan *plan = &r->stores->plan;
  for (size_t i = 0, s = first_sample; i < r->n; i++) {
    double product = 0;
    while (plan->begin[s + 1] <= r->first + i) s++;
    for (size_t j = 0; j < r->d; j++)
      product += ((double)r->y[i * r->d + j] - (double)r->x[i * r->d + j]) * target[i * r->d + j];
    if (!isfinite(product))
      return error_set(err, STATUS_DATA, "%s and %s: %s: sample %s (row %zu) holds a NaN or an infinity", store_path(r->stores->a),
                       store_path(r->stores->b), site, store_contents(r->stores->a)->sample_ids[plan->samples[s]],
                       plan->rows[r->first + i]);
    sums[s] += product;
  }
  return STATUS_OK;
}

static Status measure_block(Rows *r, size_t first_sample, Target *t, double *delta, Error *err) {
  Status status = read_both(r, t->a, t->b, err);
  if (status != STATUS_OK) return status;
  for (size_t i = 0; i < r->n * r->d; i++) delta[i] = (double)r->y[i] - (double)r->x[i];
  status = add_products(r, first_sample, delta, t->site, t->change, err);
  for (size_t k = 0; k < t->n && status == STATUS_OK; k++) {
    status = read_both(r, t->branches[k].a, t->branches[k].b, err);
    if (status == STATUS_OK) status = add_products(r, first_sample, delta, t->branches[k].part, t->branches[k].product, err);
  }
  return status;
}

static Status measure(const DriftStores *stores, Target *t, Error *err) {
  const RowPlan *plan = &stores->plan;
  const size_t capacity = plan->longest > ROW_BLOCK ? plan->longest : ROW_BLOCK;
  const size_t d = store_contents(stores->a)->sites[t->a].width;
  Rows rows = {stores, 0, 0, d, mem_alloc(capacity * d, sizeof(float)), mem_alloc(capacity * d, sizeof(float)),
               mem_alloc((capacity + ROW_MOST_GAP) * d, sizeof(float))};
  double *delta = mem_alloc(capacity * d, sizeof *delta);
  Status status = STATUS_OK;
  for (size_t s = 0, n; s < plan->n_samples && status == STATUS_OK; s += n) {
    n = row_plan_block(plan, s, capacity);
    rows.first = plan->begin[s];
    rows.n = plan->begin[s + n] - rows.first;
    status = measure_block(&rows, s, t, delta, err);
  }
  free(rows.x);
  free(rows.y);
  free(rows.scratch);
  free(delta);
  return status;
}

static void add_row(PartTable *table, const Target *t, const char *part, const double *product) {
  const RowPlan *plan = &table->stores->plan;
  const DriftSettings *settings = table->settings;
  Estimate e = share_estimate(plan->n_samples, product, t->change, settings->bootstrap > 0);
  PartRow row = {.site = t->site, .part = part, .measure = t->measure, .value = e.value, .n = plan->n_samples, .n_rows = plan->n_rows};
  intervals_bootstrap(plan->n_samples, 1, &e, settings->bootstrap, settings->common.seed, &row.interval);
  estimates_clear(&e, 1);
  table->rows = mem_resize(table->rows, table->n + 1, sizeof row);
  table->rows[table->n++] = row;
}

/* A row a branch, and one for what they leave: the stream from below where no site holds it, else rounding. */
static void add_rows(PartTable *table, const Target *t) {
  const size_t n = table->stores->plan.n_samples;
  double *rest = mem_alloc(n, sizeof *rest);
  memcpy(rest, t->change, n * sizeof *rest);
  for (size_t k = 0; k < t->n; k++)
    for (size_t s = 0; s < n; s++) rest[s] -= t->branches[k].product[s];
  if (!t->has_stream) add_row(table, t, t->stream, rest);
  for (size_t k = 0; k < t->n; k++) add_row(table, t, t->branches[k].part, t->branches[k].product);
  if (t->has_stream) add_row(table, t, "remainder", rest);
  free(rest);
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

Status drift_by_branch(const Invocation *call, const DriftSettings *settings, const DriftStores *stores, Error *err) {
  Target *targets = mem_alloc(stores->n_a + 1, sizeof *targets);
  size_t n = 0;
  const size_t deepest = find_targets(stores, targets, &n);
  PartTable table = {.call = call,
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
  Progress progress = progress_begin("drift", "sites", n);
  for (size_t i = 0; i < n && status == STATUS_OK; i++) {
    status = measure(stores, &targets[i], err);
    if (status == STATUS_OK) add_rows(&table, &targets[i]);
    progress_show(&progress, i + 1);
  }
  progress_end(&progress);
  if (status == STATUS_OK) status = part_table_finish(&table, err);
  for (size_t i = 0; i < n; i++) target_clear(&targets[i]);
  free(targets);
  free(table.rows);
  return status;
}
