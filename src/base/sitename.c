/* Site names taken apart, put together and selected. */
#include "base/sitename.h"

#include "base/memory.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the short form differs from the text behind "hook_". */
static const char final_norm[] = "ln_final.hook_normalized", final_norm_kind[] = "ln_final";

/* The text behind "hook_" or "attn.hook_", or NULL. */
static const char *after_hook(const char *text) {
  if (strncmp(text, "attn.", 5) == 0) text += 5;
  return strncmp(text, "hook_", 5) == 0 && text[5] ? text + 5 : NULL;
}

static void set_kind(SiteName *site, const char *kind) {
  if (strlen(kind) < SITE_KIND_TEXT && !strchr(kind, '.')) strcpy(site->kind, kind);
}

SiteName site_name_parse(const char *name) {
  SiteName site = {.layer = SITE_NO_LAYER};
  if (strcmp(name, final_norm) == 0) {
    set_kind(&site, final_norm_kind);
  } else if (strncmp(name, "blocks.", 7) == 0 && isdigit((unsigned char)name[7])) {
    char *end;
    const unsigned long layer = strtoul(name + 7, &end, 10);
    const char *kind = *end == '.' ? after_hook(end + 1) : NULL;
    if (kind && layer < INT_MAX) {
      site.layer = (int)layer;
      set_kind(&site, kind);
    }
  } else if (strncmp(name, "hook_", 5) == 0) {
    set_kind(&site, name + 5);
  }
  if (!site.kind[0]) site.layer = SITE_NO_LAYER;
  return site;
}

char *site_name_format(const char *kind, int layer) {
  if (layer == SITE_NO_LAYER)
    return strcmp(kind, final_norm_kind) == 0 ? mem_copy_string(final_norm) : mem_format("hook_%s", kind);
  const bool per_head = strlen(kind) == 1 && strchr("qkvz", kind[0]);
  return mem_format("blocks.%d.%shook_%s", layer, per_head ? "attn." : "", kind);
}

/* A layer number at *at, negative ones counted from the end. */
static Status layer_number(const char **at, const char *list, const char *option, size_t n_layers, size_t *layer,
                           Error *err) {
  const char *begin = *at;
  char *end;
  if (!isdigit((unsigned char)begin[begin[0] == '-']))
    return error_set(err, STATUS_USAGE, "%s %s: expected layers such as 0,3-7,-1", option, list);
  const long number = strtol(begin, &end, 10),
             count = (long)n_layers; /* an overflow saturates, out of range either way */
  const long found = begin[0] == '-' ? number + count : number;
  if (found < 0 || found >= count || (begin[0] == '-' && number == 0))
    return error_set(err, STATUS_USAGE, "%s %s: there is no layer %.*s, layers are 0 to %ld", option, list,
                     (int)(end - begin), begin, count - 1);
  *layer = (size_t)found;
  *at = end;
  return STATUS_OK;
}

Status layers_parse(const char *list, const char *option, size_t n_layers, bool *chosen, Error *err) {
  if (n_layers == 0) return error_set(err, STATUS_USAGE, "%s %s: there are no layers to choose from", option, list);
  for (const char *at = list;; at++) {
    size_t first = 0, last;
    Status status = layer_number(&at, list, option, n_layers, &first, err);
    last = first;
    if (status == STATUS_OK && *at == '-') {
      at++;
      status = layer_number(&at, list, option, n_layers, &last, err);
    }
    if (status != STATUS_OK) return status;
    if (last < first)
      return error_set(err, STATUS_USAGE, "%s %s: %zu to %zu runs backwards", option, list, first, last);
    for (size_t i = first; i <= last; i++) chosen[i] = true;
    if (*at == 0) return STATUS_OK;
    if (*at != ',') return error_set(err, STATUS_USAGE, "%s %s: expected layers such as 0,3-7,-1", option, list);
  }
}

/* layers marked in *in_layers [*n_layers], all of them where the list is NULL. */
static Status select_layers(const char *layers, const SiteName *parsed, size_t n, bool **in_layers, size_t *n_layers,
                            Error *err) {
  *n_layers = 0;
  for (size_t i = 0; i < n; i++)
    if (parsed[i].layer >= (int)*n_layers) *n_layers = (size_t)parsed[i].layer + 1;
  *in_layers = mem_alloc(*n_layers, sizeof **in_layers);
  if (layers) return layers_parse(layers, "--layers", *n_layers, *in_layers, err);
  for (size_t i = 0; i < *n_layers; i++) (*in_layers)[i] = true;
  return STATUS_OK;
}

Status sites_select(const char *sites, const char *layers, const char *const *names, size_t n, const char *where,
                    bool *chosen, Error *err) {
  SiteName *parsed = mem_alloc(n, sizeof *parsed);
  bool *in_layers = NULL;
  size_t n_layers;
  for (size_t i = 0; i < n; i++) parsed[i] = site_name_parse(names[i]);
  Status status = select_layers(layers, parsed, n, &in_layers, &n_layers, err);
  for (size_t i = 0; i < n; i++)
    chosen[i] = !sites && (!layers || (parsed[i].layer != SITE_NO_LAYER && in_layers[parsed[i].layer]));
  for (const char *at = sites; at && status == STATUS_OK;) {
    const size_t size = strcspn(at, ",");
    char word[256];
    snprintf(word, sizeof word, "%.*s", (int)(size < sizeof word ? size : sizeof word), at);
    const char *kind = strncmp(word, "hook_", 5) == 0 ? word + 5 : word;
    bool found = false;
    for (size_t i = 0; i < n; i++) {
      const bool is_kind = kind[0] && strcmp(kind, parsed[i].kind) == 0;
      const bool wanted = is_kind && (parsed[i].layer == SITE_NO_LAYER || in_layers[parsed[i].layer]);
      if (!wanted && (size == 0 || strcmp(word, names[i]) != 0)) continue;
      chosen[i] = found = true;
    }
    if (!found)
      status =
          error_set(err, STATUS_USAGE, "--sites: %s has no site %s%s", where, word, layers ? " in these layers" : "");
    at = at[size] ? at + size + 1 : NULL;
  }
  free(in_layers);
  free(parsed);
  return status;
}
