/* Tensors of a model's files that no parameter is read from. */
#ifndef FATHOM_MODEL_LEFTOVERS_H
#define FATHOM_MODEL_LEFTOVERS_H

#include "model/head.h"
#include "model/parameters.h"

/* A tensor that neither the table nor the head accounts for (a model of another make than its config says, more blocks
 * than it says, a second head) is warned of, and with strict STATUS_DATA. Known not to matter: masks and tables that
 * old versions of transformers saved, a copy of tied embeddings, the eyes of a model that also sees. */
Status leftovers_check(const ModelConfig *config, const ParameterTable *table, const Source *source,
                       const HeadTensors *head, bool strict, Error *err);

#endif
