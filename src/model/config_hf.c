/* Settings from config.json: the keys that the family's row knows, and no others. */
#include "base/log.h"
#include "base/memory.h"
#include "model/config_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Keys of any family that change no number of a forward or backward pass: the trainer's, the generator's, the
 * tokenizer's, and those that model/head.h reads. */
static const char *const harmless[] = {"architectures",
                                       "model_type",
                                       "_name_or_path",
                                       "_commit_hash",
                                       "_attn_implementation_autoset",
                                       "attn_implementation",
                                       "torch_dtype",
                                       "dtype",
                                       "transformers_version",
                                       "transformers.js_config",
                                       "auto_map",
                                       "torchscript",
                                       "use_bfloat16",
                                       "use_cache",
                                       "return_dict",
                                       "return_dict_in_generate",
                                       "output_attentions",
                                       "output_hidden_states",
                                       "output_scores",
                                       "initializer_range",
                                       "attention_dropout",
                                       "attn_pdrop",
                                       "embd_pdrop",
                                       "resid_pdrop",
                                       "hidden_dropout",
                                       "classifier_dropout",
                                       "layerdrop",
                                       "gradient_checkpointing",
                                       "bos_token_id",
                                       "eos_token_id",
                                       "pad_token_id",
                                       "sep_token_id",
                                       "cls_token_id",
                                       "unk_token_id",
                                       "decoder_start_token_id",
                                       "begin_suppress_tokens",
                                       "suppress_tokens",
                                       "forced_bos_token_id",
                                       "forced_eos_token_id",
                                       "bad_words_ids",
                                       "num_labels",
                                       "id2label",
                                       "label2id",
                                       "problem_type",
                                       "finetuning_task",
                                       "task_specific_params",
                                       "prefix",
                                       "tokenizer_class",
                                       "pruned_heads",
                                       "tie_encoder_decoder",
                                       "is_decoder",
                                       "chunk_size_feed_forward",
                                       "tf_legacy_loss",
                                       "cross_attention_hidden_size",
                                       "encoder_no_repeat_ngram_size",
                                       "no_repeat_ngram_size",
                                       "temperature",
                                       "top_k",
                                       "top_p",
                                       "typical_p",
                                       "do_sample",
                                       "num_beams",
                                       "num_beam_groups",
                                       "num_return_sequences",
                                       "diversity_penalty",
                                       "repetition_penalty",
                                       "length_penalty",
                                       "max_length",
                                       "min_length",
                                       "early_stopping",
                                       "remove_invalid_values",
                                       "exponential_decay_length_penalty",
                                       "cache_implementation",
                                       "output_router_logits",
                                       "router_aux_loss_coef",
                                       "router_jitter_noise",
                                       "use_return_dict",
                                       "value_head_prefix",
                                       "normalize_reward",
                                       "mean",
                                       "std",
                                       "vhead_layer_type", /* GRM's: the head's tensors say the same */
                                       "vhead_num_neurons",
                                       "vhead_num_layers",
                                       "vhead_num_output",
                                       "summary_dropout_prob"};

/* Keys of any family that change the numbers. */
static const ConfigKey fixed[] = {{"add_cross_attention", SETTING_FIXED, false},
                                  {"is_encoder_decoder", SETTING_FIXED, false},
                                  {"quantization_config", SETTING_FIXED, 0}};

static bool is_harmless(const char *key) {
  for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
    if (strcmp(harmless[i], key) == 0) return true;
  return false;
}

static const ConfigKey *find_key(const Family *family, const char *name) {
  for (const ConfigKey *key = family->keys; key->key; key++)
    if (strcmp(key->key, name) == 0) return key;
  for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
    if (strcmp(fixed[i].key, name) == 0) return &fixed[i];
  return NULL;
}

static Status check_fixed(const Json *json, const ConfigKey *key, Error *err) {
  const Json *node = json_get(json, key->key);
  if (json_is_null(node)) return STATUS_OK;
  if (json_is_bool(node) && json_bool(node, false) == (key->otherwise != 0)) return STATUS_OK;
  if (json_is_number(node) && json_number(node, NAN) == key->otherwise) return STATUS_OK;
  char *found = json_print(node, false);
  error_set(err, STATUS_DATA, "\"%s\" is %.40s, which changes the numbers and is not supported", key->key, found);
  free(found);
  return STATUS_DATA;
}

