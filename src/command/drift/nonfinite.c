/* Samples that hold a NaN or an infinity: found before anything is measured, and left out of both stores. */
#include "base/log.h"
#include "base/memory.h"
#include "command/drift/drift.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_FLOATS = 1 << 20 };

static bool is_finite(const float *row, size_t n) {
  double sum = 0; /* of as many floats as there are: finite where all are */
  for (size_t j = 0; j < n; j++) sum += fabs((double)row[j]);
  return isfinite(sum);
}

/* Marks the samples of the plan in which one site is not finite. */
static Status mark_site(Store *store, size_t site, const RowPlan *plan, bool *bad, Error *err) {
  StoreRows context = {store, site};
  const RowSide side = drift_side(&context);
  const size_t width = side.width, fit = BLOCK_FLOATS / width + 1, block = fit < plan->n_rows ? fit : plan->n_rows;
  float *rows = NULL, *scratch = NULL;
  Status status = mem_try(block, width * sizeof *rows, (void **)&rows, err);
  if (status == STATUS_OK) status = mem_try(block + ROW_MOST_GAP, width * sizeof *scratch, (void **)&scratch, err);
  for (size_t first = 0, sample = 0, n; first < plan->n_rows && status == STATUS_OK; first += n) {
    n = plan->n_rows - first < block ? plan->n_rows - first : block;
    status = rows_read(&side, plan, first, n, scratch, rows, err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
      while (plan->begin[sample + 1] <= first + i) sample++;
      bad[sample] = bad[sample] || !is_finite(rows + i * width, width);
    }
  }
  free(scratch);
  free(rows);
  return status;
}

Status drift_skip_nonfinite(DriftStores *s, Error *err) {
  bool *bad = mem_alloc(s->plan.n_samples, sizeof *bad);
  Progress progress = progress_begin("look for NaN", "sites", s->n_a + s->n_b);
  Status status = STATUS_OK;
  for (size_t i = 0; i < s->n_a + s->n_b && status == STATUS_OK; i++) {
    status = i < s->n_a ? mark_site(s->a, s->sites_a[i], &s->plan, bad, err)
                        : mark_site(s->b, s->sites_b[i - s->n_a], &s->plan, bad, err);
    progress_show(&progress, i + 1);
  }
  progress_end(&progress);
  for (size_t i = 0; i < s->plan.n_samples && status == STATUS_OK; i++) s->n_nonfinite += bad[i];
  if (status == STATUS_OK && s->n_nonfinite == s->plan.n_samples)
    status = error_set(err, STATUS_DATA, "%s and %s: no sample is left: all %zu hold a NaN or an infinity",
                       store_path(s->a), store_path(s->b), s->n_nonfinite);
  if (status == STATUS_OK) row_plan_leave_out(&s->plan, bad);
  free(bad);
  return status;
}

Status drift_write_nonfinite(const DriftStores *s, Result *result, Error *err) {
  char count[32];
  if (s->n_nonfinite == 0) return STATUS_OK;
  snprintf(count, sizeof count, "%zu", s->n_nonfinite);
  return result_write_attribute(result, "nonfinite_samples", count, err);
}
