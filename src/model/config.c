/* The numbers of a model, made of one file's settings: defaults filled in, contradictions refused. */
#include "model/config.h"

#include "base/memory.h"
#include "model/config_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t size_of(const Settings *s, Setting setting) { return (size_t)s->value[setting]; }

static bool has_window(const Settings *s, size_t layer, bool rotary) {
  if (s->types) return s->types[layer] == LAYER_SLIDING;
  switch (s->family->window_pattern) {
  case WINDOW_PERIOD: return (layer + 1) % size_of(s, SETTING_WINDOW_PERIOD) != 0;
  case WINDOW_UPPER: return layer >= size_of(s, SETTING_WINDOW_LAYERS);
  case WINDOW_ODD_LOWER: return layer % 2 == 0 && layer < size_of(s, SETTING_WINDOW_LAYERS);
  case WINDOW_WITHOUT_ROTARY: return !rotary;
  default: return true;
  }
}

static double attention_scale(const Settings *s, size_t head_dim, size_t layer) {
  double scale = 1;
  if (s->value[SETTING_ATTENTION_MULTIPLIER] > 0)
    scale = s->value[SETTING_ATTENTION_MULTIPLIER];
  else if (s->value[SETTING_SCALE_SCORES] != 0)
    scale = 1 / sqrt(s->value[SETTING_QUERY_SCALAR] > 0 ? s->value[SETTING_QUERY_SCALAR] : (double)head_dim);
  return s->value[SETTING_SCALE_BY_LAYER] != 0 ? scale / (double)(layer + 1) : scale;
}

static LayerConfig layer_config(const Settings *s, const ModelConfig *c, size_t layer) {
  const size_t interval = size_of(s, SETTING_NO_ROTARY_INTERVAL), period = size_of(s, SETTING_EXPERT_PERIOD);
  const bool rotary = c->rotary_dim && (s->rotary ? s->rotary[layer] : !interval || (layer + 1) % interval != 0);
  const bool sliding = s->value[SETTING_USE_WINDOW] != 0 && size_of(s, SETTING_WINDOW) && has_window(s, layer, rotary);
  const bool sparse = c->n_experts && (layer + 1) % period == 0;
  return (LayerConfig){.window = sliding ? size_of(s, SETTING_WINDOW) : 0,
                       .rope = !rotary                                                                  ? ROPE_NONE
                               : has_window(s, layer, rotary) && s->value[SETTING_LOCAL_ROPE_THETA] > 0 ? ROPE_LOCAL
                                                                                                        : ROPE_GLOBAL,
                       .has_experts = sparse && !(s->dense && s->dense[layer]),
                       .attention_scale = attention_scale(s, c->head_dim, layer)};
}

/* Roles that the family's files have and the settings do not switch off. */
static void set_roles(const Settings *s, ModelConfig *c) {
  for (size_t role = 0; role < ROLE_COUNT; role++) c->has[role] = c->family->names[role].hf != NULL;
  c->has[ROLE_LM_HEAD] = !c->tied_embeddings;
  for (Role role = ROLE_Q_BIAS; role <= ROLE_V_BIAS; role++)
    c->has[role] = c->has[role] && s->value[SETTING_ATTENTION_BIAS] != 0;
  c->has[ROLE_O_BIAS] = c->has[ROLE_O_BIAS] && s->value[SETTING_ATTENTION_BIAS] != 0;
  static const Role mlp_biases[] = {ROLE_GATE_BIAS, ROLE_UP_BIAS, ROLE_DOWN_BIAS};
  for (size_t i = 0; i < 3; i++) c->has[mlp_biases[i]] = c->has[mlp_biases[i]] && s->value[SETTING_MLP_BIAS] != 0;
  for (Role role = ROLE_ROUTER; role <= ROLE_EXPERT_DOWN; role++) c->has[role] = c->has[role] && c->n_experts;
  for (Role role = ROLE_SHARED_GATE; role <= ROLE_SHARED_SWITCH; role++)
    c->has[role] = c->has[role] && c->n_experts && c->shared_expert_size;
}

