/* The numbers that shape a decoder, from config.json or GGUF metadata, and back to config.json. The passes look only at
 * these: what a family is called and which file it came from is settled here. */
#ifndef FATHOM_MODEL_CONFIG_H
#define FATHOM_MODEL_CONFIG_H

#include "base/error.h"
#include "base/json.h"
#include "model/family.h"
#include "num/activation.h"
#include "num/norm.h"
#include "num/rope.h"
#include "weights/source.h"

#include <stdbool.h>
#include <stdint.h>

enum { ROPE_NONE = -1, ROPE_GLOBAL, ROPE_LOCAL, ROPE_COUNT };

/* What differs from block to block. */
typedef struct LayerConfig {
  size_t window;          /* key j is seen by query i where i - j < window; 0: no window */
  int rope;               /* which of the model's rotary positions, or ROPE_NONE */
  bool has_experts;       /* routed experts, else one MLP */
  double attention_scale; /* of the scores */
} LayerConfig;

typedef struct ModelConfig {
  const Family *family;
  size_t n_layers;          /* L */
  size_t hidden_size;       /* D */
  size_t n_heads;           /* H */
  size_t n_kv_heads;        /* K */
  size_t head_dim;          /* E */
  size_t intermediate_size; /* F, of blocks without experts */
  size_t vocab_size;        /* V */
  size_t max_positions;     /* P */
  bool tied_embeddings;

  NormKind norm;
  double norm_eps, gain_offset; /* gains are stored less this */
  bool qk_norm_whole;           /* q/k norm over all heads together */
  Activation activation;
  bool gated;             /* act(gate) up, else act(up) */
  bool parallel_residual; /* the MLP reads what attention reads, and both are added */
  double embedding_scale, residual_scale, logit_scale;
  double attention_softcap, logit_softcap; /* 0: none */
  size_t rotary_dim;                       /* R <= E; 0: no rotary positions */
  Rope ropes[ROPE_COUNT];
  double *rope_factors; /* what their factors point to, or NULL */

  size_t n_experts, n_experts_used;
  size_t expert_size, shared_expert_size; /* M, S */
  bool renormalise;                       /* weights of a token's experts sum to 1 */

  bool has[ROLE_COUNT]; /* parameters of this role; of a block's MLP or experts, where it has them */
  LayerConfig *layers;  /* [L] */
  Json *source;         /* config.json's own object, NULL from GGUF: kept for writing */
} ModelConfig;

/* A setting that changes the numbers and is not supported is STATUS_DATA naming it. A key of config.json, or of GGUF
 * behind the architecture's name, that is not known is warned of, and with `strict` STATUS_DATA. */
Status config_read(const Source *source, bool strict, ModelConfig *config, Error *err);

/* The same from config.json's object alone. */
Status config_from_json(const Json *json, bool strict, ModelConfig *config, Error *err);

void config_clear(ModelConfig *config); /* all zeros is fine */

void config_untie(ModelConfig *config); /* gives the language-model head a matrix of its own */

/* config.json as transformers reads it: the source's own keys where there is one, else made of the numbers; classifier:
 * of the reward model (one label). Ids are -1 where there is none. Freed with json_free. */
Json *config_to_json(const ModelConfig *config, bool classifier, int32_t bos, int32_t eos, int32_t pad);

/* Names as config.json has them: of the activation, and of how a rope is stretched ("llama3"; GGUF files may say that by
 * a tensor alone). */
const char *config_activation(const ModelConfig *config);
const char *config_rope_scaling(const Rope *rope);

/* Reals of a row of q, k, v side by side. */
size_t config_qkv_width(const ModelConfig *config);

#endif
