/* The settings that shape a decoder, as numbers: what config.json and GGUF metadata are read into before a
 * ModelConfig is made of them. */
#ifndef FATHOM_MODEL_SETTINGS_H
#define FATHOM_MODEL_SETTINGS_H

#include "base/error.h"
#include "num/activation.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum Setting {
  SETTING_NONE,  /* a key that changes no number of a forward or backward pass */
  SETTING_FIXED, /* a key that would: only the value `otherwise` is supported */
  SETTING_N_LAYERS,
  SETTING_HIDDEN_SIZE,
  SETTING_N_HEADS,
  SETTING_N_KV_HEADS,        /* 0: as many as heads */
  SETTING_HEAD_DIM,          /* 0: hidden size / heads */
  SETTING_INTERMEDIATE_SIZE, /* 0: four times the hidden size */
  SETTING_VOCAB_SIZE,
  SETTING_MAX_POSITIONS,
  SETTING_NORM_EPS,
  SETTING_TIED,
  SETTING_ACTIVATION, /* an Activation */
  SETTING_ATTENTION_BIAS,
  SETTING_MLP_BIAS,
  SETTING_PARALLEL_RESIDUAL,
  /* Rotary positions; scalings are read from objects and tensors of their own. */
  SETTING_ROPE_THETA,
  SETTING_LOCAL_ROPE_THETA,
  SETTING_ROTARY_SHARE,       /* of a head's width */
  SETTING_ROTARY_DIM,         /* 0: by share */
  SETTING_ORIGINAL_POSITIONS, /* context before it was stretched; 0: not said */
  SETTING_NO_ROTARY_INTERVAL, /* each such block has no rotary positions; 0: all have */
  /* Sliding windows. */
  SETTING_WINDOW, /* 0: none */
  SETTING_USE_WINDOW,
  SETTING_WINDOW_PERIOD,
  SETTING_WINDOW_LAYERS,
  /* Scales and caps. */
  SETTING_QUERY_SCALAR,         /* scores are divided by its root; 0: by the root of the head width */
  SETTING_ATTENTION_MULTIPLIER, /* of scores; 0: as above */
  SETTING_SCALE_SCORES,         /* false: not divided at all */
  SETTING_SCALE_BY_LAYER,       /* divided by the block's number from 1, too */
  SETTING_ATTENTION_SOFTCAP,    /* 0: none */
  SETTING_LOGIT_SOFTCAP,        /* 0: none */
  SETTING_EMBEDDING_MULTIPLIER,
  SETTING_RESIDUAL_MULTIPLIER,
  SETTING_LOGITS_DIVISOR,
  /* Experts. */
  SETTING_N_EXPERTS,
  SETTING_N_EXPERTS_USED,
  SETTING_EXPERT_SIZE, /* 0: the intermediate size */
  SETTING_SHARED_EXPERT_SIZE,
  SETTING_RENORMALISE,   /* weights of the chosen experts sum to 1 */
  SETTING_EXPERT_PERIOD, /* each such block has experts */
  /* Lists of one entry a block; their value is unused. */
  SETTING_LAYER_TYPES,   /* "full_attention" or "sliding_attention" */
  SETTING_ROTARY_LAYERS, /* 1 where the block has rotary positions */
  SETTING_DENSE_LAYERS,  /* numbers of blocks without experts */
  SETTING_ROPE_SCALING,  /* an object */
  SETTING_COUNT,
} Setting;

typedef enum SettingKind {
  SETTING_NUMBER,
  SETTING_SIZE,
  SETTING_FLAG,
  SETTING_TEXT,
  SETTING_LIST,
  SETTING_OBJECT
} SettingKind;

/* What config.json calls a setting, and its value where the key is missing; NAN: the key must be there. */
typedef struct ConfigKey {
  const char *key;
  Setting setting;
  double otherwise;
} ConfigKey;

#endif
