/* Names from a file, numbered in the order they are added, found by hash: the index behind tensors and GGUF keys. */
#ifndef FATHOM_WEIGHTS_NAMES_H
#define FATHOM_WEIGHTS_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* All zeros is an empty one. */
typedef struct Names {
  char **items; /* [count], owned */
  size_t count, room;
  size_t *slots;  /* open addressing: 0 = free, else index + 1 */
  size_t n_slots; /* a power of two, at least twice count */
} Names;

bool names_find(const Names *names, const char *name, size_t *index);

/* Copies name and gives it the next number; false where it is there already. */
bool names_add(Names *names, const char *name);

void names_clear(Names *names);

#endif
