/* Reading rows by their place in the file. */
#include "store/direct_read.h"

#include "base/half.h"
#include "base/memory.h"
#include "store/contents.h"
#include "store/handle.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file's numbers are little endian");

enum { HALVES = 1 << 14 }; /* 16-bit numbers that are widened at a time */
static const uint64_t NOWHERE = UINT64_MAX;

/* HDF5's offsets count from where its part of the file begins, which we take to be the file's first byte. */
static bool begins_with_hdf5(int handle) {
  static const char signature[8] = "\211HDF\r\n\032\n";
  char found[sizeof signature];
  Error unused;
  return handle >= 0 && handle_read(handle, 0, sizeof found, found, &unused) == STATUS_OK &&
         memcmp(found, signature, sizeof found) == 0;
}

Status direct_read_open(Store *store, Error *err) {
  static const H5Type types[] = {[STORE_F32] = H5_F32, [STORE_BF16] = H5_U16, [STORE_F16] = H5_F16};
  const size_t n_sites = store->contents.n_sites, n_rows = store->contents.n_rows;
  Status status = STATUS_OK;
  store->handle = h5_handle(store->file);
  store->places = mem_alloc(n_sites, sizeof *store->places);
  for (size_t i = 0; i < n_sites && status == STATUS_OK && begins_with_hdf5(store->handle); i++) {
    ChunkPlaces *places = &store->places[i];
    const size_t rows = places->rows = h5_chunk_rows(&store->sites[i], types[store->contents.dtype]);
    if (rows) status = mem_try(n_rows / rows + 1, sizeof *places->offsets, (void **)&places->offsets, err);
  }
  return status;
}

void direct_read_close(Store *store) {
  for (size_t i = 0; store->places && i < store->contents.n_sites; i++) free(store->places[i].offsets);
  free(store->places);
  store->places = NULL;
}

/* Looks up the chunks of these rows; false: one has no place. At offset 0 lies the file's first block. */
static bool look_up(Store *store, size_t site, size_t first, size_t last) {
  const ChunkPlaces *places = &store->places[site];
  bool found = true;
#pragma omp critical(fathom_store)
  for (size_t k = first / places->rows; k <= last / places->rows; k++) {
    Error unused;
    if (places->offsets[k] == 0 &&
        h5_locate_chunk(&store->sites[site], k * places->rows, &places->offsets[k], &unused) != STATUS_OK)
      places->offsets[k] = NOWHERE;
    found = found && places->offsets[k] != NOWHERE;
  }
  return found;
}

static Status read_halves(int handle, StoreDtype dtype, uint64_t offset, size_t n, float *to, Error *err) {
  uint16_t halves[HALVES];
  for (size_t at = 0, m; at < n; at += m) {
    m = n - at < HALVES ? n - at : HALVES;
    const Status status = handle_read(handle, offset + at * sizeof *halves, m * sizeof *halves, halves, err);
    if (status != STATUS_OK) return status;
    if (dtype == STORE_F16)
      half_f16_widen(halves, m, to + at);
    else
      half_bf16_widen(halves, m, to + at);
  }
  return STATUS_OK;
}

Status direct_read_rows(Store *store, size_t site, size_t first, size_t n, float *rows, bool *read, Error *err) {
  const ChunkPlaces *places = &store->places[site];
  const StoreDtype dtype = store->contents.dtype;
  const size_t width = store->sites[site].dims[1], chunk = places->rows;
  Status status = STATUS_OK;
  *read = n == 0 || (chunk && look_up(store, site, first, first + n - 1));
  for (size_t at = first, m; *read && at < first + n && status == STATUS_OK; at += m) {
    const size_t left = chunk - at % chunk;
    m = first + n - at < left ? first + n - at : left;
    const uint64_t offset = places->offsets[at / chunk] + at % chunk * width * store_dtype_size(dtype);
    float *to = rows + (at - first) * width;
    status = dtype == STORE_F32 ? handle_read(store->handle, offset, m * width * sizeof *to, to, err)
                                : read_halves(store->handle, dtype, offset, m * width, to, err);
  }
  return status;
}
