/* Names numbered in the order they are added, found by hash: the index behind tensors, GGUF keys, words and lemmas. */
#ifndef FATHOM_BASE_NAMES_H
#define FATHOM_BASE_NAMES_H

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

/* The name's number, the next one where it is new. */
size_t names_number(Names *names, const char *name);
/* The same whatever the case of the letters a to z, as strcasecmp compares. */
size_t names_number_caseless(Names *names, const char *name);

void names_clear(Names *names);

#endif
