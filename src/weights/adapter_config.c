/* adapter_config.json: which settings change the numbers, and what they say of a module. The rules for names are those
 * of PEFT's tuners_utils.check_target_module_exists and utils.other.get_pattern_key. */
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "weights/adapter_parts.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MOST_RANK = 1 << 16 };

/* Settings that are read, or that say how the adapter was trained and change nothing afterwards. */
static const char *const known[] = {
    "alpha_pattern",
    "auto_mapping",
    "base_model_name_or_path",
    "bias",
    "corda_config",
    "eva_config",
    "exclude_modules",
    "fan_in_fan_out", /* the layout of the base's file, which the base knows */
    "inference_mode",
    "init_lora_weights",
    "layers_pattern",
    "layers_to_transform",
    "loftq_config",
    "lora_alpha",
    "lora_dropout",
    "lora_ga_config",
    "megatron_core",
    "merge_weights",
    "modules_to_save",
    "peft_type",
    "peft_version",
    "qalora_group_size",
    "r",
    "rank_pattern",
    "revision",
    "runtime_config",
    "target_modules",
    "task_type",
    "use_rslora",
};

/* Settings that change the numbers in a way fathom does not compute, unless they are off. */
static const char *const must_be_off[] = {
    "alora_invocation_tokens", "arrow_config", "enable_lora",     "ensure_weight_tying", "kasa_config",
    "layer_replication",       "lora_bias",    "megatron_config", "monteclora_config",   "target_parameters",
    "trainable_token_indices", "use_bdlora",   "use_dora",        "use_qalora",          "velora_config",
};

/* Initialisations that leave the base's weights as they are; the others (pissa, olora, loftq, corda, lora_ga, ...) take
 * something out of them, which only the training run's own base has. */
static const char *const harmless_starts[] = {"eva", "gaussian", "mica", "orthogonal"};

#define IN(list, text) is_in(list, sizeof(list) / sizeof *(list), text)

static bool is_in(const char *const *list, size_t n, const char *text) {
  for (size_t i = 0; i < n; i++)
    if (strcmp(list[i], text) == 0) return true;
  return false;
}

/* Null, false, "", [] or {}: how PEFT writes what is not in use. */
static bool is_off(const Json *node) {
  if (json_is_bool(node)) return !json_bool(node, true);
  if (json_is_string(node)) return !*json_string(node, "");
  return !node || json_is_null(node) || ((json_is_object(node) || json_is_array(node)) && json_count(node) == 0);
}

static Status check_settings(const AdapterSettings *s, bool strict, Error *err) {
  for (const Json *node = json_first(s->root); node; node = json_next(node)) {
    const char *key = json_key(node);
    if (is_off(node) || IN(known, key)) continue;
    if (IN(must_be_off, key)) {
      char *text = json_print(node, false);
      error_set(err, STATUS_DATA, "%s: \"%s\" is %.80s, which changes the numbers and is not supported", s->path, key,
                text);
      free(text);
      return STATUS_DATA;
    }
    if (strict) return error_set(err, STATUS_DATA, "%s: unknown setting \"%s\"", s->path, key);
    log_warn("%s: unknown setting \"%s\" is left out of account", s->path, key);
  }
  return STATUS_OK;
}

static Status check_kind(const AdapterSettings *s, Error *err) {
  const char *kind;
  Status status = json_need_string(s->root, "peft_type", s->path, &kind, err);
  if (status != STATUS_OK) return status;
  if (strcmp(kind, "LORA") != 0)
    return error_set(err, STATUS_DATA, "%s: \"peft_type\" is %s, expected LORA", s->path, kind);
  const Json *start = json_get(s->root, "init_lora_weights");
  if (is_off(start) || json_is_bool(start)) return STATUS_OK;
  const char *name = json_string(start, "no name");
  if (IN(harmless_starts, name)) return STATUS_OK;
  return error_set(err, STATUS_DATA,
                   "%s: \"init_lora_weights\" is %s, which changes the base's weights; save the adapter with PEFT's "
                   "path_initial_model_for_weight_conversion",
                   s->path, name);
}

