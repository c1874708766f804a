/* Last hidden states, and a reward head on them. */
#include "train/features.h"

#include "base/log.h"
#include "base/memory.h"
#include "model/forward.h"
#include "train/rows.h"
#include "train/stored.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SITE "ln_final.hook_normalized"

/* The store's row of each sample's last token, SIZE_MAX where it has none. A mean over tokens is none. */
static void find_rows(const Store *store, const Sample *const *samples, size_t n, size_t *rows) {
  const StoreContents *c = store_contents(store);
  StoredSamples stored;
  stored_init(&stored, c);
  for (size_t s = 0; s < n; s++) {
    rows[s] = SIZE_MAX;
    const StoredSample *at = strcmp(c->token_rule, "mean") != 0 ? stored_find(&stored, samples[s]) : NULL;
    for (; at && rows[s] == SIZE_MAX; at = stored_next(&stored, at, samples[s])) {
      const size_t last = at->first_row + at->n_rows - 1;
      if (at->n_rows && c->row_sample[last] == at->sample && c->row_token[last] == samples[s]->n_tokens - 1)
        rows[s] = last;
    }
  }
  stored_clear(&stored);
}

/* Neighbouring rows are read together, up to READ of them. */
static Status read_rows(Features *f, Store *store, size_t site, const size_t *rows, Error *err) {
  enum { READ = 256 };
  float *read = mem_alloc(READ * f->width, sizeof *read);
  Status status = STATUS_OK;
  for (size_t s = 0, n; s < f->n && status == STATUS_OK; s += n) {
    for (n = 1; s + n < f->n && n < READ && rows[s] != SIZE_MAX && rows[s + n] == rows[s] + n;) n++;
    if (rows[s] == SIZE_MAX) continue;
    status = store_read_rows(store, site, rows[s], n, read, err);
    for (size_t i = 0; i < n * f->width; i++) f->rows[s * f->width + i] = (real)read[i];
    f->from_store += n;
  }
  free(read);
  return status;
}

static Status read_store(Features *f, Store *store, const Sample *const *samples, size_t *rows, Error *err) {
  size_t site;
  if (!store_find_site(store, SITE, &site)) {
    log_note("%s: no " SITE ": the model is run over the samples instead", store_path(store));
    return STATUS_OK;
  }
  if (store_contents(store)->sites[site].width != f->width)
    return error_set(err, STATUS_DATA, "%s: " SITE " is %zu wide, expected %zu", store_path(store),
                     store_contents(store)->sites[site].width, f->width);
  find_rows(store, samples, f->n, rows);
  return read_rows(f, store, site, rows, err);
}

/* The samples without a row, in batches. */
static Status run_model(Features *f, const Model *model, const Sample *const *samples, const size_t *rows,
                        size_t batch_tokens, Error *err) {
  const Sample **list = mem_alloc(f->n, sizeof *list);
  size_t *places = mem_alloc(f->n, sizeof *places), n = 0, longest, most;
  for (size_t s = 0; s < f->n; s++)
    if (rows[s] == SIZE_MAX) {
      list[n] = samples[s];
      places[n++] = s;
    }
  Pass pass = {0};
  SampleBatch batch = {0};
  sample_batch_extent(list, n, 1, batch_tokens, &longest, &most);
  Status status = n ? pass_init(&pass, &model->config, most, longest, KEEP_NOTHING, err) : STATUS_OK;
  Progress progress = progress_begin("last hidden states", "samples", n);
  for (size_t first = 0, count; first < n && status == STATUS_OK; first += count) {
    count = sample_batch_count(list, n, first, 1, batch_tokens);
    sample_batch_fill(&batch, list + first, count);
    model_forward(model, &batch.batch, &pass, NULL);
    for (size_t i = 0; i < count; i++) {
      const real *from = pass.final_normed + (batch.offsets[i + 1] - 1) * f->width;
      for (size_t j = 0; j < f->width; j++) f->rows[places[first + i] * f->width + j] = from[j];
    }
    progress_show(&progress, first + count);
  }
  progress_end(&progress);
  sample_batch_clear(&batch);
  pass_clear(&pass);
  free(places);
  free(list);
  return status;
}

static Status check_finite(const Features *f, const Sample *const *samples, Error *err) {
  for (size_t s = 0; s < f->n; s++)
    for (size_t i = 0; i < f->width; i++)
      if (!isfinite(f->rows[s * f->width + i]))
        return error_set(err, STATUS_NUMERIC, "the last hidden state of sample \"%s\" is not finite", samples[s]->id);
  return STATUS_OK;
}

Status features_load(Features *f, const Model *model, Store *store, const Sample *const *samples, size_t n,
                     size_t batch_tokens, Error *err) {
  void *block;
  size_t count;
  *f = (Features){.n = n, .width = model->config.hidden_size};
  if (!size_multiply(n, f->width, &count)) return error_set(err, STATUS_SYSTEM, "last hidden states: too many");
  Status status = mem_try(count, sizeof *f->rows, &block, err);
  if (status != STATUS_OK) return error_prefix(err, "last hidden states");
  f->rows = block;
  size_t *rows = mem_alloc(n, sizeof *rows);
  for (size_t s = 0; s < n; s++) rows[s] = SIZE_MAX;
  if (store) status = read_store(f, store, samples, rows, err);
  if (status == STATUS_OK) status = run_model(f, model, samples, rows, batch_tokens, err);
  if (status == STATUS_OK) status = check_finite(f, samples, err);
  free(rows);
  if (status != STATUS_OK) features_clear(f);
  return status;
}

void features_clear(Features *f) {
  free(f->rows);
  *f = (Features){0};
}

void features_rewards(const Features *f, const Model *model, const size_t *indices, size_t first, size_t n,
                      real *rewards) {
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < n; i++) {
    const size_t s = indices ? indices[i] : first + i;
    assert(s < f->n);
    rewards[i] = head_reward(&model->head, model->values + model->table.score, f->width, f->rows + s * f->width);
  }
}

/* r = score . h:  dscore = sum of dr h, in the order of the samples. */
void features_backward(const Features *f, const size_t *indices, size_t n, const real *drewards, bool accumulate,
                       Gradients *gradients) {
  real *dscore = gradients->values;
  if (!accumulate) memset(dscore, 0, f->width * sizeof *dscore);
  for (size_t i = 0; i < n; i++) {
    const real *h = f->rows + indices[i] * f->width;
    for (size_t j = 0; j < f->width; j++) dscore[j] += drewards[i] * h[j];
  }
}
