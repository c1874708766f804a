/* Putting a LoRA adapter into a base model: which parameter each of its tensors is for, and the merged weights. */
#ifndef FATHOM_MODEL_ADAPT_H
#define FATHOM_MODEL_ADAPT_H

#include "model/parameters.h"
#include "weights/adapter.h"

/* Is every module and tensor of the adapter one of this base's, in its shape? One that is not is STATUS_DATA naming it.
 * head: prefix of the reward head's tensors, or NULL where there is none: model/head.h reads those. */
Status adapt_check(const ModelConfig *config, const ParameterTable *table, const Adapter *adapter, const char *head,
                   Error *err);

/* Does it change the embedding or the output matrix, so that the two are no longer one? */
bool adapt_unties(const ModelConfig *config, const Adapter *adapter);

/* The tensor that stands for the base's, or NULL; in Hugging Face's layout. */
const Tensor *adapt_find(const ModelConfig *config, const Adapter *adapter, const Parameter *parameter);

/* The factors of the module that the parameter is the matrix of, or a part of its stack; NULL where it has none. */
const AdapterFactors *adapt_module(const ModelConfig *config, const Adapter *adapter, const Parameter *parameter);

/* A tensor as reals; a value that is not finite is STATUS_DATA. */
Status adapt_read(const Tensor *tensor, real *out, Error *err);

/* What the adapter adds to the parameter's W [rows, columns]: scale B A. */
typedef struct AdaptFactors {
  size_t rank; /* 0: nothing */
  double scale;
  real *a; /* [rank, columns] */
  real *b; /* [rows, rank] */
} AdaptFactors;

/* A factor that is not finite is STATUS_DATA. */
Status adapt_factors(const ModelConfig *config, const Adapter *adapter, const Parameter *parameter,
                     AdaptFactors *factors, Error *err);
void adapt_factors_clear(AdaptFactors *factors); /* all zeros is fine */

/* values [rows, columns] of the parameter become W + scale B A. */
Status adapt_merge(const ModelConfig *config, const Adapter *adapter, const Parameter *parameter, real *values,
                   Error *err);

#endif
