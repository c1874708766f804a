/* Text to ids: special tokens first, then each stretch between them cut into pieces and merged. */
#define _GNU_SOURCE /* memmem */
#include "base/memory.h"
#include "base/utf8.h"
#include "text/tokenizer/bpe.h"
#include "text/tokenizer/parts.h"

#include <stdlib.h>
#include <string.h>

enum {
  TEXT_MAX = 1 << 29, /* bytes of one text: positions inside a piece are 32 bits wide, and a blank may become three
                         bytes */
  KEPT_WORK_TEXT = 1 << 20, /* scratch that has grown with a longer text than this is freed */
};

struct EncodeWork {
  EncodeWork *next;
  BpeWork *bpe;
  PretokenizerWork *cut;
};

EncodeWorks *encode_works_new(void) {
  EncodeWorks *works = mem_alloc(1, sizeof *works);
  pthread_mutex_init(&works->lock, NULL);
  return works;
}

static void free_work(EncodeWork *work) {
  bpe_work_free(work->bpe);
  pretokenizer_work_free(work->cut);
  free(work);
}

void encode_works_free(EncodeWorks *works) {
  if (!works) return;
  while (works->idle) {
    EncodeWork *work = works->idle;
    works->idle = work->next;
    free_work(work);
  }
  pthread_mutex_destroy(&works->lock);
  free(works);
}

static EncodeWork *take_work(const Tokenizer *t) {
  pthread_mutex_lock(&t->works->lock);
  EncodeWork *work = t->works->idle;
  if (work) t->works->idle = work->next;
  pthread_mutex_unlock(&t->works->lock);
  if (work) return work;
  work = mem_alloc(1, sizeof *work);
  work->bpe = bpe_work_new();
  work->cut = pretokenizer_work_new(t->pretokenizer);
  return work;
}

static void give_back_work(const Tokenizer *t, EncodeWork *work, size_t text_size) {
  if (text_size > KEPT_WORK_TEXT) {
    free_work(work);
    return;
  }
  pthread_mutex_lock(&t->works->lock);
  work->next = t->works->idle;
  t->works->idle = work;
  pthread_mutex_unlock(&t->works->lock);
}

/* One call of tokenizer_encode_at. The wanted byte is handed down as `watch`, its place in the text at hand or NOWHERE.
 */
typedef struct Encoder {
  const Tokenizer *t;
  Bpe bpe;
  EncodeWork *work;
  TokenList *tokens;
  ByteRun normal;     /* scratch: a stretch of text, normalised */
  bool parse_special; /* SPECIAL tokens are looked for */
  size_t first_token; /* tokens->count at the start */
  size_t found;       /* index of the token that covers the wanted byte, NOWHERE until then */
  bool due;           /* the byte is behind us, and no token covered it: the next one counts */
  bool last_unknown;
} Encoder;

static void add_token(Encoder *e, int32_t id, bool covers) {
  if (e->found == NOWHERE && (covers || e->due)) e->found = e->tokens->count - e->first_token;
  token_list_add(e->tokens, id);
}

/* Bytes that no token covers. */
static Status emit_unknown(Encoder *e, const char *bytes, bool covers, Error *err) {
  if (e->t->stand_in < 0)
    return error_set(err, STATUS_DATA, "the vocabulary has no token for the byte 0x%02X", (unsigned)(uint8_t)bytes[0]);
  if (e->last_unknown && e->t->fuse_unknown) { /* the unknown token before this one covers these bytes too */
    if (covers && e->found == NOWHERE) e->found = e->tokens->count - e->first_token - 1;
    return STATUS_OK;
  }
  add_token(e, e->t->stand_in, covers);
  e->last_unknown = true;
  return STATUS_OK;
}

