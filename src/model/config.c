/* Model configuration: two readers and one writer. */
#include "model/config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_LAYERS = 1024, MOST_WIDTH = 1 << 20, MOST_VOCAB = 1 << 24, MOST_POSITIONS = 1 << 28 };

/* Relations that hold for every family. */
static Status config_check(const ModelConfig *c, Error *err) {
  if (c->n_heads % c->n_kv_heads != 0)
    return error_set(err, STATUS_DATA, "%zu attention heads cannot share %zu key/value heads evenly", c->n_heads,
                     c->n_kv_heads);
  if (c->head_dim == 0 || c->head_dim % 2 != 0)
    return error_set(err, STATUS_DATA, "head_dim is %zu, rotary positions need an even number", c->head_dim);
  if (!(c->rms_norm_eps > 0 && c->rms_norm_eps < 1))
    return error_set(err, STATUS_DATA, "rms_norm_eps is %g, expected a small positive number", c->rms_norm_eps);
  if (!(c->rope_theta > 0 && isfinite(c->rope_theta)))
    return error_set(err, STATUS_DATA, "rope_theta is %g, expected a positive number", c->rope_theta);
  return STATUS_OK;
}

static Status unsupported(const char *key, const char *found, Error *err) {
  return error_set(err, STATUS_DATA, "\"%s\" is %s, which changes the numbers and is not supported", key, found);
}

/* Optional settings: missing or null keeps the default in *value; any other kind is an error, never the default. */
static bool hf_has(const Json *object, const char *key) {
  const Json *node = json_get(object, key);
  return node && !json_is_null(node);
}
static Status hf_text(const Json *object, const char *key, const char **value, Error *err) {
  return hf_has(object, key) ? json_need_string(object, key, "config.json", value, err) : STATUS_OK;
}
static Status hf_number(const Json *object, const char *key, double *value, Error *err) {
  return hf_has(object, key) ? json_need_number(object, key, "config.json", value, err) : STATUS_OK;
}
static Status hf_bool(const Json *object, const char *key, bool *value, Error *err) {
  return hf_has(object, key) ? json_need_bool(object, key, "config.json", value, err) : STATUS_OK;
}

/* The rotary settings under this key: only "default" ones, which scale nothing. */
static Status hf_check_rope(const Json *json, const char *key, Error *err) {
  if (!hf_has(json, key)) return STATUS_OK;
  const Json *rope = json_get(json, key);
  if (!json_is_object(rope)) return error_set(err, STATUS_DATA, "config.json: \"%s\" is no object", key);
  const char *type = hf_has(rope, "factor") ? "a \"factor\" without a type" : "default";
  Status status = hf_text(rope, "type", &type, err); /* the older name */
  if (status == STATUS_OK) status = hf_text(rope, "rope_type", &type, err);
  if (status != STATUS_OK) return error_prefix(err, "%s", key);
  return strcmp(type, "default") == 0 ? STATUS_OK : unsupported(key, type, err);
}

/* Settings of a Hugging Face config that change the numbers: each must have the value this decoder computes. */
static Status hf_check_settings(const Json *json, Error *err) {
  static const char *const must_be_false[] = {"attention_bias", "mlp_bias"};
  Status status = STATUS_OK;
  for (size_t i = 0; status == STATUS_OK && i < sizeof must_be_false / sizeof must_be_false[0]; i++) {
    bool is_set = false;
    status = hf_bool(json, must_be_false[i], &is_set, err);
    if (is_set) return unsupported(must_be_false[i], "true", err);
  }
  const char *act = "silu";
  if (status == STATUS_OK) status = hf_text(json, "hidden_act", &act, err);
  if (strcmp(act, "silu") != 0) return unsupported("hidden_act", act, err);
  if (status == STATUS_OK) status = hf_check_rope(json, "rope_scaling", err);
  if (status == STATUS_OK) status = hf_check_rope(json, "rope_parameters", err);
  double parallel = 1;
  if (status == STATUS_OK) status = hf_number(json, "pretraining_tp", &parallel, err);
  return parallel == 1 ? status : unsupported("pretraining_tp", "not 1", err);
}

