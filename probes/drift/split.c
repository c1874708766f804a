/* Where the change between two models lies. */
#include "probes/drift/split.h"

#include "base/memory.h"
#include "num/crossproduct.h"

#include <assert.h>
#include <math.h>

Status row_changes_read(const RowSource *source, const RowPlan *plan, double *change, double *spread, Error *err) {
  const size_t d = source->x.width;
  assert(d == source->y.width);
  RowMoments moments;
  RowBlock block;
  bool more = true;
  Status status = row_moments_read(source, plan, &moments, err);
  if (status != STATUS_OK) return status;
  RowReader *reader = row_reader_new(source, plan, &moments);
  while ((status = row_reader_next(reader, &block, &more, err)) == STATUS_OK && more)
    for (size_t i = 0; i < block.n; i++) {
      change[block.first_row + i] = distance2_f32(d, block.x + i * d, block.y + i * d);
      spread[block.first_row + i] = dot_f32(d, block.cx + i * d, block.cx + i * d);
    }
  row_reader_free(reader);
  row_moments_clear(&moments);
  return status;
}

Estimate share_estimate(size_t n, const double *part, const double *total, bool with_interval) {
  double of_part = 0, of_all = 0;
  for (size_t s = 0; s < n; s++) {
    of_part += part[s];
    of_all += total[s];
  }
  if (!(of_all > 0)) return (Estimate){.value = NAN};
  const double share = of_part / of_all;
  Estimate estimate = {.value = share, .scale = SCALE_RAW, .centre = share};
  if (!with_interval) return estimate;
  estimate.pseudo = mem_alloc(n, sizeof *estimate.pseudo); /* of a ratio of sums */
  for (size_t s = 0; s < n; s++) estimate.pseudo[s] = (double)n * (part[s] - share * total[s]) / of_all;
  return estimate;
}
