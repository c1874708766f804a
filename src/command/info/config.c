/* fathom info on a model's shape: the settings as fathom resolves them, defaults and patterns included; of what it
 * cannot compute with, the file's own words and why. */
#include "base/memory.h"
#include "command/info/info.h"
#include "model/config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void flag(Table *table, const char *name, bool value) {
  info_text(table, "config", name, value ? "true" : "false");
}

/* A factor or cap that a model may not have. */
static void number_unless(Table *table, const char *name, double value, double usual) {
  if (value != usual) info_number(table, "config", name, value);
}

/* ---- patterns over the blocks ---- */

typedef bool BlockHas(const LayerConfig *layer);

static bool has_window(const LayerConfig *layer) { return layer->window > 0; }
static bool has_local_rope(const LayerConfig *layer) { return layer->rope == ROPE_LOCAL; }
static bool has_no_rope(const LayerConfig *layer) { return layer->rope == ROPE_NONE; }
static bool has_experts(const LayerConfig *layer) { return layer->has_experts; }

/* "15 of 18: 0-4, 6-10, 12-16"; no row where no block has it. */
static void blocks_with(Table *table, const char *name, const ModelConfig *c, BlockHas *has) {
  char *ranges = mem_copy_string("");
  size_t n = 0;
  for (size_t first = 0, end; first < c->n_layers; first = end + 1) {
    for (end = first; end < c->n_layers && has(&c->layers[end]);) end++;
    if (end == first) continue;
    char *range = end - first == 1 ? mem_format("%zu", first) : mem_format("%zu-%zu", first, end - 1);
    char *longer = mem_format("%s%s%s", ranges, n ? ", " : "", range);
    free(range);
    free(ranges);
    ranges = longer;
    n += end - first;
  }
  char *text = mem_format("%zu of %zu: %s", n, c->n_layers, ranges);
  if (n > 0) info_text(table, "config", name, n == c->n_layers ? "all" : text);
  free(text);
  free(ranges);
}

/* ---- resolved settings ---- */

static void print_sizes(Table *table, const ModelConfig *c) {
  info_text(table, "config", "family", c->family->name);
  info_count(table, "config", "hidden_size", c->hidden_size);
  info_count(table, "config", "n_layers", c->n_layers);
  info_count(table, "config", "n_heads", c->n_heads);
  info_count(table, "config", "n_kv_heads", c->n_kv_heads);
  info_count(table, "config", "head_dim", c->head_dim);
  info_count(table, "config", "intermediate_size", c->intermediate_size);
  info_count(table, "config", "vocab_size", c->vocab_size);
  info_count(table, "config", "max_length", c->max_positions);
  flag(table, "tie_word_embeddings", c->tied_embeddings);
}

static void print_rope(Table *table, const ModelConfig *c) {
  const Rope *rope = &c->ropes[ROPE_GLOBAL];
  info_text(table, "config", "positions", c->rotary_dim ? "rotary" : "learned");
  if (!c->rotary_dim) return;
  info_number(table, "config", "rope_theta", rope->theta);
  info_count(table, "config", "rope_dim", c->rotary_dim);
  if (rope->scaling != ROPE_PLAIN) {
    info_text(table, "config", "rope_scaling", config_rope_scaling(rope));
    if (rope->factor > 0) info_number(table, "config", "rope_factor", rope->factor);
    if (rope->scaling >= ROPE_YARN) info_count(table, "config", "rope_original_length", rope->original_positions);
  }
  if (c->ropes[ROPE_LOCAL].theta > 0) info_number(table, "config", "local_rope_theta", c->ropes[ROPE_LOCAL].theta);
  blocks_with(table, "blocks_with_local_rope", c, has_local_rope);
  blocks_with(table, "blocks_without_rope", c, has_no_rope);
}

static void print_attention(Table *table, const ModelConfig *c) {
  size_t window = 0;
  for (size_t l = 0; l < c->n_layers; l++) window = c->layers[l].window ? c->layers[l].window : window;
  if (window) info_count(table, "config", "sliding_window", window);
  blocks_with(table, "blocks_with_window", c, has_window);
  number_unless(table, "attention_scale", c->layers[0].attention_scale, 1 / sqrt((double)c->head_dim));
  number_unless(table, "attention_softcap", c->attention_softcap, 0);
  if (c->has[ROLE_Q_NORM]) info_text(table, "config", "qk_norm", c->qk_norm_whole ? "all heads" : "each head");
  if (c->has[ROLE_Q_BIAS]) flag(table, "attention_bias", true);
}

static void print_mlp(Table *table, const ModelConfig *c) {
  info_text(table, "config", "activation", config_activation(c));
  flag(table, "gated", c->gated);
  if (c->has[ROLE_UP_BIAS]) flag(table, "mlp_bias", true);
  if (!c->n_experts) return;
  info_count(table, "config", "n_experts", c->n_experts);
  info_count(table, "config", "n_experts_used", c->n_experts_used);
  info_count(table, "config", "expert_size", c->expert_size);
  if (c->has[ROLE_SHARED_UP]) info_count(table, "config", "shared_expert_size", c->shared_expert_size);
  blocks_with(table, "blocks_with_experts", c, has_experts);
}

