/* The tokenizer as callers see it: opening, what it says of itself, decoding. Encoding is encode.c. */
#define _GNU_SOURCE /* memmem */
#include "text/tokenizer/tokenizer.h"

#include "base/memory.h"
#include "text/tokenizer/pretokenizers.h"
#include "text/tokenizer/parts.h"

#include <stdlib.h>
#include <string.h>

void token_list_add(TokenList *list, int32_t id) {
  if (list->count == list->room) {
    list->room = list->room + list->room / 2 + 16;
    list->ids = mem_resize(list->ids, list->room, sizeof *list->ids);
  }
  list->ids[list->count++] = id;
}

void token_list_clear(TokenList *list) {
  free(list->ids);
  *list = (TokenList){0};
}

/* Which bytes stand before a mark inside a token: there words cannot be told apart before they are merged. */
static void find_holding_bytes(Tokenizer *t) {
  const Vocabulary *v = &t->vocabulary;
  for (int32_t id = 0; (size_t)id < v->count; id++) {
    if (!vocabulary_is_piece(v, id)) continue;
    const char *text = vocabulary_text(v, id);
    const size_t size = vocabulary_size(v, id);
    size_t at = 0;
    while (size - at >= SPACE_MARK_SIZE && memcmp(text + at, SPACE_MARK, SPACE_MARK_SIZE) == 0) at += SPACE_MARK_SIZE;
    for (const char *mark; (mark = memmem(text + at, size - at, SPACE_MARK, SPACE_MARK_SIZE));) {
      if (mark > text + at) t->holds[(uint8_t)mark[-1]] = true;
      at = (size_t)(mark - text) + SPACE_MARK_SIZE;
    }
  }
}

static Status check_id(const Tokenizer *t, int32_t *id, const char *name, Error *err) {
  if (*id < -1 || *id >= (int64_t)t->vocabulary.count)
    return error_set(err, STATUS_DATA, "the %s token has id %d, expected less than %zu", name, *id,
                     t->vocabulary.count);
  return STATUS_OK;
}

Status tokenizer_finish(Tokenizer *t, Error *err) {
  if (t->vocabulary.count == 0) return error_set(err, STATUS_DATA, "the vocabulary is empty");
  Status status = check_id(t, &t->bos, "bos", err);
  if (status == STATUS_OK) status = check_id(t, &t->eos, "eos", err);
  if (status == STATUS_OK) status = check_id(t, &t->pad, "pad", err);
  if (status == STATUS_OK) status = check_id(t, &t->unknown, "unknown", err);
  for (size_t i = 0; i < t->before.count && status == STATUS_OK; i++)
    status = check_id(t, &t->before.ids[i], "first", err);
  for (size_t i = 0; i < t->after.count && status == STATUS_OK; i++)
    status = check_id(t, &t->after.ids[i], "last", err);
  if (status != STATUS_OK) return status;
  status = specials_init(&t->specials, &t->vocabulary, NULL, err);
  if (status == STATUS_OK) status = specials_init(&t->normalized_specials, &t->vocabulary, t->normalizer, err);
  if (status != STATUS_OK) return status;
  if (t->model == TOKENIZER_SENTENCEPIECE) {
    find_holding_bytes(t);
    t->kind =
        mem_copy_string(t->vocabulary.byte_ids[0] >= 0 ? "SentencePiece BPE, byte fallback" : "SentencePiece BPE");
  } else {
    for (int b = 0; b < 256 && t->stand_in < 0; b++) {
      t->dropped[b] = vocabulary_find(&t->vocabulary, &(char){(char)b}, 1) < 0;
      t->drops |= t->dropped[b];
    }
    char *name = pretokenizer_name(t->pretokenizer);
    t->kind = name ? mem_format("byte-level BPE, pre-tokenizer %s", name)
                   : mem_copy_string("byte-level BPE, patterns of its own");
    free(name);
  }
  return STATUS_OK;
}

Tokenizer *tokenizer_new(void) {
  Tokenizer *t = mem_alloc(1, sizeof *t);
  vocabulary_init(&t->vocabulary);
  t->normalizer = normalizer_new();
  t->pretokenizer = pretokenizer_new();
  t->works = encode_works_new();
  t->bos = t->eos = t->pad = t->unknown = t->stand_in = -1;
  return t;
}

Status tokenizer_open(const Source *source, Tokenizer **out, Error *err) {
  Tokenizer *t = tokenizer_new();
  *out = NULL;
  Status status;
  const bool in_folder = !source_gguf(source) && source_tokenizer(source); /* then messages name the file */
  if (source_gguf(source))
    status = tokenizer_read_gguf(t, source_gguf(source), err);
  else if (in_folder)
    status = tokenizer_read_json(t, source, err);
  else
    status = error_set(err, STATUS_DATA, "no tokenizer.json in this folder");
  if (status == STATUS_OK) status = tokenizer_finish(t, err);
  if (status != STATUS_OK) {
    tokenizer_close(t);
    return error_prefix(err, in_folder ? "%s" : "%s: tokenizer", source_path(source));
  }
  *out = t;
  return STATUS_OK;
}

