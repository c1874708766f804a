/* What the parts of the config reader share: config_hf.c and config_gguf.c read a file into Settings, config.c makes
 * the numbers of a model of them, config_write.c writes them. Nobody else includes it. */
#ifndef FATHOM_MODEL_CONFIG_PARTS_H
#define FATHOM_MODEL_CONFIG_PARTS_H

#include "model/config.h"

/* Bounds of what a file may say: enough for any model, and products of them fit. */
enum {
  MOST_LAYERS = 1024,
  MOST_WIDTH = 1 << 20,
  MOST_VOCAB = 1 << 24,
  MOST_POSITIONS = 1 << 28,
  MOST_EXPERTS = 1 << 12,
  MOST_EXPERTS_IN_ALL = 1 << 17,
};

typedef enum LayerType { LAYER_UNSAID, LAYER_FULL, LAYER_SLIDING } LayerType;

/* One file's settings, before they are checked against each other. */
typedef struct Settings {
  const Family *family;
  double value[SETTING_COUNT];
  /* Of each block, where the file has a list; NULL where not. */
  LayerType *types;
  bool *rotary;
  bool *dense;
  Rope ropes[ROPE_COUNT];
  double *rope_factors; /* what their factors point to: one set for short texts and one for long, [n] each */
  size_t n_rope_factors;
} Settings;

void settings_init(Settings *settings, const Family *family); /* the family's defaults, NAN where it has none */
void settings_clear(Settings *settings);                      /* all zeros is fine */

/* How a setting is written, and the range of a SETTING_SIZE; where 0 is allowed it says "none" or "as usual". */
SettingKind setting_kind(Setting setting);
int64_t setting_least(Setting setting);
double setting_most(Setting setting);

/* Both begin with settings_init; what is read must be cleared also after an error. */
Status settings_read_hf(const Json *json, const Family *family, bool strict, Settings *settings, Error *err);
Status settings_read_gguf(const Gguf *gguf, bool strict, Settings *settings, Error *err);

/* The rotary positions, once the other settings are known. */
Status settings_read_rope_hf(const Json *json, bool strict, Settings *settings, Error *err);
Status settings_read_rope_gguf(const Gguf *gguf, Settings *settings, Error *err);

/* As Hugging Face writes it. */
const char *rope_scaling_name(RopeScaling scaling);

/* "silu", "gelu", ...; false for an unknown one. */
bool activation_from_name(const char *name, bool gelu_is_tanh, Activation *activation);
const char *activation_name(Activation activation);

#endif
