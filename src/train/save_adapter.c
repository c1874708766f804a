/* Saving what LoRA has trained: an adapter in PEFT's layout, for transformers' classifier of one label or for its language
 * model. */
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "train/save.h"
#include "weights/safetensors.h"

#include <stdlib.h>
#include <string.h>

#define PREFIX "base_model.model."

/* Factors in Hugging Face's order, then the score: PEFT strips "modules_to_save" from its name. */
static Status save_factors(const Model *model, SavedAs as, const char *folder, Error *err) {
  const ParameterTable *t = &model->table;
  const size_t n_factors = 2 * model->lora.count, n = n_factors + (as == SAVED_AS_REWARD_MODEL);
  SafetensorsEntry *entries = mem_alloc(n, sizeof *entries);
  char **names = mem_alloc(n, sizeof *names);
  float **gathered = mem_alloc(model->lora.count, sizeof *gathered);
  for (size_t i = 0; i < n; i++) {
    const LoraModule *m = i < n_factors ? &model->lora.modules[i / 2] : NULL;
    const Parameter *p = !m ? &t->items[t->count - 1] : &t->items[i % 2 ? m->b : m->a];
    const float *values = model->values + p->offset;
    if (p->role == ROLE_LORA_B) {
      gathered[i / 2] = mem_alloc(p->rows * p->columns, sizeof **gathered);
      lora_gather_b(&model->config, t, m, model->values, 0, gathered[i / 2]);
      values = gathered[i / 2];
    }
    names[i] = mem_format(PREFIX "%s", p->name);
    entries[i] = (SafetensorsEntry){names[i], 2, {p->rows, p->columns, 1, 1}, values};
  }
  char *path = file_join(folder, "adapter_model.safetensors");
  const Status status = safetensors_write(path, entries, n, DTYPE_F32, err);
  for (size_t i = 0; i < n; i++) free(names[i]);
  for (size_t i = 0; i < model->lora.count; i++) free(gathered[i]);
  free(path);
  free(gathered);
  free(names);
  free(entries);
  return status;
}

/* The settings that the factors came with, or were made by, and what PEFT needs to load them. */
static Status save_settings(const Model *model, SavedAs as, const char *base, const char *folder, Error *err) {
  const bool is_reward = as == SAVED_AS_REWARD_MODEL;
  Json *config = json_copy(model->lora.config), *saved = is_reward ? json_new_array() : json_new_null();
  if (is_reward) json_add(saved, NULL, json_new_string("score"));
  json_set(config, "modules_to_save", saved);
  json_set(config, "task_type", json_new_string(is_reward ? "SEQ_CLS" : "CAUSAL_LM"));
  json_set(config, "inference_mode", json_new_bool(true));
  json_set(config, "base_model_name_or_path", json_new_string(base));
  char *text = json_print(config, true), *path = file_join(folder, "adapter_config.json");
  const Status status = file_write_text(path, text, err);
  free(path);
  free(text);
  json_free(config);
  return status;
}

Status save_adapter(const Model *model, SavedAs as, const Tokenizer *tokenizer, int32_t pad, const char *base,
                    const char *folder, Error *err) {
  if (as == SAVED_AS_REWARD_MODEL && !model->config.family->hf_classifier)
    log_warn("%s: transformers has no classifier of this family for PEFT to put the adapter on; fathom's --adapter "
             "loads it",
             folder);
  Status status = tokenizer_write(tokenizer, folder, pad, err);
  if (status == STATUS_OK) status = save_factors(model, as, folder, err);
  /* adapter_config.json comes last: a folder that has one is whole. */
  return status == STATUS_OK ? save_settings(model, as, base, folder, err) : status;
}
