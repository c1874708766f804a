/* A made-up store of any size for the tests: contents and rows are functions of their indices alone. */
#ifndef FATHOM_TESTS_STORE_FIXTURE_H
#define FATHOM_TESTS_STORE_FIXTURE_H

#include "base/file.h"
#include "base/memory.h"
#include "store/activations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Fixture {
  StoreContents contents;
  StoreSite sites[3];
  char (*names)[40];
  const char **ids, **digests, **groups;
  uint32_t *n_tokens, *row_sample, *row_token;
  int32_t *token_ids;
  uint64_t *offsets;
} Fixture;

/* Element (row, column) of a site: positive and negative, of many magnitudes, never NaN. */
static inline float fixture_value(size_t site, size_t row, size_t column) {
  const uint32_t mixed = (uint32_t)((row * 2654435761u) ^ (column * 40503u) ^ (site * 97u + 13u)) * 2246822519u;
  return ((float)(mixed >> 8 & 0xffff) - 32768.5f) / (float)(1u << (mixed & 15));
}

static inline void fixture_fill(size_t site, size_t first, size_t n, size_t width, size_t stride, float *rows) {
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < width; j++) rows[i * stride + j] = fixture_value(site, first + i, j);
}

/* Samples of 1 to 7 tokens, every token a row; the last site is the widest. */
static inline void fixture_init(Fixture *f, size_t n_samples, size_t width, StoreDtype dtype) {
  *f = (Fixture){.sites = {{"hook_embed", 3}, {"blocks.10.hook_resid_post", width}, {"blocks.2.hook_resid_post", width + 1}}};
  size_t n_rows = 0;
  for (size_t i = 0; i < n_samples; i++) n_rows += 1 + i * 5 % 7;
  f->names = mem_alloc(n_samples, sizeof *f->names);
  f->ids = mem_alloc(n_samples, sizeof *f->ids);
  f->digests = mem_alloc(n_samples, sizeof *f->digests);
  f->groups = mem_alloc(n_samples, sizeof *f->groups);
  f->n_tokens = mem_alloc(n_samples, sizeof *f->n_tokens);
  f->offsets = mem_alloc(n_samples + 1, sizeof *f->offsets);
  f->row_sample = mem_alloc(n_rows, sizeof *f->row_sample);
  f->row_token = mem_alloc(n_rows, sizeof *f->row_token);
  f->token_ids = mem_alloc(n_rows, sizeof *f->token_ids);
  for (size_t i = 0, row = 0; i < n_samples; i++) {
    snprintf(f->names[i], sizeof f->names[i], "sample-%zu", i);
    f->ids[i] = f->names[i];
    f->digests[i] = i % 2 ? "d1" : "d0";
    f->groups[i] = i % 3 ? "\xc3\xa9" : NULL;
    f->n_tokens[i] = (uint32_t)(1 + i * 5 % 7);
    for (uint32_t t = 0; t < f->n_tokens[i]; t++, row++) {
      f->row_sample[row] = (uint32_t)i;
      f->row_token[row] = t;
      f->token_ids[row] = (int32_t)(row * 7 % 1000);
    }
    f->offsets[i + 1] = row;
  }
  f->contents = (StoreContents){.sites = f->sites, .n_sites = 3, .dtype = dtype, .n_rows = n_rows, .n_samples = n_samples,
                                .sample_ids = f->ids, .text_digests = f->digests, .groups = f->groups, .labels = NULL,
                                .n_tokens = f->n_tokens, .token_ids = f->token_ids, .token_offsets = f->offsets,
                                .row_sample = f->row_sample, .row_token = f->row_token,
                                .command_line = "fathom record m -o a.h5", .model = "m", .weights_sha256 = "aa",
                                .config = "{}", .tokenizer_sha256 = "bb", .data_sha256 = "cc", .token_rule = "all",
                                .compute_dtype = "float32", .tool_version = "0.1.0", .seed = 5, .threads = 2};
}

static inline void fixture_clear(Fixture *f) {
  void *const all[] = {f->names, f->ids, f->digests, f->groups, f->n_tokens, f->offsets, f->row_sample, f->row_token, f->token_ids};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) free(all[i]);
}

/* Writes rows [first, last) in ragged batches of up to 50 rows, marking each. */
static inline Status fixture_write(const Fixture *f, Store *store, size_t first, size_t last, Error *err) {
  const size_t stride = f->sites[2].width + 2;
  float *rows = mem_alloc(50 * stride, sizeof *rows);
  Status status = STATUS_OK;
  for (size_t at = first, n; at < last && status == STATUS_OK; at += n) {
    n = 1 + at * 31 % 50;
    if (n > last - at) n = last - at;
    for (size_t s = 0; s < f->contents.n_sites && status == STATUS_OK; s++) {
      const size_t width = f->sites[s].width, used = s == 1 ? width : stride;
      fixture_fill(s, at, n, width, used, rows);
      status = store_write_rows(store, s, at, n, rows, used, err);
    }
    if (status == STATUS_OK) status = store_mark_done(store, at + n, err);
  }
  free(rows);
  return status;
}

/* Writes the rows that are left and finishes. */
static inline Status fixture_go_on(const Fixture *f, Store *store, size_t done, Error *err) {
  const Status status = fixture_write(f, store, done, f->contents.n_rows, err);
  if (status == STATUS_OK) return store_finish(store, err);
  store_close(store);
  return status;
}

/* A whole store at path. */
static inline Status fixture_store(const Fixture *f, const char *path, Error *err) {
  Store *store;
  size_t done;
  const Status status = store_create(path, &f->contents, false, &store, &done, err);
  return status == STATUS_OK ? fixture_go_on(f, store, done, err) : status;
}

static inline bool fixture_same_files(const char *a, const char *b) {
  Error err = {0};
  char *x = NULL, *y = NULL;
  size_t n = 0, m = 1;
  file_read(a, 1 << 28, &x, &n, &err);
  file_read(b, 1 << 28, &y, &m, &err);
  const bool same = x && y && n == m && memcmp(x, y, n) == 0;
  free(x);
  free(y);
  return same;
}

#endif
