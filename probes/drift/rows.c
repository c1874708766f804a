/* Blocks of whole samples from a row source, and the moments every measure starts from. */
#include "probes/drift/rows.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows left out between two kept ones that are read all the same: one request is cheaper than two. */
enum { MOST_GAP = 16 };

struct RowReader {
  const RowSource *source;
  const RowPlan *plan;
  const RowMoments *moments;
  size_t next_sample, capacity; /* rows */
  size_t *begin;
  float *x, *y, *cx, *cy; /* [capacity, d] */
  float *read_x, *read_y; /* [capacity + MOST_GAP, d] as they come, rows that are left out included */
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

void row_plan_clear(RowPlan *plan) {
  free(plan->rows);
  free(plan->begin);
  free(plan->samples);
  *plan = (RowPlan){0};
}

RowReader *row_reader_new(const RowSource *source, const RowPlan *plan, const RowMoments *moments) {
  RowReader *r = mem_alloc(1, sizeof *r);
  const size_t capacity = plan->longest > ROW_BLOCK ? plan->longest : ROW_BLOCK;
  *r = (RowReader){.source = source, .plan = plan, .moments = moments, .capacity = capacity};
  r->begin = mem_alloc(capacity + 1, sizeof *r->begin);
  r->x = mem_alloc(capacity * source->dx, sizeof *r->x);
  r->y = mem_alloc(capacity * source->dy, sizeof *r->y);
  r->read_x = mem_alloc((capacity + MOST_GAP) * source->dx, sizeof *r->read_x);
  r->read_y = mem_alloc((capacity + MOST_GAP) * source->dy, sizeof *r->read_y);
  if (moments) {
    r->cx = mem_alloc(capacity * source->dx, sizeof *r->cx);
    r->cy = mem_alloc(capacity * source->dy, sizeof *r->cy);
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
  free(r->read_x);
  free(r->read_y);
  free(r);
}

void row_reader_rewind(RowReader *r) { r->next_sample = 0; }

/* Kept rows [first, first + n) of the plan to x and y, in as few requests as their gaps allow. */
static Status read_rows(RowReader *r, size_t first, size_t n, Error *err) {
  const size_t *rows = r->plan->rows + first, dx = r->source->dx, dy = r->source->dy;
  for (size_t i = 0, end; i < n; i = end) {
    for (end = i + 1; end < n && rows[end] - rows[end - 1] <= MOST_GAP; end++)
      if (rows[end] - rows[i] >= r->capacity + MOST_GAP) break;
    const size_t span = rows[end - 1] - rows[i] + 1;
    const Status status = r->source->read(r->source->context, rows[i], span, r->read_x, r->read_y, err);
    if (status != STATUS_OK) return status;
    for (size_t j = i; j < end; j++) {
      memcpy(r->x + j * dx, r->read_x + (rows[j] - rows[i]) * dx, dx * sizeof *r->x);
      memcpy(r->y + j * dy, r->read_y + (rows[j] - rows[i]) * dy, dy * sizeof *r->y);
    }
  }
  return STATUS_OK;
}

static void centre(size_t n, size_t d, const float *rows, const double *mean, float *centred) {
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < d; j++) centred[i * d + j] = (float)((double)rows[i * d + j] - mean[j]);
}

Status row_reader_next(RowReader *r, RowBlock *block, bool *more, Error *err) {
  const RowPlan *plan = r->plan;
  const size_t first = r->next_sample;
  *more = first < plan->n_samples;
  if (!*more) return STATUS_OK;
  size_t end = first + 1;
  while (end < plan->n_samples && plan->begin[end + 1] - plan->begin[first] <= r->capacity) end++;
  const size_t n = plan->begin[end] - plan->begin[first];
  for (size_t s = first; s <= end; s++) r->begin[s - first] = plan->begin[s] - plan->begin[first];
  const Status status = read_rows(r, plan->begin[first], n, err);
  if (status != STATUS_OK) return status;
  if (r->moments) {
    centre(n, r->source->dx, r->x, r->moments->mean_x, r->cx);
    centre(n, r->source->dy, r->y, r->moments->mean_y, r->cy);
  }
  *block = (RowBlock){n, end - first, first, r->begin, r->x, r->y, r->cx, r->cy};
  r->next_sample = end;
  return STATUS_OK;
}

/* Adds a row to the column sums; false where it holds a NaN or an infinity (a sum of finite floats is a finite double).
 */
static bool add_row(size_t d, const float *row, double *sums, double *square) {
  double total = 0;
  for (size_t j = 0; j < d; j++) {
    sums[j] += row[j];
    total += (double)row[j] * (double)row[j];
  }
  *square += total;
  return isfinite(total);
}

static Status refuse(const RowSource *source, const RowPlan *plan, const RowBlock *block, size_t row, bool is_x,
                     Error *err) {
  size_t s = 0;
  while (block->begin[s + 1] <= row) s++;
  const uint32_t number = plan->samples[block->first_sample + s];
  const size_t at = plan->rows[plan->begin[block->first_sample] + row];
  const char *name = is_x ? source->name_x : source->name_y;
  if (source->sample_ids)
    return error_set(err, STATUS_DATA, "%s: %s: sample %s (row %zu) holds a NaN or an infinity", name, source->site,
                     source->sample_ids[number], at);
  return error_set(err, STATUS_DATA, "%s: %s: sample %u (row %zu) holds a NaN or an infinity", name, source->site,
                   number, at);
}

Status row_moments_read(const RowSource *source, const RowPlan *plan, RowMoments *moments, Error *err) {
  const size_t dx = source->dx, dy = source->dy;
  *moments = (RowMoments){.mean_x = mem_alloc(dx, sizeof(double)), .mean_y = mem_alloc(dy, sizeof(double))};
  moments->identical = dx == dy;
  RowReader *reader = row_reader_new(source, plan, NULL);
  RowBlock block;
  bool more = true;
  Status status = STATUS_OK;
  while (status == STATUS_OK && (status = row_reader_next(reader, &block, &more, err)) == STATUS_OK && more) {
    for (size_t i = 0; i < block.n && status == STATUS_OK; i++) {
      if (!add_row(dx, block.x + i * dx, moments->mean_x, &moments->square_x))
        status = refuse(source, plan, &block, i, true, err);
      else if (!add_row(dy, block.y + i * dy, moments->mean_y, &moments->square_y))
        status = refuse(source, plan, &block, i, false, err);
    }
    moments->identical = moments->identical && memcmp(block.x, block.y, block.n * dx * sizeof(float)) == 0;
  }
  row_reader_free(reader);
  for (size_t j = 0; j < dx; j++) moments->mean_x[j] /= (double)plan->n_rows;
  for (size_t j = 0; j < dy; j++) moments->mean_y[j] /= (double)plan->n_rows;
  if (status != STATUS_OK) row_moments_clear(moments);
  return status;
}

void row_moments_clear(RowMoments *moments) {
  free(moments->mean_x);
  free(moments->mean_y);
  *moments = (RowMoments){0};
}
