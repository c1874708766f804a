/* A hash table of names with linear probing. */
#include "base/names.h"

#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a. */
static uint64_t hash_of(const char *name) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const unsigned char *p = (const unsigned char *)name; *p; p++) hash = (hash ^ *p) * 0x100000001b3u;
  return hash ^ hash >> 32;
}

/* The slot that holds name, or the free one where it belongs; there is always a free one. */
static size_t slot_of(const Names *names, const char *name) {
  size_t slot = hash_of(name) & (names->n_slots - 1);
  while (names->slots[slot] && strcmp(names->items[names->slots[slot] - 1], name) != 0)
    slot = (slot + 1) & (names->n_slots - 1);
  return slot;
}

bool names_find(const Names *names, const char *name, size_t *index) {
  if (names->count == 0) return false;
  const size_t found = names->slots[slot_of(names, name)];
  if (found) *index = found - 1;
  return found != 0;
}

static void grow(Names *names) {
  names->room = names->room ? 2 * names->room : 32;
  names->items = mem_resize(names->items, names->room, sizeof *names->items);
  free(names->slots);
  names->n_slots = 4 * names->room;
  names->slots = mem_alloc(names->n_slots, sizeof *names->slots);
  for (size_t i = 0; i < names->count; i++) names->slots[slot_of(names, names->items[i])] = i + 1;
}

bool names_add(Names *names, const char *name) {
  if (names->count == names->room) grow(names);
  const size_t slot = slot_of(names, name);
  if (names->slots[slot]) return false;
  names->items[names->count] = mem_copy_string(name);
  names->slots[slot] = ++names->count;
  return true;
}

size_t names_number(Names *names, const char *name) {
  size_t index;
  if (names_find(names, name, &index)) return index;
  names_add(names, name);
  return names->count - 1;
}

size_t names_number_caseless(Names *names, const char *name) {
  char *lower = mem_copy_string(name);
  for (char *at = lower; *at; at++)
    if (*at >= 'A' && *at <= 'Z') *at = (char)(*at - 'A' + 'a');
  const size_t index = names_number(names, lower);
  free(lower);
  return index;
}

void names_clear(Names *names) {
  for (size_t i = 0; i < names->count; i++) free(names->items[i]);
  free(names->items);
  free(names->slots);
  *names = (Names){0};
}
