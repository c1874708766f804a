/* Counting the pieces of texts, and a tokenizer of the most frequent ones. */
#include "text/tokenizer/words.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "text/tokenizer/pretokenizers.h"
#include "text/tokenizer/parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const special_names[WORDS_SPECIAL] = {"<|end|>", "<|pad|>"};
static const char chat_template[] = "{% for message in messages %}{{ message['content'] }}\n{% endfor %}";

typedef struct Piece {
  const char *text; /* in one of the texts; NULL: free */
  size_t size, count;
} Piece;

/* Open addressing over the pieces; lists of them are made at the end. */
typedef struct PieceTable {
  Piece *slots;
  size_t used, mask, total;
} PieceTable;

static Piece *find_piece(const PieceTable *table, const char *text, size_t size) {
  size_t slot = bytes_hash(text, size) & table->mask;
  for (; table->slots[slot].text; slot = (slot + 1) & table->mask)
    if (table->slots[slot].size == size && memcmp(table->slots[slot].text, text, size) == 0) break;
  return &table->slots[slot];
}

static void grow(PieceTable *table) {
  const PieceTable old = *table;
  table->mask = 2 * old.mask + 1;
  table->slots = mem_alloc(table->mask + 1, sizeof *table->slots);
  for (size_t i = 0; i <= old.mask; i++)
    if (old.slots[i].text) *find_piece(table, old.slots[i].text, old.slots[i].size) = old.slots[i];
  free(old.slots);
}

static Status count_piece(void *context, const char *text, size_t size, size_t watch, Error *err) {
  PieceTable *table = context;
  (void)watch, (void)err;
  if (size == 0) return STATUS_OK;
  if (2 * table->used > table->mask) grow(table);
  Piece *piece = find_piece(table, text, size);
  if (!piece->text) {
    *piece = (Piece){text, size, 0};
    table->used++;
  }
  piece->count++;
  table->total++;
  return STATUS_OK;
}

/* A stretch without special tokens. What is no UTF-8 is spelt in bytes whatever it is. */
static Status count_stretch(const Pretokenizer *cut, PretokenizerWork *work, const char *text, size_t size,
                            PieceTable *table, Error *err) {
  Status status = STATUS_OK;
  for (size_t at = 0; at < size && status == STATUS_OK;) {
    const size_t valid = utf8_valid_prefix(text + at, size - at);
    const CutText part = {.text = text + at, .size = valid, .watch = NOWHERE, .first = at == 0, .continues = at > 0};
    status = pretokenizer_split(cut, work, part, count_piece, table, err);
    at += valid + (valid < size - at);
  }
  return status;
}

/* The next special token of a text: its place, or the end. All begin with '<', so that each byte is looked at once however many
 * texts there are and whichever special token never comes. */
static size_t next_special(const char *text, size_t size, size_t *length) {
  const char *const end = text + size;
  *length = 0;
  for (const char *at = text; (at = memchr(at, '<', (size_t)(end - at))); at++)
    for (size_t i = 0; i < WORDS_SPECIAL; i++) {
      const size_t n = strlen(special_names[i]);
      if (n > (size_t)(end - at) || memcmp(at, special_names[i], n) != 0) continue;
      *length = n;
      return (size_t)(at - text);
    }
  return size;
}

static Status count_text(const Pretokenizer *cut, PretokenizerWork *work, const char *text, size_t size,
                         PieceTable *table, Error *err) {
  Status status = STATUS_OK;
  for (size_t at = 0; at < size && status == STATUS_OK;) {
    size_t length;
    const size_t stretch = next_special(text + at, size - at, &length);
    status = count_stretch(cut, work, text + at, stretch, table, err);
    at += stretch + length;
  }
  return status;
}

static int compare_pieces(const void *a, const void *b) {
  const Piece *x = a, *y = b;
  if (x->count != y->count) return x->count > y->count ? -1 : 1;
  const int order = memcmp(x->text, y->text, x->size < y->size ? x->size : y->size);
  return order ? order : (x->size > y->size) - (x->size < y->size);
}

/* Specials, bytes, and the most frequent pieces; *whole is how many pieces of the texts are tokens. */
static Status fill_vocabulary(Vocabulary *v, PieceTable *table, size_t most, size_t *whole, Error *err) {
  Status status = STATUS_OK;
  size_t id = 0, n = 0;
  *whole = 0;
  for (size_t i = 0; i < WORDS_SPECIAL && status == STATUS_OK; i++)
    status = vocabulary_set(v, id++, special_names[i], strlen(special_names[i]), TOKEN_SPECIAL, err);
  for (int b = 0; b < 256 && status == STATUS_OK; b++)
    status = vocabulary_set(v, id++, &(char){(char)b}, 1, TOKEN_NORMAL, err);
  for (size_t i = 0; i <= table->mask; i++) {
    const Piece piece = table->slots[i];
    if (!piece.text) continue;
    if (piece.size == 1) *whole += piece.count;
    if (piece.size > 1 && piece.size <= TOKEN_MAX_BYTES && piece.count > 1) table->slots[n++] = piece;
  }
  qsort(table->slots, n, sizeof *table->slots, compare_pieces);
  for (size_t i = 0; i < n && id < most && status == STATUS_OK; i++) {
    status = vocabulary_set(v, id++, table->slots[i].text, table->slots[i].size, TOKEN_NORMAL, err);
    *whole += table->slots[i].count;
  }
  return status == STATUS_OK ? vocabulary_index(v, err) : status;
}

Status tokenizer_from_texts(const char *const *texts, const size_t *sizes, size_t n, size_t most, Tokenizer **out,
                            WordCounts *counts, Error *err) {
  assert(most >= WORDS_FEWEST);
  Tokenizer *t = tokenizer_new();
  PieceTable table = {.mask = 1023};
  table.slots = mem_alloc(table.mask + 1, sizeof *table.slots);
  *out = NULL;
  Status status = pretokenizer_apply(pretokenizer_row("gpt-2", strlen("gpt-2")), t->normalizer, t->pretokenizer, err);
  PretokenizerWork *work = status == STATUS_OK ? pretokenizer_work_new(t->pretokenizer) : NULL;
  for (size_t i = 0; i < n && status == STATUS_OK; i++)
    status = count_text(t->pretokenizer, work, texts[i], sizes[i], &table, err);
  pretokenizer_work_free(work);
  if (status == STATUS_OK) status = fill_vocabulary(&t->vocabulary, &table, most, &counts->whole, err);
  counts->pieces = table.total;
  free(table.slots);
  if (status == STATUS_OK) status = merges_index(&t->merges, err);
  t->model = TOKENIZER_BYTE_LEVEL;
  t->whole_first = true;
  t->eos = 0;
  t->pad = 1;
  t->chat_template = mem_copy_string(chat_template);
  if (status == STATUS_OK) status = tokenizer_finish(t, err);
  if (status == STATUS_OK)
    *out = t;
  else
    tokenizer_close(t);
  return status;
}
