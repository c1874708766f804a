/* A model from nothing: random weights for a configuration. */
#ifndef FATHOM_MODEL_NEW_H
#define FATHOM_MODEL_NEW_H

#include "model/model.h"

/* The model that config.json's object describes, for a vocabulary of vocab_size tokens whatever it says itself. As
 * transformers does: matrices are normal with deviation "initializer_range" (.02), gains 1, biases 0. The reward head is all
 * zeros and not there. A configuration that model_open would refuse is refused alike (strict as there). */
Status model_new(const Json *config, size_t vocab_size, bool strict, uint64_t seed, Model *model, Error *err);

#endif
