/* Edits of a model's parameters whose effect is known beforehand: truths to plant, for instruments to find. Each is a function of
 * the parameters, a place and a seed alone. values is the array that the table describes, all of it widened. */
#ifndef FATHOM_MODEL_EDIT_H
#define FATHOM_MODEL_EDIT_H

#include "model/parameters.h"

/* Adds normal noise to every matrix of a block, its deviation share times the matrix's root mean square. */
void edit_add_noise(const ParameterTable *table, size_t layer, double share, uint64_t seed, real *values);

/* A rotation that the next matrix undoes: of each key/value head the rows of v (and its bias) become R v, R a random
 * orthogonal matrix of its own, and the columns of o that read them o R'. Attention mixes whole rows of v, so that what the block adds
 * to the stream stays the same. */
void edit_rotate_values(const ModelConfig *config, const ParameterTable *table, size_t layer, uint64_t seed, real *values);

/* Adds a random vector of this length to the bias of the last matrix of a block's MLP, and so to all that the MLP gives. The
 * block must have that bias. */
void edit_translate(const ParameterTable *table, size_t layer, double length, uint64_t seed, real *values);

/* Adds s u v' to the block's matrix of this role, u and v random vectors of length 1 and s = share |W|. */
void edit_add_rank_one(const ParameterTable *table, Role role, size_t layer, double share, uint64_t seed, real *values);

#endif
