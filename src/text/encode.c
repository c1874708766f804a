/* Text to ids: special tokens first, then each stretch between them cut into pieces and merged. */
#define _GNU_SOURCE /* memmem */
#include "base/memory.h"
#include "base/utf8.h"
#include "text/bpe.h"
#include "text/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of one text: positions inside a piece are 32 bits wide, and a blank may become three bytes. */
enum { TEXT_MAX = 1 << 29 };

/* One call of tokenizer_encode_at. */
typedef struct Encoder {
  const Tokenizer *t;
  Bpe bpe;
  BpeWork *bpe_work;
  PretokenizerWork *cut_work;
  TokenList *tokens;
  char *marked; /* scratch: a stretch with its blanks as U+2581 */
  size_t marked_room;
  const char *watch;  /* the byte whose token is wanted, in the text or in marked; NULL where it is elsewhere */
  size_t first_token; /* tokens->count at the start */
  size_t found;       /* index of the token that covers it, SIZE_MAX until then */
  bool last_unknown;
} Encoder;

static void note_position(Encoder *e, const char *end) {
  if (e->watch && e->found == SIZE_MAX && end > e->watch) e->found = e->tokens->count - e->first_token;
}

/* Bytes that no token covers. */
static Status emit_unknown(Encoder *e, const char *bytes, size_t size, Error *err) {
  if (e->t->stand_in < 0)
    return error_set(err, STATUS_DATA, "the vocabulary has no token for the byte 0x%02X", (unsigned)(uint8_t)bytes[0]);
  if (e->last_unknown && e->t->fuse_unknown) { /* the unknown token before this one covers these bytes too */
    if (e->watch && e->found == SIZE_MAX && bytes + size > e->watch) e->found = e->tokens->count - e->first_token - 1;
    return STATUS_OK;
  }
  note_position(e, bytes + size);
  token_list_add(e->tokens, e->t->stand_in);
  e->last_unknown = true;
  return STATUS_OK;
}

/* A piece that is merged on its own. */
static Status encode_piece(void *context, const char *piece, size_t size, Error *err) {
  Encoder *e = context;
  const BpeResult result = bpe_encode(&e->bpe, e->bpe_work, piece, size);
  const Vocabulary *v = &e->t->vocabulary;
  Status status = STATUS_OK;
  for (size_t i = 0; i < result.count && status == STATUS_OK; i++) {
    const int32_t item = result.items[i];
    const size_t covered = item < 0                                 ? (size_t)-item
                           : vocabulary_kind(v, item) == TOKEN_BYTE ? 1
                                                                    : vocabulary_size(v, item);
    if (item < 0) {
      status = emit_unknown(e, piece, covered, err);
    } else {
      note_position(e, piece + covered);
      token_list_add(e->tokens, item);
      e->last_unknown = false;
    }
    piece += covered;
  }
  return status;
}

/* The piece without the bytes that have no token, which HF's byte-level BPE drops, so that their neighbours may merge.
 */
static Status encode_rest(Encoder *e, const char *piece, size_t size, Error *err) {
  const char *const outside = e->watch;
  char *rest = mem_alloc(size, 1);
  size_t n = 0;
  e->watch = NULL; /* behind this piece, until the first byte at or behind it is kept */
  for (size_t i = 0; i < size; i++) {
    if (e->t->dropped[(uint8_t)piece[i]]) continue;
    if (outside && !e->watch && piece + i >= outside) e->watch = rest + n;
    rest[n++] = piece[i];
  }
  const Status status = encode_piece(e, rest, n, err);
  e->watch = outside;
  free(rest);
  return status;
}

static Status encode_valid_piece(void *context, const char *piece, size_t size, Error *err) {
  Encoder *e = context;
  if (e->t->drops)
    for (size_t i = 0; i < size; i++)
      if (e->t->dropped[(uint8_t)piece[i]]) return encode_rest(e, piece, size, err);
  return encode_piece(e, piece, size, err);
}

/* Byte-level: valid UTF-8 goes through the pre-tokenizer; a run of bytes that is no UTF-8 is a piece of its own, so
 * that any bytes can be encoded and decode to themselves. */
static Status encode_bytes(Encoder *e, const char *text, size_t size, Error *err) {
  Status status = STATUS_OK;
  for (size_t at = 0; at < size && status == STATUS_OK;) {
    const size_t valid = utf8_valid_prefix(text + at, size - at);
    status = pretokenizer_split(e->t->pretokenizer, e->cut_work, text + at, valid, encode_valid_piece, e, err);
    at += valid;
    size_t end = at;
    uint32_t code;
    while (end < size && utf8_decode(text + end, size - end, &code) == 0) end++;
    if (end > at && status == STATUS_OK) status = encode_piece(e, text + at, end - at, err);
    at = end;
  }
  return status;
}

