/* The tokenizer's digest: what it does, not how its file is laid out. */
#include "text/tokenizer/parts.h"

#include <stdio.h>
#include <string.h>

/* Converters fill a vocabulary up to the width of the embedding with tokens named after their own number. */
static bool is_filler(const Vocabulary *v, int32_t id) {
  char name[32];
  const int n = snprintf(name, sizeof name, "[PAD%d]", id);
  return vocabulary_size(v, id) == (size_t)n && memcmp(vocabulary_text(v, id), name, (size_t)n) == 0;
}

static void add_vocabulary(Digest *digest, const Vocabulary *v) {
  for (size_t id = 0; id < v->count; id++) {
    const TokenKind kind = vocabulary_kind(v, (int32_t)id);
    if (kind == TOKEN_NONE || is_filler(v, (int32_t)id)) continue;
    digest_add_u64(digest, id);
    digest_add_u64(digest, kind);
    digest_add_u64(digest, vocabulary_size(v, (int32_t)id));
    digest_add(digest, vocabulary_text(v, (int32_t)id), vocabulary_size(v, (int32_t)id));
  }
}

/* SentencePiece: a GGUF file has scores, tokenizer.json the merges that a converter made of them. Both give the order
 * in which tokens are made; the several ways to make one token are left out, since converters list them differently. */
static void add_merges(Digest *digest, const Merges *merges, bool every_way) {
  int32_t last = -1;
  for (size_t i = 0; i < merges->count; i++) {
    const Merge *m = &merges->items[i];
    if (every_way) {
      digest_add_u64(digest, (uint64_t)m->left);
      digest_add_u64(digest, (uint64_t)m->right);
    }
    if (every_way || m->id != last) digest_add_u64(digest, (uint64_t)m->id);
    last = m->id;
  }
}

static void add_ids(Digest *digest, const TokenList *list) {
  digest_add_u64(digest, list->count);
  for (size_t i = 0; i < list->count; i++) digest_add_u64(digest, (uint64_t)list->ids[i]);
}

void tokenizer_digest(const Tokenizer *t, char text[DIGEST_TEXT]) {
  Digest *digest = digest_new();
  digest_add_u64(digest, t->model);
  add_vocabulary(digest, &t->vocabulary);
  if (t->scores) {
    Merges merges = {0};
    merges_from_scores(&merges, &t->vocabulary, t->scores);
    add_merges(digest, &merges, false);
    merges_clear(&merges);
  } else {
    add_merges(digest, &t->merges, t->model == TOKENIZER_BYTE_LEVEL);
  }
  digest_add_u64(digest, t->front == FRONT_ALWAYS ? 1 : t->front == FRONT_TEXT ? 2 : 0);
  digest_add_u64(digest, t->whole_first);
  add_ids(digest, &t->before);
  add_ids(digest, &t->after);
  digest_finish(digest, text);
}
