/* Words of a lexicon by their form: a hash table over forms in lower case, prefixes under their form and '*'. */
#include "base/memory.h"
#include "text/lexicon/parts.h"
#include "text/tokenizer/unicode.h"
#include "text/tokenizer/vocabulary.h"

#include <stdlib.h>
#include <string.h>

struct LexiconIndex {
  char **keys; /* [mask + 1], open addressing; NULL = free */
  size_t *words;
  size_t mask, count;
  size_t longest_prefix; /* bytes, without the '*' */
};

LexiconIndex *lexicon_index_new(void) {
  LexiconIndex *index = mem_alloc(1, sizeof *index);
  index->mask = 1023;
  index->keys = mem_alloc(index->mask + 1, sizeof *index->keys);
  index->words = mem_alloc(index->mask + 1, sizeof *index->words);
  return index;
}

void lexicon_index_free(LexiconIndex *index) {
  for (size_t i = 0; index && i <= index->mask; i++) free(index->keys[i]);
  if (index) free(index->keys), free(index->words);
  free(index);
}

static size_t find_slot(const LexiconIndex *index, const char *key, size_t size) {
  size_t slot = bytes_hash(key, size) & index->mask;
  while (index->keys[slot] && (strncmp(index->keys[slot], key, size) != 0 || index->keys[slot][size]))
    slot = (slot + 1) & index->mask;
  return slot;
}

static void grow(LexiconIndex *index) {
  LexiconIndex larger = {.mask = 4 * index->mask + 3, .count = index->count, .longest_prefix = index->longest_prefix};
  larger.keys = mem_alloc(larger.mask + 1, sizeof *larger.keys);
  larger.words = mem_alloc(larger.mask + 1, sizeof *larger.words);
  for (size_t i = 0; i <= index->mask; i++) {
    if (!index->keys[i]) continue;
    const size_t slot = find_slot(&larger, index->keys[i], strlen(index->keys[i]));
    larger.keys[slot] = index->keys[i];
    larger.words[slot] = index->words[i];
  }
  free(index->keys);
  free(index->words);
  *index = larger;
}

char *lexicon_trimmed(const char *text, size_t size) {
  char *trimmed = mem_alloc(size + 1, 1);
  size_t used = 0;
  for (size_t at = unicode_skip_spaces(text, size, 0); at < size;) {
    const size_t next = unicode_skip_spaces(text, size, at);
    if (next > at && next < size) trimmed[used++] = ' ';
    at = next;
    if (at < size) trimmed[used++] = text[at++];
  }
  return trimmed;
}

/* The key of a form: without blanks around it, in lower case. */
static ByteRun make_key(const char *text, size_t size, bool is_prefix) {
  ByteRun key = {0};
  char *trimmed = lexicon_trimmed(text, size);
  unicode_lowercase(trimmed, strlen(trimmed), &key);
  if (is_prefix) byte_run_add(&key, "*", 1);
  byte_run_add(&key, "", 1);
  free(trimmed);
  return key;
}

size_t lexicon_index_find(const LexiconIndex *index, const char *form, bool is_prefix) {
  ByteRun key = make_key(form, strlen(form), is_prefix);
  const size_t slot = find_slot(index, key.bytes, key.size - 1);
  byte_run_clear(&key);
  return index->keys[slot] ? index->words[slot] : LEXICON_NONE;
}

void lexicon_index_add(LexiconIndex *index, const char *form, bool is_prefix, size_t word) {
  if (2 * index->count > index->mask) grow(index);
  ByteRun key = make_key(form, strlen(form), is_prefix);
  const size_t slot = find_slot(index, key.bytes, key.size - 1);
  if (is_prefix && key.size - 2 > index->longest_prefix) index->longest_prefix = key.size - 2;
  index->keys[slot] = key.bytes;
  index->words[slot] = word;
  index->count++;
}

/* The longest prefix that the key of `size` bytes begins with. */
static size_t find_prefix(const LexiconIndex *index, char *key, size_t size) {
  for (size_t n = size < index->longest_prefix ? size : index->longest_prefix; n > 0; n--) {
    const char kept = key[n];
    key[n] = '*';
    const size_t slot = find_slot(index, key, n + 1);
    key[n] = kept;
    if (index->keys[slot]) return index->words[slot];
  }
  return LEXICON_NONE;
}

size_t lexicon_find(const Lexicon *lexicon, const char *text, size_t size) {
  const LexiconIndex *index = lexicon->index;
  if (memchr(text, 0, size)) return LEXICON_NONE; /* no word has one */
  ByteRun key = make_key(text, size, false);
  const size_t n = strlen(key.bytes);
  const size_t slot = find_slot(index, key.bytes, n);
  size_t word = index->keys[slot] ? index->words[slot] : LEXICON_NONE;
  if (word == LEXICON_NONE && lexicon->has_prefixes) word = find_prefix(index, key.bytes, n);
  byte_run_clear(&key);
  return word;
}