/* A piece that is merged on its own. */
static Status merge_piece(Encoder *e, const char *piece, size_t size, size_t watch, Error *err) {
  const BpeResult result = bpe_encode(&e->bpe, e->work->bpe, piece, size);
  const Vocabulary *v = &e->t->vocabulary;
  Status status = STATUS_OK;
  size_t end = 0;
  for (size_t i = 0; i < result.count && status == STATUS_OK; i++) {
    const int32_t item = result.items[i];
    const size_t begin = end;
    end += item < 0 ? (size_t)-item : vocabulary_kind(v, item) == TOKEN_BYTE ? 1 : vocabulary_size(v, item);
    const bool covers = watch != NOWHERE && watch < end;
    if (item < 0) {
      status = emit_unknown(e, piece + begin, covers, err);
    } else {
      add_token(e, item, covers);
      e->last_unknown = false;
    }
  }
  return status;
}

/* The piece without the bytes that have no token, which HF's byte-level BPE drops, so that their neighbours may merge.
 */
static Status merge_rest(Encoder *e, const char *piece, size_t size, size_t watch, Error *err) {
  char *rest = mem_alloc(size, 1);
  size_t n = 0, kept_watch = NOWHERE;
  for (size_t i = 0; i < size; i++) {
    if (e->t->dropped[(uint8_t)piece[i]]) continue;
    if (watch != NOWHERE && kept_watch == NOWHERE && i >= watch) kept_watch = n;
    rest[n++] = piece[i];
  }
  const Status status = merge_piece(e, rest, n, kept_watch, err);
  free(rest);
  return status;
}

/* SentencePiece merges across blanks; where no token holds the byte before a mark and the mark itself, nothing can
 * merge across them, and words are merged one by one, which is the same and much faster. */
static Status merge_words(Encoder *e, const char *text, size_t size, size_t watch, Error *err) {
  const char *at = text, *const end = text + size;
  Status status = STATUS_OK;
  while (at < end && status == STATUS_OK) {
    const char *stop = at;
    while (end - stop >= SPACE_MARK_SIZE && memcmp(stop, SPACE_MARK, SPACE_MARK_SIZE) == 0) stop += SPACE_MARK_SIZE;
    while (stop < end) {
      const char *mark = memmem(stop, (size_t)(end - stop), SPACE_MARK, SPACE_MARK_SIZE);
      if (mark && mark > at && !e->t->holds[(uint8_t)mark[-1]] && mark > stop) {
        stop = mark;
        break;
      }
      stop = mark ? mark + SPACE_MARK_SIZE : end;
    }
    const size_t begin = (size_t)(at - text), length = (size_t)(stop - at);
    const bool inside = watch != NOWHERE && watch >= begin && watch < begin + length;
    status = merge_piece(e, at, length, inside ? watch - begin : NOWHERE, err);
    at = stop;
  }
  return status;
}

static Status encode_piece(void *context, const char *piece, size_t size, size_t watch, Error *err) {
  Encoder *e = context;
  e->last_unknown = false;
  bool drops = false;
  for (size_t i = 0; e->t->drops && i < size && !drops; i++) drops = e->t->dropped[(uint8_t)piece[i]];
  const Status status = e->t->model == TOKENIZER_SENTENCEPIECE ? merge_words(e, piece, size, watch, err)
                        : drops                                ? merge_rest(e, piece, size, watch, err)
                                                               : merge_piece(e, piece, size, watch, err);
  if (watch != NOWHERE) e->due = true;
  return status;
}

/* Valid UTF-8 goes through the pre-tokenizer; a run of bytes that is no UTF-8 is a piece of its own, so that any bytes
 * can be encoded and decode to themselves. */
static Status encode_text(Encoder *e, const char *text, size_t size, size_t watch, bool first, Error *err) {
  Status status = STATUS_OK;
  for (size_t at = 0; at < size && status == STATUS_OK;) {
    const size_t valid = utf8_valid_prefix(text + at, size - at);
    const bool here = watch != NOWHERE && watch >= at;
    const CutText part = {.text = text + at,
                          .size = valid,
                          .watch = here && watch < at + valid ? watch - at : NOWHERE,
                          .first = first && at == 0,
                          .continues = at > 0};
    status = pretokenizer_split(e->t->pretokenizer, e->work->cut, part, encode_piece, e, err);
    at += valid;
    size_t end = at;
    uint32_t code;
    while (end < size && utf8_decode(text + end, size - end, &code) == 0) end++;
    const bool inside = watch != NOWHERE && watch >= at && watch < end;
    if (end > at && status == STATUS_OK) {
      e->last_unknown = false;
      status = merge_piece(e, text + at, end - at, inside ? watch - at : NOWHERE, err);
    }
    at = end;
  }
  if (watch != NOWHERE) e->due = true; /* where all that was left of the text went */
  return status;
}

