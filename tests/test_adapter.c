/* weights/adapter: PEFT's names, ranks and scales, which modules an adapter is for, and what is refused. */
#include "base/digest.h"
#include "base/file.h"
#include "base/memory.h"
#include "tests/tap.h"
#include "weights/adapter.h"
#include "weights/safetensors.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/fathom-adapter.XXXXXX";

enum { SIZE = 64 };
static const float ones[SIZE * SIZE] = {[0 ... SIZE * SIZE - 1] = 1};

#define AB(module, rows, columns, rank)                                                                                \
  {"base_model.model." module ".lora_A.weight", 2, {rank, columns}, ones},                                             \
      {"base_model.model." module ".lora_B.weight", 2, {rows, rank}, ones}
#define Q0 "model.layers.0.self_attn.q_proj"
#define Q1 "model.layers.1.self_attn.q_proj"

static const SafetensorsEntry plain[] = {AB(Q0, 6, 4, 2)};

static void remove_all(void) {
  static const char *const names[] = {"adapter_config.json", "adapter_model.safetensors", "adapter_model.bin", "config.json"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    char *path = file_join(folder, names[i]);
    unlink(path);
    free(path);
  }
}

static void add_text(const char *name, const char *text) {
  char *path = file_join(folder, name);
  Error err = {0};
  if (file_write_text(path, text, &err) != STATUS_OK) abort();
  free(path);
}

/* more: settings that come before r = 2, lora_alpha = 8 and the targets; the first of two keys wins. */
static void write_adapter(const char *more, const char *targets, const SafetensorsEntry *entries, size_t n) {
  char *text = mem_format("{%s \"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": 8, \"target_modules\": %s, \"bias\": \"none\"}",
                          more, targets);
  char *path = file_join(folder, "adapter_model.safetensors");
  Error err = {0};
  add_text("adapter_config.json", text);
  if (safetensors_write(path, entries, n, DTYPE_F32, &err) != STATUS_OK) abort();
  free(path);
  free(text);
}

static Adapter *opened(const char *what) {
  Adapter *adapter;
  Error err = {0};
  if (!ok(adapter_open(folder, true, &adapter, &err) == STATUS_OK, "%s opens %s", what, err.text)) exit(1);
  return adapter;
}

/* The rank and scale of the only module, named q_proj of block 0. */
static void scaled(const char *more, const SafetensorsEntry *entries, size_t n, size_t rank, double scale, const char *what) {
  write_adapter(more, "[\"q_proj\"]", entries, n);
  Adapter *adapter = opened(what);
  const AdapterFactors *f = adapter_factors_at(adapter, 0);
  ok(adapter_factors_count(adapter) == 1 && strcmp(f->module, Q0) == 0 && f->rank == rank && f->scale == scale && f->a->shape[0] == rank &&
         f->a->shape[1] == 4 && f->b->shape[0] == 6 && !f->is_embedding,
     "%s: rank %zu, scale %g", what, f->rank, f->scale);
  adapter_close(adapter);
}

static void test_scales(void) {
  static const SafetensorsEntry three[] = {AB(Q0, 6, 4, 3)};
  scaled("", plain, 2, 2, 4, "alpha / r");
  scaled("\"use_rslora\": true,", plain, 2, 2, 8 / sqrt(2), "alpha / sqrt(r)");
  scaled("\"lora_alpha\": 1.5,", plain, 2, 2, 0.75, "an alpha that is no whole number");
  scaled("\"rank_pattern\": {\"q_proj\": 3},", three, 2, 3, 8.0 / 3, "a rank by the end of the name");
  scaled("\"rank_pattern\": {\"_proj\": 5, \".*attn.[qk]_proj\": 3, \"q_proj\": 7},", three, 2, 3, 8.0 / 3, "the first pattern that matches");
  scaled("\"rank_pattern\": {\"layers.1.*\": 5, \"layers.\\\\d+.self_attn.(?:q|k)_proj\": 3},", three, 2, 3, 8.0 / 3, "a pattern in Perl's syntax");
  scaled("\"alpha_pattern\": {\"model.layers.0.self_attn.q_proj\": 10, \"q_proj\": 3},", plain, 2, 2, 5, "an alpha by name");
  scaled("\"alpha_pattern\": {\"attn.k_proj\": 10},", plain, 2, 2, 4, "an alpha for another module");
  scaled("\"future_setting\": null, \"another\": [], \"third\": false,", plain, 2, 2, 4, "unknown settings that are off");
  scaled("\"lora_dropout\": 0.1, \"init_lora_weights\": \"gaussian\", \"use_dora\": false,", plain, 2, 2, 4, "settings without effect");
}

