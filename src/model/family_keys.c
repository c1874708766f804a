/* What the families' config.json files may say, and the defaults of their classes in transformers. */
#include "model/families.h"

#include <math.h>

#define NEEDED NAN

/* What config.json says in most families. */
#define SIZE_KEYS                                                                                                      \
  {"num_hidden_layers", SETTING_N_LAYERS, NEEDED}, {"hidden_size", SETTING_HIDDEN_SIZE, NEEDED},                       \
      {"num_attention_heads", SETTING_N_HEADS, NEEDED}, {"intermediate_size", SETTING_INTERMEDIATE_SIZE, NEEDED}, {    \
    "vocab_size", SETTING_VOCAB_SIZE, NEEDED                                                                           \
  }
#define HEAD_KEYS(kv_heads, head_dim)                                                                                  \
  {"num_key_value_heads", SETTING_N_KV_HEADS, kv_heads}, { "head_dim", SETTING_HEAD_DIM, head_dim }
#define ROPE_KEYS(theta)                                                                                               \
  {"rope_theta", SETTING_ROPE_THETA, theta}, {"rope_scaling", SETTING_ROPE_SCALING, 0},                                \
      {"rope_parameters", SETTING_ROPE_SCALING, 0}, {                                                                  \
    "original_max_position_embeddings", SETTING_ORIGINAL_POSITIONS, 0                                                  \
  }
#define WHOLE_ROPE_KEYS(theta)                                                                                         \
  ROPE_KEYS(theta), { "partial_rotary_factor", SETTING_FIXED, 1 }
#define BASIC_KEYS(positions, eps, tied)                                                                               \
  {"max_position_embeddings", SETTING_MAX_POSITIONS, positions}, {"rms_norm_eps", SETTING_NORM_EPS, eps}, {            \
    "tie_word_embeddings", SETTING_TIED, tied                                                                          \
  }
#define SILU_KEY                                                                                                       \
  { "hidden_act", SETTING_ACTIVATION, ACTIVATION_SILU }
#define WINDOW_KEYS(window, use)                                                                                       \
  {"sliding_window", SETTING_WINDOW, window}, {"use_sliding_window", SETTING_USE_WINDOW, use},                         \
      {"max_window_layers", SETTING_WINDOW_LAYERS, 28}, {                                                              \
    "layer_types", SETTING_LAYER_TYPES, 0                                                                              \
  }
#define EXPERT_KEYS(experts, used, size)                                                                               \
  {"num_experts", SETTING_N_EXPERTS, experts}, {"num_experts_per_tok", SETTING_N_EXPERTS_USED, used},                  \
      {"moe_intermediate_size", SETTING_EXPERT_SIZE, size}, {"norm_topk_prob", SETTING_RENORMALISE, 0},                \
      {"decoder_sparse_step", SETTING_EXPERT_PERIOD, 1}, {                                                             \
    "mlp_only_layers", SETTING_DENSE_LAYERS, 0                                                                         \
  }
#define END                                                                                                            \
  { 0 }

