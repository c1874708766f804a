/* The table of architectures. */
#include "model/family.h"

#include <string.h>

static const Family families[] = {
    {
        .name = "Llama",
        .hf_model_type = "llama",
        .hf_causal = "LlamaForCausalLM",
        .hf_classifier = "LlamaForSequenceClassification",
        .gguf_architecture = "llama",
        .gguf_neighbour_rope = true,
        .names =
            {
                [ROLE_LM_HEAD] = {"lm_head.weight", "output.weight"},
                [ROLE_EMBED] = {"model.embed_tokens.weight", "token_embd.weight"},
                [ROLE_ATTN_NORM] = {"model.layers.%zu.input_layernorm.weight", "blk.%zu.attn_norm.weight"},
                [ROLE_Q] = {"model.layers.%zu.self_attn.q_proj.weight", "blk.%zu.attn_q.weight"},
                [ROLE_K] = {"model.layers.%zu.self_attn.k_proj.weight", "blk.%zu.attn_k.weight"},
                [ROLE_V] = {"model.layers.%zu.self_attn.v_proj.weight", "blk.%zu.attn_v.weight"},
                [ROLE_O] = {"model.layers.%zu.self_attn.o_proj.weight", "blk.%zu.attn_output.weight"},
                [ROLE_MLP_NORM] = {"model.layers.%zu.post_attention_layernorm.weight", "blk.%zu.ffn_norm.weight"},
                [ROLE_GATE] = {"model.layers.%zu.mlp.gate_proj.weight", "blk.%zu.ffn_gate.weight"},
                [ROLE_UP] = {"model.layers.%zu.mlp.up_proj.weight", "blk.%zu.ffn_up.weight"},
                [ROLE_DOWN] = {"model.layers.%zu.mlp.down_proj.weight", "blk.%zu.ffn_down.weight"},
                [ROLE_FINAL_NORM] = {"model.norm.weight", "output_norm.weight"},
                [ROLE_SCORE] = {"score.weight", NULL},
            },
    },
};
enum { N_FAMILIES = sizeof families / sizeof families[0] };

const Family *family_by_hf_type(const char *model_type) {
  for (size_t i = 0; i < N_FAMILIES; i++)
    if (strcmp(families[i].hf_model_type, model_type) == 0) return &families[i];
  return NULL;
}

const Family *family_by_gguf(const char *architecture) {
  for (size_t i = 0; i < N_FAMILIES; i++)
    if (families[i].gguf_architecture && strcmp(families[i].gguf_architecture, architecture) == 0) return &families[i];
  return NULL;
}