static void test_names(void) {
  static const SafetensorsEntry named[] = {
      {"base_model.model." Q0 ".lora_A.reward.weight", 2, {2, 4}, ones},
      {"base_model.model." Q0 ".lora_B.reward.weight", 2, {6, 2}, ones},
      {"base_model.model.model.embed_tokens.lora_embedding_A", 2, {2, 9}, ones},
      {"base_model.model.model.embed_tokens.lora_embedding_B", 2, {4, 2}, ones},
      {"base_model.model.model.embed_tokens.base_layer.weight", 2, {9, 4}, ones},
      {"base_model.model.model.layers.0.input_layernorm.weight", 1, {4}, ones},
      {"base_model.model.model.layers.0.self_attn.q_proj.base_layer.bias", 1, {6}, ones},
      {"base_model.model.score.modules_to_save.default.weight", 2, {1, 4}, ones},
      {"base_model.model.v_head.modules_to_save.summary.0.weight", 2, {1, 4}, ones},
  };
  static const char *const names[] = {"model.embed_tokens.weight", "model.layers.0.input_layernorm.weight",
                                      "model.layers.0.self_attn.q_proj.bias", "score.weight", "v_head.summary.0.weight"};
  write_adapter("\"bias\": \"lora_only\", \"modules_to_save\": [\"norm\", \"score\", \"v_head\"], \"task_type\": \"SEQ_CLS\", "
                "\"base_model_name_or_path\": \"some/base\",", "[\"q_proj\", \"embed_tokens\"]", named, 9);
  Adapter *adapter = opened("an adapter with saved modules, biases and names inside");
  bool same = adapter_tensors_count(adapter) == 5;
  for (size_t i = 0; same && i < 5; i++) same = strcmp(adapter_tensors_at(adapter, i)->name, names[i]) == 0;
  ok(same, "whole tensors stand for the base's");
  const AdapterFactors *f = adapter_factors_at(adapter, 1);
  ok(adapter_factors_count(adapter) == 2 && f->is_embedding && strcmp(f->module, "model.embed_tokens") == 0 && f->a->shape[1] == 9 &&
         f->b->shape[0] == 4, "factors of an embedding");
  ok(strcmp(adapter_task(adapter), "SEQ_CLS") == 0 && strcmp(adapter_base(adapter), "some/base") == 0 &&
         strcmp(adapter_path(adapter), folder) == 0, "task and base");
  char first[DIGEST_TEXT];
  memcpy(first, adapter_digest(adapter), sizeof first);
  adapter_close(adapter);
  write_adapter("\"bias\": \"lora_only\", \"modules_to_save\": [\"norm\", \"score\", \"v_head\"], \"lora_alpha\": 9,", "null", named, 9);
  adapter = opened("the same with another alpha and no list of targets");
  ok(strlen(first) == 64 && strcmp(first, adapter_digest(adapter)) != 0 && !adapter_task(adapter) && !adapter_base(adapter),
     "alpha is part of the digest");
  adapter_close(adapter);
  ok(adapter_is_folder(folder) && !adapter_is_folder("/no/such"), "an adapter's folder is told from others");
  add_text("config.json", "{}");
  ok(!adapter_is_folder(folder), "and from one that holds a model as well");
}

/* Whether factors of Q0 and Q1 are accounted for: expected is NULL or which tensor is refused. */
static void targeted(const char *more, const char *targets, const char *expected) {
  static const SafetensorsEntry both[] = {AB(Q0, 6, 4, 2), AB(Q1, 6, 4, 2)};
  Adapter *adapter;
  Error err = {0};
  write_adapter(more, targets, both, 4);
  const Status status = adapter_open(folder, false, &adapter, &err);
  ok(status == (expected ? STATUS_DATA : STATUS_OK) && (!expected || (strstr(err.text, expected) && strstr(err.text, "target_modules"))),
     "targets %s %s: %s", targets, more, expected ? err.text : "both blocks");
  adapter_close(adapter);
}

