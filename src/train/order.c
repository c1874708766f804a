/* Shuffled epochs. */
#include "train/order.h"

#include "base/memory.h"
#include "base/rng.h"

#include <stdlib.h>

void order_init(Order *o, size_t n, uint64_t seed) {
  *o = (Order){.n = n, .seed = seed, .items = mem_alloc(n, sizeof *o->items), .epoch = SIZE_MAX};
}

void order_clear(Order *o) {
  free(o->items);
  *o = (Order){0};
}

size_t order_at(Order *o, size_t place) {
  const size_t epoch = place / o->n;
  if (epoch != o->epoch) {
    Rng rng = rng_new(o->seed ^ (UINT64_C(0x9e3779b97f4a7c15) * (epoch + 1)));
    for (size_t i = 0; i < o->n; i++) o->items[i] = i;
    rng_shuffle(&rng, o->items, o->n);
    o->epoch = epoch;
  }
  return o->items[place % o->n];
}