/* The stretch with its blanks as U+2581, one more in front where the model wants it; returns the bytes written. */
static size_t mark_spaces(Encoder *e, const char *text, size_t size) {
  const char *watch = e->watch;
  const size_t need = SPACE_MARK_SIZE * (size + 1);
  if (need > e->marked_room) {
    free(e->marked);
    e->marked_room = need;
    e->marked = mem_resize(NULL, need, 1);
  }
  char *to = e->marked;
  if (e->t->space_prefix) to = (char *)memcpy(to, SPACE_MARK, SPACE_MARK_SIZE) + SPACE_MARK_SIZE;
  for (size_t i = 0; i < size; i++) {
    if (text + i == watch) e->watch = to;
    if (text[i] == ' ') {
      memcpy(to, SPACE_MARK, SPACE_MARK_SIZE);
      to += SPACE_MARK_SIZE;
    } else {
      *to++ = text[i];
    }
  }
  return (size_t)(to - e->marked);
}

/* SentencePiece merges across a whole stretch; where no token holds a mark behind another character nothing can merge
 * across the start of a word, and words are merged one by one, which is the same and much faster. */
static Status encode_marked(Encoder *e, const char *text, size_t size, Error *err) {
  const char *const outside = e->watch;
  const size_t n = mark_spaces(e, text, size);
  if (e->watch == outside) e->watch = NULL; /* the byte is not in this stretch */
  const char *at = e->marked, *const end = e->marked + n;
  Status status = STATUS_OK;
  while (at < end && status == STATUS_OK) {
    const char *stop = end;
    if (e->t->cut_at_spaces) {
      const char *word = at;
      while (end - word >= SPACE_MARK_SIZE && memcmp(word, SPACE_MARK, SPACE_MARK_SIZE) == 0) word += SPACE_MARK_SIZE;
      const char *next = memmem(word, (size_t)(end - word), SPACE_MARK, SPACE_MARK_SIZE);
      if (next) stop = next;
    }
    status = encode_piece(e, at, (size_t)(stop - at), err);
    at = stop;
  }
  e->watch = outside;
  return status;
}

static Status encode_stretch(Encoder *e, const char *text, size_t size, Error *err) {
  e->last_unknown = false;
  if (size == 0) return STATUS_OK;
  return e->t->model == TOKENIZER_BYTE_LEVEL ? encode_bytes(e, text, size, err) : encode_marked(e, text, size, err);
}

static Status encode_all(Encoder *e, const char *text, size_t size, bool parse_special, Error *err) {
  const Vocabulary *v = &e->t->vocabulary;
  Status status = STATUS_OK;
  for (size_t at = 0; at < size && status == STATUS_OK;) {
    SpecialMatch match = {size, size, -1};
    const bool found = specials_find(&e->t->specials, v, text, size, at, parse_special, &match);
    status = encode_stretch(e, text + at, match.begin - at, err);
    if (found && status == STATUS_OK) {
      note_position(e, text + match.end);
      token_list_add(e->tokens, match.id);
    }
    at = match.end;
  }
  return status;
}

static void add_all(TokenList *to, const TokenList *from) {
  for (size_t i = 0; i < from->count; i++) token_list_add(to, from->ids[i]);
}

Status tokenizer_encode_at(const Tokenizer *t, const char *text, size_t size, unsigned flags, size_t byte,
                           TokenList *tokens, size_t *token, Error *err) {
  if (size > TEXT_MAX) return error_set(err, STATUS_DATA, "a text of %zu bytes, expected at most %d", size, TEXT_MAX);
  Encoder e = {.t = t, .tokens = tokens, .first_token = tokens->count, .found = SIZE_MAX};
  e.bpe = (Bpe){.vocabulary = &t->vocabulary,
                .merges = t->scores ? NULL : &t->merges,
                .scores = t->scores,
                .by_characters = t->model == TOKENIZER_SENTENCEPIECE,
                .whole_first = t->whole_first};
  e.bpe_work = bpe_work_new(size);
  if (t->pretokenizer) e.cut_work = pretokenizer_work_new(t->pretokenizer);
  e.watch = byte < size ? text + byte : NULL;
  if (flags & TOKENIZE_ADD_SPECIAL) add_all(tokens, &t->before);
  Status status = encode_all(&e, text, size, flags & TOKENIZE_PARSE_SPECIAL, err);
  if (e.found == SIZE_MAX) e.found = tokens->count - e.first_token; /* behind the text */
  if (flags & TOKENIZE_ADD_SPECIAL) add_all(tokens, &t->after);
  bpe_work_free(e.bpe_work);
  pretokenizer_work_free(e.cut_work);
  free(e.marked);
  if (token) *token = e.found;
  return status;
}

Status tokenizer_encode(const Tokenizer *t, const char *text, size_t size, unsigned flags, TokenList *tokens,
                        Error *err) {
  return tokenizer_encode_at(t, text, size, flags, SIZE_MAX, tokens, NULL, err);
}
