/* Rotary position embedding (Su et al. 2021), half-split pairs (i, i + E/2) as Hugging Face files order them. */
#ifndef FATHOM_NUM_ROPE_H
#define FATHOM_NUM_ROPE_H

#include "num/real.h"

#include <stddef.h>

/* Fills cosines and sines [positions, E/2] of position * theta^(-2i/E), computed in double. */
void rope_table(size_t positions, size_t head_dim, double theta, real *cosines, real *sines);

/* Rotates heads of [T, stride] rows in place: n_heads heads of E values from the row's start. positions[T]. inverse
 * turns back, which is the backward pass (a rotation's transpose is its inverse). */
void rope_rotate(size_t rows, size_t n_heads, size_t head_dim, const size_t *positions, const real *cosines,
                 const real *sines, int inverse, real *x, size_t stride);

#endif
