/* Special tokens: a sorted list, narrowed byte by byte. */
#define _GNU_SOURCE
#include "text/special.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

static int by_text(const void *a, const void *b, void *context) {
  const Vocabulary *v = context;
  const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
  const size_t n = vocabulary_size(v, x), m = vocabulary_size(v, y);
  const int order = memcmp(vocabulary_text(v, x), vocabulary_text(v, y), n < m ? n : m);
  return order ? order : (n > m) - (n < m);
}

void specials_init(Specials *specials, const Vocabulary *v) {
  *specials = (Specials){.ids = mem_alloc(v->count, sizeof(int32_t))};
  for (size_t id = 0; id < v->count; id++) {
    const TokenKind kind = vocabulary_kind(v, (int32_t)id);
    if ((kind != TOKEN_SPECIAL && kind != TOKEN_ADDED) || v->tokens[id].size == 0) continue;
    specials->ids[specials->count++] = (int32_t)id;
    specials->any = true;
    if (kind == TOKEN_ADDED) specials->any_added = true;
  }
  qsort_r(specials->ids, specials->count, sizeof *specials->ids, by_text, (void *)v);
  size_t at = 0;
  for (size_t b = 0; b < 256; b++) {
    while (at < specials->count && (uint8_t)vocabulary_text(v, specials->ids[at])[0] < b) at++;
    specials->first[b] = at;
  }
  specials->first[256] = specials->count;
}

void specials_clear(Specials *specials) {
  free(specials->ids);
  *specials = (Specials){0};
}

/* First of ids[low, high), which share their first `depth` bytes and are longer, whose byte at depth is at least b. */
static size_t lower_bound(const Specials *specials, const Vocabulary *v, size_t low, size_t high, size_t depth,
                          unsigned b) {
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if ((uint8_t)vocabulary_text(v, specials->ids[middle])[depth] < b)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* The longest token that text begins with, or -1. */
static int32_t longest_at(const Specials *specials, const Vocabulary *v, const char *text, size_t size,
                          bool parse_special) {
  size_t low = specials->first[(uint8_t)text[0]], high = specials->first[(uint8_t)text[0] + 1];
  int32_t best = -1;
  for (size_t depth = 1; low < high; depth++) {
    const int32_t shortest = specials->ids[low]; /* the only one that can end here: the others follow it */
    if (vocabulary_size(v, shortest) == depth) {
      if (parse_special || vocabulary_kind(v, shortest) == TOKEN_ADDED) best = shortest;
      low++;
    }
    if (depth == size) break;
    low = lower_bound(specials, v, low, high, depth, (uint8_t)text[depth]);
    high = lower_bound(specials, v, low, high, depth, (uint8_t)text[depth] + 1u);
  }
  return best;
}

/* Unicode's White_Space. */
static bool is_space(uint32_t c) {
  return (c >= 9 && c <= 13) || c == 32 || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
         c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

static size_t skip_spaces(const char *text, size_t size, size_t at) {
  uint32_t code;
  for (size_t n; at < size && (n = utf8_decode(text + at, size - at, &code)) > 0 && is_space(code);) at += n;
  return at;
}

static size_t skip_spaces_back(const char *text, size_t from, size_t at) {
  uint32_t code;
  while (at > from) {
    size_t begin = at - 1;
    while (begin > from && ((uint8_t)text[begin] & 0xc0) == 0x80) begin--;
    if (utf8_decode(text + begin, at - begin, &code) != at - begin || !is_space(code)) break;
    at = begin;
  }
  return at;
}

bool specials_find(const Specials *specials, const Vocabulary *v, const char *text, size_t size, size_t from,
                   bool parse_special, SpecialMatch *match) {
  if (!(parse_special ? specials->any : specials->any_added)) return false;
  for (size_t at = from; at < size; at++) {
    const uint8_t b = (uint8_t)text[at];
    if (specials->first[b] == specials->first[b + 1]) continue;
    const int32_t id = longest_at(specials, v, text + at, size - at, parse_special);
    if (id < 0) continue;
    const size_t end = at + vocabulary_size(v, id);
    const uint8_t strips = v->tokens[id].strips;
    *match = (SpecialMatch){strips & TOKEN_STRIPS_LEFT ? skip_spaces_back(text, from, at) : at,
                            strips & TOKEN_STRIPS_RIGHT ? skip_spaces(text, size, end) : end, id};
    return true;
  }
  return false;
}
