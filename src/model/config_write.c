/* config.json as transformers reads it. What came from a config.json keeps its keys; what came from GGUF gets those of
 * the family's row. */
#include "model/config_parts.h"

#include <math.h>
#include <string.h>

static void add_id(Json *json, const char *key, int32_t id) {
  if (id >= 0)
    json_set(json, key, json_new_number(id));
  else
    json_set(json, key, json_new_null());
}

/* The setting as a number; NAN where the key is left to its default. */
static double setting_value(const ModelConfig *c, Setting setting) {
  const double head_scale = c->layers[0].attention_scale;
  switch (setting) {
  case SETTING_N_LAYERS: return (double)c->n_layers;
  case SETTING_HIDDEN_SIZE: return (double)c->hidden_size;
  case SETTING_N_HEADS: return (double)c->n_heads;
  case SETTING_N_KV_HEADS: return (double)c->n_kv_heads;
  case SETTING_HEAD_DIM: return (double)c->head_dim;
  case SETTING_INTERMEDIATE_SIZE: return (double)c->intermediate_size;
  case SETTING_VOCAB_SIZE: return (double)c->vocab_size;
  case SETTING_MAX_POSITIONS: return (double)c->max_positions;
  case SETTING_NORM_EPS: return c->norm_eps;
  case SETTING_TIED: return c->tied_embeddings;
  case SETTING_ATTENTION_BIAS: return c->has[ROLE_Q_BIAS];
  case SETTING_MLP_BIAS: return c->has[ROLE_UP_BIAS];
  case SETTING_PARALLEL_RESIDUAL: return c->parallel_residual;
  case SETTING_ORIGINAL_POSITIONS:
    return c->ropes[ROPE_GLOBAL].scaling >= ROPE_YARN ? (double)c->ropes[ROPE_GLOBAL].original_positions : NAN;
  case SETTING_QUERY_SCALAR: return round(1 / (head_scale * head_scale));
  case SETTING_ATTENTION_MULTIPLIER: return head_scale;
  case SETTING_ATTENTION_SOFTCAP: return c->attention_softcap;
  case SETTING_LOGIT_SOFTCAP: return c->logit_softcap;
  case SETTING_EMBEDDING_MULTIPLIER: return c->embedding_scale;
  case SETTING_RESIDUAL_MULTIPLIER: return c->residual_scale;
  case SETTING_LOGITS_DIVISOR: return 1 / c->logit_scale;
  case SETTING_N_EXPERTS: return (double)c->n_experts;
  case SETTING_N_EXPERTS_USED: return (double)c->n_experts_used;
  case SETTING_EXPERT_SIZE: return (double)c->expert_size;
  case SETTING_SHARED_EXPERT_SIZE: return (double)c->shared_expert_size;
  case SETTING_RENORMALISE: return c->renormalise;
  default: return NAN;
  }
}

/* The window, whichever blocks have it; the pattern of these is the family's own. */
static size_t widest_window(const ModelConfig *c) {
  size_t window = 0;
  for (size_t l = 0; l < c->n_layers; l++)
    if (c->layers[l].window > window) window = c->layers[l].window;
  return window;
}

static void add_types(const ModelConfig *c, Json *json, const char *key) {
  Json *list = json_add_array(json, key);
  for (size_t l = 0; l < c->n_layers; l++)
    json_add_string(list, NULL, c->layers[l].window ? "sliding_attention" : "full_attention");
}

static void add_factors(Json *json, const char *key, const double *factors, size_t n) {
  Json *list = json_add_array(json, key);
  for (size_t i = 0; i < n; i++) json_add_number(list, NULL, factors[i]);
}

static void add_if(Json *json, const char *key, double value) {
  if (value > 0) json_add_number(json, key, value);
}

static void add_rope(const ModelConfig *c, const Rope *rope, Json *json) {
  json_add_string(json, "rope_type", rope_scaling_name(rope->scaling));
  json_add_number(json, "rope_theta", rope->theta);
  if (family_has_key(c->family, SETTING_ROTARY_SHARE))
    json_add_number(json, "partial_rotary_factor", (double)c->rotary_dim / (double)c->head_dim);
  if (rope->scaling == ROPE_PLAIN) return;
  add_if(json, "factor", rope->factor);
  add_if(json, "attention_factor", rope->attention_factor);
  add_if(json, "low_freq_factor", rope->low_turns);
  add_if(json, "high_freq_factor", rope->high_turns);
  add_if(json, "beta_fast", rope->beta_fast);
  add_if(json, "beta_slow", rope->beta_slow);
  add_if(json, "mscale", rope->mscale);
  add_if(json, "mscale_all_dim", rope->mscale_all_dim);
  if (rope->scaling >= ROPE_YARN)
    json_add_number(json, "original_max_position_embeddings", (double)rope->original_positions);
  if (rope->exact_ramp) json_add_bool(json, "truncate", false);
  if (rope->scaling != ROPE_LONGROPE) return;
  add_factors(json, "short_factor", rope->short_factors, c->rotary_dim / 2);
  add_factors(json, "long_factor", rope->long_factors, c->rotary_dim / 2);
}

