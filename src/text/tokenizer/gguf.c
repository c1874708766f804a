/* The tokenizer in a GGUF file's metadata (keys tokenizer.*; ggml's gguf.md lists them). */
#include "base/memory.h"
#include "text/tokenizer/pretokenizers.h"
#include "text/tokenizer/parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define KEY(name) "tokenizer.ggml." name

/* Numbers of tokenizer.ggml.token_type. */
enum {
  GGUF_TOKEN_NORMAL = 1,
  GGUF_TOKEN_UNKNOWN,
  GGUF_TOKEN_CONTROL,
  GGUF_TOKEN_USER,
  GGUF_TOKEN_UNUSED,
  GGUF_TOKEN_BYTE
};

/* Bytes of a text from the file that go into a message. */
static int shown(size_t size) { return size < 100 ? (int)size : 100; }

static bool text_is(GgufText text, const char *what) {
  return text.size == strlen(what) && memcmp(text.bytes, what, text.size) == 0;
}

/* The array under key, of `count` elements of the type (any integer for GGUF_INT32); NULL and an error where it is not
 * so. */
static const GgufArray *need_array(const Gguf *gguf, const char *key, GgufType type, size_t count, Error *err) {
  const GgufArray *array = gguf_array(gguf, key);
  if (!array) {
    error_set(err, STATUS_DATA, "%s is missing or no array", key);
    return NULL;
  }
  const GgufType found = gguf_array_type(array);
  const bool number = found != GGUF_STRING && found != GGUF_ARRAY && found != GGUF_BOOL;
  const bool real = found == GGUF_FLOAT32 || found == GGUF_FLOAT64;
  const bool fits = type == GGUF_STRING ? found == GGUF_STRING : type == GGUF_FLOAT32 ? real : number && !real;
  if (!fits) {
    error_set(err, STATUS_DATA, "%s is an array of type %d, expected %s", key, (int)found,
              type == GGUF_STRING    ? "strings"
              : type == GGUF_FLOAT32 ? "real numbers"
                                     : "whole numbers");
    return NULL;
  }
  if (count != SIZE_MAX && gguf_array_count(array) != count) {
    error_set(err, STATUS_DATA, "%s has %zu entries, expected %zu as there are tokens", key, gguf_array_count(array),
              count);
    return NULL;
  }
  return array;
}

static Status kind_of(int64_t type, size_t id, TokenKind *kind, Error *err) {
  switch (type) {
  case GGUF_TOKEN_NORMAL: *kind = TOKEN_NORMAL; break;
  case GGUF_TOKEN_UNKNOWN:
  case GGUF_TOKEN_CONTROL: *kind = TOKEN_SPECIAL; break;
  case GGUF_TOKEN_USER: *kind = TOKEN_ADDED; break;
  case GGUF_TOKEN_UNUSED: *kind = TOKEN_UNUSED; break;
  case GGUF_TOKEN_BYTE: *kind = TOKEN_BYTE; break;
  default:
    return error_set(err, STATUS_DATA, KEY("token_type") " of token %zu is %lld, expected 1 to 6", id, (long long)type);
  }
  return STATUS_OK;
}

/* Byte-level files write normal tokens in printable characters; one that is not so written cannot come from any input.
 */
static Status set_byte_level(Vocabulary *v, size_t id, GgufText text, TokenKind kind, Error *err) {
  if (kind != TOKEN_NORMAL) return vocabulary_set(v, id, text.bytes, text.size, kind, err);
  char *bytes = mem_alloc(text.size, 1);
  size_t size = 0;
  const Status status = bytes_from_characters(text.bytes, text.size, bytes, &size)
                            ? vocabulary_set(v, id, bytes, size, TOKEN_NORMAL, err)
                            : vocabulary_set(v, id, text.bytes, text.size, TOKEN_UNUSED, err);
  free(bytes);
  return status;
}