/* What has a default in every Llama. */
static Status hf_read_optional(const Json *json, ModelConfig *c, Error *err) {
  c->rms_norm_eps = 1e-6;
  c->rope_theta = 10000;
  c->tied_embeddings = false;
  Status status = hf_number(json, "rms_norm_eps", &c->rms_norm_eps, err);
  /* transformers 5 keeps the base inside "rope_parameters"; one outside wins. */
  if (status == STATUS_OK) status = hf_number(json_get(json, "rope_parameters"), "rope_theta", &c->rope_theta, err);
  if (status == STATUS_OK) status = hf_number(json, "rope_theta", &c->rope_theta, err);
  if (status == STATUS_OK) status = hf_bool(json, "tie_word_embeddings", &c->tied_embeddings, err);
  return status;
}

/* One size of the file: missing or null takes the default, which is 0 where the key is needed. */
typedef struct SizeKey {
  const char *key;
  size_t *value, otherwise, most;
} SizeKey;

static Status hf_sizes(const Json *json, const SizeKey *keys, size_t n, Error *err) {
  for (size_t i = 0; i < n; i++) {
    const Json *node = json_get(json, keys[i].key);
    if (keys[i].otherwise && (!node || json_is_null(node))) {
      *keys[i].value = keys[i].otherwise;
      continue;
    }
    const Status status = json_need_size(json, keys[i].key, "config.json", 1, keys[i].most, keys[i].value, err);
    if (status != STATUS_OK) return status;
  }
  return STATUS_OK;
}

static Status hf_read(const Json *json, ModelConfig *c, Error *err) {
  const char *type;
  Status status = json_need_string(json, "model_type", "config.json", &type, err);
  if (status != STATUS_OK) return status;
  c->family = family_by_hf_type(type);
  if (!c->family) return error_set(err, STATUS_DATA, "unknown architecture \"%s\" (config.json, model_type)", type);
  status = hf_check_settings(json, err);
  if (status != STATUS_OK) return status;
  const SizeKey needed[] = {{"num_hidden_layers", &c->n_layers, 0, MOST_LAYERS},
                            {"hidden_size", &c->hidden_size, 0, MOST_WIDTH},
                            {"num_attention_heads", &c->n_heads, 0, MOST_WIDTH},
                            {"intermediate_size", &c->intermediate_size, 0, MOST_WIDTH},
                            {"vocab_size", &c->vocab_size, 0, MOST_VOCAB}};
  status = hf_sizes(json, needed, sizeof needed / sizeof needed[0], err);
  if (status != STATUS_OK) return status;
  const size_t even_split = c->hidden_size / c->n_heads;
  const SizeKey optional[] = {{"num_key_value_heads", &c->n_kv_heads, c->n_heads, MOST_WIDTH},
                              {"head_dim", &c->head_dim, even_split, MOST_WIDTH},
                              {"max_position_embeddings", &c->max_positions, 2048, MOST_POSITIONS}};
  status = hf_sizes(json, optional, sizeof optional / sizeof optional[0], err);
  if (status != STATUS_OK) return status;
  status = hf_read_optional(json, c, err);
  if (status != STATUS_OK) return status;
  return config_check(c, err);
}

static Status gguf_sizes(const Gguf *gguf, const char *prefix, const SizeKey *keys, size_t n, Error *err) {
  for (size_t i = 0; i < n; i++) {
    char key[128];
    int64_t number;
    snprintf(key, sizeof key, "%s.%s", prefix, keys[i].key);
    if (!gguf_has(gguf, key) && keys[i].otherwise) {
      *keys[i].value = keys[i].otherwise;
      continue;
    }
    if (!gguf_integer(gguf, key, &number))
      return error_set(err, STATUS_DATA, "%s is %s, expected a whole number", key,
                       gguf_has(gguf, key) ? "of another type" : "missing");
    if (number < 1 || (uint64_t)number > keys[i].most)
      return error_set(err, STATUS_DATA, "%s is %lld, expected 1 to %zu", key, (long long)number, keys[i].most);
    *keys[i].value = (size_t)number;
  }
  return STATUS_OK;
}

