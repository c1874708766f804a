/* The recorder: a tap that writes to a store. */
#include "train/recorder.h"

#include "base/log.h"
#include "base/memory.h"
#include "model/forward.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What is known of every row before any is computed. */
typedef struct RowPlan {
  size_t count;
  uint32_t *sample, *token; /* [count] */
  size_t *first_row;        /* [n_samples + 1] */
} RowPlan;

static void row_plan_init(const RecordPlan *plan, RowPlan *rows) {
  *rows = (RowPlan){.first_row = mem_alloc(plan->n_samples + 1, sizeof *rows->first_row)};
  for (int filling = 0; filling < 2; filling++) {
    size_t at = 0;
    for (size_t s = 0; s < plan->n_samples; s++) {
      size_t first, end;
      token_rule_range(plan->samples[s], plan->rule, &first, &end);
      if (plan->rule == TOKENS_MEAN) first = end - 1; /* one row, numbered by the last position it covers */
      rows->first_row[s] = at;
      for (size_t t = first; t < end; t++, at++) {
        if (!filling) continue;
        rows->sample[at] = (uint32_t)s;
        rows->token[at] = (uint32_t)t;
      }
    }
    rows->first_row[plan->n_samples] = rows->count = at;
    if (filling) return;
    rows->sample = mem_alloc(at, sizeof *rows->sample);
    rows->token = mem_alloc(at, sizeof *rows->token);
  }
}

static void row_plan_clear(RowPlan *rows) {
  free(rows->sample);
  free(rows->token);
  free(rows->first_row);
}

/* The store's contents; arrays are made here and freed by contents_clear. */
static StoreContents contents_of(const RecordPlan *plan, const RowPlan *rows) {
  StoreContents c = plan->about;
  const size_t n = plan->n_samples;
  StoreSite *sites = mem_alloc(plan->sites->count, sizeof *sites);
  const char **texts = mem_alloc(4 * n, sizeof *texts);
  uint32_t *n_tokens = mem_alloc(n, sizeof *n_tokens);
  uint64_t *offsets = mem_alloc(n + 1, sizeof *offsets);
  for (size_t i = 0; i < plan->sites->count; i++)
    sites[i] = (StoreSite){plan->sites->items[i].name, plan->sites->items[i].width};
  for (size_t s = 0; s < n; s++) {
    const Sample *sample = plan->samples[s];
    texts[s] = sample->id;
    texts[n + s] = sample->text_digest;
    texts[2 * n + s] = sample->group;
    texts[3 * n + s] = sample->label;
    n_tokens[s] = (uint32_t)sample->n_tokens;
    offsets[s + 1] = offsets[s] + sample->n_tokens;
  }
  int32_t *ids = mem_alloc((size_t)offsets[n], sizeof *ids);
  for (size_t s = 0; s < n; s++) memcpy(ids + offsets[s], plan->samples[s]->ids, n_tokens[s] * sizeof *ids);
  c.sites = sites;
  c.n_sites = plan->sites->count;
  c.dtype = plan->dtype;
  c.n_rows = rows->count;
  c.n_samples = n;
  c.sample_ids = texts;
  c.text_digests = texts + n;
  c.groups = texts + 2 * n;
  c.labels = texts + 3 * n;
  c.n_tokens = n_tokens;
  c.token_ids = ids;
  c.token_offsets = offsets;
  c.row_sample = rows->sample;
  c.row_token = rows->token;
  c.token_rule = plan->rule_name;
  return c;
}

static void contents_clear(StoreContents *c) {
  free((void *)c->sites);
  free((void *)c->sample_ids);
  free((void *)c->n_tokens);
  free((void *)c->token_ids);
  free((void *)c->token_offsets);
}

/* The tap's state while one batch runs. */
typedef struct Recorder {
  const RecordPlan *plan;
  const RowPlan *rows;
  const size_t *site_of; /* [SITE_KIND_COUNT * L]: index into the plan's sites, or SIZE_MAX */
  size_t n_layers;
  Store *store;
  const SampleBatch *batch;
  size_t first_sample;
  Status status;
  Error *err;
} Recorder;

/* The wanted rows of the batch to `to`, packed [n, width]; false where one is not finite (*bad_sample says of which
 * sample). */
static bool gather(const Recorder *r, const real *rows, size_t stride, size_t width, float *to, size_t *bad_sample) {
  const size_t n = r->batch->batch.n_sequences, base = r->rows->first_row[r->first_sample];
  size_t bad = SIZE_MAX;
#pragma omp parallel for schedule(static) reduction(min : bad)
  for (size_t s = 0; s < n; s++) {
    size_t first, end;
    token_rule_range(r->batch->samples[s], r->plan->rule, &first, &end);
    float *out = to + (r->rows->first_row[r->first_sample + s] - base) * width, check = 0;
    const bool averages = r->plan->rule == TOKENS_MEAN;
    const real *from = rows + (r->batch->offsets[s] + first) * stride;
    for (size_t i = 0; averages && i < width; i++) {
      double sum = 0;
      for (size_t t = 0; t < end - first; t++) sum += (double)from[t * stride + i];
      out[i] = (float)(sum / (double)(end - first));
    }
    for (size_t t = 0; !averages && t < end - first; t++)
      for (size_t i = 0; i < width; i++) out[t * width + i] = (float)from[t * stride + i];
    const size_t values = (averages ? 1 : end - first) * width;
    for (size_t i = 0; i < values; i++) check += out[i] * 0; /* NaN where a value is not finite */
    if (check != 0 && s < bad) bad = s;
  }
  *bad_sample = bad;
  return bad == SIZE_MAX;
}

