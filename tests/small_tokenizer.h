/* Tokenizers made at test time: a vocabulary-only GGUF file from a description that tests can bend, and a folder with a
 * tokenizer.json. */
#ifndef FATHOM_TESTS_SMALL_TOKENIZER_H
#define FATHOM_TESTS_SMALL_TOKENIZER_H

#include "base/utf8.h"
#include "tests/small_gguf.h"
#include "text/tokenizer/tokenizer.h"
#include "text/tokenizer/vocabulary.h"
#include "weights/source.h"

#include <stdarg.h>
#include <stdio.h>

enum { NORMAL = 1, UNKNOWN, CONTROL, USER, UNUSED, BYTE };

typedef struct SmallToken {
  const char *text;
  int type;
  float score;
} SmallToken;

/* Keys with NULL, a negative id or a negative flag are left out. */
typedef struct SmallTokenizer {
  const char *name, *model, *pre, *chat_template;
  SmallToken tokens[1024];
  size_t n_tokens;
  const char *merges[1024];
  size_t n_merges;
  bool no_types, no_scores, no_merges;
  int bos, eos, unknown, add_bos, add_eos, add_space_prefix;
  char names[256][8]; /* texts of byte tokens */
} SmallTokenizer;

__attribute__((unused)) static int32_t small_add(SmallTokenizer *s, const char *text, int type, float score) {
  s->tokens[s->n_tokens] = (SmallToken){text, type, score};
  return (int32_t)s->n_tokens++;
}

/* Ids 0 to 255 are the bytes, then h+e, l+l, he+ll, hell+o, ' '+he, 1+2, a+a, aa+a; then special and added tokens. */
__attribute__((unused)) static void small_byte_level(SmallTokenizer *s) {
  *s = (SmallTokenizer){.model = "gpt2",
                        .pre = "gpt-2",
                        .bos = -1,
                        .eos = -1,
                        .unknown = -1,
                        .add_bos = -1,
                        .add_eos = -1,
                        .add_space_prefix = -1,
                        .no_scores = true};
  for (int b = 0; b < 256; b++) {
    s->names[b][utf8_encode(byte_to_character((uint8_t)b), s->names[b])] = 0;
    small_add(s, s->names[b], NORMAL, 0);
  }
  static const char *const pieces[] = {"he", "ll", "hell", "hello", "\xc4\xa0he", "12", "aa", "aaa"};
  static const char *const merges[] = {"h e", "l l", "he ll", "hell o", "\xc4\xa0 he", "1 2", "a a", "aa a"};
  for (size_t i = 0; i < 8; i++) small_add(s, pieces[i], NORMAL, 0);
  for (size_t i = 0; i < 8; i++) s->merges[s->n_merges++] = merges[i];
  small_add(s, "<|a|>", CONTROL, 0);
  small_add(s, "<|a|>b", CONTROL, 0);
  small_add(s, "wow", USER, 0);
}

enum { HE = 256, LL, HELL, HELLO, _HE, TWELVE, AA, AAA, SPECIAL_A, SPECIAL_AB, WOW, N_BYTE_LEVEL };

/* <unk> <s> </s>, the 256 byte tokens, then pieces by falling score. */
__attribute__((unused)) static void small_sentencepiece(SmallTokenizer *s) {
  *s = (SmallTokenizer){.model = "llama",
                        .bos = 1,
                        .eos = 2,
                        .unknown = 0,
                        .add_bos = -1,
                        .add_eos = -1,
                        .add_space_prefix = -1,
                        .no_merges = true};
  small_add(s, "<unk>", UNKNOWN, 0), small_add(s, "<s>", CONTROL, 0), small_add(s, "</s>", CONTROL, 0);
  for (int b = 0; b < 256; b++) {
    snprintf(s->names[b], sizeof s->names[b], "<0x%02X>", (unsigned)(uint8_t)b);
    small_add(s, s->names[b], BYTE, 0);
  }
  static const char *const pieces[] = {"he",
                                       "\xe2\x96\x81he",
                                       "ll",
                                       "\xe2\x96\x81hell",
                                       "aa",
                                       "\xe2\x96\x81\xe2\x96\x81",
                                       "\xe2\x96\x81",
                                       "h",
                                       "e",
                                       "l",
                                       "o",
                                       "a",
                                       "\xc3\xa9",
                                       "hell"};
  for (size_t i = 0; i < 14; i++) small_add(s, pieces[i], NORMAL, -1.5f * (float)i);
}

enum { S_HE = 259, S__HE, S_LL, S__HELL, S_AA, S___, S__, S_H, S_E, S_L, S_O, S_A, S_EACUTE, S_HELL, N_SENTENCEPIECE };
enum { S_BYTE = 3 };

