/* The activation store: an HDF5 file of [rows, d] float arrays, one dataset per site, with the samples, tokens and
 * provenance that say what each row is. Layout: DESIGN section 4.
 *
 * Crash safety: every dataset has its final extent, allocated and flushed, before the first row; afterwards only raw
 * data and the one-element /rows_done are written, rows flushed before the counter. The file is PATH.part until whole.
 */
#ifndef FATHOM_STORE_ACTIVATIONS_H
#define FATHOM_STORE_ACTIVATIONS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum StoreDtype {
  STORE_F32,
  STORE_BF16,
  STORE_F16
} StoreDtype;                                   /* bf16: uint16 with attribute dtype="bfloat16" */
const char *store_dtype_name(StoreDtype dtype); /* "float32", "bfloat16", "float16" */
bool store_dtype_from_name(const char *name, StoreDtype *dtype);

typedef struct StoreSite {
  const char *name; /* "blocks.3.hook_resid_post" */
  size_t width;
} StoreSite;

/* Everything about a store but its rows. For writing the caller owns it all; for reading the store does. */
typedef struct StoreContents {
  const StoreSite *sites;
  size_t n_sites;
  StoreDtype dtype;
  size_t n_rows, n_samples;
  /* [n_samples] */
  const char *const *sample_ids, *const *text_digests, *const *groups, *const *labels;
  const uint32_t *n_tokens;
  /* tokens of sample i: token_ids[token_offsets[i] .. token_offsets[i+1]] */
  const int32_t *token_ids;
  const uint64_t *token_offsets; /* [n_samples + 1] */
  /* [n_rows] */
  const uint32_t *row_sample, *row_token;
  /* provenance, written as root attributes of these names; NULL or "" where unknown */
  const char *command_line, *model, *weights_sha256, *config, *tokenizer_sha256, *chat_template_sha256, *data_sha256,
      *token_rule, *compute_dtype, *tool_version;
  uint64_t seed, threads;
} StoreContents;

typedef struct Store Store;

/* Makes PATH.part. With resume an existing PATH.part of the same contents is continued (*rows_done tells where, a row
 * boundary the writer marked); one of other contents is STATUS_DATA saying what differs; none starts anew. */
Status store_create(const char *path, const StoreContents *contents, bool resume, Store **out, size_t *rows_done,
                    Error *err);

/* Rows [first, first + n) of a site from float32 rows of the given stride (floats between rows). Converts itself and
 * writes whole chunks where it can. */
Status store_write_rows(Store *store, size_t site, size_t first, size_t n, const float *rows, size_t stride,
                        Error *err);

/* All rows below rows_done are written: flushes them, then the counter. */
Status store_mark_done(Store *store, size_t rows_done, Error *err);

/* Sets complete, closes, renames to PATH. Frees the store in any case. */
Status store_finish(Store *store, Error *err);

/* Closes without finishing (PATH.part stays for --resume), or closes a reader. NULL is fine. */
void store_close(Store *store);

/* Reading. An incomplete store (PATH.part) opens too: usable up to rows_done. */
Status store_open(const char *path, Store **out, Error *err);
const StoreContents *store_contents(const Store *store);
bool store_is_complete(const Store *store);
size_t store_rows_done(const Store *store);
const char *store_path(const Store *store);
bool store_find_site(const Store *store, const char *name, size_t *site);

/* Rows [first, first + n) of a site as float32, packed [n, width]. */
Status store_read_rows(Store *store, size_t site, size_t first, size_t n, float *rows, Error *err);

/* Are the rows of a and b the same (sample ids, text digests or token ids, row sample and token index)? STATUS_DATA
 * saying where they first differ. */
Status store_check_same_rows(const Store *a, const Store *b, Error *err);

/* Bytes the finished file will take, about. */
uint64_t store_estimate_bytes(const StoreContents *contents);

#endif
