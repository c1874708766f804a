/* Writing a small GGUF file: texts, whole numbers and vectors of float32. Enough for control vectors; models are written
 * as Hugging Face folders. */
#ifndef FATHOM_WEIGHTS_GGUF_WRITE_H
#define FATHOM_WEIGHTS_GGUF_WRITE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct GgufPair { /* a key whose value is a text, or where that is NULL a number */
  const char *key, *text;
  uint32_t number;
} GgufPair;

typedef struct GgufVector {
  const char *name;
  size_t width;
  const float *values;
} GgufVector;

/* PATH appears when whole. Names are not empty and differ, widths are at least 1. */
Status gguf_write(const char *path, const GgufPair *pairs, size_t n_pairs, const GgufVector *vectors, size_t n_vectors,
                  Error *err);

#endif
