/* Rotary positions and their scalings: Hugging Face's "rope_scaling" (older) and "rope_parameters" (newer, also one
 * object for each kind of block), and GGUF's keys and tensors. */
#include "base/log.h"
#include "base/memory.h"
#include "model/config_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *name;
  RopeScaling scaling;
} kinds[] = {{"default", ROPE_PLAIN}, {"none", ROPE_PLAIN},    {"linear", ROPE_LINEAR},     {"dynamic", ROPE_DYNAMIC},
             {"yarn", ROPE_YARN},     {"llama3", ROPE_LLAMA3}, {"longrope", ROPE_LONGROPE}, {"su", ROPE_LONGROPE}};

const char *rope_scaling_name(RopeScaling scaling) {
  size_t i = 0;
  while (kinds[i].scaling != scaling) i++;
  return kinds[i].name;
}

static Status set_kind(Rope *rope, const char *where, const char *name, size_t size, Error *err) {
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
    if (strlen(kinds[i].name) == size && memcmp(kinds[i].name, name, size) == 0) {
      rope->scaling = kinds[i].scaling;
      return STATUS_OK;
    }
  return error_set(err, STATUS_DATA, "\"%s\" is %.*s, which changes the numbers and is not supported", where,
                   (int)(size < 40 ? size : 40), name);
}

/* Divisors of the frequencies, kept by the settings; half of them for short texts, half for long ones. */
static double *keep_factors(Settings *s, size_t half) {
  free(s->rope_factors);
  s->rope_factors = mem_alloc(2 * half, sizeof *s->rope_factors);
  s->n_rope_factors = half;
  return s->rope_factors;
}

static Status check_rope(const Rope *rope, const char *where, Error *err) {
  const bool needs_factor =
      rope->scaling == ROPE_LINEAR || rope->scaling == ROPE_DYNAMIC || rope->scaling == ROPE_LLAMA3;
  if (!(rope->theta > 0 && isfinite(rope->theta)))
    return error_set(err, STATUS_DATA, "rope_theta is %g, expected a positive number", rope->theta);
  if (rope->factor < 0 || (needs_factor && rope->factor == 0))
    return error_set(err, STATUS_DATA, "%s: the factor is %g, expected a positive number", where, rope->factor);
  if (rope->scaling == ROPE_LLAMA3 && !(rope->low_turns > 0 && rope->high_turns > rope->low_turns))
    return error_set(err, STATUS_DATA, "%s: low_freq_factor %g and high_freq_factor %g, expected 0 < low < high", where,
                     rope->low_turns, rope->high_turns);
  if (rope->scaling == ROPE_YARN && !(rope->beta_fast >= 0 && rope->beta_slow >= 0))
    return error_set(err, STATUS_DATA, "%s: a beta is negative", where);
  return STATUS_OK;
}

/* ---- config.json ---- */

static Status read_factors(const Json *object, const char *key, size_t half, double *out, Error *err) {
  const Json *list = json_get(object, key);
  size_t i = 0;
  if (!json_is_array(list) || json_count(list) != half)
    return error_set(err, STATUS_DATA, "\"%s\" is no array of %zu numbers, as \"short_factor\" is", key, half);
  for (const Json *node = json_first(list); node; node = json_next(node), i++) {
    out[i] = json_number(node, 0);
    if (!(out[i] > 0 && isfinite(out[i])))
      return error_set(err, STATUS_DATA, "\"%s\" holds what is no positive number", key);
  }
  return STATUS_OK;
}

typedef struct NumberKey {
  const char *key;
  double *value;
} NumberKey;

static Status read_numbers(const Json *object, const NumberKey *keys, size_t n, Error *err) {
  for (size_t i = 0; i < n; i++) {
    const Json *node = json_get(object, keys[i].key);
    if (!node || json_is_null(node)) continue;
    const Status status = json_need_number(object, keys[i].key, "config.json", keys[i].value, err);
    if (status != STATUS_OK) return status;
  }
  return STATUS_OK;
}

