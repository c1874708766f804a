/* Site lists. */
#include "model/sites.h"

#include "base/memory.h"
#include "base/sitename.h"

#include <stdlib.h>

static const char *const short_forms[SITE_KIND_COUNT] = {
    [SITE_EMBED] = "embed",
    [SITE_RESID_PRE] = "resid_pre",
    [SITE_Q] = "q",
    [SITE_K] = "k",
    [SITE_V] = "v",
    [SITE_Z] = "z",
    [SITE_ATTN_OUT] = "attn_out",
    [SITE_RESID_MID] = "resid_mid",
    [SITE_MLP_OUT] = "mlp_out",
    [SITE_RESID_POST] = "resid_post",
    [SITE_LN_FINAL] = "ln_final",
};

static void add(SiteList *list, const ModelConfig *c, SiteKind kind, size_t layer) {
  const bool in_block = kind != SITE_EMBED && kind != SITE_LN_FINAL;
  const size_t width = kind == SITE_Q || kind == SITE_Z   ? c->n_heads * c->head_dim
                       : kind == SITE_K || kind == SITE_V ? c->n_kv_heads * c->head_dim
                                                          : c->hidden_size;
  list->items[list->count++] =
      (Site){kind, layer, width, site_name_format(short_forms[kind], in_block ? (int)layer : SITE_NO_LAYER)};
}

void sites_of_model(const ModelConfig *c, SiteList *list) {
  *list = (SiteList){.items = mem_alloc(c->n_layers * SITE_KIND_COUNT + 2, sizeof *list->items)};
  add(list, c, SITE_EMBED, 0);
  for (size_t l = 0; l < c->n_layers; l++)
    for (int kind = SITE_RESID_PRE; kind <= SITE_RESID_POST; kind++)
      if (kind != SITE_RESID_MID || !c->parallel_residual) add(list, c, (SiteKind)kind, l);
  add(list, c, SITE_LN_FINAL, 0);
}

Status sites_of_selection(const ModelConfig *config, const char *sites, const char *layers, SiteList *list,
                          Error *err) {
  SiteList all;
  sites_of_model(config, &all);
  const char **names = mem_alloc(all.count, sizeof *names);
  bool *chosen = mem_alloc(all.count, sizeof *chosen);
  for (size_t i = 0; i < all.count; i++) names[i] = all.items[i].name;
  const Status status = sites_select(sites, layers, names, all.count, "this model", chosen, err);
  *list = (SiteList){.items = mem_alloc(all.count, sizeof *list->items)};
  for (size_t i = 0; i < all.count; i++) {
    if (status == STATUS_OK && chosen[i])
      list->items[list->count++] = all.items[i];
    else
      free(all.items[i].name);
  }
  free(all.items);
  free(names);
  free(chosen);
  if (status != STATUS_OK) sites_clear(list);
  return status;
}

void sites_clear(SiteList *list) {
  for (size_t i = 0; i < list->count; i++) free(list->items[i].name);
  free(list->items);
  *list = (SiteList){0};
}