typedef Status (*StretchEncoder)(Encoder *e, const char *text, size_t size, size_t watch, bool first, Error *err);

/* The special tokens in a text, and what is between them through `encode`. */
static Status encode_between(Encoder *e, const Specials *specials, StretchEncoder encode, const char *text, size_t size,
                             size_t watch, bool first, Error *err) {
  Status status = STATUS_OK;
  for (size_t at = 0; at < size && status == STATUS_OK;) {
    SpecialMatch match = {size, size, -1};
    const bool found = specials_find(specials, &e->t->vocabulary, text, size, at, e->parse_special, &match);
    const bool inside = watch != NOWHERE && watch >= at && watch < match.begin;
    if (match.begin > at)
      status = encode(e, text + at, match.begin - at, inside ? watch - at : NOWHERE, first && at == 0, err);
    if (found && status == STATUS_OK) add_token(e, match.id, watch != NOWHERE && watch < match.end);
    at = match.end;
  }
  return status;
}

/* A stretch of the text as it is. */
static Status encode_stretch(Encoder *e, const char *text, size_t size, size_t watch, bool first, Error *err) {
  const bool wanted = watch != NOWHERE;
  Status status = STATUS_OK;
  if (normalizer_count(e->t->normalizer)) {
    e->normal.size = 0;
    status = normalizer_run(e->t->normalizer, text, size, &e->normal, &watch, err);
    text = e->normal.bytes;
    size = e->normal.size;
  }
  if (status == STATUS_OK)
    status = encode_between(e, &e->t->normalized_specials, encode_text, text, size, watch, first, err);
  if (wanted) e->due = true;
  return status;
}

static void add_all(TokenList *to, const TokenList *from) {
  for (size_t i = 0; i < from->count; i++) token_list_add(to, from->ids[i]);
}

Status tokenizer_encode_at(const Tokenizer *t, const char *text, size_t size, unsigned flags, size_t byte,
                           TokenList *tokens, size_t *token, Error *err) {
  if (size > TEXT_MAX) return error_set(err, STATUS_DATA, "a text of %zu bytes, expected at most %d", size, TEXT_MAX);
  Encoder e = {.t = t, .tokens = tokens, .first_token = tokens->count, .found = NOWHERE};
  e.parse_special = flags & TOKENIZE_PARSE_SPECIAL;
  e.bpe = (Bpe){.vocabulary = &t->vocabulary,
                .merges = t->scores ? NULL : &t->merges,
                .scores = t->scores,
                .by_characters = t->model == TOKENIZER_SENTENCEPIECE,
                .whole_first = t->whole_first};
  e.work = take_work(t);
  if (flags & TOKENIZE_ADD_SPECIAL) add_all(tokens, &t->before);
  Status status = encode_between(&e, &t->specials, encode_stretch, text, size, byte < size ? byte : NOWHERE, true, err);
  if (e.found == NOWHERE) e.found = tokens->count - e.first_token; /* behind the text */
  if (flags & TOKENIZE_ADD_SPECIAL) add_all(tokens, &t->after);
  give_back_work(t, e.work, size);
  byte_run_clear(&e.normal);
  if (token) *token = e.found;
  return status;
}

Status tokenizer_encode(const Tokenizer *t, const char *text, size_t size, unsigned flags, TokenList *tokens,
                        Error *err) {
  return tokenizer_encode_at(t, text, size, flags, SIZE_MAX, tokens, NULL, err);
}