__attribute__((unused)) static Bytes small_tokenizer_gguf(const SmallTokenizer *s) {
  Bytes keys = {0}, file = {0};
  size_t n = 1;
  put_key(&keys, "general.architecture", GGUF_STRING), put_text(&keys, "none");
  if (s->name) put_key(&keys, "general.name", GGUF_STRING), put_text(&keys, s->name), n++;
  if (s->model) put_key(&keys, "tokenizer.ggml.model", GGUF_STRING), put_text(&keys, s->model), n++;
  if (s->pre) put_key(&keys, "tokenizer.ggml.pre", GGUF_STRING), put_text(&keys, s->pre), n++;
  if (s->chat_template) put_key(&keys, "tokenizer.chat_template", GGUF_STRING), put_text(&keys, s->chat_template), n++;
  put_key(&keys, "tokenizer.ggml.tokens", GGUF_ARRAY), put_array(&keys, GGUF_STRING, s->n_tokens), n++;
  for (size_t i = 0; i < s->n_tokens; i++) put_text(&keys, s->tokens[i].text);
  if (!s->no_types) {
    put_key(&keys, "tokenizer.ggml.token_type", GGUF_ARRAY), put_array(&keys, GGUF_INT32, s->n_tokens), n++;
    for (size_t i = 0; i < s->n_tokens; i++) put_int(&keys, 4, (uint64_t)s->tokens[i].type);
  }
  if (!s->no_scores) {
    put_key(&keys, "tokenizer.ggml.scores", GGUF_ARRAY), put_array(&keys, GGUF_FLOAT32, s->n_tokens), n++;
    for (size_t i = 0; i < s->n_tokens; i++) put_int(&keys, 4, float_bits(s->tokens[i].score));
  }
  if (!s->no_merges) {
    put_key(&keys, "tokenizer.ggml.merges", GGUF_ARRAY), put_array(&keys, GGUF_STRING, s->n_merges), n++;
    for (size_t i = 0; i < s->n_merges; i++) put_text(&keys, s->merges[i]);
  }
  const struct {
    const char *key;
    int value;
    bool flag;
  } numbers[] = {{"bos_token_id", s->bos, false},         {"eos_token_id", s->eos, false},
                 {"unknown_token_id", s->unknown, false}, {"add_bos_token", s->add_bos, true},
                 {"add_eos_token", s->add_eos, true},     {"add_space_prefix", s->add_space_prefix, true}};
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    if (numbers[i].value < 0) continue;
    char *key = mem_format("tokenizer.ggml.%s", numbers[i].key);
    put_key(&keys, key, numbers[i].flag ? GGUF_BOOL : GGUF_UINT32);
    put_int(&keys, numbers[i].flag ? 1 : 4, (uint64_t)numbers[i].value), n++;
    free(key);
  }
  put(&file, "GGUF", 4), put_int(&file, 4, 3), put_int(&file, 8, 0), put_int(&file, 8, n);
  put(&file, keys.data, keys.size);
  drop(&keys);
  return file;
}

/* Opens the tokenizer of a path; NULL and *err where that fails. */
__attribute__((unused)) static Tokenizer *open_path(const char *path, Status *status, Error *err) {
  Source *source;
  Tokenizer *t = NULL;
  *status = source_open(path, &source, err);
  if (*status == STATUS_OK) *status = tokenizer_open(source, &t, err);
  source_close(source);
  return t;
}

__attribute__((unused)) static Tokenizer *open_small(const char *folder, const SmallTokenizer *s, Status *status,
                                                     Error *err) {
  char *path = file_join(folder, "small.gguf");
  Bytes file = small_tokenizer_gguf(s);
  write_bytes(path, &file, file.size);
  Tokenizer *t = open_path(path, status, err);
  unlink(path);
  drop(&file);
  free(path);
  return t;
}

__attribute__((unused)) static void write_file(const char *folder, const char *name, const char *text) {
  char *path = file_join(folder, name);
  Bytes bytes = {.data = (uint8_t *)text, .size = strlen(text)};
  write_bytes(path, &bytes, bytes.size);
  free(path);
}

__attribute__((unused)) static void remove_file(const char *folder, const char *name) {
  char *path = file_join(folder, name);
  unlink(path);
  free(path);
}

/* tokenizer.json, and tokenizer_config.json unless NULL, in folder, opened and removed again. */
__attribute__((unused)) static Tokenizer *open_json(const char *folder, const char *json, const char *config,
                                                    Status *status, Error *err) {
  write_file(folder, "tokenizer.json", json);
  if (config) write_file(folder, "tokenizer_config.json", config);
  Tokenizer *t = open_path(folder, status, err);
  remove_file(folder, "tokenizer.json");
  if (config) remove_file(folder, "tokenizer_config.json");
  return t;
}

#endif
