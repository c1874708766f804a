/* Rows into the allocated chunks of a store. */
#include "store/direct.h"

#include "base/half.h"
#include "base/memory.h"
#include "store/writer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file's numbers are little endian");

static size_t row_size(const Store *store, size_t site) {
  return store->contents.sites[site].width * store_dtype_size(store->contents.dtype);
}

/* Cuts the rows at chunk borders; *pieces is freed by the caller. */
static Status cut(const Store *store, const StoreRows *rows, WriterPiece **pieces, size_t *count, Error *err) {
  const size_t chunk = contents_chunk_rows(&store->contents, rows->site), size = row_size(store, rows->site),
               last = rows->first + rows->n;
  Status status = STATUS_OK;
  *pieces = mem_alloc(rows->n / chunk + 2, sizeof **pieces);
  *count = 0;
  for (size_t at = rows->first, end; at < last && status == STATUS_OK; at = end) {
    const size_t chunk_first = at / chunk * chunk;
    uint64_t offset = 0;
    end = chunk_first + chunk < last ? chunk_first + chunk : last;
    status = h5_locate_chunk(&store->sites[rows->site], chunk_first, &offset, err);
    (*pieces)[(*count)++] =
        (WriterPiece){(at - rows->first) * size, (end - at) * size, offset + (at - chunk_first) * size};
  }
  return status;
}

Status direct_begin_rows(Store *store, size_t site, size_t first, size_t n, float **rows, Error *err) {
  const size_t chunk = contents_chunk_rows(&store->contents, site), in_chunk = first % chunk;
  uint64_t offset = 0;
  Status status = STATUS_OK;
  if (!store->writer) status = writer_open(store->part, h5_handle(store->file), &store->writer, err);
  if (status == STATUS_OK && n) status = h5_locate_chunk(&store->sites[site], first - in_chunk, &offset, err);
  if (status != STATUS_OK) return status;
  offset += in_chunk * row_size(store, site);
  *rows = writer_begin(store->writer, n * store->contents.sites[site].width * sizeof **rows, offset);
  store->filling = (StoreRows){site, first, n, *rows};
  return STATUS_OK;
}

/* n floats to 16 bits in place: each block is read before what it becomes is written. */
static void narrow(StoreDtype dtype, size_t n, float *values) {
  enum { BLOCK = 1024 };
  float block[BLOCK];
  uint16_t *to = (uint16_t *)values;
  for (size_t at = 0, m; at < n; at += m) {
    m = n - at < BLOCK ? n - at : BLOCK;
    memcpy(block, values + at, m * sizeof *block);
    if (dtype == STORE_BF16)
      half_bf16_narrow(block, m, to + at);
    else
      half_f16_narrow(block, m, to + at);
  }
}

Status direct_end_rows(Store *store, Error *err) {
  const StoreRows *rows = &store->filling;
  assert(rows->values);
  WriterPiece *pieces;
  size_t count;
  Status status = cut(store, rows, &pieces, &count, err);
  if (status == STATUS_OK) {
    if (store->contents.dtype != STORE_F32)
      narrow(store->contents.dtype, rows->n * store->contents.sites[rows->site].width, rows->values);
    writer_end(store->writer, pieces, count);
    errno = writer_failed(store->writer);
    if (errno) status = error_system(err, "cannot write");
  }
  store->filling.values = NULL;
  free(pieces);
  return status;
}

Status direct_wait(Store *store, Error *err) {
  errno = store->writer ? writer_wait(store->writer) : 0;
  return errno ? error_system(err, "cannot write") : STATUS_OK;
}
