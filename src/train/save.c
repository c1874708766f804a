/* Saving reward and language models. */
#include "train/save.h"

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "model/tensor_layout.h"
#include "weights/safetensors.h"

#include <stdlib.h>
#include <string.h>

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

/* A reward model has no language-model head, unless transformers knows the family's language model alone. */
static bool is_saved(const Model *model, SavedAs as, const Parameter *p) {
  if (as == SAVED_AS_LANGUAGE_MODEL) return p->role != ROLE_SCORE;
  return p->role != ROLE_LM_HEAD || !model->config.family->hf_classifier;
}

static bool is_plain(const FileTensor *tensor) {
  return tensor->n == 1 && !tensor->place.transposed && tensor->place.parts == 1;
}

static Status save_weights(const Model *model, SavedAs as, const char *folder, Error *err) {
  const ParameterTable *t = &model->table;
  size_t n_tensors, n = 0;
  FileTensor *tensors = tensor_layout_all(&model->config, t, &n_tensors);
  SafetensorsEntry *entries = mem_alloc(n_tensors, sizeof *entries);
  float **gathered = mem_alloc(n_tensors, sizeof *gathered); /* tensors that the table holds in another layout */
  for (size_t i = 0; i < n_tensors; i++) {
    const Parameter *p = &t->items[tensors[i].first];
    if (!is_saved(model, as, p)) continue;
    if (!is_plain(&tensors[i])) {
      gathered[n] = mem_alloc(tensors[i].count, sizeof **gathered);
      tensor_layout_gather(&model->config, t, &tensors[i], model->values, 0, gathered[n]);
    }
    entries[n] = (SafetensorsEntry){.name = p->name,
                                    .n_dims = tensors[i].place.n_dims,
                                    .shape = {1, 1, 1, 1},
                                    .values = gathered[n] ? gathered[n] : model->values + p->offset};
    memcpy(entries[n].shape, tensors[i].place.shape, tensors[i].place.n_dims * sizeof entries[n].shape[0]);
    n++;
  }
  char *path = file_join(folder, "model.safetensors");
  const Status status = safetensors_write(path, entries, n, DTYPE_F32, err);
  for (size_t i = 0; i < n; i++) free(gathered[i]);
  free(path);
  free(gathered);
  free(entries);
  free(tensors);
  return status;
}

static Status save_config(const Model *model, SavedAs as, int32_t bos, int32_t eos, int32_t pad, const char *folder,
                          Error *err) {
  Json *config = config_to_json(&model->config, as == SAVED_AS_REWARD_MODEL, bos, eos, pad);
  char *text = json_print(config, true), *path = file_join(folder, "config.json");
  const Status status = file_write_text(path, text, err);
  free(path);
  free(text);
  json_free(config);
  return status;
}

Status save_model(const Model *model, SavedAs as, int32_t bos, int32_t eos, int32_t pad, const char *folder, Error *err) {
  const Status status = save_weights(model, as, folder, err);
  /* config.json comes last: a folder that has one is whole. */
  return status == STATUS_OK ? save_config(model, as, bos, eos, pad, folder, err) : status;
}

Status save_reward_model(const Model *model, const Tokenizer *tokenizer, int32_t pad, const char *folder, Error *err) {
  if (!model->config.family->hf_classifier)
    log_warn("%s: transformers has no classifier of this family; it loads the folder as a language model, fathom as a "
             "reward model",
             folder);
  const Status status = tokenizer_write(tokenizer, folder, pad, err);
  if (status != STATUS_OK) return status;
  return save_model(model, SAVED_AS_REWARD_MODEL, tokenizer_bos(tokenizer), tokenizer_eos(tokenizer), pad, folder, err);
}

Status save_language_model(const Model *model, const Tokenizer *tokenizer, const char *folder, Error *err) {
  const Status status = tokenizer_write(tokenizer, folder, -1, err);
  if (status != STATUS_OK) return status;
  return save_model(model, SAVED_AS_LANGUAGE_MODEL, tokenizer_bos(tokenizer), tokenizer_eos(tokenizer),
                    tokenizer_pad(tokenizer), folder, err);
}
