/* Memory: small blocks that never fail quietly, checked sizes, and one arena for the large arrays of a pass. */
#ifndef FATHOM_BASE_MEMORY_H
#define FATHOM_BASE_MEMORY_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Zeroed memory for count items of size bytes; never NULL (count 0 gives a freeable pointer). When the machine has
 * none left the handler below is called, and the process ends. For sizes that a user's input decides use an arena or
 * mem_try. */
void *mem_alloc(size_t count, size_t size);
/* The same, not zeroed, at a multiple of alignment (a power of two); freed with free. */
void *mem_alloc_aligned(size_t count, size_t size, size_t alignment);
void *mem_resize(void *block, size_t count, size_t size); /* the new part is not zeroed */
char *mem_copy_string(const char *text);
char *mem_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* As mem_alloc, but a refusal is an error with the size in it. */
Status mem_try(size_t count, size_t size, void **block, Error *err);

/* Called with the bytes asked for when a small block cannot be had; must not return. main installs one. */
void mem_on_exhaustion(void (*handler)(size_t bytes));

/* Ends the process through that handler: for the rare caller whose block comes from another library. */
_Noreturn void mem_exhausted(size_t bytes);

/* *product = a * b; false where it does not fit (then *product is untouched). */
bool size_multiply(size_t a, size_t b, size_t *product);
bool size_add(size_t a, size_t b, size_t *sum);

/* One mapping, huge pages asked for and touched at once by all threads: first touch of 4 KiB pages inside a pass
 * would cost more than the pass. Pieces are aligned to 64 bytes and are freed all together. */
typedef struct Arena {
  unsigned char *base;
  size_t size; /* bytes mapped */
  size_t used; /* bytes handed out */
} Arena;

Status arena_init(Arena *arena, size_t bytes, Error *err);
void *arena_take(Arena *arena, size_t bytes); /* asserts that the arena was made large enough */
/* Gives the memory of a piece back, but for the pages it begins and ends in. What it holds afterwards is not defined. */
void arena_drop(Arena *arena, void *piece, size_t bytes);
void arena_clear(Arena *arena);               /* unmaps; an arena of all zeros is fine */

/* Bytes that arena_take(bytes) uses up: bytes rounded up to the alignment. */
size_t arena_need(size_t bytes);

/* Peak resident memory of this process so far, in bytes. */
size_t mem_peak(void);

#endif