void tokenizer_close(Tokenizer *t) {
  if (!t) return;
  vocabulary_clear(&t->vocabulary);
  specials_clear(&t->specials);
  specials_clear(&t->normalized_specials);
  normalizer_free(t->normalizer);
  merges_clear(&t->merges);
  pretokenizer_free(t->pretokenizer);
  token_list_clear(&t->before);
  token_list_clear(&t->after);
  free(t->scores);
  free(t->chat_template);
  free(t->kind);
  encode_works_free(t->works);
  free(t);
}

size_t tokenizer_vocab_size(const Tokenizer *t) { return t->vocabulary.count; }
char *tokenizer_token_name(const Tokenizer *t, int32_t id) { return token_written_form(t, id); }
bool tokenizer_is_plain(const Tokenizer *t, int32_t id) {
  const TokenKind kind = vocabulary_kind(&t->vocabulary, id);
  return kind == TOKEN_NORMAL || kind == TOKEN_BYTE;
}
const char *tokenizer_kind(const Tokenizer *t) { return t->kind; }
int32_t tokenizer_bos(const Tokenizer *t) { return t->bos; }
int32_t tokenizer_eos(const Tokenizer *t) { return t->eos; }
int32_t tokenizer_pad(const Tokenizer *t) { return t->pad; }
int32_t tokenizer_unknown(const Tokenizer *t) { return t->unknown; }
const char *tokenizer_chat_template(const Tokenizer *t) { return t->chat_template; }

/* A SentencePiece token: U+2581 is a blank again, and the blank that encoding put in front is taken away. */
static void append_marked(ByteRun *out, const char *text, size_t size, bool drop_first) {
  for (size_t at = 0; at < size;) {
    if (size - at >= SPACE_MARK_SIZE && memcmp(text + at, SPACE_MARK, SPACE_MARK_SIZE) == 0) {
      if (at > 0 || !drop_first) byte_run_add(out, " ", 1);
      at += SPACE_MARK_SIZE;
    } else {
      byte_run_add(out, text + at, 1);
      at++;
    }
  }
}

/* The first of the ids that the text itself begins with: behind what encoding adds. */
static size_t text_begin(const Tokenizer *t, const int32_t *ids, size_t n) {
  const size_t added = t->before.count;
  return added && n >= added && memcmp(ids, t->before.ids, added * sizeof *ids) == 0 ? added : 0;
}

Status tokenizer_decode(const Tokenizer *t, const int32_t *ids, size_t n, char **text, size_t *size, Error *err) {
  const Vocabulary *v = &t->vocabulary;
  ByteRun out = {0};
  const size_t first = text_begin(t, ids, n);
  bool begins = true; /* a stretch of text begins here */
  *text = NULL;
  *size = 0;
  for (size_t i = 0; i < n; i++) {
    if (ids[i] < 0 || (size_t)ids[i] >= v->count || vocabulary_kind(v, ids[i]) == TOKEN_NONE) {
      byte_run_clear(&out);
      return error_set(err, STATUS_DATA, "token id %d is not in the vocabulary of %zu", ids[i], v->count);
    }
    const char *token = vocabulary_text(v, ids[i]);
    const size_t token_size = vocabulary_size(v, ids[i]);
    const TokenKind kind = vocabulary_kind(v, ids[i]);
    if (kind == TOKEN_BYTE)
      byte_run_add(&out, &(char){(char)byte_token_value(token, token_size)}, 1);
    else if (t->model == TOKENIZER_SENTENCEPIECE && vocabulary_is_piece(v, ids[i]))
      append_marked(&out, token, token_size, t->front == FRONT_ALWAYS ? begins : t->front == FRONT_TEXT && i == first);
    else
      byte_run_add(&out, token, token_size);
    begins = kind == TOKEN_SPECIAL || kind == TOKEN_ADDED;
  }
  byte_run_add(&out, "", 1);
  *text = out.bytes;
  *size = out.size - 1;
  return STATUS_OK;
}

bool tokenizer_token_text(const Tokenizer *t, int32_t id, char **text, size_t *size, bool *is_special) {
  const Vocabulary *v = &t->vocabulary;
  ByteRun out = {0};
  if (id < 0 || (size_t)id >= v->count || vocabulary_kind(v, id) == TOKEN_NONE) return false;
  const char *bytes = vocabulary_text(v, id);
  const size_t n = vocabulary_size(v, id);
  if (vocabulary_kind(v, id) == TOKEN_BYTE)
    byte_run_add(&out, &(char){(char)byte_token_value(bytes, n)}, 1);
  else if (t->model == TOKENIZER_SENTENCEPIECE && vocabulary_is_piece(v, id))
    append_marked(&out, bytes, n, false);
  else
    byte_run_add(&out, bytes, n);
  byte_run_add(&out, "", 1);
  *text = out.bytes;
  *size = out.size - 1;
  *is_special = vocabulary_kind(v, id) == TOKEN_SPECIAL;
  return true;
}
