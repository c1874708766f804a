/* xoshiro256** seeded by splitmix64. */
#include "base/rng.h"

#include <assert.h>
#include <math.h>

static uint64_t rotate_left(uint64_t x, int k) { return x << k | x >> (64 - k); }

Rng rng_new(uint64_t seed) {
  Rng rng;
  for (int i = 0; i < 4; i++) {
    uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    rng.state[i] = z ^ z >> 31;
  }
  return rng;
}

uint64_t rng_next(Rng *rng) {
  uint64_t *s = rng->state;
  const uint64_t result = rotate_left(s[1] * 5, 7) * 9, t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotate_left(s[3], 45);
  return result;
}

uint64_t rng_below(Rng *rng, uint64_t bound) {
  assert(bound > 0);
  const uint64_t reject_under = -bound % bound; /* 2^64 mod bound: these low draws would be seen once too often */
  uint64_t x;
  do x = rng_next(rng);
  while (x < reject_under);
  return x % bound;
}

double rng_uniform(Rng *rng) { return (double)(rng_next(rng) >> 11) * 0x1p-53; }

double rng_normal(Rng *rng) { /* Box-Muller; the second value is not kept, so that the state is four words */
  const double u = 1.0 - rng_uniform(rng), v = rng_uniform(rng);
  return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

void rng_shuffle(Rng *rng, size_t *items, size_t n) {
  for (size_t i = n; i > 1; i--) {
    const size_t j = (size_t)rng_below(rng, i), kept = items[i - 1];
    items[i - 1] = items[j];
    items[j] = kept;
  }
}
