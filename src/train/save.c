/* Saving reward models. */
#include "train/save.h"

#include "base/file.h"
#include "base/memory.h"
#include "weights/safetensors.h"

#include <stdlib.h>

static bool ends_a_sample(int32_t id, const Sample *const *samples, size_t n) {
  for (size_t s = 0; s < n; s++)
    if (samples[s]->ids[samples[s]->n_tokens - 1] == id) return true;
  return false;
}

int32_t save_choose_pad(const Tokenizer *tokenizer, const Sample *const *samples, size_t n) {
  const int32_t candidates[] = {tokenizer_pad(tokenizer), tokenizer_unknown(tokenizer), tokenizer_bos(tokenizer)};
  for (size_t i = 0; i < sizeof candidates / sizeof candidates[0]; i++)
    if (candidates[i] >= 0 && candidates[i] != tokenizer_eos(tokenizer) && !ends_a_sample(candidates[i], samples, n))
      return candidates[i];
  int32_t id = (int32_t)tokenizer_vocab_size(tokenizer) - 1;
  while (id > 0 && ends_a_sample(id, samples, n)) id--;
  return id;
}

static Status save_weights(const Model *model, const char *folder, Error *err) {
  const ParameterTable *t = &model->table;
  SafetensorsEntry *entries = mem_alloc(t->count, sizeof *entries);
  size_t n = 0;
  for (size_t i = 0; i < t->count; i++) {
    const Parameter *p = &t->items[i];
    if (p->role == ROLE_LM_HEAD) continue; /* a reward model has none */
    const bool is_gain = p->rows == 1 && p->role != ROLE_SCORE;
    entries[n++] = (SafetensorsEntry){.name = p->name,
                                      .n_dims = is_gain ? 1 : 2,
                                      .shape = {is_gain ? p->columns : p->rows, is_gain ? 1 : p->columns, 1, 1},
                                      .values = model->values + p->offset};
  }
  char *path = file_join(folder, "model.safetensors");
  const Status status = safetensors_write(path, entries, n, DTYPE_F32, err);
  free(path);
  free(entries);
  return status;
}

Status save_reward_model(const Model *model, const Tokenizer *tokenizer, int32_t pad, const char *folder, Error *err) {
  Status status = save_weights(model, folder, err);
  if (status == STATUS_OK) status = tokenizer_write(tokenizer, folder, pad, err);
  if (status == STATUS_OK) { /* last: a folder with config.json is whole */
    Json *config = config_to_json(&model->config, true, tokenizer_bos(tokenizer), tokenizer_eos(tokenizer), pad);
    char *text = json_print(config, true), *path = file_join(folder, "config.json");
    status = file_write_text(path, text, err);
    free(path);
    free(text);
    json_free(config);
  }
  return status;
}
