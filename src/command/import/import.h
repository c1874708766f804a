/* What the parts of `fathom import` share: import.c (the command and its loop), sites.c (which arrays are
 * sites), samples.c (what the samples are), rows.c (which token of which sample each row is). */
#ifndef FATHOM_COMMAND_IMPORT_IMPORT_H
#define FATHOM_COMMAND_IMPORT_IMPORT_H

#include "command/command.h"
#include "store/activations.h"
#include "text/samples/samples.h"
#include "weights/arrays.h"

typedef struct ImportSettings {
  CommonSettings common;
  const char *output, *site, *sites, *layers, *samples, *tokens, *store_dtype, *model;
} ImportSettings;

/* The arrays that become sites, in the order of the store: by layer, then as in the file. */
typedef struct ImportSites {
  const Array **arrays;
  char **names;
  size_t count;
} ImportSites;

/* An array's key as a site's name: full names as they are, short forms completed ("resid_post.3", "embed"); freed by
 * the caller. A short form that lives in every block is STATUS_DATA where it does not say in which. */
Status import_site_name(const char *key, char **name, Error *err);

/* Is it one of the keys that say something of samples or rows? */
bool import_is_reserved(const char *key);
/* These keys, for help texts. */
#define IMPORT_KEYS                                                                                                    \
  "  sample, token_index             [rows] integers: which sample a row is of, from 0, and which of its tokens\n"     \
  "  id, label, group, text_digest   [samples] texts, or integers as texts\n"                                            \
  "  n_tokens                        [samples] integers\n"                                                             \
  "  token_ids                       integers: of all samples, one behind the other, n_tokens of each\n"

Status import_choose_sites(const ArrayFile *file, const ImportSettings *settings, ImportSites *sites, Error *err);
void import_sites_clear(ImportSites *sites); /* all zeros is fine */

/* What is known of samples and rows; NULL members are not. */
typedef struct ImportIds {
  size_t n_samples, n_rows; /* n_samples 0: not known yet */
  const char *counted_by;   /* what gave n_samples, for messages */
  char **ids, **digests, **groups, **labels;
  uint32_t *n_tokens;
  int32_t *token_ids;
  uint64_t *offsets;
  uint32_t *row_sample, *row_token;
  const char *token_rule;
  char data_digest[DIGEST_TEXT]; /* of --samples, else "" */
} ImportIds;

/* What the file's arrays and the file of --samples say of samples. */
Status import_read_samples(const ArrayFile *file, const ImportSettings *settings, ImportIds *ids, Error *err);
/* The rest: row by row what it is, and the samples' defaults. */
Status import_place_rows(const ArrayFile *file, const ImportSettings *settings, ImportIds *ids, Error *err);
void import_ids_clear(ImportIds *ids); /* all zeros is fine */

/* A reserved array of integers within [0, most]; *values NULL where there is none. Freed by the caller. */
Status import_read_numbers(const ArrayFile *file, const char *key, int64_t most, uint32_t **values, size_t *n,
                           Error *err);

#endif
