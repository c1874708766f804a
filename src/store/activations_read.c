/* Reading an activation store, and comparing what the rows of two are. */
#include "store/activations.h"

#include "base/half.h"
#include "base/memory.h"
#include "store/contents.h"
#include "store/direct_read.h"
#include "store/writer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Status store_open(const char *path, Store **out, Error *err) {
  Store *store = mem_alloc(1, sizeof *store);
  *out = NULL;
  *store = (Store){.path = mem_copy_string(path), .file = H5_NONE};
  store->rows_done_set.id = H5_NONE;
  Status status = h5_open_file(path, H5_READ, &store->file, err);
  if (status == STATUS_OK) status = contents_read(store, err);
  if (status == STATUS_OK) status = store_make_scratch(store, err);
  if (status == STATUS_OK) status = direct_read_open(store, err);
  if (status == STATUS_OK) {
    *out = store;
    return status;
  }
  store_close(store);
  return error_prefix(err, "%s", path);
}

Status store_make_scratch(Store *store, Error *err) {
  store->scratch_size = 1 << 18;
  for (size_t i = 0; i < store->contents.n_sites; i++) {
    const size_t row = store->sites[i].dims[1] * sizeof(float);
    if (store->scratch_size < row) store->scratch_size = row;
  }
  return mem_try(store->scratch_size, 1, &store->scratch, err);
}

void store_close_datasets(Store *store) {
  for (size_t i = 0; store->sites && i < store->contents.n_sites; i++) h5_close(&store->sites[i].id);
  h5_close(&store->rows_done_set.id);
}

void store_close(Store *store) {
  if (!store) return;
  writer_close(store->writer);
  store_close_datasets(store);
  h5_close(&store->file);
  direct_read_close(store);
  if (store->is_disposable) unlink(store->part); /* not there once it has its final name */
  contents_clear(&store->contents);
  free(store->sites);
  free(store->written);
  free(store->scratch);
  free(store->part);
  free(store->path);
  free(store);
}

const StoreContents *store_contents(const Store *store) { return &store->contents; }

bool store_is_complete(const Store *store) { return store->complete; }

size_t store_rows_done(const Store *store) { return store->rows_done; }

const char *store_path(const Store *store) { return store->path; }

bool store_is_second_side(const StoreContents *c, size_t sample) {
  return sample > 0 && sample < c->n_samples && strcmp(c->labels[sample], "rejected") == 0 &&
         strcmp(c->labels[sample - 1], "chosen") == 0 && c->groups[sample][0] &&
         strcmp(c->groups[sample], c->groups[sample - 1]) == 0;
}

bool store_find_site(const Store *store, const char *name, size_t *site) {
  for (size_t i = 0; i < store->contents.n_sites; i++) {
    if (strcmp(store->contents.sites[i].name, name) != 0) continue;
    *site = i;
    return true;
  }
  return false;
}

/* Through HDF5, which knows no threads. */
static Status read_slowly(Store *store, size_t site, size_t first, size_t n, float *rows, Error *err) {
  const H5Dataset *set = &store->sites[site];
  const size_t width = set->dims[1], block = store->scratch_size / sizeof(uint16_t) / width;
  const StoreDtype dtype = store->contents.dtype;
  Status status = STATUS_OK;
  if (dtype == STORE_F32) status = h5_read_rows(set, H5_F32, first, n, rows, err);
  for (size_t at = 0, m; dtype != STORE_F32 && at < n && status == STATUS_OK; at += m) {
    m = n - at < block ? n - at : block;
    status = h5_read_rows(set, dtype == STORE_F16 ? H5_F16 : H5_U16, first + at, m, store->scratch, err);
    if (status != STATUS_OK) break;
    if (dtype == STORE_F16)
      half_f16_widen(store->scratch, m * width, rows + at * width);
    else
      half_bf16_widen(store->scratch, m * width, rows + at * width);
  }
  return status;
}

Status store_read_rows(Store *store, size_t site, size_t first, size_t n, float *rows, Error *err) {
  assert(site < store->contents.n_sites);
  assert(n <= store->rows_done && first <= store->rows_done - n);
  bool read;
  Status status = direct_read_rows(store, site, first, n, rows, &read, err);
  if (!read) {
#pragma omp critical(fathom_store)
    status = read_slowly(store, site, first, n, rows, err);
  }
  if (status == STATUS_OK) return status;
  return error_prefix(err, "%s: %s: rows %zu to %zu", store->path, store->contents.sites[site].name, first, first + n);
}

