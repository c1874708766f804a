/* Which rows take part, and blocks of whole samples of them from a row source. */
#include "probes/drift/rows.h"

#include "base/memory.h"
#include "base/rng.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

struct RowReader {
  const RowSource *source;
  const RowPlan *plan;
  const RowMoments *moments;
  size_t next_sample, capacity; /* rows */
  size_t *begin;
  float *x, *y, *cx, *cy; /* [capacity, d] */
};

static uint32_t last_sample(size_t n_rows, const uint32_t *row_sample) {
  uint32_t last = 0;
  for (size_t i = 0; i < n_rows; i++)
    if (row_sample[i] > last) last = row_sample[i];
  return last;
}

Status row_plan_make(size_t n_rows, const uint32_t *row_sample, const bool *keep, RowPlan *plan, Error *err) {
  bool *seen = mem_alloc((size_t)last_sample(n_rows, row_sample) + 1, sizeof *seen);
  *plan = (RowPlan){.rows = mem_alloc(n_rows, sizeof *plan->rows),
                    .begin = mem_alloc(n_rows + 1, sizeof *plan->begin),
                    .samples = mem_alloc(n_rows, sizeof *plan->samples)};
  Status status = STATUS_OK;
  for (size_t i = 0; i < n_rows && status == STATUS_OK; i++) {
    const uint32_t sample = row_sample[i];
    const bool begins = i == 0 || row_sample[i - 1] != sample;
    if (begins && seen[sample])
      status = error_set(err, STATUS_DATA, "row %zu: the rows of sample %u are not next to each other", i, sample);
    seen[sample] = true;
    if (keep && !keep[i]) continue;
    if (plan->n_samples == 0 || plan->samples[plan->n_samples - 1] != sample) {
      plan->begin[plan->n_samples] = plan->n_rows;
      plan->samples[plan->n_samples++] = sample;
    }
    plan->rows[plan->n_rows++] = i;
  }
  plan->begin[plan->n_samples] = plan->n_rows;
  for (size_t s = 0; s < plan->n_samples; s++)
    if (plan->begin[s + 1] - plan->begin[s] > plan->longest) plan->longest = plan->begin[s + 1] - plan->begin[s];
  free(seen);
  if (status != STATUS_OK) row_plan_clear(plan);
  return status;
}

void row_plan_leave_out(RowPlan *plan, const bool *left_out) {
  size_t n_rows = 0, n_samples = 0;
  plan->longest = 0;
  for (size_t s = 0; s < plan->n_samples; s++) {
    const size_t first = plan->begin[s], n = plan->begin[s + 1] - first;
    if (left_out[s]) continue;
    memmove(plan->rows + n_rows, plan->rows + first, n * sizeof *plan->rows);
    plan->begin[n_samples] = n_rows; /* n_samples <= s: begin[s + 1] is still to be read as it was */
    plan->samples[n_samples++] = plan->samples[s];
    n_rows += n;
    if (n > plan->longest) plan->longest = n;
  }
  plan->begin[n_samples] = n_rows;
  plan->n_rows = n_rows;
  plan->n_samples = n_samples;
}

size_t row_plan_draw(const RowPlan *plan, size_t n_rows, uint64_t seed, bool *drawn) {
  const size_t n_samples = plan->n_samples;
  Rng rng = rng_new(seed);
  size_t *order = mem_alloc(n_samples, sizeof *order), taken = 0;
  for (size_t s = 0; s < n_samples; s++) order[s] = s, drawn[s] = false;
  if (plan->n_rows > n_rows) rng_shuffle(&rng, order, n_samples);
  for (size_t n = 0; taken < n_samples; taken++) {
    const size_t s = order[taken];
    n += plan->begin[s + 1] - plan->begin[s];
    if (n > n_rows) break;
    drawn[s] = true;
  }
  free(order);
  return taken;
}

Status row_plan_sample(RowPlan *plan, size_t n_rows, uint64_t seed, Error *err) {
  if (plan->n_rows <= n_rows) return STATUS_OK;
  bool *left_out = mem_alloc(plan->n_samples, sizeof *left_out);
  const size_t taken = row_plan_draw(plan, n_rows, seed, left_out);
  for (size_t s = 0; s < plan->n_samples; s++) left_out[s] = !left_out[s];
  if (taken) row_plan_leave_out(plan, left_out);
  free(left_out);
  if (taken) return STATUS_OK;
  return error_set(err, STATUS_USAGE, "--rows %zu: fewer than one sample has: samples have up to %zu rows", n_rows,
                   plan->longest);
}

void row_plan_part(const RowPlan *plan, const bool *kept, RowPlan *part, size_t **sample_at) {
  size_t n_rows = 0;
  for (size_t i = 0; i < plan->n_rows; i++) n_rows += kept[i];
  *part = (RowPlan){.rows = mem_alloc(n_rows, sizeof *part->rows),
                    .begin = mem_alloc(plan->n_samples + 1, sizeof *part->begin),
                    .samples = mem_alloc(plan->n_samples, sizeof *part->samples)};
  *sample_at = mem_alloc(plan->n_samples, sizeof **sample_at);
  for (size_t s = 0; s < plan->n_samples; s++) {
    const size_t first = part->n_rows;
    for (size_t i = plan->begin[s]; i < plan->begin[s + 1]; i++)
      if (kept[i]) part->rows[part->n_rows++] = plan->rows[i];
    if (part->n_rows == first) continue;
    (*sample_at)[part->n_samples] = s;
    part->samples[part->n_samples] = plan->samples[s];
    part->begin[part->n_samples++] = first;
    if (part->n_rows - first > part->longest) part->longest = part->n_rows - first;
  }
  part->begin[part->n_samples] = part->n_rows;
}