/* A factor without a type would be linear scaling, as llama.cpp reads it. */
static Status gguf_check_rope(const Gguf *gguf, const char *prefix, Error *err) {
  char key[128], found[64];
  GgufText text;
  snprintf(key, sizeof key, "%s.rope.scaling.type", prefix);
  if (gguf_text(gguf, key, &text)) {
    if (text.size == 4 && memcmp(text.bytes, "none", 4) == 0) return STATUS_OK;
    snprintf(found, sizeof found, "%.*s", (int)(text.size < 32 ? text.size : 32), text.bytes);
    return unsupported(key, found, err);
  }
  if (gguf_has(gguf, key)) return error_set(err, STATUS_DATA, "%s is of another type, expected text", key);
  static const char *const factors[] = {"rope.scaling.factor", "rope.scale_linear"};
  for (size_t i = 0; i < sizeof factors / sizeof factors[0]; i++) {
    double factor = 1;
    snprintf(key, sizeof key, "%s.%s", prefix, factors[i]);
    if (gguf_has(gguf, key) && !gguf_real(gguf, key, &factor))
      return error_set(err, STATUS_DATA, "%s is of another type, expected a number", key);
    if (factor != 1 && factor != 0) return unsupported(key, "not 1", err); /* 0 says none */
  }
  return STATUS_OK;
}

/* Settings of a GGUF file that change the numbers. */
static Status gguf_check_settings(const Gguf *gguf, const char *prefix, Error *err) {
  char key[128], found[64];
  int64_t number;
  const Status status = gguf_check_rope(gguf, prefix, err);
  if (status != STATUS_OK) return status;
  if (weights_find(gguf_weights(gguf), "rope_freqs.weight"))
    return error_set(err, STATUS_DATA, "tensor rope_freqs.weight scales the rotary positions, which is not supported");
  snprintf(key, sizeof key, "%s.expert_count", prefix);
  if (gguf_has(gguf, key) && !gguf_integer(gguf, key, &number))
    return error_set(err, STATUS_DATA, "%s is of another type, expected a whole number", key);
  if (gguf_has(gguf, key) && number > 0) {
    snprintf(found, sizeof found, "%lld", (long long)number);
    return unsupported(key, found, err);
  }
  return STATUS_OK;
}

