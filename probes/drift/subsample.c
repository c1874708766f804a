/* Which samples a subsample has, and their rows. */
#include "probes/drift/subsample.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

RowSubsample *row_subsample_new(const RowPlan *plan, uint64_t seed) {
  RowSubsample *s = mem_alloc(1, sizeof *s);
  const size_t n = s->n_all = plan->n_samples;
  bool *drawn = mem_alloc(n, sizeof *drawn);
  s->at = mem_alloc(n, sizeof *s->at);
  s->begin = mem_alloc(n + 1, sizeof *s->begin);
  s->kept = mem_alloc(n, sizeof *s->kept);
  row_plan_draw(plan, SUBSAMPLE_ROWS, seed, drawn);
  for (size_t i = 0; i < n; i++) {
    s->at[i] = drawn[i] ? s->n_rows : SUBSAMPLE_OUT;
    if (!drawn[i]) continue;
    s->kept[s->n_samples] = i;
    s->begin[s->n_samples++] = s->n_rows;
    s->n_rows += plan->begin[i + 1] - plan->begin[i];
  }
  s->begin[s->n_samples] = s->n_rows;
  free(drawn);
  return s;
}

void row_subsample_free(RowSubsample *s) {
  if (!s) return;
  free(s->at);
  free(s->begin);
  free(s->kept);
  free(s);
}

KeptRows kept_rows_new(const RowSubsample *s, size_t dx, size_t dy) {
  return (KeptRows){s, dx, dy, mem_alloc(s->n_rows * dx, sizeof(float)), mem_alloc(s->n_rows * dy, sizeof(float)),
                    mem_alloc(s->n_all, sizeof(bool))};
}

void kept_rows_clear(KeptRows *kept) {
  free(kept->x);
  free(kept->y);
  free(kept->seen);
}

void kept_rows_take(KeptRows *kept, const RowBlock *block) {
  const size_t dx = kept->dx, dy = kept->dy;
  for (size_t i = 0; i < block->n_samples; i++) {
    const size_t sample = block->first_sample + i, at = kept->of->at[sample], first = block->begin[i];
    if (at == SUBSAMPLE_OUT) continue;
    const size_t n = block->begin[i + 1] - first;
    memcpy(kept->x + at * dx, block->x + first * dx, n * dx * sizeof *kept->x);
    memcpy(kept->y + at * dy, block->y + first * dy, n * dy * sizeof *kept->y);
    kept->seen[sample] = true;
  }
}

void kept_rows_merge(KeptRows *into, const KeptRows *from) {
  const RowSubsample *s = into->of;
  const size_t dx = into->dx, dy = into->dy;
  for (size_t i = 0; i < s->n_samples; i++) {
    const size_t sample = s->kept[i], first = s->begin[i], n = s->begin[i + 1] - first;
    if (!from->seen[sample]) continue;
    memcpy(into->x + first * dx, from->x + first * dx, n * dx * sizeof *into->x);
    memcpy(into->y + first * dy, from->y + first * dy, n * dy * sizeof *into->y);
    into->seen[sample] = true;
  }
}

static bool all_same(size_t n, size_t d, const float *rows) {
  for (size_t i = 1; i < n; i++)
    if (memcmp(rows, rows + i * d, d * sizeof *rows) != 0) return false;
  return true;
}

bool kept_rows_constant(const KeptRows *kept) {
  return all_same(kept->of->n_rows, kept->dx, kept->x) || all_same(kept->of->n_rows, kept->dy, kept->y);
}

void kept_rows_unit(size_t n, size_t d, const float *rows, bool centred, double *unit) {
  for (size_t i = 0; i < n; i++) {
    const float *row = rows + i * d;
    double *to = unit + i * d, mean = 0, raw = 0, square = 0;
    for (size_t j = 0; j < d && centred; j++) mean += row[j] / (double)d;
    for (size_t j = 0; j < d; j++) {
      to[j] = row[j] - mean;
      raw += (double)row[j] * (double)row[j];
      square += to[j] * to[j];
    }
    const double scale = square > 1e-26 * raw ? 1 / sqrt(square) : 0;
    for (size_t j = 0; j < d; j++) to[j] *= scale;
  }
}