void row_plan_clear(RowPlan *plan) {
  free(plan->rows);
  free(plan->begin);
  free(plan->samples);
  *plan = (RowPlan){0};
}

Status rows_read(const RowSide *side, const RowPlan *plan, size_t first, size_t n, float *scratch, float *rows,
                 Error *err) {
  const size_t *numbers = plan->rows + first, d = side->width;
  for (size_t i = 0, end; i < n; i = end) {
    for (end = i + 1; end < n && numbers[end] - numbers[end - 1] <= ROW_MOST_GAP; end++)
      if (numbers[end] - numbers[i] >= n + ROW_MOST_GAP) break;
    const size_t span = numbers[end - 1] - numbers[i] + 1;
    const bool whole = span == end - i;
    const Status status = side->read(side->context, numbers[i], span, whole ? rows + i * d : scratch, err);
    if (status != STATUS_OK) return status;
    for (size_t j = i; j < end && !whole; j++)
      memcpy(rows + j * d, scratch + (numbers[j] - numbers[i]) * d, d * sizeof *rows);
  }
  return STATUS_OK;
}

size_t rows_unit(size_t width) {
  enum { FLOATS = 1 << 16 };
  const size_t rows = width ? FLOATS / width : ROW_BLOCK;
  return rows < 1 ? 1 : rows < ROW_BLOCK ? rows : ROW_BLOCK;
}

static void centre(size_t n, size_t d, const float *rows, const double *mean, float scale, float *centred) {
  for (size_t i = 0; i < n; i++) {
#pragma omp simd
    for (size_t j = 0; j < d; j++) centred[i * d + j] = scale * (float)((double)rows[i * d + j] - mean[j]);
  }
}

/* A unit's rows, read and centred while they are in the cache. */
static Status load_unit(const RowSide *side, const RowPlan *plan, size_t first, size_t n, const double *mean, float scale,
                        float *raw, float *centred, Error *err) {
  const size_t *numbers = plan->rows + first, d = side->width;
  float *scratch = NULL;
  if (numbers[n - 1] - numbers[0] + 1 != n) scratch = mem_alloc((n + ROW_MOST_GAP) * d, sizeof *scratch);
  const Status status = rows_read(side, plan, first, n, scratch, raw, err);
  if (status == STATUS_OK && mean) centre(n, d, raw, mean, scale, centred);
  free(scratch);
  return status;
}

Status rows_load(const RowSide *side, const RowPlan *plan, size_t first, size_t n, const double *mean, float scale, float *raw,
                 float *centred, Error *err) {
  const size_t d = side->width, unit = rows_unit(d), n_units = (n + unit - 1) / unit;
  size_t failed = n_units;
  Status status = STATUS_OK;
#pragma omp parallel for schedule(dynamic) if (n_units > 1 && !omp_in_parallel())
  for (size_t u = 0; u < n_units; u++) {
    const size_t at = u * unit, m = n - at < unit ? n - at : unit;
    Error own;
    const Status done = load_unit(side, plan, first + at, m, mean, scale, raw + at * d, mean ? centred + at * d : NULL, &own);
    if (done == STATUS_OK) continue;
#pragma omp critical(rows_load)
    if (u < failed) { /* the first, whichever thread is faster */
      failed = u;
      status = done;
      if (err) *err = own;
    }
  }
  return status;
}

size_t row_plan_block(const RowPlan *plan, size_t first, size_t capacity) {
  size_t end = first + 1;
  while (end < plan->n_samples && plan->begin[end + 1] - plan->begin[first] <= capacity) end++;
  return end - first;
}

RowReader *row_reader_new(const RowSource *source, const RowPlan *plan, const RowMoments *moments) {
  RowReader *r = mem_alloc(1, sizeof *r);
  const size_t dx = source->x.width, dy = source->y.width;
  const size_t capacity = plan->longest > ROW_BLOCK ? plan->longest : ROW_BLOCK;
  *r = (RowReader){.source = source, .plan = plan, .moments = moments, .capacity = capacity};
  r->begin = mem_alloc(capacity + 1, sizeof *r->begin);
  r->x = mem_alloc(capacity * dx, sizeof *r->x);
  r->y = mem_alloc(capacity * dy, sizeof *r->y);
  if (moments) {
    r->cx = mem_alloc(capacity * dx, sizeof *r->cx);
    r->cy = mem_alloc(capacity * dy, sizeof *r->cy);
  }
  return r;
}

void row_reader_free(RowReader *r) {
  if (!r) return;
  free(r->begin);
  free(r->x);
  free(r->y);
  free(r->cx);
  free(r->cy);
  free(r);
}

void row_reader_rewind(RowReader *r) { r->next_sample = 0; }

Status row_reader_next(RowReader *r, RowBlock *block, bool *more, Error *err) {
  const RowPlan *plan = r->plan;
  const RowSide *x = &r->source->x, *y = &r->source->y;
  const size_t first = r->next_sample;
  *more = first < plan->n_samples;
  if (!*more) return STATUS_OK;
  const size_t n_samples = row_plan_block(plan, first, r->capacity), at = plan->begin[first];
  const size_t n = plan->begin[first + n_samples] - at;
  for (size_t s = 0; s <= n_samples; s++) r->begin[s] = plan->begin[first + s] - at;
  Status status = rows_load(x, plan, at, n, r->moments ? r->moments->mean_x : NULL, 1, r->x, r->cx, err);
  if (status == STATUS_OK) status = rows_load(y, plan, at, n, r->moments ? r->moments->mean_y : NULL, 1, r->y, r->cy, err);
  if (status != STATUS_OK) return status;
  *block = (RowBlock){n, n_samples, first, at, r->begin, r->x, r->y, r->cx, r->cy};
  r->next_sample = first + n_samples;
  return STATUS_OK;
}
