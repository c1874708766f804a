/* Element types of weight files and their exact widening to float32.
 *
 * Types quantised by ggml come in blocks: a run of `block` elements stored in `bytes` bytes; a row's length is a
 * multiple of the block. Widening gives the bits of the `gguf` Python package; so does a row in pieces. */
#ifndef FATHOM_WEIGHTS_DTYPE_H
#define FATHOM_WEIGHTS_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum Dtype {
  DTYPE_F32,
  DTYPE_F16,
  DTYPE_BF16,
  DTYPE_Q4_0,
  DTYPE_Q4_1,
  DTYPE_Q5_0,
  DTYPE_Q5_1,
  DTYPE_Q8_0,
  DTYPE_Q2_K,
  DTYPE_Q3_K,
  DTYPE_Q4_K,
  DTYPE_Q5_K,
  DTYPE_Q6_K,
  DTYPE_IQ4_NL,
  DTYPE_IQ4_XS,
  DTYPE_TQ1_0,
  DTYPE_TQ2_0,
  DTYPE_MXFP4,
  DTYPE_COUNT,
} Dtype;

typedef struct DtypeInfo {
  const char *name;        /* "F32", "Q4_1": as GGUF and safetensors print it */
  const char *safetensors; /* name in a safetensors header, NULL where it has none */
  int gguf;                /* ggml type number, -1 where it has none */
  size_t block, bytes;     /* elements and bytes of one block */
} DtypeInfo;

const DtypeInfo *dtype_info(Dtype dtype);
bool dtype_from_gguf(uint32_t number, Dtype *dtype);
bool dtype_from_safetensors(const char *name, Dtype *dtype);

/* ggml's name for a type number, also of types fathom cannot read ("IQ2_XS"); NULL for an unknown number. */
const char *dtype_ggml_name(uint32_t number);

/* Bytes of n elements; false where n is not a multiple of the block or the size overflows. */
bool dtype_size(Dtype dtype, size_t n, size_t *bytes);

/* n elements (a multiple of the block) from src (any alignment) to dst. */
void dtype_widen(Dtype dtype, const void *src, size_t n, float *dst);

/* The function that dtype_widen calls for a type, for those that widen blocks again and again. */
typedef void DtypeWiden(const uint8_t *restrict src, size_t n, float *restrict dst);
DtypeWiden *dtype_widener(Dtype dtype);

/* n elements from src to dst (any alignment) as F32, F16 or BF16: asserted. Single values are base/half.h's. */
void dtype_narrow(Dtype dtype, const float *src, size_t n, void *dst);

#endif
