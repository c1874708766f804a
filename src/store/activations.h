/* The activation store: an HDF5 file of [rows, d] float arrays, one dataset per site, with the samples, tokens and
 * provenance that say what each row is. h5py and h5dump read it as it is.
 *
 *   /                      attributes: format = "fathom-activations", format_version = 1, tool_version, argv, seed,
 *                          threads, compute_dtype, model, weights_sha256, config (JSON), tokenizer_sha256,
 *                          chat_template_sha256, data_sha256, token_rule, weight_processing = "none", complete (0 or 1)
 *   /samples/id, text_digest, group, label      [n_samples] texts
 *   /samples/n_tokens                           [n_samples]
 *   /tokens/offsets, ids   tokens of sample i: ids[offsets[i] .. offsets[i + 1]]
 *   /rows/sample, token_index                   [n_rows] what each row is; dimension scales of the rows
 *   /activations/<site>    [n_rows, d] float32, float16, or bfloat16 as uint16 with attribute dtype = "bfloat16"
 *   /rows_done             [1] rows below are written
 *
 * The least that is a store, for other programs that write one: the attributes format and format_version, /samples/id
 * and n_tokens, /rows, and one site or more, all of one type; whole numbers of any width, texts of any kind, any chunks
 * and filters. Without `complete` it is taken to be so. Sites come in the order they were made where the group keeps
 * it, else by layer.
 *
 * Crash safety: every dataset has its final extent, allocated and flushed, before the file gets its first name,
 * PATH.part; afterwards only raw data and /rows_done are written, rows on the disk before the counter; PATH is its name
 * when whole. A reader may open it at any time. One thread at a time, but for store_read_rows. */
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

/* Everything about a store but its rows. For writing the caller owns it all; for reading the store does, and members
 * that a minimal store leaves out are "" and no tokens, never NULL. */
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
  /* provenance, root attributes of these names (command_line: argv); NULL or "" where unknown */
  const char *command_line, *model, *weights_sha256, *config, *tokenizer_sha256, *chat_template_sha256, *chat_date, *data_sha256,
      *token_rule, *compute_dtype, *tool_version;
  uint64_t seed, threads;
} StoreContents;

typedef struct Store Store;

/* Makes PATH.part; a device or folder of that name, or another process writing there, is STATUS_SYSTEM. The contents
 * are not needed afterwards. With resume an existing PATH.part of the same contents is continued (*rows_done tells
 * where, a row boundary the writer marked); one of other contents is STATUS_DATA saying what differs; none starts anew.
 */
Status store_create(const char *path, const StoreContents *contents, bool resume, Store **out, size_t *rows_done,
                    Error *err);

/* Nobody will resume this one: what closes it before it is whole removes PATH.part. */
void store_set_disposable(Store *store);

/* Rows [first, first + n) of a site, as float32: *rows [n, width] is filled by the caller and then handed over. They
 * are converted if need be (base/half.h) and written behind the caller's back, so that a write's failure is seen by a
 * later call. Rows of a site come in order, without gaps. */
Status store_begin_rows(Store *store, size_t site, size_t first, size_t n, float **rows, Error *err);
Status store_end_rows(Store *store, Error *err);

/* So many sets of rows may be in memory until they are written. */
size_t store_buffers(void);

/* Both at once, from rows of the given stride (floats between rows). */
Status store_write_rows(Store *store, size_t site, size_t first, size_t n, const float *rows, size_t stride,
                        Error *err);

/* All rows below rows_done are written, of every site: waits until they are on the disk, then moves the counter. */
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

/* Rows [first, first + n) of a site as float32, packed [n, width]. Several threads may read at once. */
Status store_read_rows(Store *store, size_t site, size_t first, size_t n, float *rows, Error *err);

/* Are the rows of a and b the same (sample ids, text digests and token ids, row sample and token index)? STATUS_DATA
 * saying where they first differ. Where two tokenizers are known to have been at work and both stores hold one row a
 * sample by rule (last, mean), equal texts are enough. */
Status store_check_same_rows(const Store *a, const Store *b, Error *err);

/* Is this sample the rejected side of the preference pair whose chosen side is the sample before it? Both carry the pair's id
 * as their group. */
bool store_is_second_side(const StoreContents *contents, size_t sample);

/* Bytes the finished file will take, about. */
uint64_t store_estimate_bytes(const StoreContents *contents);

#endif
