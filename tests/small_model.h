/* A made model of the table's first family with random weights, for tests of gradients and training. */
#ifndef FATHOM_TESTS_SMALL_MODEL_H
#define FATHOM_TESTS_SMALL_MODEL_H

#include "base/rng.h"
#include "model/model.h"

#include <stdlib.h>

enum { SMALL_ROWS = 12, SMALL_SEQUENCES = 3 };

static const size_t small_offsets[] = {0, 1, 5, 12};
static const int32_t small_ids[SMALL_ROWS] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8};

__attribute__((unused)) static Model small_model(Rng *rng, bool tied) {
  Model model = {.config = {.family = family_by_hf_type("llama"),
                            .n_layers = 3,
                            .hidden_size = 12,
                            .n_heads = 4,
                            .n_kv_heads = 2,
                            .head_dim = 6,
                            .intermediate_size = 14,
                            .vocab_size = 11,
                            .max_positions = 64,
                            .rms_norm_eps = 1e-3,
                            .rope_theta = 100,
                            .tied_embeddings = tied}};
  Error err;
  parameters_init(&model.config, &model.table);
  if (arena_init(&model.arena, model.table.total * sizeof(real), &err) != STATUS_OK) abort();
  model.values = arena_take(&model.arena, model.table.total * sizeof(real));
  for (size_t i = 0; i < model.table.total; i++) model.values[i] = (real)(0.5 * rng_normal(rng));
  return model;
}

#endif