/* --- the same rows --- */

/* Are they known to be tokenised differently? */
static bool two_tokenizers(const StoreContents *a, const StoreContents *b) {
  return a->tokenizer_sha256[0] && b->tokenizer_sha256[0] && strcmp(a->tokenizer_sha256, b->tokenizer_sha256) != 0;
}

/* Has each sample one row that stands for all of it? Such rows can be compared whatever the tokens are. */
static bool row_a_sample(const StoreContents *a, const StoreContents *b) {
  return strcmp(a->token_rule, b->token_rule) == 0 &&
         (strcmp(a->token_rule, "last") == 0 || strcmp(a->token_rule, "mean") == 0);
}

/* The texts must have the same digest; and the same tokens, except across tokenizers. */
static Status check_same_sample(const StoreContents *a, const StoreContents *b, size_t i, Error *err) {
  if (strcmp(a->sample_ids[i], b->sample_ids[i]) != 0)
    return error_set(err, STATUS_DATA, "sample %zu: id \"%.100s\" against \"%.100s\"", i, a->sample_ids[i],
                     b->sample_ids[i]);
  if (a->text_digests[i][0] && b->text_digests[i][0] && strcmp(a->text_digests[i], b->text_digests[i]) != 0)
    return error_set(err, STATUS_DATA, "sample %zu (id \"%.100s\"): its text differs", i, a->sample_ids[i]);
  if (two_tokenizers(a, b) && row_a_sample(a, b) && a->text_digests[i][0] && b->text_digests[i][0]) return STATUS_OK;
  if (a->n_tokens[i] != b->n_tokens[i])
    return error_set(err, STATUS_DATA, "sample %zu (id \"%.100s\"): %" PRIu32 " tokens against %" PRIu32 "%s", i,
                     a->sample_ids[i], a->n_tokens[i], b->n_tokens[i],
                     two_tokenizers(a, b) ? " of another tokenizer (both recorded with --tokens last, or mean, compare)"
                                          : "");
  if (contents_count(a, TOKENS) == 0 || contents_count(b, TOKENS) == 0) return STATUS_OK;
  const int32_t *x = a->token_ids + a->token_offsets[i], *y = b->token_ids + b->token_offsets[i];
  for (uint32_t t = 0; t < a->n_tokens[i]; t++)
    if (x[t] != y[t])
      return error_set(err, STATUS_DATA,
                       "sample %zu (id \"%.100s\"): token %" PRIu32 " is %" PRId32 " against %" PRId32, i,
                       a->sample_ids[i], t, x[t], y[t]);
  return STATUS_OK;
}

static Status check_same_row(const StoreContents *a, const StoreContents *b, size_t i, Error *err) {
  if (a->row_sample[i] != b->row_sample[i])
    return error_set(err, STATUS_DATA, "row %zu: sample %" PRIu32 " against %" PRIu32, i, a->row_sample[i],
                     b->row_sample[i]);
  if (a->row_token[i] != b->row_token[i] && !(two_tokenizers(a, b) && row_a_sample(a, b)))
    return error_set(err, STATUS_DATA, "row %zu: token_index %" PRIu32 " against %" PRIu32, i, a->row_token[i],
                     b->row_token[i]);
  return STATUS_OK;
}

Status store_check_same_rows(const Store *x, const Store *y, Error *err) {
  const StoreContents *a = &x->contents, *b = &y->contents;
  Status status = STATUS_OK;
  for (size_t i = 0; i < a->n_samples && i < b->n_samples && status == STATUS_OK; i++)
    status = check_same_sample(a, b, i, err);
  if (status == STATUS_OK && a->n_samples != b->n_samples)
    status = error_set(err, STATUS_DATA, "%zu samples against %zu", a->n_samples, b->n_samples);
  for (size_t i = 0; i < a->n_rows && i < b->n_rows && status == STATUS_OK; i++) status = check_same_row(a, b, i, err);
  if (status == STATUS_OK && a->n_rows != b->n_rows)
    status = error_set(err, STATUS_DATA, "%zu rows against %zu", a->n_rows, b->n_rows);
  if (status == STATUS_OK) return status;
  return error_prefix(err, "%s and %s hold different rows", x->path, y->path);
}