static Status check_keys(const Json *object, const char *where, bool strict, Error *err) {
  static const char *const known[] = {"rope_theta",
                                      "rope_type",
                                      "type",
                                      "factor",
                                      "original_max_position_embeddings",
                                      "attention_factor",
                                      "beta_fast",
                                      "beta_slow",
                                      "short_factor",
                                      "long_factor",
                                      "low_freq_factor",
                                      "high_freq_factor",
                                      "mscale",
                                      "mscale_all_dim",
                                      "truncate",
                                      "partial_rotary_factor",
                                      "finetuned"};
  for (const Json *node = json_first(object); node; node = json_next(node)) {
    bool is_known = false;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
      is_known = is_known || strcmp(known[i], json_key(node)) == 0;
    if (!is_known && strict)
      return error_set(err, STATUS_DATA, "config.json: unknown key \"%.80s\" in %s", json_key(node), where);
    if (!is_known)
      log_warn("config.json: unknown key \"%.80s\" in %s is left out of account (--strict refuses it)", json_key(node),
               where);
  }
  return STATUS_OK;
}

/* One object of rotary settings into rope, whose base is the default. */
static Status read_object(const Json *object, const char *where, bool strict, Settings *s, Rope *rope, Error *err) {
  const bool has_factor = json_get(object, "factor") != NULL;
  const char *type = has_factor ? "a \"factor\" without a type" : "default";
  const Json *truncate = json_get(object, "truncate");
  double original = 0;
  static const char *const names[] = {"type", "rope_type"}; /* the older name first */
  for (size_t i = 0; i < 2; i++) {
    if (!json_get(object, names[i]) || json_is_null(json_get(object, names[i]))) continue;
    const Status status = json_need_string(object, names[i], "config.json", &type, err);
    if (status != STATUS_OK) return error_prefix(err, "%s", where);
  }
  const NumberKey numbers[] = {{"rope_theta", &rope->theta},
                               {"factor", &rope->factor},
                               {"attention_factor", &rope->attention_factor},
                               {"beta_fast", &rope->beta_fast},
                               {"beta_slow", &rope->beta_slow},
                               {"low_freq_factor", &rope->low_turns},
                               {"high_freq_factor", &rope->high_turns},
                               {"mscale", &rope->mscale},
                               {"mscale_all_dim", &rope->mscale_all_dim},
                               {"partial_rotary_factor", &s->value[SETTING_ROTARY_SHARE]},
                               {"original_max_position_embeddings", &original}};
  Status status = set_kind(rope, where, type, strlen(type), err);
  if (status == STATUS_OK) status = read_numbers(object, numbers, sizeof numbers / sizeof numbers[0], err);
  if (status == STATUS_OK) status = check_keys(object, where, strict, err);
  if (status != STATUS_OK) return status;
  if (s->value[SETTING_ROTARY_SHARE] != 1 && !family_has_key(s->family, SETTING_ROTARY_SHARE))
    return error_set(err, STATUS_DATA,
                     "%s: \"partial_rotary_factor\" is %g, which changes the numbers and is not supported", where,
                     s->value[SETTING_ROTARY_SHARE]);
  if (!(original >= 0 && original <= MOST_POSITIONS))
    return error_set(err, STATUS_DATA, "%s: original_max_position_embeddings is %g, expected 1 to %d", where, original,
                     MOST_POSITIONS);
  if (!rope->original_positions) rope->original_positions = original >= 1 ? (size_t)original : rope->max_positions;
  rope->exact_ramp = json_is_bool(truncate) && !json_bool(truncate, true);
  if (rope->scaling == ROPE_LONGROPE) {
    const size_t half = json_count(json_get(object, "short_factor"));
    if (half == 0) return error_set(err, STATUS_DATA, "%s: \"short_factor\" is missing, expected an array", where);
    double *factors = keep_factors(s, half);
    rope->short_factors = factors;
    rope->long_factors = factors + half;
    status = read_factors(object, "short_factor", half, factors, err);
    if (status == STATUS_OK) status = read_factors(object, "long_factor", half, factors + half, err);
    if (status != STATUS_OK) return error_prefix(err, "%s", where);
  }
  return check_rope(rope, where, err);
}