static Status read_activation(const Json *json, const char *key, const Family *family, double *value, Error *err) {
  const char *text;
  Activation activation;
  const Status status = json_need_string(json, key, "config.json", &text, err);
  if (status != STATUS_OK) return status;
  if (!activation_from_name(text, family->gelu_is_tanh, &activation))
    return error_set(err, STATUS_DATA, "\"%s\" is %s, which changes the numbers and is not supported", key, text);
  *value = activation;
  return STATUS_OK;
}

/* What a model divides or multiplies by; elsewhere 0 stands for a key that is not there. */
static Status read_number(const Json *json, const ConfigKey *key, double *value, Error *err) {
  const Status status = json_need_number(json, key->key, "config.json", value, err);
  const bool is_factor = key->setting == SETTING_QUERY_SCALAR || key->setting == SETTING_ATTENTION_MULTIPLIER ||
                         key->setting == SETTING_LOCAL_ROPE_THETA;
  if (status != STATUS_OK || !is_factor || *value > 0) return status;
  return error_set(err, STATUS_DATA, "config.json: \"%s\" is %g, expected a positive number", key->key, *value);
}

static Status read_value(const Json *json, const ConfigKey *key, Settings *s, Error *err) {
  double *value = &s->value[key->setting];
  size_t size = 0;
  bool flag = false;
  Status status = STATUS_OK;
  switch (setting_kind(key->setting)) {
  case SETTING_SIZE:
    status = json_need_size(json, key->key, "config.json", (size_t)setting_least(key->setting),
                            (size_t)setting_most(key->setting), &size, err);
    *value = (double)size;
    break;
  case SETTING_FLAG:
    status = json_need_bool(json, key->key, "config.json", &flag, err);
    *value = flag;
    break;
  case SETTING_NUMBER: status = read_number(json, key, value, err); break;
  case SETTING_TEXT: status = read_activation(json, key->key, s->family, value, err); break;
  case SETTING_LIST:          /* once the number of blocks is known */
  case SETTING_OBJECT: break; /* config_rope.c */
  }
  return status;
}

/* The key that comes before this one in the family's list and gives the same setting, or NULL. */
static const ConfigKey *earlier_key(const Family *family, const ConfigKey *key) {
  for (const ConfigKey *other = family->keys; other->key && other != key; other++)
    if (other->setting == key->setting) return other;
  return NULL;
}

/* Of two keys for one setting transformers reads the first: the other must not say something else. */
static Status read_again(const Json *json, const ConfigKey *key, const ConfigKey *first, Settings *s, Error *err) {
  const double value = s->value[key->setting];
  const Status status = read_value(json, key, s, err);
  if (status != STATUS_OK || s->value[key->setting] == value) return status;
  char *found = json_print(json_get(json, key->key), false);
  error_set(err, STATUS_DATA, "config.json: \"%s\" is %.40s, but \"%s\"%s says something else", key->key, found,
            first->key, json_get(json, first->key) ? "" : ", by default,");
  free(found);
  return STATUS_DATA;
}

static Status read_key(const Json *json, const ConfigKey *key, Settings *s, Error *err) {
  const Json *node = json_get(json, key->key);
  if (!node || key->setting == SETTING_NONE) return STATUS_OK;
  if (key->setting == SETTING_FIXED) return check_fixed(json, key, err);
  const ConfigKey *first = earlier_key(s->family, key);
  if (first && !json_is_null(node)) return read_again(json, key, first, s, err);
  if (first) return STATUS_OK;
  if (!json_is_null(node)) return read_value(json, key, s, err);
  if (setting_kind(key->setting) == SETTING_SIZE && setting_least(key->setting) == 0) s->value[key->setting] = 0;
  if (key->setting == SETTING_ATTENTION_SOFTCAP || key->setting == SETTING_LOGIT_SOFTCAP) s->value[key->setting] = 0;
  return STATUS_OK;
}

/* The list under a key, NULL where there is none; [n_layers] where each block has an entry. */
static Status get_list(const Json *json, const char *key, size_t n, const Json **list, Error *err) {
  *list = json_get(json, key);
  if (!*list || json_is_null(*list)) {
    *list = NULL;
    return STATUS_OK;
  }
  if (!json_is_array(*list)) return error_set(err, STATUS_DATA, "config.json: \"%s\" is no array", key);
  if (n && json_count(*list) != n)
    return error_set(err, STATUS_DATA, "config.json: \"%s\" has %zu entries for %zu blocks", key, json_count(*list), n);
  return STATUS_OK;
}

