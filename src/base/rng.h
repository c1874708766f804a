/* A small seeded random generator (xoshiro256**, Blackman and Vigna 2018; seeded by splitmix64). Same seed, same
 * stream, on every machine. */
#ifndef FATHOM_BASE_RNG_H
#define FATHOM_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

typedef struct Rng {
  uint64_t state[4];
} Rng;

Rng rng_new(uint64_t seed);
uint64_t rng_next(Rng *rng);
uint64_t rng_below(Rng *rng, uint64_t bound); /* uniform in [0, bound), bound > 0, without modulo bias */
double rng_uniform(Rng *rng);                 /* [0, 1), 53 bits */
double rng_normal(Rng *rng);                  /* mean 0, variance 1 */
void rng_shuffle(Rng *rng, size_t *items, size_t n);

#endif
