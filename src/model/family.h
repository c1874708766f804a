/* The table of architectures. A row says under which names files hold a family's tensors and how they are laid out; no
 * code outside the table names a family. */
#ifndef FATHOM_MODEL_FAMILY_H
#define FATHOM_MODEL_FAMILY_H

#include <stdbool.h>
#include <stddef.h>

/* What a parameter does. Inside a block the order is the order in memory: q, k, v and gate, up lie side by side, so
 * that each group is one matrix product. */
typedef enum Role {
  ROLE_LM_HEAD,    /* [V, D] */
  ROLE_EMBED,      /* [V, D] */
  ROLE_ATTN_NORM,  /* [D] */
  ROLE_Q,          /* [H E, D] */
  ROLE_K,          /* [K E, D] */
  ROLE_V,          /* [K E, D] */
  ROLE_O,          /* [D, H E] */
  ROLE_MLP_NORM,   /* [D] */
  ROLE_GATE,       /* [F, D] */
  ROLE_UP,         /* [F, D] */
  ROLE_DOWN,       /* [D, F] */
  ROLE_FINAL_NORM, /* [D] */
  ROLE_SCORE,      /* [1, D], the reward head */
  ROLE_COUNT,
  ROLE_FIRST_IN_BLOCK = ROLE_ATTN_NORM,
  ROLE_LAST_IN_BLOCK = ROLE_DOWN,
} Role;

/* Names of a role's tensor; %zu stands for the block. NULL: such files do not have it. */
typedef struct TensorNames {
  const char *hf, *gguf;
} TensorNames;

typedef struct Family {
  const char *name;
  const char *hf_model_type;             /* config.json "model_type" */
  const char *hf_causal, *hf_classifier; /* "architectures" of the language model and of the reward model */
  const char *gguf_architecture;         /* general.architecture, and the prefix of its keys */
  bool gguf_neighbour_rope;              /* GGUF files hold q and k rows ordered for pairs (2i, 2i + 1) */
  TensorNames names[ROLE_COUNT];
} Family;

/* NULL where there is no such row. */
const Family *family_by_hf_type(const char *model_type);
const Family *family_by_gguf(const char *architecture);

#endif