static Status read_types(const Json *list, const char *key, size_t n, Settings *s, Error *err) {
  s->types = mem_alloc(n, sizeof *s->types);
  size_t l = 0;
  for (const Json *node = json_first(list); node; node = json_next(node), l++) {
    const char *type = json_string(node, "");
    s->types[l] = strcmp(type, "full_attention") == 0      ? LAYER_FULL
                  : strcmp(type, "sliding_attention") == 0 ? LAYER_SLIDING
                                                           : LAYER_UNSAID;
    if (s->types[l] == LAYER_UNSAID)
      return error_set(err, STATUS_DATA, "config.json: \"%s\" holds \"%.40s\", which is not supported", key, type);
  }
  return STATUS_OK;
}

static Status read_rotary(const Json *list, const char *key, size_t n, Settings *s, Error *err) {
  s->rotary = mem_alloc(n, sizeof *s->rotary);
  size_t l = 0;
  for (const Json *node = json_first(list); node; node = json_next(node), l++) {
    if (!json_is_number(node) && !json_is_bool(node))
      return error_set(err, STATUS_DATA, "config.json: \"%s\" holds no number, expected 0 or 1", key);
    s->rotary[l] = json_is_bool(node) ? json_bool(node, false) : json_number(node, 0) != 0;
  }
  return STATUS_OK;
}

static Status read_dense(const Json *list, const char *key, size_t n, Settings *s, Error *err) {
  s->dense = mem_alloc(n, sizeof *s->dense);
  for (const Json *node = json_first(list); node; node = json_next(node)) {
    const double l = json_number(node, -1);
    if (!(l >= 0 && l < (double)n && l == floor(l)))
      return error_set(err, STATUS_DATA, "config.json: \"%s\" names no block, expected 0 to %zu", key, n - 1);
    s->dense[(size_t)l] = true;
  }
  return STATUS_OK;
}

static Status read_list(const Json *json, const ConfigKey *key, size_t n, Settings *s, Error *err) {
  const Json *list;
  Status status = get_list(json, key->key, key->setting == SETTING_DENSE_LAYERS ? 0 : n, &list, err);
  if (status != STATUS_OK || !list) return status;
  switch (key->setting) {
  case SETTING_LAYER_TYPES: return read_types(list, key->key, n, s, err);
  case SETTING_ROTARY_LAYERS: return read_rotary(list, key->key, n, s, err);
  default: return read_dense(list, key->key, n, s, err);
  }
}

static Status check_unknown(const Json *json, const Family *family, bool strict, Error *err) {
  for (const Json *node = json_first(json); node; node = json_next(node)) {
    const char *key = json_key(node);
    if (find_key(family, key) || is_harmless(key)) continue;
    if (strict) return error_set(err, STATUS_DATA, "config.json: unknown key \"%.80s\"", key);
    log_warn("config.json: unknown key \"%.80s\" is left out of account (--strict refuses it)", key);
  }
  return STATUS_OK;
}

Status settings_read_hf(const Json *json, const Family *family, bool strict, Settings *s, Error *err) {
  Status status = STATUS_OK;
  settings_init(s, family);
  for (size_t i = 0; i < sizeof fixed / sizeof fixed[0] && status == STATUS_OK; i++)
    status = read_key(json, &fixed[i], s, err);
  for (const ConfigKey *key = family->keys; key->key && status == STATUS_OK; key++)
    status = read_key(json, key, s, err);
  for (const ConfigKey *key = family->keys; key->key && status == STATUS_OK; key++)
    if (isnan(s->value[key->setting])) status = error_set(err, STATUS_DATA, "config.json: \"%s\" is missing", key->key);
  for (const ConfigKey *key = family->keys; key->key && status == STATUS_OK; key++)
    if (setting_kind(key->setting) == SETTING_LIST)
      status = read_list(json, key, (size_t)s->value[SETTING_N_LAYERS], s, err);
  if (status == STATUS_OK) status = settings_read_rope_hf(json, strict, s, err);
  return status == STATUS_OK ? check_unknown(json, family, strict, err) : status;
}