static void record_rows(void *context, SiteKind kind, size_t layer, const real *rows, size_t stride, size_t width) {
  Recorder *r = context;
  const size_t site = r->site_of[(size_t)kind * r->n_layers + layer];
  if (site == SIZE_MAX || r->status != STATUS_OK) return;
  const size_t first = r->rows->first_row[r->first_sample];
  const size_t n = r->rows->first_row[r->first_sample + r->batch->batch.n_sequences] - first;
  size_t bad;
  float *to;
  r->status = store_begin_rows(r->store, site, first, n, &to, r->err);
  if (r->status != STATUS_OK) return;
  if (!gather(r, rows, stride, width, to, &bad)) {
    r->status = error_set(r->err, STATUS_NUMERIC, "%s: activations of sample \"%s\" are not finite",
                          r->plan->sites->items[site].name, r->batch->samples[bad]->id);
    return;
  }
  r->status = store_end_rows(r->store, r->err);
}

static size_t *site_lookup(const SiteList *sites, size_t n_layers) {
  size_t *site_of = mem_alloc(SITE_KIND_COUNT * n_layers, sizeof *site_of);
  for (size_t i = 0; i < SITE_KIND_COUNT * n_layers; i++) site_of[i] = SIZE_MAX;
  for (size_t i = 0; i < sites->count; i++)
    site_of[(size_t)sites->items[i].kind * n_layers + sites->items[i].layer] = i;
  return site_of;
}

/* Marking rows as done waits for the disk. Marks are spaced so that they take a hundredth of the time. */
typedef struct MarkClock {
  double ended, took; /* the last mark: when it was over, how long it took */
} MarkClock;

static Status mark_done(Recorder *r, size_t rows, bool is_last, MarkClock *clock) {
  const double now = clock_seconds();
  if (!is_last && now - clock->ended < 99 * clock->took) return STATUS_OK;
  const Status status = store_mark_done(r->store, rows, r->err);
  clock->ended = clock_seconds();
  clock->took = clock->ended - now;
  return status;
}

/* Batches from the first sample that has no rows yet. */
static Status run_batches(const Model *model, Recorder *r, Pass *pass, SampleBatch *batch, size_t rows_done) {
  const RecordPlan *plan = r->plan;
  const Tap tap = {record_rows, r};
  MarkClock clock = {0};
  Progress progress = progress_begin(plan->label, "samples", plan->n_samples);
  r->batch = batch;
  for (size_t first = 0, count; first < plan->n_samples && r->status == STATUS_OK; first += count) {
    count = sample_batch_count(plan->samples, plan->n_samples, first, 1, plan->batch_tokens);
    if (r->rows->first_row[first + count] <= rows_done) continue;
    sample_batch_fill(batch, plan->samples + first, count);
    r->first_sample = first;
    model_forward(model, &batch->batch, pass, &tap);
    if (r->status == STATUS_OK)
      r->status = mark_done(r, r->rows->first_row[first + count], first + count == plan->n_samples, &clock);
    progress_show(&progress, first + count);
  }
  progress_end(&progress);
  return r->status;
}

static size_t widest(const SiteList *sites) {
  size_t width = 0;
  for (size_t i = 0; i < sites->count; i++) width = sites->items[i].width > width ? sites->items[i].width : width;
  return width;
}

void recorder_cost(const Model *model, const RecordPlan *plan, RecordCost *cost) {
  RowPlan rows;
  size_t longest, most;
  row_plan_init(plan, &rows);
  StoreContents contents = contents_of(plan, &rows);
  sample_batch_extent(plan->samples, plan->n_samples, 1, plan->batch_tokens, &longest, &most);
  *cost = (RecordCost){.rows = rows.count,
                       .tokens = (size_t)contents.token_offsets[plan->n_samples],
                       .pass_bytes = pass_bytes(&model->config, most, longest, KEEP_NOTHING) +
                                     store_buffers() * most * widest(plan->sites) * sizeof(float) +
                                     most * model->packed_inputs * sizeof(uint16_t),
                       .file_bytes = store_estimate_bytes(&contents)};
  contents_clear(&contents);
  row_plan_clear(&rows);
}

Status recorder_run(const Model *model, const RecordPlan *plan, Error *err) {
  RowPlan rows;
  Pass pass = {0};
  SampleBatch batch = {0};
  size_t longest, most, rows_done = 0;
  Recorder r = {.plan = plan, .rows = &rows, .n_layers = model->config.n_layers, .err = err};
  row_plan_init(plan, &rows);
  StoreContents contents = contents_of(plan, &rows);
  size_t *site_of = site_lookup(plan->sites, r.n_layers);
  r.site_of = site_of;
  sample_batch_extent(plan->samples, plan->n_samples, 1, plan->batch_tokens, &longest, &most);
  r.status = pass_init(&pass, &model->config, most, longest, KEEP_NOTHING, err);
  if (r.status == STATUS_OK) r.status = store_create(plan->path, &contents, plan->resume, &r.store, &rows_done, err);
  if (r.status == STATUS_OK) {
    run_batches(model, &r, &pass, &batch, rows_done);
  }
  if (r.status == STATUS_OK)
    r.status = store_finish(r.store, err);
  else
    store_close(r.store);
  free(site_of);
  sample_batch_clear(&batch);
  pass_clear(&pass);
  contents_clear(&contents);
  row_plan_clear(&rows);
  return r.status;
}
