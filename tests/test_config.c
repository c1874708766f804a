/* model/config on config.json texts: older and newer ways to say the same, what must be refused, and unknown keys. What
 * models compute of it is test_families' business. */
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "model/config.h"
#include "tests/tap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SIZES                                                                                                          \
  "\"num_hidden_layers\": 7, \"hidden_size\": 24, \"num_attention_heads\": 4, \"num_key_value_heads\": 2, "            \
  "\"intermediate_size\": 20, \"vocab_size\": 33"
#define LLAMA "\"model_type\": \"llama\", " SIZES
#define QWEN2 "\"model_type\": \"qwen2\", " SIZES
#define GEMMA3 "\"model_type\": \"gemma3_text\", \"head_dim\": 6, " SIZES
#define SMOLLM3 "\"model_type\": \"smollm3\", " SIZES
#define MOE "\"model_type\": \"qwen3_moe\", \"num_experts\": 4, \"num_experts_per_tok\": 2, \"head_dim\": 6, " SIZES
#define GPT2 "\"model_type\": \"gpt2\", \"n_layer\": 2, \"n_embd\": 24, \"n_head\": 4, \"vocab_size\": 33"

/* {extra, base}; of two members of one name the first counts. */
static Status read_config(const char *extra, const char *base, bool strict, ModelConfig *config, Error *err) {
  char *text = mem_format("{%s%s%s}", extra, extra[0] ? ", " : "", base);
  Json *json;
  Status status = json_parse(text, strlen(text), "config.json", &json, err);
  if (status == STATUS_OK) {
    status = config_from_json(json, strict, config, err);
    json_free(json);
  }
  free(text);
  return status;
}

static ModelConfig config_of(const char *extra, const char *base) {
  ModelConfig config = {0};
  Error err;
  if (read_config(extra, base, true, &config, &err) != STATUS_OK) ok(false, "%s: %s", extra, err.text);
  return config;
}

static bool same_layers(const ModelConfig *a, const ModelConfig *b) {
  bool same = a->n_layers > 0 && a->n_layers == b->n_layers;
  for (size_t l = 0; same && l < a->n_layers; l++)
    same = a->layers[l].window == b->layers[l].window && a->layers[l].rope == b->layers[l].rope &&
           a->layers[l].has_experts == b->layers[l].has_experts &&
           a->layers[l].attention_scale == b->layers[l].attention_scale;
  return same;
}

static bool same_ropes(const ModelConfig *a, const ModelConfig *b) {
  bool same = a->rotary_dim == b->rotary_dim;
  for (int r = 0; r < ROPE_COUNT; r++)
    for (size_t i = 0; i < a->rotary_dim / 2; i++)
      same = same && a->ropes[r].theta == b->ropes[r].theta &&
             (a->ropes[r].theta == 0 || rope_frequency(&a->ropes[r], 9, i) == rope_frequency(&b->ropes[r], 9, i));
  return same;
}

static void test_same(const char *what, const char *base, const char *older, const char *newer) {
  ModelConfig a = config_of(older, base), b = config_of(newer, base);
  ok(same_layers(&a, &b) && same_ropes(&a, &b), "%s: two ways to say the same", what);
  config_clear(&a);
  config_clear(&b);
}

static void test_layouts(void) {
  test_same("a base", LLAMA, "\"rope_theta\": 500.0",
            "\"rope_parameters\": {\"rope_theta\": 500.0, \"rope_type\": \"default\"}");
  test_same("linear scaling", LLAMA, "\"rope_theta\": 500, \"rope_scaling\": {\"type\": \"linear\", \"factor\": 3}",
            "\"rope_parameters\": {\"rope_theta\": 500, \"rope_type\": \"linear\", \"factor\": 3}");
  test_same(
      "a local base", GEMMA3,
      "\"rope_theta\": 1e6, \"rope_local_base_freq\": 500, \"rope_scaling\": {\"rope_type\": \"linear\", "
      "\"factor\": 8}, \"sliding_window_pattern\": 3",
      "\"rope_parameters\": {\"full_attention\": {\"rope_theta\": 1e6, \"rope_type\": \"linear\", \"factor\": 8}, "
      "\"sliding_attention\": {\"rope_theta\": 500}}, \"layer_types\": [\"sliding_attention\", "
      "\"sliding_attention\", \"full_attention\", \"sliding_attention\", \"sliding_attention\", "
      "\"full_attention\", \"sliding_attention\"]");
  test_same("blocks without positions", SMOLLM3, "\"no_rope_layer_interval\": 3",
            "\"no_rope_layers\": [1, 1, 0, 1, 1, 0, 1]");
  test_same("an upper window", QWEN2, "\"use_sliding_window\": true, \"sliding_window\": 5, \"max_window_layers\": 5",
            "\"use_sliding_window\": true, \"sliding_window\": 5, \"layer_types\": [\"full_attention\", "
            "\"full_attention\", \"full_attention\", \"full_attention\", \"full_attention\", \"sliding_attention\", "
            "\"sliding_attention\"]");
  test_same("dense blocks", MOE, "\"decoder_sparse_step\": 2", "\"mlp_only_layers\": [0, 2, 4, 6]");
  test_same("null", LLAMA, "\"head_dim\": null, \"rope_scaling\": null, \"rms_norm_eps\": null", "\"head_dim\": 6");
}

