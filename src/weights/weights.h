/* One view of named tensors, whatever file they are mapped from. Bytes stay where the file has them. */
#ifndef FATHOM_WEIGHTS_WEIGHTS_H
#define FATHOM_WEIGHTS_WEIGHTS_H

#include "base/error.h"
#include "weights/dtype.h"

enum { TENSOR_MAX_DIMS = 4 };

typedef struct Tensor {
  const char *name;
  Dtype dtype;
  size_t n_dims;
  size_t shape[TENSOR_MAX_DIMS]; /* outermost first, row major: GGUF's order reversed; unused entries are 1 */
  size_t count;                  /* elements */
  const uint8_t *bytes;          /* in the mapped file; any alignment */
  size_t n_bytes;
  const char *file; /* the file it lives in, for messages */
} Tensor;

typedef struct Weights Weights;

size_t weights_count(const Weights *weights);
const Tensor *weights_at(const Weights *weights, size_t index);       /* in file order */
const Tensor *weights_find(const Weights *weights, const char *name); /* hashed; NULL if there is none */

/* A tensor of an element type that is not read (a mask of booleans, say): in the file, and never among the others. */
typedef struct SkippedTensor {
  const char *name, *dtype; /* dtype as the file names it */
  const char *file;
  size_t n_dims, shape[TENSOR_MAX_DIMS]; /* as a Tensor's, but not checked against n_bytes */
  const uint8_t *bytes;
  size_t n_bytes;
} SkippedTensor;

size_t weights_skipped_count(const Weights *weights);
const SkippedTensor *weights_skipped_at(const Weights *weights, size_t index);
const SkippedTensor *weights_skipped_find(const Weights *weights, const char *name); /* hashed; NULL if there is none */

/* For the readers (safetensors.c, gguf.c): */
Weights *weights_new(void);
void weights_free(Weights *weights); /* does not unmap files */
/* Copies the record and its name. A second tensor of one name, or an n_bytes that does not fit dtype and shape, is
 * STATUS_DATA. */
Status weights_add(Weights *weights, const Tensor *tensor, Error *err);
Status weights_skip(Weights *weights, const SkippedTensor *tensor, Error *err); /* copies name and dtype */

#endif