static void print_resolved(Table *table, const ModelConfig *c) {
  print_sizes(table, c);
  info_text(table, "config", "norm", c->norm == NORM_LAYER ? "layer" : "rms");
  info_number(table, "config", "norm_eps", c->norm_eps);
  print_rope(table, c);
  print_attention(table, c);
  print_mlp(table, c);
  if (c->parallel_residual) flag(table, "parallel_residual", true);
  number_unless(table, "embedding_scale", c->embedding_scale, 1);
  number_unless(table, "residual_scale", c->residual_scale, 1);
  number_unless(table, "logit_scale", c->logit_scale, 1);
  number_unless(table, "logit_softcap", c->logit_softcap, 0);
}

/* ---- the files' own words ---- */

/* Hyper-parameters by their keys in config.json (a dot steps into an object) and in GGUF (behind "ARCHITECTURE."). A
 * name may have several rows; the first key that is there is shown. */
static const struct {
  const char *name, *config, *gguf;
} fields[] = {
    {"hidden_size", "hidden_size", "embedding_length"},
    {"hidden_size", "n_embd", NULL},
    {"n_layers", "num_hidden_layers", "block_count"},
    {"n_layers", "n_layer", NULL},
    {"n_heads", "num_attention_heads", "attention.head_count"},
    {"n_heads", "n_head", NULL},
    {"n_kv_heads", "num_key_value_heads", "attention.head_count_kv"},
    {"head_dim", "head_dim", "attention.key_length"},
    {"intermediate_size", "intermediate_size", "feed_forward_length"},
    {"vocab_size", "vocab_size", "vocab_size"},
    {"max_length", "max_position_embeddings", "context_length"},
    {"max_length", "n_positions", NULL},
    {"tie_word_embeddings", "tie_word_embeddings", NULL},
    {"norm_eps", "rms_norm_eps", "attention.layer_norm_rms_epsilon"},
    {"norm_eps", "layer_norm_eps", "attention.layer_norm_epsilon"},
    {"norm_eps", "layer_norm_epsilon", NULL},
    {"rope_theta", "rope_theta", "rope.freq_base"},
    {"rope_theta", "rope_parameters.rope_theta", NULL},
    {"rope_dim", NULL, "rope.dimension_count"},
    {"sliding_window", "sliding_window", "attention.sliding_window"},
    {"activation", "hidden_act", NULL},
};
enum { N_FIELDS = sizeof fields / sizeof fields[0] };

static const Json *json_path(const Json *object, const char *path) {
  const char *dot = strchr(path, '.');
  if (!dot) return json_get(object, path);
  char *head = mem_format("%.*s", (int)(dot - path), path);
  const Json *inner = json_get(object, head);
  free(head);
  return json_path(inner, dot + 1);
}

/* section and name, where the row has not been printed under an earlier key. */
static bool begin_field(Table *table, size_t row, const char **last) {
  if (*last && strcmp(*last, fields[row].name) == 0) return false;
  *last = fields[row].name;
  table_string(table, "config");
  table_string(table, fields[row].name);
  return true;
}

static void print_json_fields(Table *table, const Json *config) {
  const char *last = NULL;
  for (size_t i = 0; i < N_FIELDS; i++) {
    const Json *node = fields[i].config ? json_path(config, fields[i].config) : NULL;
    if (node && !json_is_null(node) && begin_field(table, i, &last)) info_json_cell(table, node);
  }
}

static void print_gguf_fields(Table *table, const Gguf *gguf) {
  GgufText architecture = {"", 0};
  const char *last = NULL;
  gguf_text(gguf, "general.architecture", &architecture);
  for (size_t i = 0; i < N_FIELDS && architecture.size < 64; i++) {
    if (!fields[i].gguf) continue;
    char *key = mem_format("%.*s.%s", (int)architecture.size, architecture.bytes, fields[i].gguf);
    if (gguf_has(gguf, key) && begin_field(table, i, &last)) info_gguf_cell(table, gguf, key);
    free(key);
  }
}

static void print_names(Table *table, const Source *source) {
  static const char *const general[] = {"general.architecture", "general.name"};
  const Json *config = source_config(source), *architecture = json_first(json_get(config, "architectures"));
  const Gguf *gguf = source_gguf(source);
  for (size_t i = 0; gguf && i < sizeof general / sizeof general[0]; i++)
    if (gguf_has(gguf, general[i])) {
      table_string(table, "config");
      table_string(table, strchr(general[i], '.') + 1);
      info_gguf_cell(table, gguf, general[i]);
    }
  if (!config) return;
  info_text(table, "config", "architecture", json_string(architecture, NULL));
  info_text(table, "config", "model_type", json_string(json_get(config, "model_type"), NULL));
}

void info_model_config(Table *table, const Source *source) {
  ModelConfig config;
  Error err = {0};
  if (!source_gguf(source) && !source_config(source)) return;
  print_names(table, source);
  if (config_read(source, false, &config, &err) == STATUS_OK) {
    print_resolved(table, &config);
    config_clear(&config);
    return;
  }
  if (source_gguf(source))
    print_gguf_fields(table, source_gguf(source));
  else
    print_json_fields(table, source_config(source));
  if (weights_count(source_weights(source))) info_text(table, "config", "cannot_run", err.text);
}