static void set_defaults(Settings *s) {
  const double thetas[ROPE_COUNT] = {s->value[SETTING_ROPE_THETA], s->value[SETTING_LOCAL_ROPE_THETA]};
  for (int r = 0; r < ROPE_COUNT; r++)
    s->ropes[r] = (Rope){.theta = thetas[r],
                         .max_positions = (size_t)s->value[SETTING_MAX_POSITIONS],
                         .original_positions = (size_t)s->value[SETTING_ORIGINAL_POSITIONS]};
}

/* "rope_parameters" with an object for each kind of block. */
static Status read_nested(const Json *parent, bool strict, Settings *s, Error *err) {
  static const char *const types[ROPE_COUNT] = {"full_attention", "sliding_attention"};
  if (!(s->value[SETTING_LOCAL_ROPE_THETA] > 0))
    return error_set(err, STATUS_DATA, "config.json: rotary positions of their own for \"%s\" are not supported here",
                     types[ROPE_LOCAL]);
  for (int r = 0; r < ROPE_COUNT; r++) {
    const Json *object = json_get(parent, types[r]);
    if (!object || json_is_null(object)) continue;
    if (!json_is_object(object)) return error_set(err, STATUS_DATA, "config.json: \"%s\" is no object", types[r]);
    const Status status = read_object(object, types[r], strict, s, &s->ropes[r], err);
    if (status != STATUS_OK) return status;
  }
  return STATUS_OK;
}

Status settings_read_rope_hf(const Json *json, bool strict, Settings *s, Error *err) {
  static const char *const keys[] = {"rope_parameters", "rope_scaling"}; /* the older one wins, as in transformers */
  set_defaults(s);
  if (s->family->names[ROLE_POSITIONS].hf) return STATUS_OK;
  for (size_t i = 0; i < 2; i++) {
    const Json *object = json_get(json, keys[i]);
    if (!object || json_is_null(object)) continue;
    if (!json_is_object(object)) return error_set(err, STATUS_DATA, "\"%s\" is no object", keys[i]);
    const bool nested = json_get(object, "full_attention") || json_get(object, "sliding_attention");
    const Status status = nested ? read_nested(object, strict, s, err)
                                 : read_object(object, keys[i], strict, s, &s->ropes[ROPE_GLOBAL], err);
    if (status != STATUS_OK) return status;
  }
  return check_rope(&s->ropes[ROPE_GLOBAL], "rope_theta", err);
}

/* ---- GGUF ---- */

/* A number that may be missing. */
static Status gguf_number(const Gguf *gguf, const char *architecture, const char *suffix, double *value, Error *err) {
  char key[128];
  snprintf(key, sizeof key, "%s.%s", architecture, suffix);
  if (gguf_has(gguf, key) && (!gguf_real(gguf, key, value) || !isfinite(*value)))
    return error_set(err, STATUS_DATA, "%s is of another type, expected a number", key);
  return STATUS_OK;
}

/* A tensor of divisors; *found says whether it is there. */
static Status gguf_factors(const Gguf *gguf, const char *name, size_t *half, double **factors, Error *err) {
  const Tensor *tensor = weights_find(gguf_weights(gguf), name);
  size_t bytes;
  *half = 0;
  if (!tensor) return STATUS_OK;
  if (tensor->n_dims != 1 || tensor->count > MOST_WIDTH || !dtype_size(tensor->dtype, tensor->count, &bytes))
    return error_set(err, STATUS_DATA, "tensor %s is no vector", name);
  float *values = mem_alloc(tensor->count, sizeof *values);
  *half = tensor->count;
  *factors = mem_alloc(tensor->count, sizeof **factors);
  dtype_widen(tensor->dtype, tensor->bytes, tensor->count, values);
  bool is_positive = true;
  for (size_t i = 0; i < *half; i++) {
    (*factors)[i] = (double)values[i];
    is_positive = is_positive && values[i] > 0 && isfinite(values[i]);
  }
  free(values);
  return is_positive ? STATUS_OK : error_set(err, STATUS_DATA, "tensor %s holds what is no positive number", name);
}