static void test_numbers(void) {
  ModelConfig c = config_of("", GEMMA3);
  ok(c.layers[0].window == 4096 && c.layers[0].rope == ROPE_LOCAL && c.layers[5].window == 0 &&
         c.layers[5].rope == ROPE_GLOBAL && c.layers[6].window == 4096,
     "five blocks with a window, one without");
  ok(c.ropes[ROPE_LOCAL].theta == 1e4 && c.ropes[ROPE_GLOBAL].theta == 1e6 && c.tied_embeddings &&
         c.layers[0].attention_scale == 1.0 / 16,
     "defaults of the class in transformers");
  config_clear(&c);
  c = config_of("",
                "\"model_type\": \"gemma3\", \"text_config\": {" GEMMA3 "}, \"vision_config\": {\"hidden_size\": 3}");
  ok(c.hidden_size == 24 && strcmp(c.family->hf_model_type, "gemma3_text") == 0, "the text model of a larger one");
  config_clear(&c);
  c = config_of("", GPT2);
  ok(c.intermediate_size == 96 && c.rotary_dim == 0 && c.layers[0].rope == ROPE_NONE && c.max_positions == 1024,
     "learned positions, four times the width");
  config_clear(&c);
  c = config_of("\"scale_attn_by_inverse_layer_idx\": true, \"scale_attn_weights\": false", GPT2);
  ok(c.layers[0].attention_scale == 1 && c.layers[1].attention_scale == 0.5, "scores divided by the block's number");
  config_clear(&c);
  c = config_of("\"use_sliding_window\": false, \"sliding_window\": 5", QWEN2);
  ok(c.layers[6].window == 0, "a window that is switched off");
  config_clear(&c);
}

static void refused(const char *base, const char *extra, const char *message) {
  ModelConfig config = {0};
  Error err = {0};
  const Status status = read_config(extra, base, false, &config, &err);
  ok(status == STATUS_DATA && strstr(err.text, message), "%s: %s", extra, status == STATUS_OK ? "taken" : err.text);
  config_clear(&config);
}

/* What a model that holds a text model says of both. */
static void test_nested(void) {
  const char *inner = "\"model_type\": \"gemma3\", \"text_config\": {" GEMMA3 ", \"tie_word_embeddings\": true}";
  ModelConfig c = config_of("\"tie_word_embeddings\": false", inner);
  ok(!c.tied_embeddings && !json_bool(json_get(c.source, "tie_word_embeddings"), true), "the larger model unties");
  config_clear(&c);
  c = config_of("", inner);
  ok(c.tied_embeddings, "else the text model's word counts");
  config_clear(&c);
  refused(inner, "\"quantization_config\": {\"bits\": 4}", "\"quantization_config\" is {\"bits\":4}, which changes");
}

/* Two keys for one setting. */
static void test_doubled(void) {
  const char *gemma = "\"model_type\": \"gemma\", \"head_dim\": 6, " SIZES, *neox = "\"model_type\": \"gpt_neox\", \"num_hidden_layers\": 1, \"hidden_size\": 24, \"num_attention_heads\": 4, "
                           "\"intermediate_size\": 20, \"vocab_size\": 33";
  refused(gemma, "\"hidden_activation\": \"relu\"", "\"hidden_activation\" is \"relu\", but \"hidden_act\", by default, says");
  refused(gemma, "\"hidden_activation\": \"gelu_pytorch_tanh\", \"hidden_act\": \"silu\"", "but \"hidden_act\" says something else");
  refused(neox, "\"partial_rotary_factor\": 1.0, \"rotary_pct\": 0.3334", "\"partial_rotary_factor\" is 1, but \"rotary_pct\" says");
  refused(neox, "\"rope_theta\": 500, \"rotary_pct\": 0.3334", "\"rope_theta\" is 500, but \"rotary_emb_base\", by default, says");
  ModelConfig c = config_of("\"hidden_activation\": \"gelu_pytorch_tanh\", \"hidden_act\": \"gelu\"", gemma);
  ok(c.activation == ACTIVATION_GELU_TANH, "two spellings of one activation");
  config_clear(&c);
  c = config_of("\"rotary_pct\": 0.3334, \"partial_rotary_factor\": 0.3334, \"rotary_emb_base\": 500, \"rope_theta\": 500", neox);
  ok(c.rotary_dim == 2 && c.ropes[ROPE_GLOBAL].theta == 500, "two keys that agree");
  config_clear(&c);
}

