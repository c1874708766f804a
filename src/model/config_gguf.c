/* Settings from GGUF metadata, under the names that llama.cpp gives them. */
#include "base/log.h"
#include "base/memory.h"
#include "model/config_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define FROM_FAMILY INFINITY /* the family's own default stands */

/* Behind the architecture's name and a dot; the value where the key is missing, NAN where it must be there. */
static const struct {
  const char *key;
  Setting setting;
  double otherwise;
} keys[] = {
    {"block_count", SETTING_N_LAYERS, NAN},
    {"embedding_length", SETTING_HIDDEN_SIZE, NAN},
    {"attention.head_count", SETTING_N_HEADS, NAN},
    {"attention.head_count_kv", SETTING_N_KV_HEADS, 0},
    {"attention.key_length", SETTING_HEAD_DIM, 0},
    {"feed_forward_length", SETTING_INTERMEDIATE_SIZE, NAN},
    {"context_length", SETTING_MAX_POSITIONS, 2048},
    {"use_parallel_residual", SETTING_PARALLEL_RESIDUAL, FROM_FAMILY},
    {"rope.freq_base", SETTING_ROPE_THETA, 1e4},
    {"rope.freq_base_swa", SETTING_LOCAL_ROPE_THETA, FROM_FAMILY},
    {"rope.dimension_count", SETTING_ROTARY_DIM, 0},
    {"rope.scaling.original_context_length", SETTING_ORIGINAL_POSITIONS, 0},
    {"attention.sliding_window", SETTING_WINDOW, FROM_FAMILY},
    {"attention.scale", SETTING_ATTENTION_MULTIPLIER, 0},
    {"attn_logit_softcapping", SETTING_ATTENTION_SOFTCAP, FROM_FAMILY},
    {"final_logit_softcapping", SETTING_LOGIT_SOFTCAP, FROM_FAMILY},
    {"embedding_scale", SETTING_EMBEDDING_MULTIPLIER, FROM_FAMILY},
    {"residual_scale", SETTING_RESIDUAL_MULTIPLIER, FROM_FAMILY},
    {"logit_scale", SETTING_LOGITS_DIVISOR, FROM_FAMILY},
    {"expert_count", SETTING_N_EXPERTS, 0},
    {"expert_used_count", SETTING_N_EXPERTS_USED, 0},
    {"expert_feed_forward_length", SETTING_EXPERT_SIZE, 0},
    {"expert_shared_feed_forward_length", SETTING_SHARED_EXPERT_SIZE, FROM_FAMILY},
    {"expert_weights_norm", SETTING_RENORMALISE, FROM_FAMILY},
};
enum { N_KEYS = sizeof keys / sizeof keys[0], KEY_SIZE = 128 };

/* Keys of which only the neutral value is supported. */
static const struct {
  const char *key;
  double neutral;
} fixed[] = {
    {"attention.causal", 1},          {"attention.clamp_kqv", 0},
    {"attention.max_alibi_bias", 0},  {"expert_group_count", 0},
    {"expert_weights_scale", 0},      {"expert_gating_func", 1 /* softmax */},
    {"leading_dense_block_count", 0}, {"rope.scaling.yarn_log_multiplier", 0},
};

/* Keys that are read elsewhere, or change no number. */
static const char *const others[] = {
    "attention.layer_norm_epsilon",
    "attention.layer_norm_rms_epsilon",
    "attention.sliding_window_pattern",
    "attention.value_length",
    "rope.scale_linear",
    "rope.scaling.attn_factor",
    "rope.scaling.factor",
    "rope.scaling.finetuned",
    "rope.scaling.type",
    "rope.scaling.yarn_beta_fast",
    "rope.scaling.yarn_beta_slow",
    "tensor_data_layout",
    "vocab_size",
};

static void full_key(const char *architecture, const char *suffix, char key[KEY_SIZE]) {
  snprintf(key, KEY_SIZE, "%s.%s", architecture, suffix);
}

static Status wrong_type(const char *key, const char *expected, Error *err) {
  return error_set(err, STATUS_DATA, "%s is of another type, expected %s", key, expected);
}