static Status read_vocabulary(Tokenizer *t, const Gguf *gguf, Error *err) {
  const GgufArray *tokens = need_array(gguf, KEY("tokens"), GGUF_STRING, SIZE_MAX, err);
  if (!tokens) return STATUS_DATA;
  const size_t n = gguf_array_count(tokens);
  const GgufArray *types = need_array(gguf, KEY("token_type"), GGUF_INT32, n, err);
  if (!types) return STATUS_DATA;
  Status status = STATUS_OK;
  GgufText model = {0};
  gguf_text(gguf, "general.name", &model);
  for (size_t id = 0; id < n && status == STATUS_OK; id++) {
    TokenKind kind = TOKEN_NORMAL;
    const GgufText text = gguf_array_text(tokens, id);
    status = kind_of(gguf_array_integer(types, id), id, &kind, err);
    if (status != STATUS_OK) return status;
    status = t->model == TOKENIZER_BYTE_LEVEL ? set_byte_level(&t->vocabulary, id, text, kind, err)
                                              : vocabulary_set(&t->vocabulary, id, text.bytes, text.size, kind, err);
    if (status == STATUS_OK && token_strips_right(model.bytes, model.size, text.bytes, text.size, kind))
      t->vocabulary.tokens[id].flags |= TOKEN_STRIPS_RIGHT;
  }
  if (status == STATUS_OK) status = vocabulary_index(&t->vocabulary, err);
  return status == STATUS_OK ? STATUS_OK : error_prefix(err, KEY("tokens"));
}

/* "left right", split at the first blank behind the first byte, each side in printable characters. */
static Status read_merge(Tokenizer *t, size_t rank, GgufText text, Error *err) {
  const char *blank = text.size > 1 ? memchr(text.bytes + 1, ' ', text.size - 1) : NULL;
  if (!blank)
    return error_set(err, STATUS_DATA, KEY("merges") " %zu is \"%.*s\", expected two tokens and a blank between them",
                     rank, shown(text.size), text.bytes);
  const size_t left_size = (size_t)(blank - text.bytes), right_size = text.size - left_size - 1;
  char *left = mem_alloc(text.size, 1), *right = left + left_size;
  size_t left_bytes = 0, right_bytes = 0;
  Status status;
  if (bytes_from_characters(text.bytes, left_size, left, &left_bytes) &&
      bytes_from_characters(blank + 1, right_size, right, &right_bytes))
    status = merges_add(&t->merges, &t->vocabulary, left, left_bytes, right, right_bytes, err);
  else
    status =
        error_set(err, STATUS_DATA, "\"%.*s\" holds a character that stands for no byte", shown(text.size), text.bytes);
  free(left);
  return status == STATUS_OK ? STATUS_OK : error_prefix(err, KEY("merges") " %zu", rank);
}

static Status read_merges(Tokenizer *t, const Gguf *gguf, Error *err) {
  const GgufArray *merges = need_array(gguf, KEY("merges"), GGUF_STRING, SIZE_MAX, err);
  Status status = merges ? STATUS_OK : STATUS_DATA;
  for (size_t i = 0; status == STATUS_OK && i < gguf_array_count(merges); i++)
    status = read_merge(t, i, gguf_array_text(merges, i), err);
  if (status != STATUS_OK) return status;
  status = merges_index(&t->merges, err);
  return status == STATUS_OK ? STATUS_OK : error_prefix(err, KEY("merges"));
}

static Status read_scores(Tokenizer *t, const Gguf *gguf, Error *err) {
  const GgufArray *scores = need_array(gguf, KEY("scores"), GGUF_FLOAT32, t->vocabulary.count, err);
  if (!scores) return STATUS_DATA;
  t->scores = mem_alloc(t->vocabulary.count, sizeof *t->scores);
  for (size_t id = 0; id < t->vocabulary.count; id++) {
    t->scores[id] = (float)gguf_array_real(scores, id);
    if (!isfinite(t->scores[id]))
      return error_set(err, STATUS_DATA, KEY("scores") " of token %zu is %g", id, (double)t->scores[id]);
  }
  return STATUS_OK;
}

static Status read_pretokenizer(Tokenizer *t, const Gguf *gguf, bool *adds_bos, Error *err) {
  GgufText name;
  if (!gguf_text(gguf, KEY("pre"), &name))
    return error_set(err, STATUS_DATA, KEY("pre") ", the name of the pre-tokenizer, is missing");
  const PretokenizerRow *row = pretokenizer_row(name.bytes, name.size);
  if (!row) {
    char *known = pretokenizer_names();
    error_set(err, STATUS_DATA, KEY("pre") " is \"%.*s\", expected a pre-tokenizer that is known here: %s",
              shown(name.size), name.bytes, known);
    free(known);
    return STATUS_DATA;
  }
  t->whole_first = row->whole_first;
  *adds_bos = row->adds_bos;
  return pretokenizer_apply(row, t->normalizer, t->pretokenizer, err);
}

