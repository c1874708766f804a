/* Writing an activation store. The file is made under PATH.part.new, gets the name PATH.part when all but its rows is
 * there, and PATH when whole; so a file of either final name can be opened whenever the process dies. */
#include "store/activations.h"

#include "base/file.h"
#include "base/memory.h"
#include "store/contents.h"
#include "store/direct.h"
#include "store/writer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
  const char *name;
  size_t size;
} dtypes[] = {[STORE_F32] = {"float32", 4}, [STORE_BF16] = {"bfloat16", 2}, [STORE_F16] = {"float16", 2}};
enum { N_DTYPES = sizeof dtypes / sizeof dtypes[0] };

const char *store_dtype_name(StoreDtype dtype) { return dtypes[dtype].name; }

size_t store_dtype_size(StoreDtype dtype) { return dtypes[dtype].size; }

bool store_dtype_from_name(const char *name, StoreDtype *dtype) {
  for (int i = 0; i < N_DTYPES; i++) {
    if (strcmp(name, dtypes[i].name) != 0) continue;
    *dtype = (StoreDtype)i;
    return true;
  }
  return false;
}

/* --- making --- */

/* A device or a folder is never replaced, nor a file that another process is writing. */
static Status check_target(const Store *store, Error *err) {
  struct stat info;
  if (stat(store->path, &info) == 0 && !S_ISREG(info.st_mode))
    return error_set(err, STATUS_SYSTEM, "%s: is not a regular file, so no store can be written there", store->path);
  const int fd = open(store->part, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return STATUS_OK;
  const bool busy = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  close(fd);
  return busy ? error_set(err, STATUS_SYSTEM, "%s: another process is writing this file", store->part) : STATUS_OK;
}

static Status make_part(const Store *store, const StoreContents *contents, Error *err) {
  H5Id file = H5_NONE;
  char *name = mem_format("%s.new", store->part);
  Status status = h5_create_file(name, false, &file, err);
  if (status == STATUS_OK) status = contents_write(file, contents, err);
  if (status == STATUS_OK) status = h5_sync(file, err);
  if (status == STATUS_OK) status = h5_close_file(&file, err);
  h5_close(&file);
  if (status != STATUS_OK) error_prefix(err, "%s", store->path);
  if (status == STATUS_OK) status = file_rename(name, store->part, err);
  if (status != STATUS_OK) unlink(name);
  free(name);
  return status;
}

static Status open_part(Store *store, const StoreContents *contents, Error *err) {
  Status status = h5_open_file(store->part, H5_UPDATE, &store->file, err);
  if (status == STATUS_OK) status = contents_read(store, err);
  if (status != STATUS_OK) return error_prefix(err, "%s", store->part);
  status = contents_compare(&store->contents, contents, err);
  if (status == STATUS_OK) return status;
  return error_prefix(err, "%s: cannot be resumed with other arguments or inputs", store->part);
}

Status store_create(const char *path, const StoreContents *contents, bool resume, Store **out, size_t *rows_done,
                    Error *err) {
  Store *store = mem_alloc(1, sizeof *store);
  *out = NULL;
  *store = (Store){.path = mem_copy_string(path), .part = mem_format("%s.part", path), .file = H5_NONE};
  store->rows_done_set.id = H5_NONE;
  store->writing = true;
  Status status = contents_check(contents, err);
  if (status != STATUS_OK) error_prefix(err, "%s", path);
  if (status == STATUS_OK) status = check_target(store, err);
  if (status == STATUS_OK && !(resume && file_exists(store->part))) status = make_part(store, contents, err);
  if (status == STATUS_OK) status = open_part(store, contents, err);
  if (status != STATUS_OK) {
    store_close(store);
    return status;
  }
  store->written = mem_alloc(contents->n_sites, sizeof *store->written);
  for (size_t i = 0; i < contents->n_sites; i++) store->written[i] = store->rows_done;
  *rows_done = store->rows_done;
  *out = store;
  return STATUS_OK;
}

void store_set_disposable(Store *store) { store->is_disposable = true; }

/* --- rows --- */

static Status fail_write(const Store *store, size_t site, Error *err) {
  if (site < store->contents.n_sites) error_prefix(err, "%s", store->contents.sites[site].name);
  if (store->is_disposable) return error_prefix(err, "%s", store->part);
  return error_prefix(err, "%s: stopped after %zu of %zu rows, which --resume keeps", store->part, store->rows_done,
                      store->contents.n_rows);
}

Status store_begin_rows(Store *store, size_t site, size_t first, size_t n, float **rows, Error *err) {
  assert(store->writing && site < store->contents.n_sites);
  assert(n <= store->contents.n_rows && first <= store->contents.n_rows - n && first <= store->written[site]);
  const Status status = direct_begin_rows(store, site, first, n, rows, err);
  return status == STATUS_OK ? status : fail_write(store, site, err);
}

Status store_end_rows(Store *store, Error *err) {
  const StoreRows rows = store->filling;
  if (direct_end_rows(store, err) != STATUS_OK) return fail_write(store, rows.site, err);
  if (store->written[rows.site] < rows.first + rows.n) store->written[rows.site] = rows.first + rows.n;
  return STATUS_OK;
}

size_t store_buffers(void) { return WRITER_SLOTS; }

Status store_write_rows(Store *store, size_t site, size_t first, size_t n, const float *rows, size_t stride,
                        Error *err) {
  const size_t width = store->contents.sites[site].width;
  float *to;
  const Status status = store_begin_rows(store, site, first, n, &to, err);
  if (status != STATUS_OK) return status;
  for (size_t i = 0; i < n; i++) memcpy(to + i * width, rows + i * stride, width * sizeof *to);
  return store_end_rows(store, err);
}

Status store_mark_done(Store *store, size_t rows_done, Error *err) {
  for (size_t i = 0; i < store->contents.n_sites; i++) assert(store->written[i] >= rows_done);
  Status status = direct_wait(store, err);
  if (status == STATUS_OK) status = h5_sync(store->file, err);
  if (status == STATUS_OK) status = h5_write_rows(&store->rows_done_set, 0, 1, &(int64_t){(int64_t)rows_done}, err);
  if (status == STATUS_OK) status = h5_flush(store->file, err);
  if (status != STATUS_OK) return fail_write(store, SIZE_MAX, err);
  store->rows_done = rows_done;
  return STATUS_OK;
}

Status store_finish(Store *store, Error *err) {
  Status status = store_mark_done(store, store->contents.n_rows, err);
  if (status == STATUS_OK) {
    store_close_datasets(store);
    status = h5_write_attribute(store->file, "complete", H5_U64, &(uint64_t){1}, err);
    if (status == STATUS_OK) status = h5_sync(store->file, err);
    if (status == STATUS_OK) status = h5_close_file(&store->file, err);
    if (status != STATUS_OK) error_prefix(err, "%s", store->part);
  }
  if (status == STATUS_OK) status = file_rename(store->part, store->path, err);
  store_close(store);
  return status;
}

uint64_t store_estimate_bytes(const StoreContents *contents) {
  uint64_t width = 0, text = 0;
  const uint64_t entries = 4 * contents->n_samples, per_text = 40; /* of HDF5: reference, header, padding */
  for (size_t i = 0; i < contents->n_sites; i++) width += contents->sites[i].width;
  for (size_t i = 0; i < contents->n_samples; i++) {
    if (contents->sample_ids && contents->sample_ids[i]) text += strlen(contents->sample_ids[i]);
    if (contents->text_digests && contents->text_digests[i]) text += strlen(contents->text_digests[i]);
  }
  return contents->n_rows * (width * store_dtype_size(contents->dtype) + 8) + contents_count(contents, TOKENS) * 4 +
         contents->n_samples * 12 + entries * per_text + text + contents->n_sites * 1024 + 8192;
}