/* A key that is there, as a number. */
static Status read_value(const Gguf *gguf, const char *key, Setting setting, double *value, Error *err) {
  int64_t whole;
  bool flag;
  switch (setting_kind(setting)) {
  case SETTING_SIZE:
    if (!gguf_integer(gguf, key, &whole)) return wrong_type(key, "a whole number", err);
    const int64_t least = setting_least(setting);
    if (whole < least || (double)whole > setting_most(setting))
      return error_set(err, STATUS_DATA, "%s is %lld, expected %lld to %.0f", key, (long long)whole, (long long)least,
                       setting_most(setting));
    *value = (double)whole;
    return STATUS_OK;
  case SETTING_FLAG:
    if (!gguf_bool(gguf, key, &flag)) return wrong_type(key, "a boolean", err);
    *value = flag;
    return STATUS_OK;
  default: return gguf_real(gguf, key, value) ? STATUS_OK : wrong_type(key, "a number", err);
  }
}

static Status read_keys(const Gguf *gguf, Settings *s, Error *err) {
  const char *architecture = s->family->gguf_architecture;
  char key[KEY_SIZE];
  for (size_t i = 0; i < N_KEYS; i++) {
    const Setting setting = keys[i].setting;
    full_key(architecture, keys[i].key, key);
    if (gguf_has(gguf, key)) {
      const Status status = read_value(gguf, key, setting, &s->value[setting], err);
      if (status != STATUS_OK) return status;
    } else if (!isinf(keys[i].otherwise))
      s->value[setting] = keys[i].otherwise;
    if (isnan(s->value[setting])) return error_set(err, STATUS_DATA, "%s is missing, expected a number", key);
  }
  full_key(architecture, s->family->layer_norm ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon",
           key);
  if (!gguf_has(gguf, key)) return error_set(err, STATUS_DATA, "%s is missing, expected a number", key);
  return read_value(gguf, key, SETTING_NORM_EPS, &s->value[SETTING_NORM_EPS], err);
}

static Status check_fixed(const Gguf *gguf, const char *architecture, Error *err) {
  char key[KEY_SIZE];
  for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
    double number;
    bool flag;
    full_key(architecture, fixed[i].key, key);
    if (!gguf_has(gguf, key)) continue;
    if (gguf_bool(gguf, key, &flag))
      number = flag;
    else if (!gguf_real(gguf, key, &number))
      return wrong_type(key, "a number", err);
    if (number != fixed[i].neutral)
      return error_set(err, STATUS_DATA, "%s is %g, which changes the numbers and is not supported", key, number);
  }
  return STATUS_OK;
}

static bool is_known(const char *suffix) {
  for (size_t i = 0; i < N_KEYS; i++)
    if (strcmp(keys[i].key, suffix) == 0) return true;
  for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
    if (strcmp(fixed[i].key, suffix) == 0) return true;
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
    if (strcmp(others[i], suffix) == 0) return true;
  return false;
}

static Status check_unknown(const Gguf *gguf, const char *architecture, bool strict, Error *err) {
  const size_t size = strlen(architecture);
  for (size_t i = 0; i < gguf_key_count(gguf); i++) {
    const char *key = gguf_key(gguf, i);
    if (strncmp(key, architecture, size) != 0 || key[size] != '.' || is_known(key + size + 1)) continue;
    if (strict) return error_set(err, STATUS_DATA, "unknown key \"%.80s\"", key);
    log_warn("unknown key \"%.80s\" is left out of account (--strict refuses it)", key);
  }
  return STATUS_OK;
}

/* Heads of values as wide as those of keys: no family here has others. */
static Status check_values(const Gguf *gguf, const Settings *s, Error *err) {
  char key[KEY_SIZE];
  int64_t width;
  full_key(s->family->gguf_architecture, "attention.value_length", key);
  const double expected = s->value[SETTING_HEAD_DIM] > 0 ? s->value[SETTING_HEAD_DIM]
                                                         : s->value[SETTING_HIDDEN_SIZE] / s->value[SETTING_N_HEADS];
  if (!gguf_has(gguf, key)) return STATUS_OK;
  if (!gguf_integer(gguf, key, &width)) return wrong_type(key, "a whole number", err);
  return (double)width == expected
             ? STATUS_OK
             : error_set(err, STATUS_DATA, "%s is %lld, expected %g as the keys have", key, (long long)width, expected);
}

