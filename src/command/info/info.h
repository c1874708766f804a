/* What the parts of `fathom info` share: info.c (the command), model.c (models), config.c (their settings),
 * adapter.c (LoRA adapters), h5.c (stores and results), lexicon.c (word lists), pairs.c (preference
 * pairs), families.c (architectures), show.c (single values). */
#ifndef FATHOM_COMMAND_INFO_INFO_H
#define FATHOM_COMMAND_INFO_INFO_H

#include "base/json.h"
#include "command/command.h"
#include "weights/gguf.h"
#include "weights/source.h"
#include "weights/weights.h"

struct HeadTensors; /* model/head.h */

typedef struct InfoSettings {
  CommonSettings common;
  bool tensors, metadata, digest;
  const char *preference, *tokenizer; /* for pairs, tokenizer for lexicons as well; NULL where not given */
  bool strict;
} InfoSettings;

/* The table "section, name, value" that every kind of file answers with. */
extern const char *const info_columns[3];

void info_text(Table *table, const char *section, const char *name, const char *value);
void info_count(Table *table, const char *section, const char *name, size_t value);
void info_number(Table *table, const char *section, const char *name, double value); /* see info_decimal */

/* A number that a file may hold as a float: the shortest decimal that is the same float (1e-05, not 9.99999975e-06). */
double info_decimal(double value);

/* "[2, 3]"; freed by the caller. */
char *info_shape(const size_t *shape, size_t n_dims);

/* Text from a file for a terminal: valid UTF-8, no control characters, cut where long; freed by the caller. */
char *info_shown_text(const char *bytes, size_t size);

/* The value of a GGUF key, or of a node of config.json, as one cell. */
void info_gguf_cell(Table *table, const Gguf *gguf, const char *key);
void info_json_cell(Table *table, const Json *node);

/* The rows of section "config". */
void info_model_config(Table *table, const Source *source);

/* The parts of a model's answer that an adapter has too. */
void info_weights(Table *table, const Weights *weights);
void info_tensors(Table *table, const Weights *weights);
void info_config(Table *table, const Json *config);
void info_head(Table *table, const struct HeadTensors *head, const Error *err); /* err: why there is none to show, or NULL */

/* The tables of --tensors, --metadata and neither. */
Table *info_begin(const InfoSettings *settings, const Provenance *from);

/* The table of families. */
Status info_families(const InfoSettings *settings, const Provenance *from, Error *err);

Status info_adapter(const char *path, const InfoSettings *settings, Provenance provenance, Error *err);
Status info_model(const char *path, const InfoSettings *settings, Provenance provenance, Error *err);

bool info_is_pairs(const char *path); /* does its name end as that of a data file? */
Status info_pairs(const char *path, const InfoSettings *settings, const Provenance *from, Error *err);

bool info_is_lexicon(const char *path); /* does its name end as that of a lexicon? */
Status info_lexicon(const char *path, const InfoSettings *settings, const Provenance *from, Error *err);

bool info_is_h5(const char *path); /* does it start as an HDF5 file does? */
Status info_h5(const char *path, const InfoSettings *settings, const Provenance *from, Error *err);

#endif
