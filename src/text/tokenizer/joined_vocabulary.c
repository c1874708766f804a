/* Joining two vocabularies through a table of the first one's strings. */
#include "text/tokenizer/joined_vocabulary.h"

#include "base/memory.h"
#include "text/tokenizer/vocabulary.h"

#include <stdlib.h>
#include <string.h>

/* A string that is looked for. */
typedef struct Spelling {
  char *bytes;
  size_t size;
  bool is_special, is_shared;
  int32_t string; /* its number once it is shared */
} Spelling;

typedef struct SpellingTable {
  Spelling *items;
  size_t count;
  uint32_t *slots; /* open addressing: index + 1, 0 = free */
  size_t mask;
} SpellingTable;

static void table_init(SpellingTable *t, size_t most) {
  t->mask = 63;
  while (t->mask < 2 * most) t->mask = 2 * t->mask + 1;
  t->items = mem_alloc(most, sizeof *t->items);
  t->slots = mem_alloc(t->mask + 1, sizeof *t->slots);
  t->count = 0;
}

static uint32_t *find_slot(const SpellingTable *t, const Spelling *one) {
  size_t slot = (size_t)(bytes_hash(one->bytes, one->size) + one->is_special) & t->mask;
  for (; t->slots[slot]; slot = (slot + 1) & t->mask) {
    const Spelling *found = &t->items[t->slots[slot] - 1];
    if (found->size == one->size && found->is_special == one->is_special &&
        memcmp(found->bytes, one->bytes, one->size) == 0)
      break;
  }
  return &t->slots[slot];
}

/* What a token is compared by; false where there is no such token. */
static bool spell(const Tokenizer *tokenizer, size_t id, bool ignore_blanks, Spelling *one) {
  size_t n = 0;
  *one = (Spelling){.string = -1};
  if (!tokenizer_token_text(tokenizer, (int32_t)id, &one->bytes, &one->size, &one->is_special)) return false;
  while (ignore_blanks && !one->is_special && n < one->size && one->bytes[n] == ' ') n++;
  if (n == one->size) return true;
  one->size -= n;
  memmove(one->bytes, one->bytes + n, one->size + 1);
  return true;
}

/* Puts the first tokenizer's strings into the table; spelling[id]: where, or -1. */
static void add_strings(SpellingTable *t, const Tokenizer *tokenizer, bool ignore_blanks, int32_t *spelling) {
  const size_t n = tokenizer_vocab_size(tokenizer);
  for (size_t id = 0; id < n; id++) {
    Spelling one;
    spelling[id] = -1;
    if (!spell(tokenizer, id, ignore_blanks, &one)) continue;
    uint32_t *slot = find_slot(t, &one);
    if (*slot) {
      free(one.bytes);
    } else {
      t->items[t->count++] = one;
      *slot = (uint32_t)t->count;
    }
    spelling[id] = (int32_t)*slot - 1;
  }
}

static void look_up(const SpellingTable *t, const Tokenizer *tokenizer, bool ignore_blanks, int32_t *spelling) {
  const size_t n = tokenizer_vocab_size(tokenizer);
  for (size_t id = 0; id < n; id++) {
    Spelling one;
    spelling[id] = -1;
    if (!spell(tokenizer, id, ignore_blanks, &one)) continue;
    const uint32_t slot = *find_slot(t, &one);
    free(one.bytes);
    spelling[id] = (int32_t)slot - 1;
    if (slot) t->items[slot - 1].is_shared = true;
  }
}

void vocabulary_join(const Tokenizer *first, const Tokenizer *second, bool ignore_blanks, JoinedVocabulary *joined) {
  const Tokenizer *const both[2] = {first, second};
  SpellingTable table;
  *joined = (JoinedVocabulary){0};
  for (int k = 0; k < 2; k++) joined->of_token[k] = mem_alloc(tokenizer_vocab_size(both[k]), sizeof(int32_t));
  table_init(&table, tokenizer_vocab_size(first));
  add_strings(&table, first, ignore_blanks, joined->of_token[0]);
  look_up(&table, second, ignore_blanks, joined->of_token[1]);
  joined->strings = mem_alloc(table.count, sizeof *joined->strings);
  joined->sizes = mem_alloc(table.count, sizeof *joined->sizes);
  for (size_t i = 0; i < table.count; i++) {
    Spelling *one = &table.items[i];
    if (!one->is_shared) {
      free(one->bytes);
      continue;
    }
    one->string = (int32_t)joined->n;
    joined->strings[joined->n] = one->bytes;
    joined->sizes[joined->n++] = one->size;
  }
  for (int k = 0; k < 2; k++)
    for (size_t id = 0; id < tokenizer_vocab_size(both[k]); id++) {
      int32_t *string = &joined->of_token[k][id];
      if (*string >= 0) *string = table.items[*string].string;
      joined->n_tokens[k] += *string >= 0;
    }
  free(table.items);
  free(table.slots);
}

void joined_vocabulary_clear(JoinedVocabulary *joined) {
  for (size_t i = 0; i < joined->n; i++) free(joined->strings[i]);
  free(joined->strings);
  free(joined->sizes);
  for (int k = 0; k < 2; k++) free(joined->of_token[k]);
  *joined = (JoinedVocabulary){0};
}
