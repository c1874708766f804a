/* A decoder ready to run: configuration and parameters. */
#ifndef FATHOM_MODEL_MODEL_H
#define FATHOM_MODEL_MODEL_H

#include "base/memory.h"
#include "model/config.h"
#include "model/head.h"
#include "model/parameters.h"

typedef struct Model {
  ModelConfig config;
  ParameterTable table;
  Arena arena;
  real *values;   /* [table.total] */
  bool has_score; /* the files held a reward head: a linear one's weight is among the values */
  RewardHead head;
} Model;

/* With an adapter merged into its weights, which may be closed afterwards; NULL: none. strict: a key of config.json
 * that the family does not know is an error, not a warning. */
Status model_open(const Source *source, const Adapter *adapter, bool strict, Model *model, Error *err);
void model_close(Model *model); /* all zeros is fine */

#endif