/* SentencePiece: a blank in front of every stretch of text unless the file says otherwise, and blanks as U+2581. */
static Status read_marks(Tokenizer *t, const Gguf *gguf, Error *err) {
  bool prefix = true;
  Status status = STATUS_OK;
  gguf_bool(gguf, KEY("add_space_prefix"), &prefix);
  t->front = prefix ? FRONT_ALWAYS : FRONT_NEVER;
  if (prefix) status = normalizer_add(t->normalizer, &(NormalStep){NORMAL_PREPEND, .to = SPACE_MARK}, err);
  return status == STATUS_OK
             ? normalizer_add(t->normalizer, &(NormalStep){NORMAL_REPLACE, .from = " ", .to = SPACE_MARK}, err)
             : status;
}

static Status read_id(const Gguf *gguf, const char *key, size_t count, int32_t *id, Error *err) {
  int64_t value;
  if (!gguf_has(gguf, key)) return STATUS_OK;
  if (!gguf_integer(gguf, key, &value) || value < 0 || (uint64_t)value >= count)
    return error_set(err, STATUS_DATA, "%s is no token id below %zu", key, count);
  *id = (int32_t)value;
  return STATUS_OK;
}

static Status read_specials(Tokenizer *t, const Gguf *gguf, bool adds_bos, Error *err) {
  const size_t n = t->vocabulary.count;
  Status status = read_id(gguf, KEY("bos_token_id"), n, &t->bos, err);
  if (status == STATUS_OK) status = read_id(gguf, KEY("eos_token_id"), n, &t->eos, err);
  if (status == STATUS_OK) status = read_id(gguf, KEY("padding_token_id"), n, &t->pad, err);
  if (status == STATUS_OK) status = read_id(gguf, KEY("unknown_token_id"), n, &t->unknown, err);
  if (status != STATUS_OK) return status;
  if (t->model == TOKENIZER_SENTENCEPIECE) t->stand_in = t->unknown;
  bool adds_eos = false;
  gguf_bool(gguf, KEY("add_bos_token"), &adds_bos);
  gguf_bool(gguf, KEY("add_eos_token"), &adds_eos);
  if (adds_bos && t->bos < 0)
    return error_set(err, STATUS_DATA, "a BOS token is to be added, but " KEY("bos_token_id") " is missing");
  if (adds_eos && t->eos < 0)
    return error_set(err, STATUS_DATA, "an EOS token is to be added, but " KEY("eos_token_id") " is missing");
  if (adds_bos) token_list_add(&t->before, t->bos);
  if (adds_eos) token_list_add(&t->after, t->eos);
  return STATUS_OK;
}

static Status read_chat_template(Tokenizer *t, const Gguf *gguf, Error *err) {
  GgufText text;
  if (!gguf_text(gguf, "tokenizer.chat_template", &text)) return STATUS_OK;
  if (memchr(text.bytes, 0, text.size)) return error_set(err, STATUS_DATA, "tokenizer.chat_template holds a zero byte");
  t->chat_template = mem_alloc(text.size + 1, 1);
  memcpy(t->chat_template, text.bytes, text.size);
  return STATUS_OK;
}

Status tokenizer_read_gguf(Tokenizer *t, const Gguf *gguf, Error *err) {
  GgufText model;
  if (!gguf_text(gguf, KEY("model"), &model))
    return error_set(err, STATUS_DATA, KEY("model") " is missing or no string");
  bool adds_bos = false;
  Status status;
  if (text_is(model, "gpt2")) {
    t->model = TOKENIZER_BYTE_LEVEL;
    status = read_pretokenizer(t, gguf, &adds_bos, err);
    if (status == STATUS_OK) status = read_vocabulary(t, gguf, err);
    if (status == STATUS_OK) status = read_merges(t, gguf, err);
  } else if (text_is(model, "llama")) {
    t->model = TOKENIZER_SENTENCEPIECE;
    adds_bos = true; /* llama.cpp's default for this kind */
    t->unknown = 0;
    status = read_marks(t, gguf, err);
    if (status == STATUS_OK) status = read_vocabulary(t, gguf, err);
    if (status == STATUS_OK) status = read_scores(t, gguf, err);
  } else {
    return error_set(err, STATUS_DATA, KEY("model") " is \"%.*s\", expected gpt2 or llama", shown(model.size),
                     model.bytes);
  }
  if (status == STATUS_OK) status = read_specials(t, gguf, adds_bos, err);
  return status == STATUS_OK ? read_chat_template(t, gguf, err) : status;
}
