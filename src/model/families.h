/* The rows themselves, for family.c alone: all others look them up. */
#ifndef FATHOM_MODEL_FAMILIES_H
#define FATHOM_MODEL_FAMILIES_H

#include "model/family.h"

extern const Family families[];
extern const size_t n_families;

/* What each family's config.json may say. */
extern const ConfigKey llama_keys[], mistral_keys[], mixtral_keys[], qwen2_keys[], qwen2_moe_keys[], qwen3_keys[],
    qwen3_moe_keys[], gemma_keys[], gemma2_keys[], gemma3_keys[], phi3_keys[], olmo2_keys[], smollm3_keys[],
    granite_keys[], gpt2_keys[], gpt_neox_keys[], starcoder2_keys[];

#endif
