/* Special tokens: a sorted list, narrowed byte by byte. */
#define _GNU_SOURCE
#include "text/tokenizer/special.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

static const char *text_of(const Specials *s, size_t index) { return s->bytes.bytes + s->items[index].begin; }

static int by_text(const void *a, const void *b, void *bytes) {
  const Special *x = a, *y = b;
  const int order = memcmp((char *)bytes + x->begin, (char *)bytes + y->begin, x->size < y->size ? x->size : y->size);
  if (order) return order;
  return x->size != y->size ? (x->size > y->size) - (x->size < y->size) : (x->id > y->id) - (x->id < y->id);
}

static Status add(Specials *s, const Vocabulary *v, int32_t id, const Normalizer *normalizer, Error *err) {
  const char *text = vocabulary_text(v, id);
  const size_t begin = s->bytes.size;
  size_t watch = NOWHERE;
  Status status = STATUS_OK;
  if (normalizer)
    status = normalizer_run(normalizer, text, vocabulary_size(v, id), &s->bytes, &watch, err);
  else
    byte_run_add(&s->bytes, text, vocabulary_size(v, id));
  if (status != STATUS_OK || s->bytes.size == begin) return status;
  s->items[s->count++] = (Special){begin, s->bytes.size - begin, id};
  s->any = true;
  if (vocabulary_kind(v, id) == TOKEN_ADDED) s->any_added = true;
  return STATUS_OK;
}

Status specials_init(Specials *s, const Vocabulary *v, const Normalizer *normalizer, Error *err) {
  *s = (Specials){.items = mem_alloc(v->count, sizeof *s->items)};
  Status status = STATUS_OK;
  for (size_t id = 0; id < v->count && status == STATUS_OK; id++) {
    const TokenKind kind = vocabulary_kind(v, (int32_t)id);
    const bool behind = v->tokens[id].flags & TOKEN_NORMALIZED;
    if ((kind == TOKEN_SPECIAL || kind == TOKEN_ADDED) && behind == (normalizer != NULL))
      status = add(s, v, (int32_t)id, normalizer, err);
  }
  if (s->count) qsort_r(s->items, s->count, sizeof *s->items, by_text, s->bytes.bytes);
  size_t at = 0;
  for (size_t b = 0; b < 256; b++) {
    while (at < s->count && (uint8_t)text_of(s, at)[0] < b) at++;
    s->first[b] = at;
  }
  s->first[256] = s->count;
  return status;
}

void specials_clear(Specials *s) {
  free(s->items);
  byte_run_clear(&s->bytes);
  *s = (Specials){0};
}

/* First of items[low, high), which share their first `depth` bytes and are longer, whose byte at depth is at least b.
 */
static size_t lower_bound(const Specials *s, size_t low, size_t high, size_t depth, unsigned b) {
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if ((uint8_t)text_of(s, middle)[depth] < b)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* The longest token that text begins with, or NULL. */
static const Special *longest_at(const Specials *s, const Vocabulary *v, const char *text, size_t size,
                                 bool parse_special) {
  size_t low = s->first[(uint8_t)text[0]], high = s->first[(uint8_t)text[0] + 1];
  const Special *best = NULL;
  for (size_t depth = 1; low < high; depth++) {
    for (; low < high && s->items[low].size == depth; low++) { /* the others follow it */
      const Special *item = &s->items[low];
      if ((parse_special || vocabulary_kind(v, item->id) == TOKEN_ADDED) && (!best || best->size < depth)) best = item;
    }
    if (depth == size) break;
    low = lower_bound(s, low, high, depth, (uint8_t)text[depth]);
    high = lower_bound(s, low, high, depth, (uint8_t)text[depth] + 1u);
  }
  return best;
}

static bool is_word_at(const char *text, size_t size, size_t at) {
  uint32_t code;
  return at < size && utf8_decode(text + at, size - at, &code) > 0 && unicode_is_word(code);
}

static bool stands_alone(const char *text, size_t size, size_t begin, size_t end) {
  const size_t before = unicode_step_back(text, 0, begin);
  return !(begin > 0 && is_word_at(text, begin, before)) && !is_word_at(text, size, end);
}

bool specials_find(const Specials *s, const Vocabulary *v, const char *text, size_t size, size_t from,
                   bool parse_special, SpecialMatch *match) {
  if (!(parse_special ? s->any : s->any_added)) return false;
  for (size_t at = from; at < size; at++) {
    const uint8_t b = (uint8_t)text[at];
    if (s->first[b] == s->first[b + 1]) continue;
    const Special *found = longest_at(s, v, text + at, size - at, parse_special);
    if (!found) continue;
    const size_t end = at + found->size;
    const uint8_t flags = v->tokens[found->id].flags;
    if ((flags & TOKEN_SINGLE_WORD) && !stands_alone(text, size, at, end)) {
      at = end - 1;
      continue;
    }
    *match = (SpecialMatch){flags & TOKEN_STRIPS_LEFT ? unicode_skip_spaces_back(text, from, at) : at,
                            flags & TOKEN_STRIPS_RIGHT ? unicode_skip_spaces(text, size, end) : end, found->id};
    return true;
  }
  return false;
}
