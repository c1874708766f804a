/* Rows paired with those of other samples. */
#include "probes/drift/shifted.h"

#include "base/memory.h"
#include "base/rng.h"

#include <stdlib.h>
#include <string.h>

/* How many rows of the plan come before this row of the source. */
static size_t rows_before(const RowPlan *plan, size_t source_row) {
  size_t low = 0, high = plan->n_rows;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (plan->rows[middle] < source_row)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static Status read_shifted(void *context, size_t first, size_t n, float *rows, Error *err) {
  const ShiftedRows *shifted = context;
  const RowPlan *plan = shifted->plan;
  const size_t d = shifted->from->width, begin = rows_before(plan, first), end = rows_before(plan, first + n);
  float *found = NULL, *scratch = NULL;
  Status status = mem_try(end - begin, d * sizeof *found, (void **)&found, err);
  if (status == STATUS_OK) status = mem_try(end - begin + ROW_MOST_GAP, d * sizeof *scratch, (void **)&scratch, err);
  memset(rows, 0, n * d * sizeof *rows);
  for (size_t p = begin, run; p < end && status == STATUS_OK; p += run) {
    const size_t at = (p + shifted->shift) % plan->n_rows, left = plan->n_rows - at;
    run = end - p < left ? end - p : left;
    status = rows_read(shifted->from, plan, at, run, scratch, found, err);
    for (size_t i = 0; i < run && status == STATUS_OK; i++)
      memcpy(rows + (plan->rows[p + i] - first) * d, found + i * d, d * sizeof *rows);
  }
  free(found);
  free(scratch);
  return status;
}

RowSide rows_shift(ShiftedRows *shifted) {
  RowSide side = *shifted->from;
  side.read = read_shifted;
  side.context = shifted;
  return side;
}

/* Two rows of one sample are less than `longest` apart, in either direction. */
size_t rows_shifts_draw(const RowPlan *plan, uint64_t seed, size_t n, size_t *shifts) {
  if (plan->n_samples < 2 || plan->n_rows < 2 * plan->longest) return 0;
  const size_t possible = plan->n_rows - 2 * plan->longest + 1;
  Rng rng = rng_new(seed);
  const size_t first = rng_below(&rng, possible);
  if (n > possible) n = possible;
  for (size_t i = 0; i < n; i++)
    shifts[i] = plan->longest + (first + i * possible / n) % possible;
  return n;
}