/* One set of divisors for all lengths, or one for short and one for long texts. */
static Status gguf_read_factors(const Gguf *gguf, Settings *s, Rope *rope, Error *err) {
  static const char *const names[] = {"rope_freqs.weight", "rope_factors_short.weight", "rope_factors_long.weight"};
  double *sets[3] = {NULL};
  size_t halves[3] = {0};
  Status status = STATUS_OK;
  for (size_t i = 0; i < 3 && status == STATUS_OK; i++)
    status = gguf_factors(gguf, names[i], &halves[i], &sets[i], err);
  const size_t a = halves[0] ? 0 : 1, b = halves[0] ? 0 : 2;
  if (status == STATUS_OK && halves[a] != halves[b])
    status =
        error_set(err, STATUS_DATA, "tensor %s has %zu elements, %s %zu", names[a], halves[a], names[b], halves[b]);
  if (status == STATUS_OK && halves[a]) {
    double *factors = keep_factors(s, halves[a]);
    memcpy(factors, sets[a], halves[a] * sizeof *factors);
    memcpy(factors + halves[a], sets[b], halves[a] * sizeof *factors);
    rope->scaling = ROPE_LONGROPE;
    rope->short_factors = factors;
    rope->long_factors = a == 0 ? factors : factors + halves[a];
    if (a == 0) rope->attention_factor = 1;
  }
  for (size_t i = 0; i < 3; i++) free(sets[i]);
  return status;
}

Status settings_read_rope_gguf(const Gguf *gguf, Settings *s, Error *err) {
  const char *architecture = s->family->gguf_architecture;
  Rope *rope = &s->ropes[ROPE_GLOBAL];
  char key[128];
  GgufText text;
  double old_factor = 1, share = 0;
  set_defaults(s);
  if (s->family->names[ROLE_POSITIONS].gguf) return STATUS_OK;
  Status status = gguf_number(gguf, architecture, "rope.scale_linear", &old_factor, err);
  if (status == STATUS_OK) status = gguf_number(gguf, architecture, "rope.scaling.factor", &rope->factor, err);
  if (status == STATUS_OK) status = gguf_number(gguf, architecture, "rope.scaling.attn_factor", &share, err);
  if (status == STATUS_OK)
    status = gguf_number(gguf, architecture, "rope.scaling.yarn_beta_fast", &rope->beta_fast, err);
  if (status == STATUS_OK)
    status = gguf_number(gguf, architecture, "rope.scaling.yarn_beta_slow", &rope->beta_slow, err);
  if (status != STATUS_OK) return status;
  if (rope->factor == 0 && old_factor != 0 && old_factor != 1) rope->factor = old_factor;
  snprintf(key, sizeof key, "%s.rope.scaling.type", architecture);
  if (gguf_text(gguf, key, &text))
    status = set_kind(rope, key, text.bytes, text.size, err);
  else if (gguf_has(gguf, key))
    status = error_set(err, STATUS_DATA, "%s is of another type, expected text", key);
  else if (rope->factor != 0 && rope->factor != 1)
    rope->scaling = ROPE_LINEAR; /* as llama.cpp reads a factor without a type */
  if (status != STATUS_OK) return status;
  if (!rope->original_positions) rope->original_positions = rope->max_positions;
  if (rope->scaling == ROPE_LONGROPE) rope->attention_factor = share;
  if (rope->scaling == ROPE_YARN && share > 0)
    rope->attention_factor = share * (rope->factor > 1 ? 0.1 * log(rope->factor) + 1 : 1);
  status = gguf_read_factors(gguf, s, rope, err);
  if (status == STATUS_OK && rope->scaling == ROPE_LONGROPE && !rope->short_factors)
    status = error_set(err, STATUS_DATA, "%s is longrope, but tensor rope_factors_short.weight is missing", key);
  return status == STATUS_OK ? check_rope(rope, key, err) : status;
}
