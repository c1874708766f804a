/* Writes of rows into the allocated chunks of a store. */
#define _GNU_SOURCE
#include "store/direct.h"

#include "base/half.h"
#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file's numbers are little endian");

enum { PIECE = 256 << 10 }; /* bytes written by a thread at a time */

/* A run of rows inside one chunk. */
typedef struct Piece {
  size_t first, n; /* rows, counted from the first of the call */
  uint64_t offset; /* in the file */
} Piece;

/* n rows from their stride and float32 to the file's packed form. */
static void pack_rows(StoreDtype dtype, size_t n, size_t width, const float *rows, size_t stride, void *packed) {
  for (size_t i = 0; i < n; i++) {
    const float *row = rows + i * stride;
    if (dtype == STORE_F32)
      memcpy((float *)packed + i * width, row, width * sizeof *row);
    else if (dtype == STORE_BF16)
      half_bf16_narrow(row, width, (uint16_t *)packed + i * width);
    else
      half_f16_narrow(row, width, (uint16_t *)packed + i * width);
  }
}

/* Everything, or the errno of what failed. */
static int write_whole(int handle, const char *bytes, size_t size, uint64_t offset) {
  while (size > 0) {
    const ssize_t n = pwrite(handle, bytes, size, (off_t)offset);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n < 0 ? errno : ENOSPC;
    bytes += n;
    size -= (size_t)n;
    offset += (uint64_t)n;
  }
  return 0;
}

/* Cuts the rows at chunk borders and at PIECE bytes; *pieces is freed by the caller. */
static Status cut(const Store *store, size_t site, size_t first, size_t n, size_t row_size, Piece **pieces,
                  size_t *count, Error *err) {
  const size_t chunk = contents_chunk_rows(&store->contents, site), most = row_size < PIECE ? PIECE / row_size : 1;
  Status status = STATUS_OK;
  *pieces = mem_alloc(n / most + n / chunk + 3, sizeof **pieces);
  *count = 0;
  for (size_t at = first; at < first + n && status == STATUS_OK;) {
    const size_t chunk_first = at / chunk * chunk, chunk_end = chunk_first + chunk;
    const size_t end = chunk_end < first + n ? chunk_end : first + n;
    uint64_t offset = 0;
    status = h5_locate_chunk(&store->sites[site], chunk_first, &offset, err);
    for (size_t m; at < end; at += m) {
      m = end - at < most ? end - at : most;
      (*pieces)[(*count)++] = (Piece){at - first, m, offset + (at - chunk_first) * row_size};
    }
  }
  return status;
}

Status direct_write_rows(Store *store, size_t site, size_t first, size_t n, const float *rows, size_t stride,
                         Error *err) {
  const StoreDtype dtype = store->contents.dtype;
  const size_t width = store->contents.sites[site].width, row_size = width * store_dtype_size(dtype);
  const bool as_it_is = dtype == STORE_F32 && stride == width;
  const int handle = h5_handle(store->file);
  Piece *pieces;
  size_t count;
  int failed = 0;
  Status status = cut(store, site, first, n, row_size, &pieces, &count, err);
  if (status == STATUS_OK) {
    for (size_t i = 0; i < count && !failed; i++) {
      const Piece *p = &pieces[i];
      const float *from = rows + p->first * stride;
      void *packed = as_it_is ? NULL : mem_alloc_aligned(p->n, row_size, 64);
      if (packed) pack_rows(dtype, p->n, width, from, stride, packed);
      const int number = write_whole(handle, packed ? packed : (const void *)from, p->n * row_size, p->offset);
      failed = number;
      free(packed);
    }
    errno = failed;
    if (failed) status = error_system(err, "cannot write");
  }
  free(pieces);
  return status;
}
