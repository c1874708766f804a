/* The table of architectures. A row says what a family's config.json and GGUF metadata call its numbers, what its files
 * call its tensors and how they lie in them, and what its blocks are made of; no code outside families.c names a
 * family. A newcomer adds a row. */
#ifndef FATHOM_MODEL_FAMILY_H
#define FATHOM_MODEL_FAMILY_H

#include "model/settings.h"

#include <stdbool.h>
#include <stddef.h>

/* What a parameter does. Inside a block the order is the order in memory: q, k, v and gate, up lie side by side, and so
 * do their biases, so that each group is one matrix product. */
typedef enum Role {
  ROLE_LM_HEAD,        /* [V, D] */
  ROLE_EMBED,          /* [V, D] */
  ROLE_POSITIONS,      /* [P, D], learned positions */
  ROLE_ATTN_NORM,      /* [D], before attention */
  ROLE_ATTN_NORM_BIAS, /* [D] */
  ROLE_Q,              /* [H E, D] */
  ROLE_K,              /* [K E, D] */
  ROLE_V,              /* [K E, D] */
  ROLE_Q_BIAS,         /* [H E] */
  ROLE_K_BIAS,         /* [K E] */
  ROLE_V_BIAS,         /* [K E] */
  ROLE_Q_NORM,         /* [E], one for all heads, or [H E], one over them all */
  ROLE_K_NORM,         /* [E] or [K E] */
  ROLE_O,              /* [D, H E] */
  ROLE_O_BIAS,         /* [D] */
  ROLE_ATTN_POST_NORM, /* [D], of what attention adds to the stream */
  ROLE_MLP_NORM,       /* [D], before the MLP */
  ROLE_MLP_NORM_BIAS,  /* [D] */
  ROLE_GATE,           /* [F, D], gated MLPs only */
  ROLE_UP,             /* [F, D] */
  ROLE_GATE_BIAS,      /* [F] */
  ROLE_UP_BIAS,        /* [F] */
  ROLE_DOWN,           /* [D, F] */
  ROLE_DOWN_BIAS,      /* [D] */
  ROLE_ROUTER,         /* [X, D], which of X experts a token goes to */
  ROLE_EXPERT_GATE,    /* X times [M, D]; gate and up of an expert lie side by side */
  ROLE_EXPERT_UP,      /* X times [M, D] */
  ROLE_EXPERT_DOWN,    /* X times [D, M] */
  ROLE_SHARED_GATE,    /* [S, D], of an expert that every token goes to */
  ROLE_SHARED_UP,      /* [S, D] */
  ROLE_SHARED_DOWN,    /* [D, S] */
  ROLE_SHARED_SWITCH,  /* [1, D], how much of it is added */
  ROLE_MLP_POST_NORM,  /* [D], of what the MLP adds to the stream */
  ROLE_FINAL_NORM,     /* [D] */
  ROLE_FINAL_NORM_BIAS,
  ROLE_LORA_A, /* [rank, columns of a matrix of a block], of factors that are trained (model/lora.h) */
  ROLE_LORA_B, /* [rows of that matrix, rank] */
  ROLE_SCORE,  /* [1, D], the reward head */
  ROLE_COUNT,
  ROLE_FIRST_IN_BLOCK = ROLE_ATTN_NORM,
  ROLE_LAST_IN_BLOCK = ROLE_MLP_POST_NORM,
} Role;

/* Names of a role's tensor; the first %zu stands for the block, a second for the expert. NULL: such files do not have
 * it. Neighbouring roles of one name are stacked in one tensor in the order of the roles, and so are all experts where
 * the name has no %zu for them. */
typedef struct TensorNames {
  const char *hf, *gguf;
} TensorNames;

/* Which blocks a sliding window is for, where config.json has no list of them. */
typedef enum WindowPattern {
  WINDOW_ALL,            /* every block */
  WINDOW_PERIOD,         /* all but each SETTING_WINDOW_PERIOD-th */
  WINDOW_UPPER,          /* from SETTING_WINDOW_LAYERS on */
  WINDOW_ODD_LOWER,      /* block 0, 2, ... below SETTING_WINDOW_LAYERS */
  WINDOW_WITHOUT_ROTARY, /* those without rotary positions */
} WindowPattern;

typedef struct Family {
  const char *name;                      /* for people */
  const char *hf_model_type;             /* config.json "model_type" */
  const char *hf_outer_type;             /* "model_type" of a model that holds this one in "text_config", or NULL */
  const char *hf_causal, *hf_classifier; /* "architectures" of the language model and of the reward model */
  const char *gguf_architecture;         /* general.architecture, and the prefix of its keys; NULL: none */
  /* Of several rows with one architecture in GGUF, the one whose setting is there and not 0, else that without one. */
  Setting gguf_marker;
  const ConfigKey *keys; /* what config.json may say and its defaults, ended by a key of NULL */
  /* What its blocks are made of, beyond what names and settings say. */
  bool layer_norm;       /* mean and variance; else root mean square */
  bool gain_plus_one;    /* Hugging Face files hold the gain less one, GGUF files the gain */
  bool qk_norm_whole;    /* q and k are normalised over all heads together */
  bool scaled_embedding; /* rows of the embedding are multiplied by sqrt(D) */
  bool gelu_is_tanh;     /* "gelu" in config.json means its tanh form */
  WindowPattern window_pattern;
  /* How tensors lie in the files. */
  bool hf_transposed;            /* matrices of blocks are stored [columns, rows] */
  bool hf_qkv_by_head;           /* q, k, v of one head side by side in a stacked tensor */
  bool gguf_neighbour_rope;      /* q and k rows ordered for pairs (2i, 2i + 1) */
  size_t gguf_wide_query;        /* with so many blocks, scores are divided by sqrt(D / H); GGUF does not say it */
  bool gguf_renormalise;         /* weights of the chosen experts sum to 1; GGUF does not say it */
  const char *hf_body;           /* prefix of every name but those of the heads, in files of a whole model */
  TensorNames names[ROLE_COUNT]; /* hf: behind hf_body, but for ROLE_LM_HEAD and ROLE_SCORE */
} Family;

/* NULL where there is no such row; *nested says that the row's config is the file's "text_config". */
const Family *family_by_hf_type(const char *model_type, bool *nested);

/* Does a key of the family's config.json give this setting? */
bool family_has_key(const Family *family, Setting setting);

/* A tensor's name of a pattern: block and expert take the places of its %zu. */
void family_format_name(const char *pattern, size_t layer, size_t expert, char *name, size_t size);

/* Rows in order, for listings and for GGUF, where several rows may share an architecture; NULL past the last. */
const Family *family_at(size_t index);

#endif
