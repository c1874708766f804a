/* Columns that stand out, and rows without them. */
#include "probes/drift/columns.h"

#include "base/memory.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Sums over columns of what each row is beyond the first one: [width] of it, and of its squares. */
static Status add_up(const RowSide *side, const RowPlan *plan, double *sums, double *squares, Error *err) {
  const size_t d = side->width, block = plan->n_rows < ROW_BLOCK ? plan->n_rows : ROW_BLOCK;
  float *rows = NULL, *scratch = NULL, *shift = mem_alloc(d, sizeof *shift);
  double *unused = mem_alloc(d, sizeof *unused), square = 0;
  Status status = mem_try(block, d * sizeof *rows, (void **)&rows, err);
  if (status == STATUS_OK) status = mem_try(block + ROW_MOST_GAP, d * sizeof *scratch, (void **)&scratch, err);
  for (size_t first = 0, n; first < plan->n_rows && status == STATUS_OK; first += n) {
    n = plan->n_rows - first < block ? plan->n_rows - first : block;
    status = rows_read(side, plan, first, n, scratch, rows, err);
    if (status == STATUS_OK) status = rows_add_up(side, plan, first, n, rows, unused, &square, err);
    if (status != STATUS_OK) break;
    if (first == 0) memcpy(shift, rows, d * sizeof *shift);
    for (size_t i = 0; i < n; i++)
      for (size_t j = 0; j < d; j++) {
        const double x = (double)rows[i * d + j] - (double)shift[j];
        sums[j] += x;
        squares[j] += x * x;
      }
  }
  free(rows);
  free(scratch);
  free(shift);
  free(unused);
  return status;
}

Status columns_find(const RowSide *side, const RowPlan *plan, size_t k, size_t *columns, double *share, Error *err) {
  const size_t d = side->width;
  assert(k <= d);
  double *sums = mem_alloc(d, sizeof *sums), *variance = mem_alloc(d, sizeof *variance), total = 0, taken = 0;
  const Status status = add_up(side, plan, sums, variance, err);
  for (size_t j = 0; j < d && status == STATUS_OK; j++) {
    variance[j] = fmax(0, variance[j] - sums[j] * sums[j] / (double)plan->n_rows);
    total += variance[j];
  }
  for (size_t i = 0; i < k && status == STATUS_OK; i++) {
    size_t most = 0;
    for (size_t j = 1; j < d; j++)
      if (variance[j] > variance[most]) most = j;
    taken += variance[most];
    variance[most] = -1; /* below that of any column */
    columns[i] = most;
  }
  *share = total > 0 ? taken / total : NAN;
  free(sums);
  free(variance);
  return status;
}

static Status read_narrow(void *context, size_t first, size_t n, float *rows, Error *err) {
  const NarrowRows *narrow = context;
  const size_t d = narrow->from->width;
  float *wide = NULL;
  bool *out = mem_alloc(d, sizeof *out);
  for (size_t i = 0; i < narrow->k; i++) out[narrow->columns[i]] = true;
  Status status = mem_try(n, d * sizeof *wide, (void **)&wide, err);
  if (status == STATUS_OK) status = narrow->from->read(narrow->from->context, first, n, wide, err);
  for (size_t i = 0; i < n && status == STATUS_OK; i++)
    for (size_t j = 0; j < d; j++)
      if (!out[j]) *rows++ = wide[i * d + j];
  free(wide);
  free(out);
  return status;
}

RowSide columns_leave_out(NarrowRows *narrow) {
  RowSide side = *narrow->from;
  assert(narrow->k < side.width);
  side.width -= narrow->k;
  side.read = read_narrow;
  side.context = narrow;
  return side;
}
