/* A trained reward or language model as a Hugging Face folder that transformers loads, or as an adapter that PEFT loads. */
#ifndef FATHOM_TRAIN_SAVE_H
#define FATHOM_TRAIN_SAVE_H

#include "model/model.h"
#include "text/samples/samples.h"
#include "text/tokenizer/tokenizer.h"

/* An id that cannot end one of these samples: transformers scores the last token that is not padding. The tokenizer's
 * own pad, unknown or BOS token where it will do, else the last id of the vocabulary that ends none. */
int32_t save_choose_pad(const Tokenizer *tokenizer, const Sample *const *samples, size_t n);

/* What a model is saved as. */
typedef enum SavedAs { SAVED_AS_REWARD_MODEL, SAVED_AS_LANGUAGE_MODEL } SavedAs;

/* model.safetensors (float32) and config.json of the model, into an existing folder. Ids are -1 where there is none. */
Status save_model(const Model *model, SavedAs as, int32_t bos, int32_t eos, int32_t pad, const char *folder, Error *err);

/* config.json, model.safetensors (float32), tokenizer.json, tokenizer_config.json into an existing folder. */
Status save_reward_model(const Model *model, const Tokenizer *tokenizer, int32_t pad, const char *folder, Error *err);

/* The same of the language model, <Family>ForCausalLM; its padding is the tokenizer's. */
Status save_language_model(const Model *model, const Tokenizer *tokenizer, const char *folder, Error *err);

/* Trained LoRA factors, and for a reward model its head: adapter_model.safetensors (float32), adapter_config.json and the
 * tokenizer into an existing folder. base: the model that they were trained on, as its user named it; pad -1: the
 * tokenizer's. */
Status save_adapter(const Model *model, SavedAs as, const Tokenizer *tokenizer, int32_t pad, const char *base,
                    const char *folder, Error *err);

#endif
