/* PEFT LoRA adapters: a folder with adapter_config.json and adapter_model.safetensors.
 *
 * An adapter changes a base model in two ways: a module's weight W [out, in] becomes W + scale B A with A [rank, in]
 * and B [out, rank], and some tensors are replaced whole (the reward head, biases). This stage knows names, ranks and
 * scales; whether a base has such modules, and their shapes, is the model stage's business. */
#ifndef FATHOM_WEIGHTS_ADAPTER_H
#define FATHOM_WEIGHTS_ADAPTER_H

#include "base/json.h"
#include "weights/weights.h"

typedef struct Adapter Adapter;

/* The factors of one module. */
typedef struct AdapterFactors {
  char *module;        /* by its name in the base, "model.layers.0.self_attn.q_proj" */
  const Tensor *a, *b; /* [rank, in], [out, rank]; of an embedding [rank, V], [D, rank], and W [V, D] gets (B A)' */
  size_t rank;
  double scale; /* alpha / rank, with rsLoRA alpha / sqrt(rank) */
  bool is_embedding;
} AdapterFactors;

/* A tensor that stands for the base's of that name. */
typedef struct AdapterTensor {
  char *name; /* "score.weight" */
  const Tensor *tensor;
} AdapterTensor;

/* A kind of adapter, or a setting, that fathom cannot compute is STATUS_DATA naming it, and so is a tensor that the
 * settings do not account for. An unknown setting that is not off (null, false, empty) is a warning, with strict an
 * error. */
Status adapter_open(const char *folder, bool strict, Adapter **out, Error *err);
void adapter_close(Adapter *adapter); /* NULL is fine */

/* Does the folder hold an adapter (adapter_config.json) and no model of its own? */
bool adapter_is_folder(const char *path);

const char *adapter_path(const Adapter *adapter);       /* the folder */
const char *adapter_base(const Adapter *adapter);       /* base_model_name_or_path, NULL where it is not said */
const char *adapter_task(const Adapter *adapter);       /* task_type ("SEQ_CLS"), NULL where it is not said */
const Weights *adapter_weights(const Adapter *adapter); /* every tensor of the file */
const Json *adapter_config(const Adapter *adapter);     /* adapter_config.json */

size_t adapter_factors_count(const Adapter *adapter);
const AdapterFactors *adapter_factors_at(const Adapter *adapter,
                                         size_t index); /* in file order of their first tensor */

size_t adapter_tensors_count(const Adapter *adapter);
const AdapterTensor *adapter_tensors_at(const Adapter *adapter, size_t index);

/* By the module's, or the base's tensor's name; hashed; NULL if there is none. */
const AdapterFactors *adapter_factors_find(const Adapter *adapter, const char *module);
const AdapterTensor *adapter_tensor_find(const Adapter *adapter, const char *name);

/* SHA-256 over the bytes of the weights and the settings: alpha is among the latter. */
const char *adapter_digest(Adapter *adapter);

#endif