static void set_numbers(const Settings *s, ModelConfig *c) {
  const Family *family = s->family;
  c->family = family;
  c->n_layers = size_of(s, SETTING_N_LAYERS);
  c->hidden_size = size_of(s, SETTING_HIDDEN_SIZE);
  c->n_heads = size_of(s, SETTING_N_HEADS);
  c->n_kv_heads = size_of(s, SETTING_N_KV_HEADS) ? size_of(s, SETTING_N_KV_HEADS) : c->n_heads;
  c->head_dim = size_of(s, SETTING_HEAD_DIM) ? size_of(s, SETTING_HEAD_DIM) : c->hidden_size / c->n_heads;
  c->intermediate_size =
      size_of(s, SETTING_INTERMEDIATE_SIZE) ? size_of(s, SETTING_INTERMEDIATE_SIZE) : 4 * c->hidden_size;
  c->vocab_size = size_of(s, SETTING_VOCAB_SIZE);
  c->max_positions = size_of(s, SETTING_MAX_POSITIONS);
  c->tied_embeddings = s->value[SETTING_TIED] != 0;
  c->norm = family->layer_norm ? NORM_LAYER : NORM_RMS;
  c->norm_eps = s->value[SETTING_NORM_EPS];
  c->gain_offset = family->gain_plus_one;
  c->qk_norm_whole = family->qk_norm_whole;
  c->activation = (Activation)s->value[SETTING_ACTIVATION];
  c->gated = family->names[ROLE_GATE].hf != NULL;
  c->parallel_residual = s->value[SETTING_PARALLEL_RESIDUAL] != 0;
  c->embedding_scale =
      (family->scaled_embedding ? sqrt((double)c->hidden_size) : 1) * s->value[SETTING_EMBEDDING_MULTIPLIER];
  c->residual_scale = s->value[SETTING_RESIDUAL_MULTIPLIER];
  c->logit_scale = 1 / s->value[SETTING_LOGITS_DIVISOR];
  c->attention_softcap = s->value[SETTING_ATTENTION_SOFTCAP];
  c->logit_softcap = s->value[SETTING_LOGIT_SOFTCAP];
  c->n_experts = size_of(s, SETTING_N_EXPERTS);
  c->n_experts_used = size_of(s, SETTING_N_EXPERTS_USED);
  c->expert_size = size_of(s, SETTING_EXPERT_SIZE) ? size_of(s, SETTING_EXPERT_SIZE) : c->intermediate_size;
  c->shared_expert_size = size_of(s, SETTING_SHARED_EXPERT_SIZE);
  c->renormalise = s->value[SETTING_RENORMALISE] != 0;
  if (family->names[ROLE_POSITIONS].hf) return;
  const double share = s->value[SETTING_ROTARY_SHARE]; /* anything a file may say: checked as the width that it gives */
  c->rotary_dim = size_of(s, SETTING_ROTARY_DIM)     ? size_of(s, SETTING_ROTARY_DIM)
                  : share >= 0 && share < MOST_WIDTH ? (size_t)((double)c->head_dim * share)
                                                     : 0;
  for (int r = 0; r < ROPE_COUNT; r++) {
    c->ropes[r] = s->ropes[r];
    c->ropes[r].rotary_dim = c->rotary_dim;
  }
}

static Status check_positive(const char *what, double value, Error *err) {
  return value > 0 && isfinite(value)
             ? STATUS_OK
             : error_set(err, STATUS_DATA, "%s is %g, expected a positive number", what, value);
}

/* Relations that hold for every family. */
static Status check(const ModelConfig *c, const Settings *s, Error *err) {
  if (c->n_heads % c->n_kv_heads != 0)
    return error_set(err, STATUS_DATA, "%zu attention heads cannot share %zu key/value heads evenly", c->n_heads,
                     c->n_kv_heads);
  if (!size_of(s, SETTING_HEAD_DIM) && c->hidden_size % c->n_heads != 0)
    return error_set(err, STATUS_DATA,
                     "hidden size %zu is not a multiple of %zu attention heads, and no head_dim is given",
                     c->hidden_size, c->n_heads);
  if (!c->family->names[ROLE_POSITIONS].hf &&
      (c->rotary_dim == 0 || c->rotary_dim % 2 != 0 || c->rotary_dim > c->head_dim))
    return error_set(err, STATUS_DATA, "%zu of head_dim %zu are rotary, expected an even number up to it",
                     c->rotary_dim, c->head_dim);
  if (c->rotary_dim && c->rotary_dim != c->head_dim && !family_has_key(c->family, SETTING_ROTARY_SHARE))
    return error_set(err, STATUS_DATA,
                     "%zu of head_dim %zu are rotary, which changes the numbers and is not supported in this family",
                     c->rotary_dim, c->head_dim);
  if (s->n_rope_factors && s->n_rope_factors != c->rotary_dim / 2)
    return error_set(err, STATUS_DATA, "%zu factors of rotary frequencies, expected %zu: half of %zu",
                     s->n_rope_factors, c->rotary_dim / 2, c->rotary_dim);
  if (!(c->norm_eps > 0 && c->norm_eps < 1))
    return error_set(err, STATUS_DATA, "the norms' epsilon is %g, expected a small positive number", c->norm_eps);
  if (c->n_experts && (c->n_experts_used == 0 || c->n_experts_used > c->n_experts))
    return error_set(err, STATUS_DATA, "%zu of %zu experts a token, expected 1 to all", c->n_experts_used,
                     c->n_experts);
  if (c->family->names[ROLE_ROUTER].hf && !c->n_experts && !c->family->names[ROLE_UP].hf)
    return error_set(err, STATUS_DATA, "no experts, which this family must have");
  if (c->n_layers * c->n_experts > MOST_EXPERTS_IN_ALL)
    return error_set(err, STATUS_DATA, "%zu blocks of %zu experts, expected at most %d in all", c->n_layers,
                     c->n_experts, MOST_EXPERTS_IN_ALL);
  static const struct {
    const char *what;
    Setting setting;
  } or_none[] = {{"a soft cap", SETTING_ATTENTION_SOFTCAP},
                 {"a soft cap", SETTING_LOGIT_SOFTCAP},
                 {"the scale of attention", SETTING_ATTENTION_MULTIPLIER},
                 {"the scale of queries", SETTING_QUERY_SCALAR},
                 {"the base of local rotary positions", SETTING_LOCAL_ROPE_THETA}};
  for (size_t i = 0; i < sizeof or_none / sizeof or_none[0]; i++)
    if (!(s->value[or_none[i].setting] >= 0 && isfinite(s->value[or_none[i].setting])))
      return error_set(err, STATUS_DATA, "%s is %g, expected a positive number, or 0 for none", or_none[i].what,
                       s->value[or_none[i].setting]);
  Status status = check_positive("the embedding's multiplier", c->embedding_scale, err);
  if (status == STATUS_OK) status = check_positive("the residual multiplier", c->residual_scale, err);
  if (status == STATUS_OK) status = check_positive("the scale of the logits", c->logit_scale, err);
  return status == STATUS_OK ? check_positive("the scale of attention", attention_scale(s, c->head_dim, 0), err)
                             : status;
}