static void add_ropes(const ModelConfig *c, Json *json) {
  Json *object = json_add_object(json, "rope_parameters");
  if (c->ropes[ROPE_LOCAL].theta > 0) {
    add_rope(c, &c->ropes[ROPE_GLOBAL], json_add_object(object, "full_attention"));
    add_rope(c, &c->ropes[ROPE_LOCAL], json_add_object(object, "sliding_attention"));
  } else
    add_rope(c, &c->ropes[ROPE_GLOBAL], object);
}

static void add_key(const ModelConfig *c, const ConfigKey *key, Json *json) {
  const double value = setting_value(c, key->setting);
  if (json_get(json, key->key)) return;
  switch (key->setting) {
  case SETTING_ACTIVATION: json_add_string(json, key->key, activation_name(c->activation)); return;
  case SETTING_ROPE_SCALING:
    if (!json_get(json, "rope_parameters")) add_ropes(c, json);
    return;
  case SETTING_LAYER_TYPES: add_types(c, json, key->key); return;
  case SETTING_WINDOW:
    if (widest_window(c))
      json_add_number(json, key->key, (double)widest_window(c));
    else
      json_add_null(json, key->key);
    return;
  case SETTING_USE_WINDOW: json_add_bool(json, key->key, widest_window(c) > 0); return;
  case SETTING_ATTENTION_SOFTCAP:
  case SETTING_LOGIT_SOFTCAP:
    if (value == 0) {
      json_add_null(json, key->key);
      return;
    }
    break;
  default: break;
  }
  if (isnan(value)) return;
  if (setting_kind(key->setting) == SETTING_FLAG)
    json_add_bool(json, key->key, value != 0);
  else
    json_add_number(json, key->key, value);
}

static Json *from_numbers(const ModelConfig *c) {
  Json *json = json_new_object();
  json_add_null(json, "architectures"); /* set below: it stands first */
  for (const ConfigKey *key = c->family->keys; key->key; key++) add_key(c, key, json);
  return json;
}

/* transformers insists on a fraction in what it declares as float. */
static void write_reals(const Family *family, Json *json) {
  static const char *const others[] = {"initializer_range", "router_aux_loss_coef", "router_jitter_noise"};
  for (const ConfigKey *key = family->keys; key->key; key++) {
    const Json *node = json_get(json, key->key);
    if (json_is_number(node) && setting_kind(key->setting) == SETTING_NUMBER && key->setting > SETTING_FIXED &&
        key->setting != SETTING_QUERY_SCALAR) /* which is whole */
      json_set(json, key->key, json_new_real(json_number(node, 0)));
  }
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
    if (json_is_number(json_get(json, others[i])))
      json_set(json, others[i], json_new_real(json_number(json_get(json, others[i]), 0)));
}

Json *config_to_json(const ModelConfig *c, bool classifier, int32_t bos, int32_t eos, int32_t pad) {
  static const char *const dropped[] = {"_name_or_path",        "auto_map",     "dtype",     "torch_dtype",
                                        "transformers_version", "problem_type", "num_labels"};
  Json *json = c->source ? json_copy(c->source) : from_numbers(c), *architectures = json_new_array();
  const bool has_class = classifier && c->family->hf_classifier;
  for (size_t i = 0; i < sizeof dropped / sizeof dropped[0]; i++) json_remove(json, dropped[i]);
  json_add_string(architectures, NULL, has_class ? c->family->hf_classifier : c->family->hf_causal);
  json_set(json, "architectures", architectures);
  json_set(json, "model_type", json_new_string(c->family->hf_model_type));
  json_set(json, "tie_word_embeddings", json_new_bool(c->tied_embeddings));
  add_id(json, "bos_token_id", bos);
  add_id(json, "eos_token_id", eos);
  add_id(json, "pad_token_id", pad);
  json_remove(json, "id2label");
  json_remove(json, "label2id");
  if (classifier) {
    json_add_string(json_add_object(json, "id2label"), "0", "reward");
    json_add_number(json_add_object(json, "label2id"), "reward", 0);
  }
  json_add_string(json, "torch_dtype", "float32");
  write_reals(c->family, json);
  return json;
}
