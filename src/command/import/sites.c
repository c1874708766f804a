/* Which arrays of a file are sites, and their names. */
#include "base/memory.h"
#include "base/sitename.h"
#include "command/import/import.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static bool is_among(const char *word, const char *const *words) {
  while (*words && strcmp(word, *words) != 0) words++;
  return *words != NULL;
}

bool import_is_reserved(const char *key) {
  static const char *const reserved[] = {"sample",      "token_index", "id",        "label", "group",
                                         "text_digest", "n_tokens",    "token_ids", NULL};
  return is_among(key, reserved);
}

/* "resid_post" and its like, with "hook_" or "attn.hook_" before it. */
static bool is_in_blocks(const char *kind) {
  static const char *const kinds[] = {"resid_pre", "q",         "k",       "v",          "z",
                                      "attn_out",  "resid_mid", "mlp_out", "resid_post", NULL};
  return is_among(kind, kinds);
}

static const char *without_hook(const char *text) {
  if (strncmp(text, "attn.", 5) == 0) text += 5;
  return strncmp(text, "hook_", 5) == 0 ? text + 5 : text;
}

/* A whole number that is a layer; *end is behind it. */
static bool read_layer(const char *text, int *layer, const char **end) {
  char *behind;
  if (!isdigit((unsigned char)*text)) return false;
  const unsigned long number = strtoul(text, &behind, 10);
  *layer = (int)number;
  *end = behind;
  return number < INT_MAX;
}

/* "blocks.3.resid_post", "resid_post.3" and "resid_post_3". */
static char *block_site(const char *key) {
  const char *end;
  int layer;
  if (strncmp(key, "blocks.", 7) == 0)
    return read_layer(key + 7, &layer, &end) && *end == '.' && is_in_blocks(without_hook(end + 1))
               ? site_name_format(without_hook(end + 1), layer)
               : NULL;
  size_t n = strlen(key);
  while (n > 0 && isdigit((unsigned char)key[n - 1])) n--;
  if (n == 0 || (key[n - 1] != '.' && key[n - 1] != '_') || !read_layer(key + n, &layer, &end)) return NULL;
  char *kind = mem_format("%.*s", (int)(n - 1), key);
  char *name = is_in_blocks(without_hook(kind)) ? site_name_format(without_hook(kind), layer) : NULL;
  free(kind);
  return name;
}

Status import_site_name(const char *key, char **name, Error *err) {
  const char *kind = without_hook(key);
  if (is_in_blocks(kind))
    return error_set(err, STATUS_DATA, "\"%s\" is in every block: expected a block's, such as %s.3 or blocks.3.hook_%s",
                     key, kind, kind);
  if (strcmp(kind, "embed") == 0 || strcmp(kind, "ln_final") == 0)
    *name = site_name_format(kind, SITE_NO_LAYER);
  else if (!(*name = block_site(key)))
    *name = mem_copy_string(key);
  for (const char *c = *name; *c; c++)
    if (*c == '/' || (unsigned char)*c < ' ' || *c == 127) {
      free(*name);
      return error_set(err, STATUS_DATA, "\"%s\" cannot be a site's name: expected one without / and control bytes",
                       key);
    }
  if (**name && strcmp(*name, ".") != 0) return STATUS_OK;
  free(*name);
  return error_set(err, STATUS_DATA, "\"%s\" cannot be a site's name", key);
}

void import_sites_clear(ImportSites *sites) {
  for (size_t i = 0; i < sites->count; i++) free(sites->names[i]);
  free(sites->names);
  free(sites->arrays);
  *sites = (ImportSites){0};
}

/* Every array that is not reserved. */
static Status name_sites(const ArrayFile *file, const ImportSettings *s, ImportSites *sites, Error *err) {
  sites->arrays = mem_alloc(file->count, sizeof *sites->arrays);
  sites->names = mem_alloc(file->count, sizeof *sites->names);
  for (size_t i = 0; i < file->count; i++) {
    const char *key = file->is_npy ? s->site : file->items[i].name;
    if (!file->is_npy && import_is_reserved(key)) continue;
    const Status status = import_site_name(key, &sites->names[sites->count], err);
    if (status != STATUS_OK) return error_prefix(err, "%s", file->is_npy ? "--site" : file->path);
    for (size_t j = 0; j < sites->count; j++)
      if (strcmp(sites->names[j], sites->names[sites->count]) == 0) {
        free(sites->names[sites->count]);
        return error_set(err, STATUS_DATA, "%s: arrays %s and %s are one site, %s", file->path, sites->arrays[j]->name,
                         key, sites->names[j]);
      }
    sites->arrays[sites->count++] = &file->items[i];
  }
  if (sites->count) return STATUS_OK;
  return error_set(err, STATUS_DATA, "%s: holds no array that could be a site", file->path);
}