static void test_targets(void) {
  targeted("", "\"all-linear\"", NULL);
  targeted("", "[\"" Q0 "\", \"" Q1 "\"]", NULL);
  targeted("", "[\"self_attn.q_proj\"]", NULL);
  targeted("", "[\"proj\"]", Q0);
  targeted("", "[\"q_pro\", \"k_proj\"]", Q0);
  targeted("", "\".*\\\\.q_proj\"", NULL);
  targeted("", "\"q_proj\"", Q0);
  targeted("", "\"^(?!.*layers\\\\.1\\\\.).*_proj$\"", Q1);
  targeted("\"exclude_modules\": [\"layers.1.self_attn.q_proj\"],", "[\"q_proj\"]", Q1);
  targeted("\"exclude_modules\": \".*\\\\.1\\\\..*\",", "\"all-linear\"", Q1);
  targeted("\"layers_to_transform\": [0],", "[\"q_proj\"]", Q1);
  targeted("\"layers_to_transform\": 1,", "[\"q_proj\"]", Q0);
  targeted("\"layers_to_transform\": [1, 0],", "[\"q_proj\"]", NULL);
  targeted("\"layers_to_transform\": [0], \"layers_pattern\": [\"h\", \"layers\"],", "[\"q_proj\"]", Q1);
  targeted("\"layers_to_transform\": [0], \"layers_pattern\": \"h\",", "[\"q_proj\"]", Q0);
  targeted("\"layers_to_transform\": [0],", "[\"" Q1 "\", \"" Q0 "\"]", NULL);
}

static void refused(bool strict, const char *message) {
  Adapter *adapter;
  Error err = {0};
  const Status status = adapter_open(folder, strict, &adapter, &err);
  ok(status == STATUS_DATA && !adapter && strstr(err.text, folder) == err.text && strstr(err.text, message), "%s", err.text);
  adapter_close(adapter);
}

static void refused_setting(const char *more, const char *message) {
  write_adapter(more, "[\"q_proj\"]", plain, 2);
  refused(false, message);
}

static void test_bad_settings(void) {
  refused_setting("\"peft_type\": \"IA3\",", "adapter_config.json: \"peft_type\" is IA3, expected LORA");
  refused_setting("\"peft_type\": 4,", "\"peft_type\" is a number, expected a string");
  refused_setting("\"use_dora\": true,", "\"use_dora\" is true, which changes the numbers and is not supported");
  refused_setting("\"lora_bias\": true,", "\"lora_bias\" is true");
  refused_setting("\"layer_replication\": [[0, 4], [2, 5]],", "\"layer_replication\" is [[0,4],[2,5]]");
  refused_setting("\"target_parameters\": [\"experts.gate_up_proj\"],", "\"target_parameters\" is [\"experts.gate_up_proj\"]");
  refused_setting("\"trainable_token_indices\": [3],", "\"trainable_token_indices\" is [3]");
  refused_setting("\"ensure_weight_tying\": true,", "\"ensure_weight_tying\" is true");
  refused_setting("\"init_lora_weights\": \"pissa_niter_16\",", "\"init_lora_weights\" is pissa_niter_16, which changes the base's weights");
  refused_setting("\"init_lora_weights\": \"olora\",", "\"init_lora_weights\" is olora");
  refused_setting("\"r\": 0,", "\"r\" is 0");
  refused_setting("\"r\": 2.5,", "\"r\"");
  refused_setting("\"r\": 1e9,", "\"r\"");
  refused_setting("\"lora_alpha\": \"8\",", "\"lora_alpha\" is a string, expected a number");
  refused_setting("\"lora_alpha\": 1e999,", "\"lora_alpha\" is not finite");
  refused_setting("\"use_rslora\": 1,", "\"use_rslora\" is a number, expected true or false");
  refused_setting("\"bias\": \"some\",", "\"bias\" is some, expected none, all or lora_only");
  refused_setting("\"rank_pattern\": [2],", "\"rank_pattern\" is no object");
  refused_setting("\"rank_pattern\": {\"q_proj\": 2.5},", "\"rank_pattern\": \"q_proj\" is no rank");
  refused_setting("\"alpha_pattern\": {\"q_proj\": \"2\"},", "\"alpha_pattern\": \"q_proj\" is no number");
  refused_setting("\"rank_pattern\": {\"(q_proj\": 2},", "\"rank_pattern\": the pattern \"(?:.*\\.)?(?:(q_proj)\" does not compile");
  refused_setting("\"rank_pattern\": {\"(((((a?){30}){30}){30}){30})*m\": 2},", "does not compile: regular expression is too large");
  refused_setting("\"rank_pattern\": {\"([a-z_.0-9]+)+0\": 2},", "([a-z_.0-9]+)+0)\" failed on \"" Q0 "\": match limit exceeded");
  refused_setting("\"target_modules\": 5,", "\"target_modules\" is neither a list of names nor a text");
  refused_setting("\"target_modules\": [5],", "\"target_modules\" holds something that is no text");
  refused_setting("\"modules_to_save\": [null],", "\"modules_to_save\" holds something that is no text");
  refused_setting("\"layers_to_transform\": \"0\",", "\"layers_to_transform\" is neither a number nor a list of numbers");
  write_adapter("\"warp\": 9,", "[\"q_proj\"]", plain, 2);
  refused(true, "adapter_config.json: unknown setting \"warp\"");
  Adapter *adapter;
  ok(adapter_open(folder, false, &adapter, NULL) == STATUS_OK, "the same without strict is a warning");
  adapter_close(adapter);
}

