/* The rows of an array, in order, whichever index runs fastest in its file.
 *
 * Where the first does, a row is scattered over the whole array: of each column the elements of as many rows as the
 * memory holds are read at once and transposed. */
#include "base/memory.h"
#include "weights/array_parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
  BLOCK = 1 << 18, /* bytes read at a time */
  GROUP = 16,      /* columns transposed at a time: their floats of one row fill a cache line */
};

struct ArrayRows {
  const char *path;
  const Array *array;
  ArrayStream stream;
  size_t n_rows, width;
  size_t next; /* the row that is read next */
  uint8_t *bytes;
  /* In Fortran order: */
  size_t part_first, part_n, part_most; /* the rows in part */
  float *part;                          /* [part_most, width] */
  float *columns;                       /* [GROUP, part_most] */
};

static Status prefix(const ArrayRows *r, Error *err) {
  if (r->array->name[0]) error_prefix(err, "array %s", r->array->name);
  return error_prefix(err, "%s", r->path);
}

Status array_rows_open(const ArrayFile *file, const Array *array, size_t memory, ArrayRows **out, Error *err) {
  assert(array->n_dims == 2 && array->count > 0 && array_is_float(array));
  ArrayRows *r = mem_alloc(1, sizeof *r);
  *out = r;
  *r = (ArrayRows){.path = file->path, .array = array, .n_rows = array->shape[0], .width = array->shape[1]};
  array_stream_open(&r->stream, &array->bytes);
  r->bytes = mem_alloc(BLOCK, 1);
  uint8_t *header = mem_alloc(array->bytes.skip, 1); /* read here, so that the checksum begins at its beginning */
  Status status = array_stream_read(&r->stream, 0, array->bytes.skip, header, err);
  free(header);
  if (array->is_fortran && status == STATUS_OK) {
    const size_t most = memory / sizeof(float) / (r->width + GROUP);
    r->part_most = most < r->n_rows ? most : r->n_rows;
    if (r->part_most == 0) r->part_most = 1;
    status = mem_try(r->part_most, r->width * sizeof *r->part, (void **)&r->part, err);
    if (status == STATUS_OK) status = mem_try(GROUP * sizeof *r->columns, r->part_most, (void **)&r->columns, err);
  }
  if (status == STATUS_OK) return status;
  prefix(r, err);
  array_rows_close(r);
  *out = NULL;
  return status;
}

void array_rows_close(ArrayRows *r) {
  if (!r) return;
  array_stream_close(&r->stream);
  free(r->bytes);
  free(r->part);
  free(r->columns);
  free(r);
}

/* n elements from number `first` of the file on. */
static Status read_elements(ArrayRows *r, size_t first, size_t n, float *to, Error *err) {
  const size_t item = r->array->item, most = BLOCK / item;
  Status status = STATUS_OK;
  for (size_t at = 0, m; at < n && status == STATUS_OK; at += m) {
    m = n - at < most ? n - at : most;
    status = array_stream_read(&r->stream, r->array->bytes.skip + (first + at) * item, m * item, r->bytes, err);
    if (status == STATUS_OK) array_widen(r->array, r->bytes, m, to + at);
  }
  return status;
}

/* The part that begins with row `next`. */
static Status fill_part(ArrayRows *r, Error *err) {
  const size_t left = r->n_rows - r->next, n = left < r->part_most ? left : r->part_most, d = r->width;
  Status status = STATUS_OK;
  for (size_t column = 0; column < d && status == STATUS_OK; column += GROUP) {
    const size_t group = d - column < GROUP ? d - column : GROUP;
    for (size_t c = 0; c < group && status == STATUS_OK; c++)
      status = read_elements(r, (column + c) * r->n_rows + r->next, n, r->columns + c * n, err);
    for (size_t i = 0; i < n; i++)
      for (size_t c = 0; c < group; c++) r->part[i * d + column + c] = r->columns[c * n + i];
    array_stream_forget(&r->stream);
  }
  r->part_first = r->next;
  r->part_n = n;
  return status;
}

static Status read_transposed(ArrayRows *r, size_t n, float *to, Error *err) {
  while (n > 0) {
    if (r->next >= r->part_first + r->part_n) {
      const Status status = fill_part(r, err);
      if (status != STATUS_OK) return status;
    }
    const size_t held = r->part_first + r->part_n - r->next, m = n < held ? n : held;
    memcpy(to, r->part + (r->next - r->part_first) * r->width, m * r->width * sizeof *to);
    to += m * r->width;
    r->next += m;
    n -= m;
  }
  return STATUS_OK;
}

Status array_rows_read(ArrayRows *r, size_t n, float *to, Error *err) {
  assert(n <= r->n_rows - r->next);
  Status status;
  if (r->array->is_fortran) {
    status = read_transposed(r, n, to, err);
  } else {
    status = read_elements(r, r->next * r->width, n * r->width, to, err);
    r->next += n;
    array_stream_forget(&r->stream);
  }
  return status == STATUS_OK ? status : prefix(r, err);
}

Status array_rows_check(ArrayRows *r, Error *err) {
  const Status status = array_stream_check(&r->stream, err);
  return status == STATUS_OK ? status : prefix(r, err);
}
