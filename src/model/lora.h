/* LoRA factors that are trained (Hu et al. 2021): beside a module's frozen matrix W [out, in] stands scale B A, with
 * A [rank, in] and B [out, rank] among the model's parameters, in front of the reward head. A module is a matrix of
 * attention or MLP as transformers has it: a stack of several of ours (phi3's qkv_proj) has one A and one B. */
#ifndef FATHOM_MODEL_LORA_H
#define FATHOM_MODEL_LORA_H

#include "model/matrices.h"

/* What new factors are to be. */
typedef struct LoraSettings {
  size_t rank;
  double alpha;
  bool rslora;         /* scale = alpha / sqrt(rank), else alpha / rank */
  const char *targets; /* "all-linear", or names such as "q_proj,v_proj": a module's name or its end behind a dot */
  uint64_t seed;
} LoraSettings;

typedef struct LoraModule {
  size_t first, n; /* the parameters that its matrix is made of: items[first] .. items[first + n - 1] */
  size_t a, b;     /* items; B's rows are in the order of our parameters */
  double scale;
} LoraModule;

typedef struct Lora {
  LoraModule *modules;
  size_t count;
  Json *config; /* adapter_config.json that says all this */
} Lora;

/* Adds the factors to the table: of the settings' targets, or where there is an adapter to go on with, of its modules.
 * A target that the model does not have is STATUS_USAGE naming those it has; an adapter with more than LoRA factors of
 * attention and MLP and a reward head is STATUS_DATA. head: prefix of the adapter's reward head, or NULL. */
Status lora_init(const ModelConfig *config, const LoraSettings *settings, const Adapter *adapter, const char *head,
                 ParameterTable *table, Lora *lora, Error *err);
void lora_clear(Lora *lora); /* all zeros is fine */

/* Fills values: the adapter's, or as PEFT begins: A uniform in +-1/sqrt(in) (Kaiming's with a = sqrt 5), B zero, so
 * that the model is still the base. */
Status lora_begin(const ModelConfig *config, const ParameterTable *table, const Lora *lora, uint64_t seed,
                  const Adapter *adapter, real *values, Error *err);

/* Puts the factors beside the matrices of linear layers over values. */
void lora_attach(const ParameterTable *table, const Lora *lora, const real *values, Matrices *matrices);

/* B [out, rank] in Hugging Face's order of rows, from values laid out as the table from offset `begin` on. */
void lora_gather_b(const ModelConfig *config, const ParameterTable *table, const LoraModule *module, const real *values,
                   size_t begin, real *out);

#endif