static Status keep_selected(const ArrayFile *file, const ImportSettings *s, ImportSites *sites, Error *err) {
  bool *chosen = mem_alloc(sites->count, sizeof *chosen);
  const Status status =
      sites_select(s->sites, s->layers, (const char *const *)sites->names, sites->count, file->path, chosen, err);
  size_t n = 0;
  for (size_t i = 0; i < sites->count && status == STATUS_OK; i++) {
    if (!chosen[i]) {
      free(sites->names[i]);
      continue;
    }
    sites->names[n] = sites->names[i];
    sites->arrays[n++] = sites->arrays[i];
  }
  if (status == STATUS_OK) sites->count = n;
  free(chosen);
  if (status != STATUS_OK || n) return status;
  return error_set(err, STATUS_USAGE, "%s: no site is in these layers", file->path);
}

/* embed and names of other shapes first, ln_final last. */
static int layer_of(const char *name) {
  const SiteName site = site_name_parse(name);
  return strcmp(site.kind, "ln_final") == 0 ? INT_MAX : site.layer;
}

/* By layer, else as they were: an insertion sort, since sites are hundreds at most and mostly in order. */
static void sort_sites(ImportSites *sites) {
  for (size_t i = 1; i < sites->count; i++) {
    char *name = sites->names[i];
    const Array *array = sites->arrays[i];
    size_t at = i;
    for (; at > 0 && layer_of(sites->names[at - 1]) > layer_of(name); at--) {
      sites->names[at] = sites->names[at - 1];
      sites->arrays[at] = sites->arrays[at - 1];
    }
    sites->names[at] = name;
    sites->arrays[at] = array;
  }
}

static Status check_arrays(const ArrayFile *file, const ImportSites *sites, Error *err) {
  for (size_t i = 0; i < sites->count; i++) {
    const Array *a = sites->arrays[i];
    const char *name = file->is_npy ? sites->names[i] : a->name,
               *hint = file->is_npy ? "" : " (--sites leaves arrays out)";
    if (!array_is_float(a))
      return error_set(err, STATUS_DATA, "%s: %s is of type %s, expected floats of 16, 32 or 64 bits%s", file->path,
                       name, a->type_name, hint);
    if (a->n_dims != 2)
      return error_set(err, STATUS_DATA, "%s: %s has %zu dimensions, expected two: rows, width%s", file->path, name,
                       a->n_dims, hint);
    if (a->count == 0)
      return error_set(err, STATUS_DATA, "%s: %s is of %zu rows and width %zu: it is empty", file->path, name,
                       a->shape[0], a->shape[1]);
    if (a->shape[0] != sites->arrays[0]->shape[0])
      return error_set(err, STATUS_DATA, "%s: %s has %zu rows, but %s has %zu%s", file->path, name, a->shape[0],
                       sites->arrays[0]->name, sites->arrays[0]->shape[0], hint);
  }
  return STATUS_OK;
}

Status import_choose_sites(const ArrayFile *file, const ImportSettings *s, ImportSites *sites, Error *err) {
  *sites = (ImportSites){0};
  if (file->is_npy && !s->site)
    return error_set(err, STATUS_USAGE, "%s: --site NAME is needed: a .npy does not say what it is", file->path);
  if (!file->is_npy && s->site)
    return error_set(err, STATUS_USAGE, "--site names the array of a .npy; those of %s have names", file->path);
  Status status = name_sites(file, s, sites, err);
  if (status == STATUS_OK) status = keep_selected(file, s, sites, err);
  if (status != STATUS_OK) return status;
  sort_sites(sites);
  return check_arrays(file, sites, err);
}
