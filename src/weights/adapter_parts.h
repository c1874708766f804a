/* What adapter.c and adapter_config.c share: the settings of adapter_config.json. */
#ifndef FATHOM_WEIGHTS_ADAPTER_PARTS_H
#define FATHOM_WEIGHTS_ADAPTER_PARTS_H

#include "base/json.h"
#include "base/pattern.h"

/* What a pattern over module names decides: a rank, an alpha, or only whether it matches. */
typedef struct ModuleRule {
  Pattern *pattern;
  double value;
} ModuleRule;

typedef struct ModuleRules {
  ModuleRule *items;
  size_t count;
} ModuleRules;

typedef struct AdapterSettings {
  char *path; /* of adapter_config.json */
  Json *root;
  size_t rank;
  double alpha;
  bool rslora, has_bias;
  ModuleRules ranks, alphas;     /* rank_pattern, alpha_pattern */
  ModuleRules targets, excluded; /* target_modules and exclude_modules where they are a pattern */
  ModuleRules layers;            /* layers_pattern */
} AdapterSettings;

Status adapter_settings_read(const char *folder, bool strict, AdapterSettings *settings, Error *err);
void adapter_settings_clear(AdapterSettings *settings); /* all zeros is fine */

/* Rank and scale of a module. */
Status adapter_settings_factors(const AdapterSettings *settings, const char *module, size_t *rank, double *scale,
                                Error *err);

/* Is it one of target_modules? */
Status adapter_settings_targets(const AdapterSettings *settings, const char *module, bool *targets, Error *err);

/* Is it, or what it lies in, one of modules_to_save? PEFT saves every module whose name ends in such a text. */
bool adapter_settings_saves(const AdapterSettings *settings, const char *module);

#endif
