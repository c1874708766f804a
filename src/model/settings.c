/* Traits of the settings: how each is written, its range, and its value in families that have no key for it. */
#include "model/config_parts.h"

#include <stdlib.h>
#include <string.h>

/* What is not a plain number, or has another value than 0 where a family has no key for it. */
static const struct {
  SettingKind kind;
  bool may_be_none; /* of a size: 0 and null say none, or as usual */
  double most, base;
} traits[SETTING_COUNT] = {
    [SETTING_NONE] = {SETTING_NUMBER, false, 0, 0},
    [SETTING_N_LAYERS] = {SETTING_SIZE, false, MOST_LAYERS, 0},
    [SETTING_HIDDEN_SIZE] = {SETTING_SIZE, false, MOST_WIDTH, 0},
    [SETTING_N_HEADS] = {SETTING_SIZE, false, MOST_WIDTH, 0},
    [SETTING_N_KV_HEADS] = {SETTING_SIZE, true, MOST_WIDTH, 0},
    [SETTING_HEAD_DIM] = {SETTING_SIZE, true, MOST_WIDTH, 0},
    [SETTING_INTERMEDIATE_SIZE] = {SETTING_SIZE, true, MOST_WIDTH, 0},
    [SETTING_VOCAB_SIZE] = {SETTING_SIZE, false, MOST_VOCAB, 0},
    [SETTING_MAX_POSITIONS] = {SETTING_SIZE, false, MOST_POSITIONS, 0},
    [SETTING_TIED] = {SETTING_FLAG, false, 0, 0},
    [SETTING_ACTIVATION] = {SETTING_TEXT, false, 0, 0},
    [SETTING_ATTENTION_BIAS] = {SETTING_FLAG, false, 0, 1},
    [SETTING_MLP_BIAS] = {SETTING_FLAG, false, 0, 1},
    [SETTING_PARALLEL_RESIDUAL] = {SETTING_FLAG, false, 0, 0},
    [SETTING_ROTARY_SHARE] = {SETTING_NUMBER, false, 0, 1},
    [SETTING_ROTARY_DIM] = {SETTING_SIZE, true, MOST_WIDTH, 0},
    [SETTING_ORIGINAL_POSITIONS] = {SETTING_SIZE, true, MOST_POSITIONS, 0},
    [SETTING_NO_ROTARY_INTERVAL] = {SETTING_SIZE, true, MOST_LAYERS, 0},
    [SETTING_WINDOW] = {SETTING_SIZE, true, MOST_POSITIONS, 0},
    [SETTING_USE_WINDOW] = {SETTING_FLAG, false, 0, 1},
    [SETTING_WINDOW_PERIOD] = {SETTING_SIZE, false, MOST_LAYERS, 2},
    [SETTING_WINDOW_LAYERS] = {SETTING_SIZE, true, MOST_LAYERS, 0},
    [SETTING_SCALE_SCORES] = {SETTING_FLAG, false, 0, 1},
    [SETTING_SCALE_BY_LAYER] = {SETTING_FLAG, false, 0, 0},
    [SETTING_EMBEDDING_MULTIPLIER] = {SETTING_NUMBER, false, 0, 1},
    [SETTING_RESIDUAL_MULTIPLIER] = {SETTING_NUMBER, false, 0, 1},
    [SETTING_LOGITS_DIVISOR] = {SETTING_NUMBER, false, 0, 1},
    [SETTING_N_EXPERTS] = {SETTING_SIZE, true, MOST_EXPERTS, 0},
    [SETTING_N_EXPERTS_USED] = {SETTING_SIZE, true, MOST_EXPERTS, 0},
    [SETTING_EXPERT_SIZE] = {SETTING_SIZE, true, MOST_WIDTH, 0},
    [SETTING_SHARED_EXPERT_SIZE] = {SETTING_SIZE, true, MOST_WIDTH, 0},
    [SETTING_RENORMALISE] = {SETTING_FLAG, false, 0, 1},
    [SETTING_EXPERT_PERIOD] = {SETTING_SIZE, false, MOST_LAYERS, 1},
    [SETTING_LAYER_TYPES] = {SETTING_LIST, false, 0, 0},
    [SETTING_ROTARY_LAYERS] = {SETTING_LIST, false, 0, 0},
    [SETTING_DENSE_LAYERS] = {SETTING_LIST, false, 0, 0},
    [SETTING_ROPE_SCALING] = {SETTING_OBJECT, false, 0, 0},
};

SettingKind setting_kind(Setting setting) { return traits[setting].kind; }
int64_t setting_least(Setting setting) { return traits[setting].may_be_none ? 0 : 1; }
double setting_most(Setting setting) { return traits[setting].most; }

static const struct {
  const char *name;
  Activation activation;
} activations[] = {{"silu", ACTIVATION_SILU},
                   {"swish", ACTIVATION_SILU},
                   {"gelu_pytorch_tanh", ACTIVATION_GELU_TANH},
                   {"gelu_new", ACTIVATION_GELU_TANH},
                   {"gelu_fast", ACTIVATION_GELU_TANH},
                   {"gelu", ACTIVATION_GELU_ERF},
                   {"relu", ACTIVATION_RELU}};
enum { N_ACTIVATIONS = sizeof activations / sizeof activations[0] };

bool activation_from_name(const char *name, bool gelu_is_tanh, Activation *activation) {
  for (size_t i = 0; i < N_ACTIVATIONS; i++) {
    if (strcmp(activations[i].name, name) != 0) continue;
    *activation = activations[i].activation;
    if (gelu_is_tanh && *activation == ACTIVATION_GELU_ERF) *activation = ACTIVATION_GELU_TANH;
    return true;
  }
  return false;
}

const char *activation_name(Activation activation) {
  size_t i = 0;
  while (activations[i].activation != activation) i++;
  return activations[i].name;
}

void settings_init(Settings *s, const Family *family) {
  *s = (Settings){.family = family};
  for (size_t i = 0; i < SETTING_COUNT; i++) s->value[i] = traits[i].base;
  bool is_set[SETTING_COUNT] = {[SETTING_NONE] = true, [SETTING_FIXED] = true};
  for (const ConfigKey *key = family->keys; key->key; key++) { /* of two keys for a setting the first one's default */
    if (!is_set[key->setting]) s->value[key->setting] = key->otherwise;
    is_set[key->setting] = true;
  }
}

void settings_clear(Settings *s) {
  free(s->types);
  free(s->rotary);
  free(s->dense);
  free(s->rope_factors);
  *s = (Settings){0};
}