static void refused_tensors(const char *more, const SafetensorsEntry *entries, size_t n, const char *message) {
  write_adapter(more, "[\"q_proj\", \"embed_tokens\"]", entries, n);
  refused(false, message);
}

static void test_bad_tensors(void) {
#define ONE(text, d, ...) (const SafetensorsEntry[]){{text, d, __VA_ARGS__, ones}}, 1
  refused_tensors("", plain, 1, "tensor base_model.model." Q0 ".lora_A.weight has no counterpart: lora_B of " Q0 " is missing");
  refused_tensors("", plain + 1, 1, "lora_A of " Q0 " is missing");
  refused_tensors("", ONE(Q0 ".lora_A.weight", 2, {2, 4}), "expected a name that begins with base_model.model.");
  refused_tensors("", ONE("base_model.model." Q0 ".lora_magnitude_vector", 1, {6}), "lora_magnitude_vector is no matrix of a plain LoRA adapter");
  refused_tensors("", ONE("base_model.model." Q0 ".lora_B.bias", 1, {6}), "lora_B.bias is no matrix");
  refused_tensors("", ONE("base_model.model." Q0 ".lora_A.weight", 1, {6}), "lora_A.weight is no matrix");
  refused_tensors("", ONE("base_model.model." Q0 ".lora_A.a.b.weight", 2, {2, 4}), "lora_A.a.b.weight is no matrix");
  refused_tensors("", ONE("base_model.model.score.weight", 2, {1, 4}), "score.weight is neither a LoRA matrix nor named in adapter_config.json's modules_to_save");
  refused_tensors("", ONE("base_model.model." Q0 ".base_layer.bias", 1, {6}), "base_layer.bias is neither");
  refused_tensors("\"modules_to_save\": [\"core\"],", ONE("base_model.model.scores.weight", 2, {1, 4}), "scores.weight is neither");
  refused_tensors("\"r\": 3,", plain, 2, "lora_A.weight has shape [2, 4], expected rank 3 (adapter_config.json)");
  refused_tensors("\"r\": 3,", (const SafetensorsEntry[]){{"base_model.model." Q0 ".lora_A.weight", 2, {3, 4}, ones}, plain[1]}, 2,
                  "lora_B.weight has shape [6, 2], expected rank 3");
  refused_tensors("", (const SafetensorsEntry[]){plain[0], plain[1], {"base_model.model." Q0 ".lora_A.other.weight", 2, {2, 4}, ones}}, 3,
                  "lora_A.other.weight comes on top of base_model.model." Q0 ".lora_A.weight");
  refused_tensors("\"modules_to_save\": [\"score\"],",
                  (const SafetensorsEntry[]){{"base_model.model.score.weight", 2, {1, 4}, ones},
                                             {"base_model.model.score.modules_to_save.weight", 2, {1, 4}, ones}}, 2,
                  "score.modules_to_save.weight comes on top of base_model.model.score.weight");
  write_adapter("", "null", plain, 0);
  refused(false, "adapter_model.safetensors: holds no tensor");
  add_text("adapter_config.json", "[]");
  refused(false, "adapter_config.json: expected a JSON object");
  add_text("adapter_config.json", "{\"r\":");
  refused(false, "adapter_config.json: broken JSON");
  remove_all();
  refused(false, ": holds no adapter_config.json, expected a LoRA adapter in PEFT's layout");
  add_text("adapter_config.json", "{}");
  refused(false, ": holds no adapter_model.safetensors, expected a LoRA adapter in PEFT's layout");
  add_text("adapter_model.bin", "x");
  refused(false, "has only adapter_model.bin, expected adapter_model.safetensors");
}

int main(void) {
  if (!mkdtemp(folder)) return 99;
  test_scales();
  test_names();
  test_targets();
  test_bad_settings();
  test_bad_tensors();
  remove_all();
  rmdir(folder);
  return tap_end();
}