static Status gguf_read(const Gguf *gguf, ModelConfig *c, Error *err) {
  GgufText architecture;
  char name[64], key[128];
  if (!gguf_text(gguf, "general.architecture", &architecture))
    return error_set(err, STATUS_DATA, "general.architecture is missing");
  snprintf(name, sizeof name, "%.*s", (int)(architecture.size < 60 ? architecture.size : 60), architecture.bytes);
  c->family = family_by_gguf(name);
  if (!c->family) return error_set(err, STATUS_DATA, "unknown architecture \"%s\" (general.architecture)", name);
  Status status = gguf_check_settings(gguf, name, err);
  if (status != STATUS_OK) return status;
  const SizeKey needed[] = {{"block_count", &c->n_layers, 0, MOST_LAYERS},
                            {"embedding_length", &c->hidden_size, 0, MOST_WIDTH},
                            {"attention.head_count", &c->n_heads, 0, MOST_WIDTH},
                            {"feed_forward_length", &c->intermediate_size, 0, MOST_WIDTH}};
  status = gguf_sizes(gguf, name, needed, sizeof needed / sizeof needed[0], err);
  if (status != STATUS_OK) return status;
  size_t rotary = 0;
  const SizeKey optional[] = {{"attention.head_count_kv", &c->n_kv_heads, c->n_heads, MOST_WIDTH},
                              {"attention.key_length", &c->head_dim, c->hidden_size / c->n_heads, MOST_WIDTH},
                              {"context_length", &c->max_positions, 2048, MOST_POSITIONS}};
  status = gguf_sizes(gguf, name, optional, sizeof optional / sizeof optional[0], err);
  if (status != STATUS_OK) return status;
  const SizeKey rotary_key = {"rope.dimension_count", &rotary, c->head_dim, MOST_WIDTH};
  status = gguf_sizes(gguf, name, &rotary_key, 1, err);
  if (status != STATUS_OK) return status;
  if (rotary != c->head_dim)
    return error_set(err, STATUS_DATA,
                     "%s.rope.dimension_count is %zu of %zu: partial rotary positions are not supported", name, rotary,
                     c->head_dim);
  snprintf(key, sizeof key, "%s.attention.layer_norm_rms_epsilon", name);
  if (!gguf_real(gguf, key, &c->rms_norm_eps))
    return error_set(err, STATUS_DATA, "%s is %s, expected a number", key,
                     gguf_has(gguf, key) ? "of another type" : "missing");
  snprintf(key, sizeof key, "%s.rope.freq_base", name);
  c->rope_theta = 10000;
  if (gguf_has(gguf, key) && !gguf_real(gguf, key, &c->rope_theta))
    return error_set(err, STATUS_DATA, "%s is of another type, expected a number", key);
  const Weights *weights = gguf_weights(gguf);
  const Tensor *embed = weights_find(weights, c->family->names[ROLE_EMBED].gguf);
  if (!embed) return error_set(err, STATUS_DATA, "tensor %s is missing", c->family->names[ROLE_EMBED].gguf);
  c->vocab_size = embed->shape[0];
  c->tied_embeddings = weights_find(weights, c->family->names[ROLE_LM_HEAD].gguf) == NULL;
  return config_check(c, err);
}

Status config_read(const Source *source, ModelConfig *config, Error *err) {
  *config = (ModelConfig){0};
  Status status;
  if (source_gguf(source))
    status = gguf_read(source_gguf(source), config, err);
  else if (source_config(source))
    status = hf_read(source_config(source), config, err);
  else
    status = error_set(err, STATUS_DATA, "no config.json, expected a model's folder or a GGUF file");
  return status == STATUS_OK ? status : error_prefix(err, "%s", source_path(source));
}

static void add_id(Json *json, const char *key, int32_t id) {
  if (id >= 0)
    json_add_number(json, key, id);
  else
    json_add_null(json, key);
}

Json *config_to_json(const ModelConfig *c, bool classifier, int32_t bos, int32_t eos, int32_t pad) {
  Json *json = json_new_object();
  json_add_string(json_add_array(json, "architectures"), NULL,
                  classifier ? c->family->hf_classifier : c->family->hf_causal);
  json_add_string(json, "model_type", c->family->hf_model_type);
  json_add_number(json, "num_hidden_layers", (double)c->n_layers);
  json_add_number(json, "hidden_size", (double)c->hidden_size);
  json_add_number(json, "num_attention_heads", (double)c->n_heads);
  json_add_number(json, "num_key_value_heads", (double)c->n_kv_heads);
  json_add_number(json, "head_dim", (double)c->head_dim);
  json_add_number(json, "intermediate_size", (double)c->intermediate_size);
  json_add_number(json, "vocab_size", (double)c->vocab_size);
  json_add_number(json, "max_position_embeddings", (double)c->max_positions);
  json_add_number(json, "rms_norm_eps", c->rms_norm_eps);
  json_add_number(json, "rope_theta", c->rope_theta);
  json_add_string(json, "hidden_act", "silu");
  json_add_bool(json, "attention_bias", false);
  json_add_bool(json, "mlp_bias", false);
  json_add_bool(json, "tie_word_embeddings", c->tied_embeddings);
  add_id(json, "bos_token_id", bos);
  add_id(json, "eos_token_id", eos);
  add_id(json, "pad_token_id", pad);
  if (classifier) {
    json_add_string(json_add_object(json, "id2label"), "0", "reward");
    json_add_number(json_add_object(json, "label2id"), "reward", 0);
  }
  json_add_string(json, "torch_dtype", "float32");
  return json;
}
