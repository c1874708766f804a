/* In which order the items of a data set are trained on: an endless row of shuffled epochs. */
#ifndef FATHOM_TRAIN_ORDER_H
#define FATHOM_TRAIN_ORDER_H

#include <stddef.h>
#include <stdint.h>

typedef struct Order {
  size_t n;
  uint64_t seed;
  size_t *items, epoch; /* [n]: of that epoch; SIZE_MAX: none yet */
} Order;

void order_init(Order *order, size_t n, uint64_t seed); /* n > 0 */
void order_clear(Order *order);                         /* all zeros is fine */

/* The item at a place of the row: a function of seed and place alone, so that a resumed run sees the same. */
size_t order_at(Order *order, size_t place);

#endif
