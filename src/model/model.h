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

Status model_open(const Source *source, Model *model, Error *err);

/* With an adapter merged into its weights; NULL: none. The adapter may be closed afterwards. */
Status model_open_adapted(const Source *source, const Adapter *adapter, Model *model, Error *err);
void model_close(Model *model); /* all zeros is fine */

#endif
