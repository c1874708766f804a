/* The places where activations can be tapped, by TransformerLens's names.
 *
 * attn_out and mlp_out are what is added to the residual stream, after norms and multipliers of their own; q, k and v
 * are what the projections give, biases included, before q/k norms and the rotary embedding; resid_pre of block 0 has
 * learned positions added, embed has not; blocks whose attention and MLP read one stream have no resid_mid;
 * ln_final.hook_normalized is the final norm's output with its gain (Hugging Face's last hidden state;
 * TransformerLens's hook of that name sits before the gain). */
#ifndef FATHOM_MODEL_SITES_H
#define FATHOM_MODEL_SITES_H

#include "base/error.h"
#include "model/config.h"
#include "num/real.h"

typedef enum SiteKind {
  SITE_EMBED,
  SITE_RESID_PRE,
  SITE_Q,
  SITE_K,
  SITE_V,
  SITE_Z,
  SITE_ATTN_OUT,
  SITE_RESID_MID,
  SITE_MLP_OUT,
  SITE_RESID_POST,
  SITE_LN_FINAL,
  SITE_KIND_COUNT,
} SiteKind;

typedef struct Site {
  SiteKind kind;
  size_t layer; /* 0 outside the blocks */
  size_t width;
  char *name; /* "blocks.3.hook_resid_post" */
} Site;

typedef struct SiteList {
  Site *items;
  size_t count;
} SiteList;

/* Every site of a model, in the order a forward pass reaches them. */
void sites_of_model(const ModelConfig *config, SiteList *list);

/* The sites that --sites and --layers select (base/sitename.h says how), in the same order. */
Status sites_of_selection(const ModelConfig *config, const char *sites, const char *layers, SiteList *list, Error *err);

void sites_clear(SiteList *list); /* all zeros is fine */

/* What a forward pass hands out: rows [T, width] of a site, `stride` reals apart, in the order of the batch; valid
 * during the call only. */
typedef struct Tap {
  void (*take)(void *context, SiteKind kind, size_t layer, const real *rows, size_t stride, size_t width);
  void *context;
} Tap;

#endif
