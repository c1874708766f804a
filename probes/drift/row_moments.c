/* One pass over the rows of one model, or of two side by side: means, squares, and what is not finite.
 *
 * Units of rows are added up by whichever thread is free, and their sums in the units' order: the bits do not depend on
 * the number of threads. */
#include "base/memory.h"
#include "num/crossproduct.h"
#include "probes/drift/rows.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  UNIT = 128, /* rows */
  BATCH = 32, /* units between two additions of their sums */
  BOTH = 2
};

static Status refuse(const RowSide *side, const RowPlan *plan, size_t at, Error *err) {
  size_t s = 0;
  while (plan->begin[s + 1] <= at) s++;
  const uint32_t sample = side->row_sample ? side->row_sample[plan->rows[at]] : plan->samples[s];
  char number[32];
  snprintf(number, sizeof number, "%u", sample);
  return error_set(err, STATUS_DATA, "%s: %s: sample %s (row %zu) holds a NaN or an infinity%s%s%s", side->name,
                   side->site, side->sample_ids ? side->sample_ids[sample] : number, plan->rows[at],
                   side->remedy ? " (" : "", side->remedy ? side->remedy : "", side->remedy ? ")" : "");
}

Status rows_add_up(const RowSide *side, const RowPlan *plan, size_t first, size_t n, const float *rows, double *sums,
                   double *square, Error *err) {
  const size_t d = side->width;
  for (size_t i = 0; i < n; i++) {
    const float *row = rows + i * d;
    const double total = dot_f32(d, row, row); /* finite where all floats are */
    for (size_t j = 0; j < d; j++) sums[j] += (double)row[j];
    if (!isfinite(total)) return refuse(side, plan, first + i, err);
    *square += total;
  }
  return STATUS_OK;
}

Status rows_check_finite(const RowSide *side, const RowPlan *plan, size_t first, size_t n, const float *rows, Error *err) {
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < side->width; j++)
      if (!isfinite(rows[i * side->width + j])) return refuse(side, plan, first + i, err);
  return STATUS_OK;
}

/* What a unit adds: sums [the sides' widths], and are both sides the same? */
typedef struct Part {
  double *sums, squares[BOTH];
  bool differs;
  Status status;
  Error err;
} Part;

/* The sides that are read together. */
typedef struct Sides {
  const RowSide *side[BOTH];
  size_t n, width, piece; /* sides, columns of all, rows that are read at a time */
  const RowPlan *plan;
} Sides;

/* rows: [piece, width] */
static Status add_unit(const Sides *s, size_t first, size_t n, float *rows, Part *to) {
  Status status = STATUS_OK;
  memset(to->sums, 0, s->width * sizeof *to->sums);
  to->squares[0] = to->squares[1] = 0;
  to->differs = false;
  for (size_t at = 0, m; at < n && status == STATUS_OK; at += m) {
    m = n - at < s->piece ? n - at : s->piece;
    for (size_t k = 0, column = 0; k < s->n && status == STATUS_OK; column += s->side[k++]->width) {
      float *own = rows + s->piece * column;
      status = rows_load(s->side[k], s->plan, first + at, m, NULL, 1, own, NULL, &to->err);
      if (status == STATUS_OK)
        status = rows_add_up(s->side[k], s->plan, first + at, m, own, to->sums + column, &to->squares[k], &to->err);
    }
    if (s->n == BOTH && s->side[0]->width == s->side[1]->width)
      to->differs = to->differs || memcmp(rows, rows + s->piece * s->side[0]->width, m * s->side[0]->width * sizeof *rows) != 0;
  }
  return status;
}

/* sums [width], squares [n] */
static Status add_all(const Sides *s, double *sums, double *squares, bool *differ, Error *err) {
  const size_t threads = omp_in_parallel() ? 1 : (size_t)omp_get_max_threads(), size = s->piece * s->width;
  const size_t n_units = (s->plan->n_rows + UNIT - 1) / UNIT;
  double *space = mem_alloc(BATCH * s->width, sizeof *space);
  float *rows = mem_alloc(threads * size, sizeof *rows);
  Part *parts = mem_alloc(BATCH, sizeof *parts);
  Status status = STATUS_OK;
  for (size_t k = 0; k < BATCH; k++) parts[k].sums = space + k * s->width;
  for (size_t unit = 0, n; unit < n_units && status == STATUS_OK; unit += n) {
    n = n_units - unit < BATCH ? n_units - unit : BATCH;
#pragma omp parallel for schedule(dynamic) if (threads > 1 && n > 1)
    for (size_t k = 0; k < n; k++) {
      const size_t first = (unit + k) * UNIT, left = s->plan->n_rows - first;
      parts[k].status = add_unit(s, first, left < UNIT ? left : UNIT, rows + (size_t)omp_get_thread_num() * size, &parts[k]);
    }
    for (size_t k = 0; k < n && status == STATUS_OK; k++) {
      status = parts[k].status;
      if (status != STATUS_OK && err) *err = parts[k].err;
      for (size_t j = 0; j < s->width; j++) sums[j] += parts[k].sums[j];
      for (size_t side = 0; side < s->n; side++) squares[side] += parts[k].squares[side];
      *differ = *differ || parts[k].differs;
    }
  }
  free(space);
  free(rows);
  free(parts);
  return status;
}

size_t row_means_memory(size_t width) { return BATCH * (width * sizeof(double) + sizeof(Part)); }

Status row_means_read(const RowSide *side, const RowPlan *plan, double *mean, double *square, Error *err) {
  const Sides s = {{side, NULL}, 1, side->width, rows_unit(side->width), plan};
  bool differ = false;
  *square = 0;
  memset(mean, 0, side->width * sizeof *mean);
  const Status status = add_all(&s, mean, square, &differ, err);
  for (size_t j = 0; j < side->width; j++) mean[j] /= (double)plan->n_rows;
  return status;
}

Status row_moments_read(const RowSource *source, const RowPlan *plan, RowMoments *moments, Error *err) {
  const RowSide *x = &source->x, *y = &source->y;
  const Sides s = {{x, y}, BOTH, x->width + y->width, rows_unit(x->width + y->width), plan};
  double *sums = mem_alloc(s.width, sizeof *sums), squares[BOTH] = {0};
  bool differ = x->width != y->width;
  *moments = (RowMoments){.mean_x = mem_alloc(x->width, sizeof(double)), .mean_y = mem_alloc(y->width, sizeof(double))};
  const Status status = add_all(&s, sums, squares, &differ, err);
  for (size_t j = 0; j < x->width; j++) moments->mean_x[j] = sums[j] / (double)plan->n_rows;
  for (size_t j = 0; j < y->width; j++) moments->mean_y[j] = sums[x->width + j] / (double)plan->n_rows;
  moments->square_x = squares[0];
  moments->square_y = squares[1];
  moments->identical = !differ;
  free(sums);
  if (status != STATUS_OK) row_moments_clear(moments);
  return status;
}

void row_moments_clear(RowMoments *moments) {
  free(moments->mean_x);
  free(moments->mean_y);
  *moments = (RowMoments){0};
}
