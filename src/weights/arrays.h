/* Arrays from elsewhere: what numpy.save (.npy), numpy.savez and savez_compressed (.npz) and safetensors wrote, as one
 * list of named arrays. Bytes stay in the file; numbers are read a block of rows at a time, so that memory does not
 * grow with the arrays. What the arrays mean is for whoever reads them. */
#ifndef FATHOM_WEIGHTS_ARRAYS_H
#define FATHOM_WEIGHTS_ARRAYS_H

#include "base/error.h"
#include "base/file.h"
#include "weights/weights.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ARRAY_MAX_DIMS = 32 };

typedef enum ArrayType {
  ARRAY_F16,
  ARRAY_BF16,
  ARRAY_F32,
  ARRAY_F64,
  ARRAY_SIGNED,
  ARRAY_UNSIGNED,
  ARRAY_UTF32, /* texts of item / 4 code points, zero-padded */
  ARRAY_BYTES, /* texts of item bytes of UTF-8, zero-padded */
  ARRAY_OTHER, /* Booleans, complex numbers, objects: named, never read */
} ArrayType;

/* Where the bytes of an array lie: behind `skip` bytes of header in a run of `size` bytes, which the file may hold
 * deflated. */
typedef struct ArrayBytes {
  const uint8_t *stored;
  size_t stored_size, size, skip;
  bool is_deflated, has_crc;
  uint32_t crc; /* of all of size */
} ArrayBytes;

typedef struct Array {
  char *name;         /* "" in a .npy */
  char type_name[32]; /* as the file writes it: "<f4", "BF16" */
  ArrayType type;
  size_t item; /* bytes of an element */
  bool is_big_endian;
  bool is_fortran; /* the first index runs fastest */
  size_t n_dims, shape[ARRAY_MAX_DIMS], count;
  ArrayBytes bytes;
} Array;

typedef struct ArrayFile {
  char *path;
  bool is_npy;  /* one array without a name */
  Array *items; /* in the order of the file, names are unique */
  size_t count;
  FileMap map;
  Weights *tensors; /* of safetensors */
} ArrayFile;

/* Every header is read and checked against the file's size. 2-byte elements without a type, which is how numpy writes
 * ml_dtypes' bfloat16 ("V2"), are taken for bfloat16. */
Status arrays_open(const char *path, ArrayFile *file, Error *err);
void arrays_close(ArrayFile *file); /* all zeros is fine */

const Array *arrays_find(const ArrayFile *file, const char *name); /* NULL if there is none */
bool array_is_float(const Array *array);
bool array_is_integer(const Array *array);
bool array_is_text(const Array *array);

/* The values of a one-dimensional array of integers (those above INT64_MAX are STATUS_DATA), or of texts; freed by the
 * caller, texts one by one too. The array must be of that kind. */
Status array_read_integers(const ArrayFile *file, const Array *array, int64_t **values, Error *err);
Status array_read_texts(const ArrayFile *file, const Array *array, char ***texts, Error *err);

/* The rows of a float array [rows, width], neither of them 0, in order. A reader holds a few blocks; of an array in
 * Fortran order it transposes as many rows as fit into `memory` bytes (one at least), and inflates a deflated one once
 * for every such part. */
enum { ARRAY_MEMORY = 256 << 20 }; /* well chosen */

typedef struct ArrayRows ArrayRows;

Status array_rows_open(const ArrayFile *file, const Array *array, size_t memory, ArrayRows **out, Error *err);
/* The next n rows, packed [n, width]. Numbers become float32: float64 is rounded, and infinite where it is too large.
 */
Status array_rows_read(ArrayRows *rows, size_t n, float *to, Error *err);
/* Asked after the last row: were they those that were written (CRC-32 of a zip's member)? */
Status array_rows_check(ArrayRows *rows, Error *err);
void array_rows_close(ArrayRows *rows); /* NULL is fine */

#endif
