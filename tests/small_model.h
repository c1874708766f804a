/* Made models with random weights, for tests of gradients and training. */
#ifndef FATHOM_TESTS_SMALL_MODEL_H
#define FATHOM_TESTS_SMALL_MODEL_H

#include "base/rng.h"
#include "model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL_ROWS = 12, SMALL_SEQUENCES = 3 };

static const size_t small_offsets[] = {0, 1, 5, 12};
static const int32_t small_ids[SMALL_ROWS] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8};

/* The model that this config.json describes, with random weights; with LoRA factors where there are settings. */
__attribute__((unused)) static Model small_model_with(Rng *rng, const char *json, const LoraSettings *lora) {
  Model model = {0};
  Json *config;
  Error err;
  if (json_parse(json, strlen(json), "config", &config, &err) != STATUS_OK ||
      config_from_json(config, true, &model.config, &err) != STATUS_OK) {
    printf("Bail out! %s\n", err.text);
    exit(1);
  }
  json_free(config);
  parameters_init(&model.config, &model.table);
  if (lora && lora_init(&model.config, lora, NULL, NULL, &model.table, &model.lora, &err) != STATUS_OK) {
    printf("Bail out! %s\n", err.text);
    exit(1);
  }
  if (arena_init(&model.arena, model.table.total * sizeof(real), &err) != STATUS_OK) abort();
  model.values = arena_take(&model.arena, model.table.total * sizeof(real));
  for (size_t i = 0; i < model.table.total; i++) model.values[i] = (real)(0.5 * rng_normal(rng));
  if (matrices_init(&model.config, &model.table, NULL, NULL, model.values, &model.matrices, &err) != STATUS_OK) abort();
  lora_attach(&model.table, &model.lora, model.values, &model.matrices);
  return model;
}

__attribute__((unused)) static Model small_model_of(Rng *rng, const char *json) {
  return small_model_with(rng, json, NULL);
}

__attribute__((unused)) static Model small_model(Rng *rng, bool tied) {
  char json[512];
  snprintf(json, sizeof json,
           "{\"model_type\": \"llama\", \"num_hidden_layers\": 3, \"hidden_size\": 12, \"num_attention_heads\": 4, "
           "\"num_key_value_heads\": 2, \"head_dim\": 6, \"intermediate_size\": 14, \"vocab_size\": 11, "
           "\"max_position_embeddings\": 64, \"rms_norm_eps\": 1e-3, \"rope_theta\": 100, "
           "\"tie_word_embeddings\": %s}",
           tied ? "true" : "false");
  return small_model_of(rng, json);
}

#endif