const ConfigKey llama_keys[] = {
    SIZE_KEYS,
    HEAD_KEYS(0, 0),
    BASIC_KEYS(2048, 1e-6, false),
    WHOLE_ROPE_KEYS(1e4),
    SILU_KEY,
    {"attention_bias", SETTING_ATTENTION_BIAS, false},
    {"mlp_bias", SETTING_MLP_BIAS, false},
    {"pretraining_tp", SETTING_FIXED, 1},
    {"rope_interleaved", SETTING_FIXED, false},
    {"is_llama_config", SETTING_NONE, 0},
    END,
};
const ConfigKey mistral_keys[] = {
    SIZE_KEYS,
    HEAD_KEYS(8, 0),
    BASIC_KEYS(131072, 1e-6, false),
    WHOLE_ROPE_KEYS(1e4),
    SILU_KEY,
    {"sliding_window", SETTING_WINDOW, 4096},
    END,
};
const ConfigKey mixtral_keys[] = {
    SIZE_KEYS,
    HEAD_KEYS(8, 0),
    BASIC_KEYS(131072, 1e-5, false),
    WHOLE_ROPE_KEYS(1e6),
    SILU_KEY,
    {"sliding_window", SETTING_WINDOW, 0},
    {"num_local_experts", SETTING_N_EXPERTS, 8},
    {"num_experts_per_tok", SETTING_N_EXPERTS_USED, 2},
    END,
};
const ConfigKey qwen2_keys[] = {
    SIZE_KEYS, HEAD_KEYS(32, 0),         BASIC_KEYS(32768, 1e-6, false),      WHOLE_ROPE_KEYS(1e4),
    SILU_KEY,  WINDOW_KEYS(4096, false), {"use_mrope", SETTING_FIXED, false}, END,
};
const ConfigKey qwen2_moe_keys[] = {
    SIZE_KEYS,
    HEAD_KEYS(16, 0),
    BASIC_KEYS(32768, 1e-6, false),
    WHOLE_ROPE_KEYS(1e4),
    SILU_KEY,
    WINDOW_KEYS(4096, false),
    EXPERT_KEYS(60, 4, 1408),
    {"shared_expert_intermediate_size", SETTING_SHARED_EXPERT_SIZE, 5632},
    {"qkv_bias", SETTING_ATTENTION_BIAS, true},
    END,
};
const ConfigKey qwen3_keys[] = {
    SIZE_KEYS,
    HEAD_KEYS(32, 128),
    BASIC_KEYS(32768, 1e-6, false),
    WHOLE_ROPE_KEYS(1e4),
    SILU_KEY,
    WINDOW_KEYS(4096, false),
    {"attention_bias", SETTING_ATTENTION_BIAS, false},
    END,
};
const ConfigKey qwen3_moe_keys[] = {
    SIZE_KEYS,
    HEAD_KEYS(4, 0),
    BASIC_KEYS(32768, 1e-6, false),
    WHOLE_ROPE_KEYS(1e4),
    SILU_KEY,
    EXPERT_KEYS(128, 8, 768),
    {"sliding_window", SETTING_WINDOW, 4096},
    {"use_sliding_window", SETTING_USE_WINDOW, false},
    {"max_window_layers", SETTING_NONE, 0},
    {"attention_bias", SETTING_ATTENTION_BIAS, false},
    END,
};
const ConfigKey gemma_keys[] = {
    SIZE_KEYS,
    HEAD_KEYS(16, 256),
    BASIC_KEYS(8192, 1e-6, true),
    WHOLE_ROPE_KEYS(1e4),
    {"hidden_act", SETTING_ACTIVATION, ACTIVATION_GELU_TANH},
    {"hidden_activation", SETTING_ACTIVATION, ACTIVATION_GELU_TANH}, /* older versions of transformers read this one */
    {"attention_bias", SETTING_ATTENTION_BIAS, false},
    {"use_bidirectional_attention", SETTING_FIXED, false},
    END,
};
const ConfigKey gemma2_keys[] = {
    SIZE_KEYS,
    HEAD_KEYS(4, 256),
    BASIC_KEYS(8192, 1e-6, true),
    WHOLE_ROPE_KEYS(1e4),
    {"hidden_activation", SETTING_ACTIVATION, ACTIVATION_GELU_TANH},
    {"hidden_act", SETTING_NONE, 0},
    {"attention_bias", SETTING_ATTENTION_BIAS, false},
    {"query_pre_attn_scalar", SETTING_QUERY_SCALAR, 256},
    {"sliding_window", SETTING_WINDOW, 4096},
    {"layer_types", SETTING_LAYER_TYPES, 0},
    {"sliding_window_size", SETTING_NONE, 0},
    {"attn_logit_softcapping", SETTING_ATTENTION_SOFTCAP, 50},
    {"final_logit_softcapping", SETTING_LOGIT_SOFTCAP, 30},
    {"use_bidirectional_attention", SETTING_FIXED, false},
    END,
};
/* The text models inside multimodal ones say only what differs from the smallest. */
const ConfigKey gemma3_keys[] = {
    {"num_hidden_layers", SETTING_N_LAYERS, 26},
    {"hidden_size", SETTING_HIDDEN_SIZE, 2304},
    {"num_attention_heads", SETTING_N_HEADS, 8},
    {"intermediate_size", SETTING_INTERMEDIATE_SIZE, 9216},
    {"vocab_size", SETTING_VOCAB_SIZE, 262208},
    HEAD_KEYS(4, 256),
    BASIC_KEYS(131072, 1e-6, true),
    WHOLE_ROPE_KEYS(1e6),
    {"rope_local_base_freq", SETTING_LOCAL_ROPE_THETA, 1e4},
    {"hidden_activation", SETTING_ACTIVATION, ACTIVATION_GELU_TANH},
    {"attention_bias", SETTING_ATTENTION_BIAS, false},
    {"query_pre_attn_scalar", SETTING_QUERY_SCALAR, 256},
    {"sliding_window", SETTING_WINDOW, 4096},
    {"sliding_window_pattern", SETTING_WINDOW_PERIOD, 6},
    {"_sliding_window_pattern", SETTING_NONE, 0},
    {"layer_types", SETTING_LAYER_TYPES, 0},
    {"attn_logit_softcapping", SETTING_FIXED, 0},
    {"final_logit_softcapping", SETTING_LOGIT_SOFTCAP, 0},
    {"use_bidirectional_attention", SETTING_FIXED, false},
    END,
};
const ConfigKey phi3_keys[] = {
    SIZE_KEYS,
    HEAD_KEYS(0, 0),
    BASIC_KEYS(4096, 1e-5, false),
    {"original_max_position_embeddings", SETTING_ORIGINAL_POSITIONS, 4096},
    {"partial_rotary_factor", SETTING_ROTARY_SHARE, 1},
    ROPE_KEYS(1e4),
    SILU_KEY,
    {"sliding_window", SETTING_WINDOW, 0},
    {"attention_bias", SETTING_FIXED, false},
    {"mlp_bias", SETTING_FIXED, false},
    {"lm_head_bias", SETTING_FIXED, false},
    {"full_attn_mod", SETTING_FIXED, 1},
    {"interpolate_factor", SETTING_FIXED, 1},
    END,
};
const ConfigKey olmo2_keys[] = {
    SIZE_KEYS,
    HEAD_KEYS(0, 0),
    BASIC_KEYS(2048, 1e-5, false),
    WHOLE_ROPE_KEYS(1e4),
    SILU_KEY,
    {"attention_bias", SETTING_ATTENTION_BIAS, false},
    END,
};
const ConfigKey smollm3_keys[] = {
    SIZE_KEYS,
    HEAD_KEYS(4, 0),
    BASIC_KEYS(32768, 1e-6, true),
    WHOLE_ROPE_KEYS(2e6),
    SILU_KEY,
    WINDOW_KEYS(0, false),
    {"no_rope_layers", SETTING_ROTARY_LAYERS, 0},
    {"no_rope_layer_interval", SETTING_NO_ROTARY_INTERVAL, 4},
    {"attention_bias", SETTING_ATTENTION_BIAS, false},
    {"mlp_bias", SETTING_MLP_BIAS, false},
    {"pretraining_tp", SETTING_NONE, 0},
    END,
};
const ConfigKey granite_keys[] = {
    SIZE_KEYS,
    HEAD_KEYS(0, 0),
    BASIC_KEYS(2048, 1e-6, false),
    WHOLE_ROPE_KEYS(1e4),
    SILU_KEY,
    {"attention_bias", SETTING_ATTENTION_BIAS, false},
    {"mlp_bias", SETTING_MLP_BIAS, false},
    {"embedding_multiplier", SETTING_EMBEDDING_MULTIPLIER, 1},
    {"residual_multiplier", SETTING_RESIDUAL_MULTIPLIER, 1},
    {"attention_multiplier", SETTING_ATTENTION_MULTIPLIER, 1},
    {"logits_scaling", SETTING_LOGITS_DIVISOR, 1},
    END,
};
const ConfigKey gpt2_keys[] = {
    {"n_layer", SETTING_N_LAYERS, NEEDED},
    {"n_embd", SETTING_HIDDEN_SIZE, NEEDED},
    {"n_head", SETTING_N_HEADS, NEEDED},
    {"n_inner", SETTING_INTERMEDIATE_SIZE, 0},
    {"vocab_size", SETTING_VOCAB_SIZE, NEEDED},
    {"n_positions", SETTING_MAX_POSITIONS, 1024},
    {"n_ctx", SETTING_NONE, 0},
    {"layer_norm_epsilon", SETTING_NORM_EPS, 1e-5},
    {"activation_function", SETTING_ACTIVATION, ACTIVATION_GELU_TANH},
    {"scale_attn_weights", SETTING_SCALE_SCORES, true},
    {"scale_attn_by_inverse_layer_idx", SETTING_SCALE_BY_LAYER, false},
    {"tie_word_embeddings", SETTING_TIED, true},
    {"add_cross_attention", SETTING_FIXED, false},
    {"reorder_and_upcast_attn", SETTING_NONE, 0},
    {"summary_activation", SETTING_NONE, 0},
    {"summary_first_dropout", SETTING_NONE, 0},
    {"summary_proj_to_labels", SETTING_NONE, 0},
    {"summary_type", SETTING_NONE, 0},
    {"summary_use_proj", SETTING_NONE, 0},
    END,
};
const ConfigKey gpt_neox_keys[] = {
    SIZE_KEYS,
    {"max_position_embeddings", SETTING_MAX_POSITIONS, 2048},
    {"layer_norm_eps", SETTING_NORM_EPS, 1e-5},
    {"tie_word_embeddings", SETTING_TIED, false},
    {"hidden_act", SETTING_ACTIVATION, ACTIVATION_GELU_ERF},
    {"rotary_emb_base", SETTING_ROPE_THETA, 1e4},
    {"rotary_pct", SETTING_ROTARY_SHARE, 0.25},
    {"rope_theta", SETTING_ROPE_THETA, 1e4},
    {"partial_rotary_factor", SETTING_ROTARY_SHARE, 0.25},
    {"rope_scaling", SETTING_ROPE_SCALING, 0},
    {"rope_parameters", SETTING_ROPE_SCALING, 0},
    {"use_parallel_residual", SETTING_PARALLEL_RESIDUAL, true},
    {"attention_bias", SETTING_ATTENTION_BIAS, true},
    END,
};
const ConfigKey starcoder2_keys[] = {
    SIZE_KEYS,
    {"num_key_value_heads", SETTING_N_KV_HEADS, 2},
    {"max_position_embeddings", SETTING_MAX_POSITIONS, 4096},
    {"norm_epsilon", SETTING_NORM_EPS, 1e-5},
    {"tie_word_embeddings", SETTING_TIED, true},
    WHOLE_ROPE_KEYS(1e4),
    {"hidden_act", SETTING_ACTIVATION, ACTIVATION_GELU_TANH},
    {"use_bias", SETTING_ATTENTION_BIAS, true},
    {"use_bias", SETTING_MLP_BIAS, true},
    {"sliding_window", SETTING_WINDOW, 0},
    {"residual_dropout", SETTING_NONE, 0},
    {"embedding_dropout", SETTING_NONE, 0},
    {"mlp_type", SETTING_NONE, 0},
    {"norm_type", SETTING_NONE, 0},
    END,
};
