/* Reading the frozen features back. */
#include "train/frozen.h"

#include "base/memory.h"
#include "base/sitename.h"
#include "train/stored.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static Status find_sites(Frozen *f, Error *err) {
  for (size_t l = 0; l < f->n_layers; l++) {
    char *name = site_name_format("resid_post", (int)l);
    const bool found = store_find_site(f->store, name, &f->site_of[l]);
    Status status = STATUS_OK;
    if (!found)
      status = error_set(err, STATUS_DATA, "%s: no site %s: features of another model, or of --train head", store_path(f->store),
                         name);
    else if (store_contents(f->store)->sites[f->site_of[l]].width != f->width)
      status = error_set(err, STATUS_DATA, "%s: %s is %zu wide, expected %zu", store_path(f->store), name,
                         store_contents(f->store)->sites[f->site_of[l]].width, f->width);
    free(name);
    if (status != STATUS_OK) return status;
  }
  return STATUS_OK;
}

/* The rows of a range of tokens, and of nothing else? */
static bool has_rows(const StoreContents *c, const StoredSample *stored, size_t first, size_t end) {
  if (stored->n_rows != end - first) return false;
  for (size_t t = first; t < end; t++) {
    const size_t row = stored->first_row + (t - first);
    if (row >= c->n_rows || c->row_sample[row] != stored->sample || c->row_token[row] != t) return false;
  }
  return true;
}

/* Where the store has the rows of each sample: it may hold more samples, and in another order. */
static Status find_rows(Frozen *f, const Sample *const *samples, size_t n, Error *err) {
  const StoreContents *c = store_contents(f->store);
  StoredSamples stored;
  Status status = STATUS_OK;
  stored_init(&stored, c);
  for (size_t s = 0; s < n && status == STATUS_OK; s++) {
    size_t first, end;
    bool found = false;
    token_rule_range(samples[s], f->rule, &first, &end);
    const StoredSample *same = stored_find(&stored, samples[s]), *at = same;
    for (; !found && at; at = stored_next(&stored, at, samples[s])) {
      found = has_rows(c, at, first, end);
      if (found) f->first_row[s] = at->first_row;
    }
    if (!same)
      status = error_set(err, STATUS_DATA,
                         "%s: features of other samples: none of its %zu has the tokens of this run's \"%s\"",
                         store_path(f->store), c->n_samples, samples[s]->id);
    else if (!found)
      status = error_set(err, STATUS_DATA,
                         "%s: its rows of \"%s\" are not tokens %zu to %zu: recorded with another token rule",
                         store_path(f->store), samples[s]->id, first, end - 1);
  }
  stored_clear(&stored);
  return status;
}

Status frozen_open(Frozen *f, const char *path, TokenRule rule, size_t n_layers, size_t width,
                   const Sample *const *samples, size_t n_samples, Error *err) {
  *f = (Frozen){.n_layers = n_layers,
                .width = width,
                .rule = rule,
                .site_of = mem_alloc(n_layers, sizeof *f->site_of),
                .first_row = mem_alloc(n_samples, sizeof *f->first_row),
                .scale = mem_alloc(n_layers, sizeof *f->scale)};
  Status status = store_open(path, &f->store, err);
  if (status == STATUS_OK && !store_is_complete(f->store))
    status = error_set(err, STATUS_DATA, "%s: not complete", path);
  if (status == STATUS_OK && store_contents(f->store)->dtype != STORE_F32)
    status =
        error_set(err, STATUS_DATA, "%s: features stored as %s, expected float32: drift would start at its rounding",
                  path, store_dtype_name(store_contents(f->store)->dtype));
  if (status == STATUS_OK) status = find_sites(f, err);
  if (status == STATUS_OK) status = find_rows(f, samples, n_samples, err);
  if (status != STATUS_OK) frozen_close(f);
  return status;
}

void frozen_close(Frozen *f) {
  store_close(f->store);
  free(f->site_of);
  free(f->first_row);
  free(f->scale);
  *f = (Frozen){0};
}

size_t frozen_rows(const Frozen *f, const Sample *sample) {
  size_t first, end;
  token_rule_counted_range(sample, f->rule, &first, &end);
  return end - first;
}

Status frozen_read(Frozen *f, const Sample *sample, size_t index, size_t layer, float *rows, Error *err) {
  size_t stored, stored_end, first, end;
  token_rule_range(sample, f->rule, &stored, &stored_end);
  token_rule_counted_range(sample, f->rule, &first, &end);
  if (first == end) return STATUS_OK;
  return store_read_rows(f->store, f->site_of[layer], f->first_row[index] + (first - stored), end - first, rows, err);
}

/* Sums of one block's rows about a provisional mean, its first row: then sum |x - mean|^2 = squares - |sums|^2 / n
 * loses nothing to cancellation. */
typedef struct Spread {
  double *shift, *sums; /* [width] */
  double squares;
  size_t n;
} Spread;

static void spread_add(Spread *s, size_t width, size_t n, const float *rows) {
  if (s->n == 0 && n > 0)
    for (size_t i = 0; i < width; i++) s->shift[i] = (double)rows[i];
  for (size_t t = 0; t < n; t++)
    for (size_t i = 0; i < width; i++) {
      const double x = (double)rows[t * width + i] - s->shift[i];
      s->sums[i] += x;
      s->squares += x * x;
    }
  s->n += n;
}

static double spread_variance(const Spread *s, size_t width) {
  double of_mean = 0;
  for (size_t i = 0; i < width; i++) of_mean += s->sums[i] * s->sums[i];
  return s->n ? (s->squares - of_mean / (double)s->n) / (double)s->n : 0;
}

Status frozen_measure_scale(Frozen *f, const Sample *const *samples, size_t n_train, Error *err) {
  size_t most = 0;
  for (size_t s = 0; s < n_train; s++) most = frozen_rows(f, samples[s]) > most ? frozen_rows(f, samples[s]) : most;
  float *rows = mem_alloc(most * f->width, sizeof *rows);
  Spread spread = {mem_alloc(f->width, sizeof(double)), mem_alloc(f->width, sizeof(double)), 0, 0};
  Status status = STATUS_OK;
  for (size_t l = 0; l < f->n_layers && status == STATUS_OK; l++) {
    memset(spread.sums, 0, f->width * sizeof(double));
    spread.squares = 0;
    spread.n = 0;
    for (size_t s = 0; s < n_train && status == STATUS_OK; s++) {
      status = frozen_read(f, samples[s], s, l, rows, err);
      if (status == STATUS_OK) spread_add(&spread, f->width, frozen_rows(f, samples[s]), rows);
    }
    if (status != STATUS_OK) break;
    f->scale[l] = spread_variance(&spread, f->width);
    if (isnan(f->scale[l]))
      status = error_set(err, STATUS_NUMERIC, "block %zu: the frozen features are not finite", l);
    else if (!(f->scale[l] > 0))
      status = error_set(err, STATUS_NUMERIC,
                         "block %zu: the frozen features are all alike over %zu rows, drift has no scale", l, spread.n);
  }
  free(rows);
  free(spread.shift);
  free(spread.sums);
  return status;
}
