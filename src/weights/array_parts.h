/* What the parts of arrays.h share: the bytes of an array as they were before a zip file took them in (array_bytes.c),
 * the header of .npy (npy.c), the members of .npz (npz.c), and conversion (array_convert.c). */
#ifndef FATHOM_WEIGHTS_ARRAY_PARTS_H
#define FATHOM_WEIGHTS_ARRAY_PARTS_H

#include "weights/arrays.h"

enum { ARRAY_HEADER_LIMIT = 1 << 20 }; /* numpy writes under 64 KiB, but for dtypes of a thousand fields */

typedef struct ArrayStream {
  const ArrayBytes *of;
  FileInflate *inflate; /* NULL where the bytes are stored as they are */
  size_t at;            /* of the inflated run */
  size_t crc_at;        /* bytes in crc, from the first on */
  uint32_t crc;
} ArrayStream;

/* of must outlive the stream. */
void array_stream_open(ArrayStream *stream, const ArrayBytes *of);
void array_stream_close(ArrayStream *stream);

/* Bytes [at, at + n) of the run, which must hold them. Going back begins a deflated run anew. */
Status array_stream_read(ArrayStream *stream, size_t at, size_t n, void *to, Error *err);

/* Reads what is left, and compares the checksum, where there is one. */
Status array_stream_check(ArrayStream *stream, Error *err);

/* What the stream has read need not stay in memory. */
void array_stream_forget(const ArrayStream *stream);

/* Reads the header of a .npy that fills array->bytes: fills type, shape and bytes.skip. */
Status npy_read_header(Array *array, Error *err);

/* The members of a zip file, each a .npy; *items is freed by arrays_close. */
Status npz_read_members(const FileMap *map, Array **items, size_t *count, Error *err);

/* n elements of an array of floats, as they are in the file and of any alignment; changed in place. */
void array_widen(const Array *array, uint8_t *bytes, size_t n, float *to);

/* The integer at bytes; false where it is above INT64_MAX. */
bool array_integer(const Array *array, const uint8_t *bytes, int64_t *value);

/* One text of array->item bytes; NULL where it is no valid text. Freed by the caller. */
char *array_text(const Array *array, const uint8_t *bytes);

/* Product of the shape, and is it what the bytes hold? */
Status array_measure(Array *array, Error *err);

#endif
