/* A decoder ready to run: configuration and parameters. */
#ifndef FATHOM_MODEL_MODEL_H
#define FATHOM_MODEL_MODEL_H

#include "base/memory.h"
#include "model/config.h"
#include "model/head.h"
#include "model/lora.h"
#include "model/matrices.h"
#include "model/parameters.h"

typedef struct Model {
  ModelConfig config;
  ParameterTable table;
  Arena arena;
  real *values;      /* [table.total] */
  Matrices matrices; /* as linear layers, over values or in the files */
  Lora lora;         /* factors that are trained, among the values */
  bool has_score;    /* the files held a reward head: a linear one's weight is among the values */
  RewardHead head;
  Arena narrow;         /* the blocks' matrices in bfloat16 beside their values, after model_narrow */
  Arena packed;         /* the same in their place, after model_pack */
  size_t packed_inputs; /* the most inputs that one of them has */
  size_t bytes_dropped; /* of values that were packed and given back */
} Model;

typedef struct ModelOptions {
  const Adapter *adapter;   /* merged into the weights, or beside those in_file; may be closed afterwards. NULL: none */
  bool strict;              /* unknown settings and tensors of the files are an error, not a warning */
  bool in_file;             /* matrices stay in their files' format, and cannot be trained; else all are widened */
  const LoraSettings *lora; /* factors beside the matrices, to be trained; the adapter's, where there is one. Or NULL */
} ModelOptions;

/* The source must outlive a model that was opened in_file. */
Status model_open(const Source *source, ModelOptions options, Model *model, Error *err);

/* Everything of model_open but reading weights: model holds configuration and table alone, head where the reward head
 * lies. For those who read parameters one by one (parameters_read_rows). */
Status model_check(const Source *source, ModelOptions options, Model *model, HeadTensors *head, Error *err);

/* Did the files hold a language-model head (the embedding counts where it serves as one)? A reward model needs none. */
bool model_has_lm_head(const Model *model, const Source *source, const Adapter *adapter);

/* Rounds and packs the matrices of all blocks, experts included, and lets go of what they were made from. Embedding,
 * norms, biases, routers, language-model and reward head stay as they are. No backward pass afterwards. onednn must
 * outlive the model. After an error the model can only be closed. */
Status model_pack(Model *model, Onednn *onednn, Error *err);

/* For training in bfloat16: a rounded copy of the same matrices, with which products run forward and backward. Values
 * stay, and what changes them calls model_renew, which rounds the matrices at offsets from `begin` on again, and does
 * nothing without copies. onednn must outlive the model. */
Status model_narrow(Model *model, Onednn *onednn, Error *err);
void model_renew(Model *model, size_t begin);

void model_close(Model *model); /* all zeros is fine */

#endif
