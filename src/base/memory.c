/* Memory: small blocks, checked sizes, and the arena of huge pages that a forward or training step lives in. */
#define _GNU_SOURCE
#include "base/memory.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { ARENA_ALIGN = 64, HUGE_PAGE = 2 << 20, SMALL_PAGE = 4096 };

static void (*exhaustion_handler)(size_t bytes);

void mem_on_exhaustion(void (*handler)(size_t bytes)) { exhaustion_handler = handler; }

void mem_exhausted(size_t bytes) {
  if (exhaustion_handler) exhaustion_handler(bytes);
  abort();
}

bool size_multiply(size_t a, size_t b, size_t *product) {
  size_t value;
  if (__builtin_mul_overflow(a, b, &value)) return false;
  *product = value;
  return true;
}

bool size_add(size_t a, size_t b, size_t *sum) {
  size_t value;
  if (__builtin_add_overflow(a, b, &value)) return false;
  *sum = value;
  return true;
}

void *mem_alloc(size_t count, size_t size) {
  void *block = calloc(count ? count : 1, size ? size : 1);
  if (!block) mem_exhausted(count * size);
  return block;
}

void *mem_alloc_aligned(size_t count, size_t size, size_t alignment) {
  size_t bytes;
  void *block = NULL;
  if (!size_multiply(count, size, &bytes) || posix_memalign(&block, alignment, bytes ? bytes : 1) != 0) mem_exhausted(count * size);
  return block;
}

void *mem_resize(void *block, size_t count, size_t size) {
  size_t bytes;
  if (!size_multiply(count, size, &bytes)) mem_exhausted(SIZE_MAX);
  void *grown = realloc(block, bytes ? bytes : 1);
  if (!grown) mem_exhausted(bytes);
  return grown;
}

char *mem_copy_string(const char *text) {
  const size_t bytes = strlen(text) + 1;
  return memcpy(mem_alloc(bytes, 1), text, bytes);
}

char *mem_format(const char *format, ...) {
  va_list args;
  va_start(args, format);
  char *text = NULL;
  const int n = vasprintf(&text, format, args);
  va_end(args);
  if (n < 0) mem_exhausted(0);
  return text;
}

Status mem_try(size_t count, size_t size, void **block, Error *err) {
  size_t bytes;
  if (!size_multiply(count, size, &bytes))
    return error_set(err, STATUS_DATA, "a size of %zu x %zu bytes is too large", count, size);
  *block = calloc(count ? count : 1, size ? size : 1);
  if (!*block) return error_set(err, STATUS_SYSTEM, "no memory for %.1f MiB", (double)bytes / (1 << 20));
  return STATUS_OK;
}

size_t arena_need(size_t bytes) { return (bytes + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN; }

Status arena_init(Arena *arena, size_t bytes, Error *err) {
  *arena = (Arena){0};
  if (bytes > SIZE_MAX - HUGE_PAGE)
    return error_set(err, STATUS_DATA, "a working set of %zu bytes is too large", bytes);
  const size_t size = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE + (bytes == 0 ? HUGE_PAGE : 0);
  /* Mapped with one huge page to spare so that the start can be aligned to one: else the kernel uses small pages. */
  unsigned char *raw = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) return error_system(err, "no memory for a working set of %.1f MiB", (double)size / (1 << 20));
  const size_t skip = (HUGE_PAGE - (uintptr_t)raw % HUGE_PAGE) % HUGE_PAGE;
  if (skip) munmap(raw, skip);
  if (HUGE_PAGE - skip) munmap(raw + skip + size, HUGE_PAGE - skip);
  arena->base = raw + skip;
  arena->size = size;
  madvise(arena->base, size, MADV_HUGEPAGE); /* advice: without it everything works, more slowly */
#pragma omp parallel for schedule(static)
  for (size_t at = 0; at < size; at += SMALL_PAGE) ((volatile unsigned char *)arena->base)[at] = 0;
  return STATUS_OK;
}

void *arena_take(Arena *arena, size_t bytes) {
  const size_t need = arena_need(bytes);
  assert(need >= bytes && need <= arena->size - arena->used);
  void *piece = arena->base + arena->used;
  arena->used += need;
  return piece;
}

void arena_drop(Arena *arena, void *piece, size_t bytes) {
  const size_t from = (size_t)((unsigned char *)piece - arena->base), end = from + bytes;
  const size_t first = (from + SMALL_PAGE - 1) / SMALL_PAGE * SMALL_PAGE, last = end / SMALL_PAGE * SMALL_PAGE;
  assert(end >= from && end <= arena->used);
  if (first < last) madvise(arena->base + first, last - first, MADV_DONTNEED); /* advice: else it is kept */
}

void arena_clear(Arena *arena) {
  if (arena->base) munmap(arena->base, arena->size);
  *arena = (Arena){0};
}

size_t mem_peak(void) {
  struct rusage usage;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? (size_t)usage.ru_maxrss * 1024 : 0;
}