static Status add_rule(const AdapterSettings *s, const char *key, const char *text, double value, ModuleRules *rules,
                       Error *err) {
  Pattern *pattern;
  const Status status = pattern_new(text, &pattern, err);
  if (status != STATUS_OK) return error_prefix(err, "%s: \"%s\"", s->path, key);
  rules->items = mem_resize(rules->items, rules->count + 1, sizeof *rules->items);
  rules->items[rules->count++] = (ModuleRule){pattern, value};
  return STATUS_OK;
}

/* {"layers.0.self_attn.q_proj": 4, ...}: each key a pattern for the end of a module's name. */
static Status read_values(const AdapterSettings *s, const char *key, bool whole, ModuleRules *rules, Error *err) {
  const Json *object = json_get(s->root, key);
  if (is_off(object)) return STATUS_OK;
  if (!json_is_object(object)) return error_set(err, STATUS_DATA, "%s: \"%s\" is no object", s->path, key);
  Status status = STATUS_OK;
  for (const Json *node = json_first(object); node && status == STATUS_OK; node = json_next(node)) {
    const double value = json_number(node, NAN);
    if (!isfinite(value) || (whole && !(value >= 1 && value <= MOST_RANK && value == floor(value))))
      return error_set(err, STATUS_DATA, "%s: \"%s\": \"%s\" is no %s", s->path, key, json_key(node),
                       whole ? "rank" : "number");
    char *text = mem_format("(?:.*\\.)?(?:%s)", json_key(node));
    status = add_rule(s, key, text, value, rules, err);
    free(text);
  }
  return status;
}

/* A list of names, or one text; format says what pattern a name becomes. NULL for a plain text: that is a pattern
 * already. */
static Status read_names(const AdapterSettings *s, const char *key, const char *before, const char *after,
                         ModuleRules *rules, Error *err) {
  const Json *node = json_get(s->root, key);
  if (is_off(node)) return STATUS_OK;
  if (!json_is_string(node) && !json_is_array(node))
    return error_set(err, STATUS_DATA, "%s: \"%s\" is neither a list of names nor a text", s->path, key);
  const bool is_list = json_is_array(node);
  Status status = STATUS_OK;
  for (node = is_list ? json_first(node) : node; node && status == STATUS_OK; node = is_list ? json_next(node) : NULL) {
    const char *name = json_string(node, NULL);
    if (!name) return error_set(err, STATUS_DATA, "%s: \"%s\" holds something that is no text", s->path, key);
    char *text = mem_format("%s%s%s", before, name, after);
    status = add_rule(s, key, text, 1, rules, err);
    free(text);
  }
  return status;
}

static Status check_names(const AdapterSettings *s, const char *key, Error *err) {
  const Json *node = json_get(s->root, key);
  if (!is_off(node) && !json_is_array(node))
    return error_set(err, STATUS_DATA, "%s: \"%s\" is neither a list of names nor a text", s->path, key);
  for (node = json_first(node); node; node = json_next(node))
    if (!json_is_string(node))
      return error_set(err, STATUS_DATA, "%s: \"%s\" holds something that is no text", s->path, key);
  return STATUS_OK;
}

/* target_modules and exclude_modules: a text is a pattern for the whole name, a list is compared with its end. */
static Status read_targets(const AdapterSettings *s, const char *key, ModuleRules *rules, Error *err) {
  return json_is_string(json_get(s->root, key)) ? read_names(s, key, "", "", rules, err) : check_names(s, key, err);
}

