/* tokenizer.json and tokenizer_config.json of any tokenizer that was read, in the layout of HF's tokenizers library.
 * What is done with text before and after merging is pipeline_write.c. */
#include "base/file.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "text/tokenizer/parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

char *token_written_form(const Tokenizer *t, int32_t id) {
  const char *text = vocabulary_text(&t->vocabulary, id);
  const size_t size = vocabulary_size(&t->vocabulary, id);
  if (t->model == TOKENIZER_BYTE_LEVEL && vocabulary_kind(&t->vocabulary, id) == TOKEN_NORMAL) {
    char *out = mem_alloc(2 * size + 1, 1), *to = out; /* U+0100 to U+0143 take two bytes, and so do U+00A1 to U+00FF */
    for (size_t i = 0; i < size; i++) to += utf8_encode(byte_to_character((uint8_t)text[i]), to);
    return out;
  }
  if (memchr(text, 0, size) || utf8_valid_prefix(text, size) < size) return NULL;
  char *out = mem_alloc(size + 1, 1);
  memcpy(out, text, size);
  return out;
}

static void add_token_name(const Tokenizer *t, Json *to, const char *key, int32_t id) {
  char *text = id >= 0 ? token_written_form(t, id) : NULL;
  json_add_string(to, key, text);
  free(text);
}

/* In byte-level files a special token's text may be how another token's bytes are written: one name for two ids. */
static bool is_ambiguous(const Tokenizer *t, int32_t id) {
  const Vocabulary *v = &t->vocabulary;
  const char *text = vocabulary_text(v, id);
  size_t size = vocabulary_size(v, id);
  if (vocabulary_kind(v, id) == TOKEN_NORMAL) return false;
  int32_t other = -1;
  if (t->model == TOKENIZER_SENTENCEPIECE) {
    other = vocabulary_find(v, text, size);
  } else {
    char *bytes = mem_alloc(size, 1);
    if (bytes_from_characters(text, size, bytes, &size)) other = vocabulary_find(v, bytes, size);
    free(bytes);
  }
  return other >= 0 && other != id;
}

static Status add_vocabulary(const Tokenizer *t, Json *added, Json *vocabulary, Error *err) {
  const Vocabulary *v = &t->vocabulary;
  for (int32_t id = 0; (size_t)id < v->count; id++) {
    const TokenKind kind = vocabulary_kind(v, id);
    if (kind == TOKEN_NONE) continue;
    char *text = token_written_form(t, id);
    if (!text || is_ambiguous(t, id)) {
      free(text);
      return error_set(err, STATUS_DATA, "token %d cannot be written to tokenizer.json: %s", id,
                       text ? "another token is written the same" : "its text is no UTF-8");
    }
    json_add_number(vocabulary, text, id);
    if (kind == TOKEN_SPECIAL || kind == TOKEN_ADDED) {
      Json *entry = json_add_object(added, NULL);
      json_add_number(entry, "id", id);
      json_add_string(entry, "content", text);
      json_add_bool(entry, "single_word", v->tokens[id].flags & TOKEN_SINGLE_WORD);
      json_add_bool(entry, "lstrip", v->tokens[id].flags & TOKEN_STRIPS_LEFT);
      json_add_bool(entry, "rstrip", v->tokens[id].flags & TOKEN_STRIPS_RIGHT);
      json_add_bool(entry, "normalized", v->tokens[id].flags & TOKEN_NORMALIZED);
      json_add_bool(entry, "special", kind == TOKEN_SPECIAL);
    }
    free(text);
  }
  return STATUS_OK;
}

static void add_merges(const Tokenizer *t, const Merges *merges, Json *list) {
  for (size_t i = 0; i < merges->count; i++) {
    Json *pair = json_add_array(list, NULL);
    add_token_name(t, pair, NULL, merges->items[i].left);
    add_token_name(t, pair, NULL, merges->items[i].right);
  }
}

static Status add_model(const Tokenizer *t, Json *root, Error *err) {
  Json *added = json_add_array(root, "added_tokens");
  Json *model = json_new_object();
  json_add_string(model, "type", "BPE");
  bool byte_fallback = false;
  for (size_t i = 0; i < 256; i++) byte_fallback |= t->vocabulary.byte_ids[i] >= 0;
  json_add_null(model, "dropout");
  add_token_name(t, model, "unk_token", t->stand_in);
  json_add_null(model, "continuing_subword_prefix");
  json_add_null(model, "end_of_word_suffix");
  json_add_bool(model, "fuse_unk", t->fuse_unknown);
  json_add_bool(model, "byte_fallback", byte_fallback);
  json_add_bool(model, "ignore_merges", t->whole_first);
  Json *vocabulary = json_add_object(model, "vocab"), *list = json_add_array(model, "merges");
  json_add(root, "model", model);
  const Status status = add_vocabulary(t, added, vocabulary, err);
  if (status != STATUS_OK) return status;
  Merges implied = {0};
  if (t->scores) merges_from_scores(&implied, &t->vocabulary, t->scores);
  add_merges(t, t->scores ? &implied : &t->merges, list);
  merges_clear(&implied);
  return STATUS_OK;
}

static Status write_json(const char *folder, const char *name, const Json *root, Error *err) {
  char *path = file_join(folder, name), *text = json_print(root, false);
  const Status status = file_write_text(path, text, err);
  free(text);
  free(path);
  return status;
}

static Status write_tokenizer(const Tokenizer *t, const char *folder, Error *err) {
  Json *root = json_new_object();
  json_add_string(root, "version", "1.0");
  json_add_null(root, "truncation");
  json_add_null(root, "padding");
  tokenizer_write_pipeline(t, root);
  Status status = add_model(t, root, err);
  if (status != STATUS_OK) error_prefix(err, "%s", folder);
  if (status == STATUS_OK) status = write_json(folder, "tokenizer.json", root, err);
  json_free(root);
  return status;
}

static Status write_config(const Tokenizer *t, const char *folder, int32_t pad, Error *err) {
  Json *root = json_new_object();
  json_add_string(root, "tokenizer_class", "PreTrainedTokenizerFast");
  json_add_bool(root, "clean_up_tokenization_spaces", false);
  add_token_name(t, root, "bos_token", t->bos);
  add_token_name(t, root, "eos_token", t->eos);
  add_token_name(t, root, "unk_token", t->unknown);
  add_token_name(t, root, "pad_token", pad);
  if (t->chat_template) json_add_string(root, "chat_template", t->chat_template);
  const Status status = write_json(folder, "tokenizer_config.json", root, err);
  json_free(root);
  return status;
}

Status tokenizer_write(const Tokenizer *t, const char *folder, int32_t pad_token_id, Error *err) {
  assert(pad_token_id >= -1 && pad_token_id < (int64_t)t->vocabulary.count);
  const Status status = write_tokenizer(t, folder, err);
  return status == STATUS_OK ? write_config(t, folder, pad_token_id >= 0 ? pad_token_id : t->pad, err) : status;
}
