/* The numbers that shape a decoder, from config.json or GGUF metadata, and back to config.json. */
#ifndef FATHOM_MODEL_CONFIG_H
#define FATHOM_MODEL_CONFIG_H

#include "base/error.h"
#include "base/json.h"
#include "model/family.h"
#include "weights/source.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ModelConfig {
  const Family *family;
  size_t n_layers;          /* L */
  size_t hidden_size;       /* D */
  size_t n_heads;           /* H */
  size_t n_kv_heads;        /* K */
  size_t head_dim;          /* E */
  size_t intermediate_size; /* F */
  size_t vocab_size;        /* V */
  size_t max_positions;
  double rms_norm_eps, rope_theta;
  bool tied_embeddings;
} ModelConfig;

/* A setting that changes the numbers and is not supported is STATUS_DATA naming it. */
Status config_read(const Source *source, ModelConfig *config, Error *err);

/* config.json as transformers reads it; classifier: of the reward model (one label). Ids are -1 where there is none.
 * Freed with json_free. */
Json *config_to_json(const ModelConfig *config, bool classifier, int32_t bos, int32_t eos, int32_t pad);

#endif
