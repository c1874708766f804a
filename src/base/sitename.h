/* Names of activation sites, as TransformerLens writes them, and the words a user selects them with.
 *
 * A full name is "blocks.3.hook_resid_post", "blocks.3.attn.hook_q", "hook_embed" or "ln_final.hook_normalized"; its
 * short form is "resid_post", "q", "embed", "ln_final". Names of other shapes (activations brought from elsewhere) are
 * allowed: they have no layer and are selected in full. Which sites a model has is not known here. */
#ifndef FATHOM_BASE_SITENAME_H
#define FATHOM_BASE_SITENAME_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { SITE_NO_LAYER = -1, SITE_KIND_TEXT = 64 };

typedef struct SiteName {
  int layer;                 /* the block's number, or SITE_NO_LAYER */
  char kind[SITE_KIND_TEXT]; /* the short form; "" where the name has another shape */
} SiteName;

SiteName site_name_parse(const char *name);

/* The full name of a short form ("resid_post", 3); layer SITE_NO_LAYER for embed and ln_final. Freed by the caller. */
char *site_name_format(const char *kind, int layer);

/* Marks layers of a list such as "0,3-7,-1" in chosen[n_layers]; -1 is the last layer, and ranges may use negative
 * numbers too
 * ("-3--1"). option ("--layers") is for messages. Anything else, or a layer that is not there, is STATUS_USAGE. */
Status layers_parse(const char *list, const char *option, size_t n_layers, bool *chosen, Error *err);

/* Marks the selected ones of n names in chosen[n].
 * sites: comma list of full names and short forms ("hook_" may be written before a short form); NULL = all.
 * layers: a list as above, of the layers found in names; NULL = all. It narrows short forms that live in blocks; full
 * names, embed and ln_final in sites are taken as written. With sites NULL it keeps the sites of these layers alone. A
 * word of sites that selects nothing is STATUS_USAGE, naming it and where (a model or a file). */
Status sites_select(const char *sites, const char *layers, const char *const *names, size_t n, const char *where,
                    bool *chosen, Error *err);

#endif