/* Takes over the settings' rotary factors. */
static Status resolve(Settings *s, ModelConfig *c, Error *err) {
  set_numbers(s, c);
  const Status status = check(c, s, err);
  if (status != STATUS_OK) return status;
  c->rope_factors = s->rope_factors;
  s->rope_factors = NULL;
  set_roles(s, c);
  c->layers = mem_alloc(c->n_layers, sizeof *c->layers);
  for (size_t l = 0; l < c->n_layers; l++) c->layers[l] = layer_config(s, c, l);
  return STATUS_OK;
}

/* The text model's object, with what the larger model's says of both; NULL where there is none. */
static Json *text_config(const Json *outer) {
  static const char *const shared[] = {"tie_word_embeddings", "quantization_config"};
  const Json *inner = json_get(outer, "text_config");
  if (!json_is_object(inner)) return NULL;
  Json *json = json_copy(inner);
  for (size_t i = 0; i < sizeof shared / sizeof shared[0]; i++)
    if (json_get(outer, shared[i])) json_set(json, shared[i], json_copy(json_get(outer, shared[i])));
  return json;
}

Status config_from_json(const Json *json, bool strict, ModelConfig *c, Error *err) {
  const char *type;
  bool nested;
  Settings settings = {0};
  *c = (ModelConfig){0};
  Status status = json_need_string(json, "model_type", "config.json", &type, err);
  if (status != STATUS_OK) return status;
  const Family *family = family_by_hf_type(type, &nested);
  if (!family) return error_set(err, STATUS_DATA, "unknown architecture \"%s\" (config.json, model_type)", type);
  Json *own = nested ? text_config(json) : json_copy(json);
  if (!own) return error_set(err, STATUS_DATA, "config.json: \"text_config\" is missing, expected an object");
  status = settings_read_hf(own, family, strict, &settings, err);
  if (status == STATUS_OK) status = resolve(&settings, c, err);
  if (status == STATUS_OK)
    c->source = own;
  else
    json_free(own);
  settings_clear(&settings);
  if (status != STATUS_OK) config_clear(c);
  return status;
}

Status config_read(const Source *source, bool strict, ModelConfig *c, Error *err) {
  Status status;
  *c = (ModelConfig){0};
  if (source_gguf(source)) {
    Settings settings = {0};
    status = settings_read_gguf(source_gguf(source), strict, &settings, err);
    if (status == STATUS_OK) status = resolve(&settings, c, err);
    settings_clear(&settings);
  } else if (source_config(source))
    status = config_from_json(source_config(source), strict, c, err);
  else
    status = error_set(err, STATUS_DATA, "no config.json, expected a model's folder or a GGUF file");
  if (status == STATUS_OK) return status;
  config_clear(c);
  return error_prefix(err, "%s", source_path(source));
}

void config_clear(ModelConfig *c) {
  free(c->layers);
  free(c->rope_factors);
  json_free(c->source);
  *c = (ModelConfig){0};
}

void config_untie(ModelConfig *c) {
  c->tied_embeddings = false;
  c->has[ROLE_LM_HEAD] = true;
}

size_t config_qkv_width(const ModelConfig *c) { return (c->n_heads + 2 * c->n_kv_heads) * c->head_dim; }

const char *config_activation(const ModelConfig *c) { return activation_name(c->activation); }

const char *config_rope_scaling(const Rope *rope) {
  const bool has_one_set = rope->scaling == ROPE_LONGROPE && rope->short_factors == rope->long_factors;
  return has_one_set ? "a divisor of each frequency" : rope_scaling_name(rope->scaling);
}
