/* How parameters lie in the tensors of files: names, stacks of several parameters, transposed matrices, rows in another
 * order. */
#ifndef FATHOM_MODEL_TENSOR_LAYOUT_H
#define FATHOM_MODEL_TENSOR_LAYOUT_H

#include "model/parameters.h"

/* A parameter's place in its tensor. A unit is a row of a matrix, or an element of a vector. */
typedef struct TensorPlace {
  char name[PARAMETER_NAME];
  size_t n_dims, shape[3]; /* of the tensor as stored */
  bool transposed;         /* stored [columns, units] */
  size_t first, units;     /* this parameter's units in the stack, in the order of the roles; all units of the tensor */
  size_t part, parts;      /* with parts > 1 the stack goes by head: this is part `part` of each head's `parts` */
  bool neighbour;          /* units are ordered for neighbour pairs of rotary positions */
  real minus;              /* what the file's values have more than ours */
} TensorPlace;

/* Is it the gain of a norm? */
bool tensor_is_gain(Role role);

/* In a GGUF file or a Hugging Face folder; false where such files never hold it. */
bool tensor_place(const ModelConfig *config, const Parameter *parameter, bool in_gguf, TensorPlace *place);

/* The unit of the tensor that holds unit u of the parameter. */
size_t tensor_place_unit(const ModelConfig *config, const TensorPlace *place, size_t u);

/* What else Hugging Face files call a tensor of this role: a base model's without its prefix, a text model's inside a
 * larger one. false past the last. */
enum { TENSOR_NAME = PARAMETER_NAME + 32 };
bool tensor_other_name(const ModelConfig *config, Role role, const char *name, size_t i, char other[TENSOR_NAME]);

/* The tensor of that name, or of one of the others in a Hugging Face folder. NULL where there is none. */
const Tensor *tensor_find(const ModelConfig *config, const Parameter *parameter, const Source *source,
                          const char *name);

/* Where there is none: one of these names whose element type is not read, or NULL. */
const SkippedTensor *tensor_find_skipped(const ModelConfig *config, const Parameter *parameter, const Source *source,
                                         const char *name);

/* A tensor of a Hugging Face folder, made of parameters items[first] .. items[first + n - 1]. */
typedef struct FileTensor {
  TensorPlace place;      /* of the first */
  size_t first, n, count; /* count: elements */
} FileTensor;

/* All of them in the table's order; freed by the caller with free. */
FileTensor *tensor_layout_all(const ModelConfig *config, const ParameterTable *table, size_t *n);

/* The tensor's elements, gathered from values laid out as the table (or gradients laid out so). values are those from
 * offset `begin` on; the tensor's parameters must not lie before it. */
void tensor_layout_gather(const ModelConfig *config, const ParameterTable *table, const FileTensor *tensor,
                          const real *values, size_t begin, real *out);

#endif