/* Which blocks have the window: a list, or the number of the pattern. */
static Status read_pattern(const Gguf *gguf, Settings *s, Error *err) {
  char key[KEY_SIZE];
  int64_t period;
  const size_t n = (size_t)s->value[SETTING_N_LAYERS];
  full_key(s->family->gguf_architecture, "attention.sliding_window_pattern", key);
  if (!gguf_has(gguf, key)) return STATUS_OK;
  const GgufArray *array = gguf_array(gguf, key);
  if (!array && gguf_integer(gguf, key, &period) && period > 0 && period <= MOST_LAYERS) {
    s->value[SETTING_WINDOW_PERIOD] = (double)period;
    return STATUS_OK;
  }
  if (!array || gguf_array_type(array) != GGUF_BOOL) return wrong_type(key, "a number or a list of booleans", err);
  if (gguf_array_count(array) != n)
    return error_set(err, STATUS_DATA, "%s has %zu entries for %zu blocks", key, gguf_array_count(array), n);
  s->types = mem_alloc(n, sizeof *s->types);
  for (size_t l = 0; l < n; l++) s->types[l] = gguf_array_integer(array, l) ? LAYER_SLIDING : LAYER_FULL;
  return STATUS_OK;
}

/* Of block 0. */
static bool has_tensor(const Weights *weights, const char *pattern) {
  char name[KEY_SIZE];
  if (!pattern) return false;
  family_format_name(pattern, 0, 0, name, sizeof name);
  return weights_find(weights, name) != NULL;
}

/* What config.json says and GGUF shows by its tensors. */
static Status read_tensors(const Gguf *gguf, Settings *s, Error *err) {
  const Weights *weights = gguf_weights(gguf);
  const TensorNames *names = s->family->names;
  const Tensor *embed = weights_find(weights, names[ROLE_EMBED].gguf);
  if (!embed) return error_set(err, STATUS_DATA, "tensor %s is missing", names[ROLE_EMBED].gguf);
  s->value[SETTING_VOCAB_SIZE] = (double)embed->shape[0];
  s->value[SETTING_TIED] = weights_find(weights, names[ROLE_LM_HEAD].gguf) == NULL;
  s->value[SETTING_ATTENTION_BIAS] = has_tensor(weights, names[ROLE_Q_BIAS].gguf);
  s->value[SETTING_MLP_BIAS] = has_tensor(weights, names[ROLE_UP_BIAS].gguf);
  return STATUS_OK;
}

/* Is the row's marker there and not 0? */
static bool is_marked(const Gguf *gguf, const Family *family) {
  char key[KEY_SIZE];
  int64_t number = 0;
  for (size_t k = 0; k < N_KEYS; k++)
    if (keys[k].setting == family->gguf_marker) full_key(family->gguf_architecture, keys[k].key, key);
  return gguf_integer(gguf, key, &number) && number > 0;
}

static const Family *find_family(const Gguf *gguf, const char *architecture) {
  const Family *found = NULL;
  for (size_t i = 0; family_at(i); i++) {
    const Family *family = family_at(i);
    if (!family->gguf_architecture || strcmp(family->gguf_architecture, architecture) != 0) continue;
    if (family->gguf_marker ? is_marked(gguf, family) : !found) found = family;
  }
  return found;
}

Status settings_read_gguf(const Gguf *gguf, bool strict, Settings *s, Error *err) {
  GgufText text;
  char name[64];
  if (!gguf_text(gguf, "general.architecture", &text))
    return error_set(err, STATUS_DATA, "general.architecture is missing");
  snprintf(name, sizeof name, "%.*s", (int)(text.size < 60 ? text.size : 60), text.bytes);
  const Family *family = find_family(gguf, name);
  if (!family) return error_set(err, STATUS_DATA, "unknown architecture \"%s\" (general.architecture)", name);
  settings_init(s, family);
  s->value[SETTING_RENORMALISE] = family->gguf_renormalise || s->value[SETTING_RENORMALISE];
  Status status = check_fixed(gguf, name, err);
  if (status == STATUS_OK) status = read_keys(gguf, s, err);
  if (status == STATUS_OK) status = check_values(gguf, s, err);
  if (status == STATUS_OK) status = read_pattern(gguf, s, err);
  if (status == STATUS_OK) status = read_tensors(gguf, s, err);
  if (status == STATUS_OK && family->gguf_wide_query == (size_t)s->value[SETTING_N_LAYERS])
    s->value[SETTING_QUERY_SCALAR] = s->value[SETTING_HIDDEN_SIZE] / s->value[SETTING_N_HEADS];
  else if (status == STATUS_OK)
    s->value[SETTING_QUERY_SCALAR] = 0;
  if (status == STATUS_OK) status = settings_read_rope_gguf(gguf, s, err);
  return status == STATUS_OK ? check_unknown(gguf, name, strict, err) : status;
}