static void test_refused(void) {
  refused(SIZES, "\"model_type\": \"bloom\"", "unknown architecture \"bloom\"");
  refused(SIZES, "\"model_type\": 3", "\"model_type\" is a number");
  refused("\"model_type\": \"gemma3\"", "\"text_config\": []", "\"text_config\" is missing, expected an object");
  refused(LLAMA, "\"num_hidden_layers\": 2000",
          "\"num_hidden_layers\" is 2000, expected a whole number from 1 to 1024");
  refused(LLAMA, "\"hidden_size\": 0", "\"hidden_size\" is 0");
  refused(LLAMA, "\"num_attention_heads\": null", "\"num_attention_heads\" is missing");
  refused(LLAMA, "\"num_attention_heads\": 5, \"num_key_value_heads\": 5", "hidden size 24 is not a multiple of 5");
  refused(LLAMA, "\"num_key_value_heads\": 3", "4 attention heads cannot share 3 key/value heads evenly");
  refused(LLAMA, "\"head_dim\": 7", "7 of head_dim 7 are rotary, expected an even number");
  refused(LLAMA, "\"is_encoder_decoder\": true", "\"is_encoder_decoder\" is true, which changes the numbers");
  refused(LLAMA, "\"quantization_config\": {\"bits\": 4}", "\"quantization_config\" is {\"bits\":4}, which changes");
  refused(LLAMA, "\"rope_parameters\": {\"full_attention\": {}}", "rotary positions of their own");
  refused(LLAMA, "\"rope_scaling\": {\"rope_type\": \"dynamic\", \"factor\": -2}", "the factor is -2");
  refused(QWEN2, "\"layer_types\": [\"full_attention\"]", "\"layer_types\" has 1 entries for 7 blocks");
  refused(QWEN2, "\"layer_types\": 3", "\"layer_types\" is no array");
  refused(QWEN2, "\"layer_types\": [\"full_attention\", \"x\", \"x\", \"x\", \"x\", \"x\", \"chunked_attention\"]",
          "\"layer_types\" holds \"x\", which is not supported");
  refused(QWEN2, "\"use_mrope\": true", "\"use_mrope\" is true");
  refused(SMOLLM3, "\"no_rope_layers\": [1, 1, \"0\", 1, 1, 1, 1]", "\"no_rope_layers\" holds no number");
  refused(GEMMA3, "\"attn_logit_softcapping\": 50.0", "\"attn_logit_softcapping\" is 50, which changes");
  refused(GEMMA3, "\"use_bidirectional_attention\": true", "\"use_bidirectional_attention\" is true");
  refused(GEMMA3, "\"final_logit_softcapping\": -3", "a soft cap is -3");
  refused(MOE, "\"num_experts_per_tok\": 5", "5 of 4 experts a token");
  refused(MOE, "\"mlp_only_layers\": [7]", "\"mlp_only_layers\" names no block, expected 0 to 6");
  refused(MOE, "\"num_experts\": 4096, \"num_hidden_layers\": 1000", "1000 blocks of 4096 experts");
  refused("\"model_type\": \"mixtral\", " SIZES, "\"num_local_experts\": 0", "no experts, which this family must have");
  refused("\"model_type\": \"granite\", " SIZES, "\"residual_multiplier\": 0", "the residual multiplier is 0");
  refused("\"model_type\": \"granite\", " SIZES, "\"attention_multiplier\": 0", "\"attention_multiplier\" is 0, expected a positive");
  refused(GEMMA3, "\"query_pre_attn_scalar\": -4", "\"query_pre_attn_scalar\" is -4, expected a positive number");
  refused(GEMMA3, "\"rope_local_base_freq\": 0", "\"rope_local_base_freq\" is 0, expected a positive number");
  refused("\"model_type\": \"granite\", " SIZES, "\"logits_scaling\": 0", "the scale of the logits is inf");
  refused("\"model_type\": \"gpt_neox\", " SIZES, "\"rotary_pct\": 1.5", "9 of head_dim 6 are rotary");
  refused("\"model_type\": \"gpt_neox\", " SIZES, "\"rotary_pct\": -1", "0 of head_dim 6 are rotary");
  refused("\"model_type\": \"gpt_neox\", " SIZES, "\"rotary_pct\": 1e300", "0 of head_dim 6 are rotary");
}

/* With strict an error, else a warning on stderr. */
static void test_unknown(void) {
  static const char *const extras[] = {"\"flux_capacity\": 3",
                                       "\"rope_parameters\": {\"rope_type\": \"default\", \"flux_capacity\": 1}"};
  for (size_t i = 0; i < 2; i++) {
    ModelConfig config = {0};
    Error err = {0};
    const Status strict = read_config(extras[i], LLAMA, true, &config, &err);
    ok(strict == STATUS_DATA && strstr(err.text, "unknown key \"flux_capacity\""), "strict: %s", err.text);
    config_clear(&config);
    ok(read_config(extras[i], LLAMA, false, &config, &err) == STATUS_OK, "else it is taken, with a warning");
    config_clear(&config);
  }
  ModelConfig config = {0};
  Error err = {0};
  ok(read_config("\"id2label\": {}, \"attention_dropout\": 0.1, \"is_llama_config\": true", LLAMA, true, &config,
                 &err) == STATUS_OK,
     "keys that change no number are known");
  config_clear(&config);
}

int main(void) {
  test_layouts();
  test_numbers();
  test_nested();
  test_doubled();
  test_refused();
  test_unknown();
  return tap_end();
}
