/* safetensors: an 8-byte header length, a JSON header, then the tensors' bytes; reading and writing. */
#ifndef FATHOM_WEIGHTS_SAFETENSORS_H
#define FATHOM_WEIGHTS_SAFETENSORS_H

#include "base/error.h"
#include "base/file.h"
#include "weights/weights.h"

/* Maps path and adds its tensors to weights; the map must outlive them (file_unmap by the caller), and so must path.
 * After an error nothing is mapped and weights may only be freed. Dtypes other than F32, F16 and BF16 are STATUS_DATA.
 */
Status safetensors_open(const char *path, FileMap *map, Weights *weights, Error *err);

/* The same of a model, whose file may hold what is no weight: tensors of other dtypes are skipped. */
Status safetensors_open_model(const char *path, FileMap *map, Weights *weights, Error *err);

/* One tensor to write, float32 in memory. */
typedef struct SafetensorsEntry {
  const char *name;
  size_t n_dims, shape[TENSOR_MAX_DIMS];
  const float *values;
} SafetensorsEntry;

/* Writes a whole file (PATH.part, then renamed) with {"format": "pt"} as metadata, as transformers expects. dtype is
 * DTYPE_F32, DTYPE_F16 or DTYPE_BF16. */
Status safetensors_write(const char *path, const SafetensorsEntry *entries, size_t n_entries, Dtype dtype, Error *err);

#endif