static Status check_layers(const AdapterSettings *s, Error *err) {
  const Json *layers = json_get(s->root, "layers_to_transform");
  bool good = is_off(layers) || json_is_number(layers) || json_is_array(layers);
  for (const Json *node = json_is_array(layers) ? json_first(layers) : NULL; node && good; node = json_next(node))
    good = json_is_number(node);
  return good ? STATUS_OK
              : error_set(err, STATUS_DATA, "%s: \"layers_to_transform\" is neither a number nor a list of numbers",
                          s->path);
}

static Status read_bias(AdapterSettings *s, Error *err) {
  const Json *node = json_get(s->root, "bias");
  const char *bias = is_off(node) ? "none" : json_string(node, "no text");
  s->has_bias = strcmp(bias, "none") != 0;
  if (!s->has_bias || strcmp(bias, "all") == 0 || strcmp(bias, "lora_only") == 0) return STATUS_OK;
  return error_set(err, STATUS_DATA, "%s: \"bias\" is %s, expected none, all or lora_only", s->path, bias);
}

static Status read_settings(AdapterSettings *s, bool strict, Error *err) {
  Status status = check_kind(s, err);
  if (status == STATUS_OK) status = check_settings(s, strict, err);
  if (status == STATUS_OK) status = json_need_size(s->root, "r", s->path, 1, MOST_RANK, &s->rank, err);
  if (status == STATUS_OK) status = json_need_number(s->root, "lora_alpha", s->path, &s->alpha, err);
  if (status == STATUS_OK && !is_off(json_get(s->root, "use_rslora")))
    status = json_need_bool(s->root, "use_rslora", s->path, &s->rslora, err);
  if (status == STATUS_OK) status = read_bias(s, err);
  if (status == STATUS_OK) status = read_values(s, "rank_pattern", true, &s->ranks, err);
  if (status == STATUS_OK) status = read_values(s, "alpha_pattern", false, &s->alphas, err);
  if (status == STATUS_OK) status = check_names(s, "modules_to_save", err);
  if (status == STATUS_OK) status = read_targets(s, "target_modules", &s->targets, err);
  if (status == STATUS_OK) status = read_targets(s, "exclude_modules", &s->excluded, err);
  if (status == STATUS_OK) status = check_layers(s, err);
  if (status == STATUS_OK) status = read_names(s, "layers_pattern", "(?:.*\\.)?(?:", ")", &s->layers, err);
  return status;
}

Status adapter_settings_read(const char *folder, bool strict, AdapterSettings *s, Error *err) {
  *s = (AdapterSettings){.path = file_join(folder, "adapter_config.json")};
  Status status = json_read(s->path, &s->root, err);
  if (status == STATUS_OK && !json_is_object(s->root))
    status = error_set(err, STATUS_DATA, "%s: expected a JSON object", s->path);
  if (status == STATUS_OK) status = read_settings(s, strict, err);
  if (status != STATUS_OK) adapter_settings_clear(s);
  return status;
}

static void rules_clear(ModuleRules *rules) {
  for (size_t i = 0; i < rules->count; i++) pattern_free(rules->items[i].pattern);
  free(rules->items);
}

void adapter_settings_clear(AdapterSettings *s) {
  ModuleRules *const all[] = {&s->ranks, &s->alphas, &s->targets, &s->excluded, &s->layers};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) rules_clear(all[i]);
  json_free(s->root);
  free(s->path);
  *s = (AdapterSettings){0};
}

/* The first rule that matches, or NULL. */
static Status find_rule(const AdapterSettings *s, const ModuleRules *rules, const char *module,
                        const ModuleRule **found, Error *err) {
  *found = NULL;
  for (size_t i = 0; i < rules->count && !*found; i++) {
    bool matches;
    const Status status = pattern_matches(rules->items[i].pattern, module, &matches, err);
    if (status != STATUS_OK) return error_prefix(err, "%s", s->path);
    if (matches) *found = &rules->items[i];
  }
  return STATUS_OK;
}

Status adapter_settings_factors(const AdapterSettings *s, const char *module, size_t *rank, double *scale, Error *err) {
  const ModuleRule *of_rank, *of_alpha = NULL;
  Status status = find_rule(s, &s->ranks, module, &of_rank, err);
  if (status == STATUS_OK) status = find_rule(s, &s->alphas, module, &of_alpha, err);
  if (status != STATUS_OK) return status;
  *rank = of_rank ? (size_t)of_rank->value : s->rank;
  const double alpha = of_alpha ? of_alpha->value : s->alpha, r = (double)*rank;
  *scale = s->rslora ? alpha / sqrt(r) : alpha / r;
  return STATUS_OK;
}

/* Is the module, or the end of its name behind a dot, in the list? whole: is it the module itself. */
static bool list_names(const Json *list, const char *module, bool *whole) {
  bool named = false;
  const size_t size = strlen(module);
  *whole = false;
  for (const Json *node = json_first(list); node && !*whole; node = json_next(node)) {
    const char *name = json_string(node, "");
    const size_t n = strlen(name);
    *whole = strcmp(name, module) == 0;
    named = named || *whole || (n < size && module[size - n - 1] == '.' && strcmp(module + size - n, name) == 0);
  }
  return named;
}

bool adapter_settings_saves(const AdapterSettings *s, const char *module) {
  for (const Json *node = json_first(json_get(s->root, "modules_to_save")); node; node = json_next(node)) {
    const char *name = json_string(node, ""), *at = module;
    const size_t n = strlen(name);
    while (n && (at = strstr(at, name)))
      if (!*(at += n) || *at == '.') return true;
  }
  return false;
}

static bool layer_is_listed(const Json *layers, double layer) {
  if (json_is_number(layers)) return json_number(layers, -1) == layer;
  for (const Json *node = json_first(layers); node; node = json_next(node))
    if (json_number(node, -1) == layer) return true;
  return false;
}

/* The module's layer is the first of its segments that is a number, from the third on ("model.layers.0."), or with a
 * layers_pattern the first behind a match of that. */
static Status in_layers(const AdapterSettings *s, const char *module, bool *inside, Error *err) {
  const Json *layers = json_get(s->root, "layers_to_transform");
  *inside = is_off(layers);
  size_t dots = 0;
  for (const char *at = module; !*inside && (at = strchr(at, '.'));) {
    const char *digits = at + 1;
    char *end = NULL;
    dots++;
    const bool is_number = isdigit((unsigned char)*digits);
    const double layer = is_number ? (double)strtoul(digits, &end, 10) : 0;
    const ModuleRule *found = NULL;
    if (is_number && *end == '.' && s->layers.count) {
      char *before = mem_format("%.*s", (int)(at - module), module);
      const Status status = find_rule(s, &s->layers, before, &found, err);
      free(before);
      if (status != STATUS_OK) return status;
    }
    at = digits;
    if (!is_number || *end != '.' || (s->layers.count ? !found : dots < 2)) continue;
    *inside = layer_is_listed(layers, layer);
    break;
  }
  return STATUS_OK;
}

Status adapter_settings_targets(const AdapterSettings *s, const char *module, bool *targets, Error *err) {
  const Json *node = json_get(s->root, "target_modules"), *excluded = json_get(s->root, "exclude_modules");
  const ModuleRule *found;
  bool whole;
  *targets = false;
  Status status = find_rule(s, &s->excluded, module, &found, err);
  if (status != STATUS_OK || found || list_names(excluded, module, &whole)) return status;
  if (is_off(node) || (json_is_string(node) && strcasecmp(json_string(node, ""), "all-linear") == 0)) {
    *targets = true;
    return STATUS_OK;
  }
  if (json_is_string(node)) {
    status = find_rule(s, &s->targets, module, &found, err);
    *targets = found != NULL;
    return status;
  }
  *targets = list_names(node, module, &whole);
  return *targets && !whole ? in_layers(s, module, targets, err) : STATUS_OK;
}
