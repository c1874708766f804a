/* tokenizer.json and tokenizer_config.json as the Hugging Face libraries write them: vocabulary, merges, added tokens
 * and names of special ones. What is done with text before and after is pipeline_json.c. */
#include "base/file.h"
#include "base/memory.h"
#include "base/options.h"
#include "text/tokenizer/parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TEMPLATE_LIMIT = 1 << 20 };

static Status read_id(const Json *node, const char *what, size_t *id, Error *err) {
  const double number = json_number(node, -1);
  if (!(number >= 0 && number < VOCABULARY_MAX && number == floor(number)))
    return error_set(err, STATUS_DATA, "the id of \"%.100s\" is no whole number below %d", what, VOCABULARY_MAX);
  *id = (size_t)number;
  return STATUS_OK;
}

static uint8_t read_flags(const Json *entry, bool special) {
  return (uint8_t)((json_bool(json_get(entry, "lstrip"), false) ? TOKEN_STRIPS_LEFT : 0) |
                   (json_bool(json_get(entry, "rstrip"), false) ? TOKEN_STRIPS_RIGHT : 0) |
                   (json_bool(json_get(entry, "single_word"), false) ? TOKEN_SINGLE_WORD : 0) |
                   (json_bool(json_get(entry, "normalized"), !special) ? TOKEN_NORMALIZED : 0));
}

static Status add_token(Tokenizer *t, const Json *entry, size_t id, const char *content, Error *err) {
  const bool special = json_bool(json_get(entry, "special"), false);
  const Status status =
      vocabulary_set(&t->vocabulary, id, content, strlen(content), special ? TOKEN_SPECIAL : TOKEN_ADDED, err);
  if (status == STATUS_OK) t->vocabulary.tokens[id].flags = read_flags(entry, special);
  return status;
}

/* Added tokens come first: an id that the vocabulary lists as well is theirs. */
static Status read_added(Tokenizer *t, const Json *added, Error *err) {
  Status status = STATUS_OK;
  for (const Json *entry = json_first(added); entry && status == STATUS_OK; entry = json_next(entry)) {
    const char *content = NULL;
    size_t id = 0;
    status = json_need_string(entry, "content", "a token", &content, err);
    if (status == STATUS_OK) status = read_id(json_get(entry, "id"), content, &id, err);
    if (status == STATUS_OK) status = add_token(t, entry, id, content, err);
  }
  return status;
}

/* tokenizer_config.json lists added tokens once more, by their ids, and may have some that tokenizer.json lacks. */
static Status read_decoder(Tokenizer *t, const Json *added, Error *err) {
  Status status = STATUS_OK;
  for (const Json *entry = json_first(added); entry && status == STATUS_OK; entry = json_next(entry)) {
    const char *content = NULL;
    size_t id;
    const char *key = json_key(entry) ? json_key(entry) : "(none)";
    if (!parse_size(key, &id)) {
      status = error_set(err, STATUS_DATA, "\"%.100s\" is no token id", key);
      break;
    }
    status = json_need_string(entry, "content", "a token", &content, err);
    const bool known = id < t->vocabulary.count && t->vocabulary.tokens[id].kind != TOKEN_NONE;
    if (status == STATUS_OK && !known) status = add_token(t, entry, id, content, err);
  }
  return status == STATUS_OK ? STATUS_OK : error_prefix(err, "\"added_tokens_decoder\" of tokenizer_config.json");
}

static Status read_token(Tokenizer *t, const Json *entry, bool byte_fallback, char *scratch, Error *err) {
  const char *text = json_key(entry);
  size_t id = 0, size = strlen(text);
  const Status status = read_id(entry, text, &id, err);
  if (status != STATUS_OK) return status;
  Vocabulary *v = &t->vocabulary;
  const bool bytes = t->model == TOKENIZER_BYTE_LEVEL;
  if (id < v->count && v->tokens[id].kind != TOKEN_NONE && v->tokens[id].size == size &&
      memcmp(vocabulary_text(v, (int32_t)id), text, size) == 0) { /* an added token, and a piece where it is no other */
    size_t same;
    if (!bytes ||
        (bytes_from_characters(text, size, scratch, &same) && same == size && memcmp(scratch, text, size) == 0))
      v->tokens[id].flags |= TOKEN_PIECE;
    return STATUS_OK;
  }
  if (size > TOKEN_MAX_BYTES) return vocabulary_set(v, id, text, size, TOKEN_NORMAL, err);
  if (!bytes)
    return vocabulary_set(v, id, text, size,
                          byte_fallback && byte_token_value(text, size) >= 0 ? TOKEN_BYTE : TOKEN_NORMAL, err);
  size_t n;
  if (bytes_from_characters(text, size, scratch, &n)) return vocabulary_set(v, id, scratch, n, TOKEN_NORMAL, err);
  return vocabulary_set(v, id, text, size, TOKEN_UNUSED, err); /* stands for no bytes: no input becomes it */
}

static Status read_vocabulary(Tokenizer *t, const Json *root, const Json *config, const Json *model, Error *err) {
  const Json *vocabulary = json_get(model, "vocab");
  if (!json_is_object(vocabulary)) return error_set(err, STATUS_DATA, "\"model\" has no object \"vocab\"");
  Status status = read_added(t, json_get(root, "added_tokens"), err);
  if (status != STATUS_OK) return error_prefix(err, "\"added_tokens\"");
  status = read_decoder(t, json_get(config, "added_tokens_decoder"), err);
  if (status != STATUS_OK) return status;
  const bool byte_fallback = json_bool(json_get(model, "byte_fallback"), false);
  char *scratch = mem_alloc(TOKEN_MAX_BYTES, 1);
  for (const Json *entry = json_first(vocabulary); entry && status == STATUS_OK; entry = json_next(entry))
    status = read_token(t, entry, byte_fallback, scratch, err);
  free(scratch);
  if (status == STATUS_OK) status = vocabulary_index(&t->vocabulary, err);
  return status == STATUS_OK ? STATUS_OK : error_prefix(err, "\"vocab\"");
}

typedef struct Span {
  const char *text;
  size_t size;
} Span;

/* One rule: ["left", "right"], or "left right" in older files. */
static Status read_merge(Tokenizer *t, const Json *entry, char *scratch, Error *err) {
  Span side[2] = {{0}};
  if (json_is_string(entry)) {
    const char *text = json_string(entry, ""), *blank = *text ? strchr(text + 1, ' ') : NULL;
    if (blank) {
      side[0] = (Span){text, (size_t)(blank - text)};
      side[1] = (Span){blank + 1, strlen(blank + 1)};
    }
  } else if (json_count(entry) == 2) {
    for (size_t i = 0; i < 2; i++) side[i].text = json_string(json_at(entry, i), NULL);
    for (size_t i = 0; i < 2; i++) side[i].size = side[i].text ? strlen(side[i].text) : 0;
  }
  if (!side[0].text || !side[1].text) return error_set(err, STATUS_DATA, "a merge is no pair of tokens");
  for (size_t i = 0; i < 2 && t->model == TOKENIZER_BYTE_LEVEL; i++) {
    char *bytes = scratch + i * TOKEN_MAX_BYTES;
    if (side[i].size > TOKEN_MAX_BYTES || !bytes_from_characters(side[i].text, side[i].size, bytes, &side[i].size))
      return error_set(err, STATUS_DATA, "\"%.100s\" holds a character that stands for no byte", side[i].text);
    side[i].text = bytes;
  }
  return merges_add(&t->merges, &t->vocabulary, side[0].text, side[0].size, side[1].text, side[1].size, err);
}

static Status read_merges(Tokenizer *t, const Json *model, Error *err) {
  const Json *merges = json_get(model, "merges");
  if (!json_is_array(merges)) return error_set(err, STATUS_DATA, "\"model\" has no array \"merges\"");
  char *scratch = mem_alloc(2, TOKEN_MAX_BYTES);
  Status status = STATUS_OK;
  size_t rank = 0;
  for (const Json *entry = json_first(merges); entry && status == STATUS_OK; entry = json_next(entry), rank++) {
    status = read_merge(t, entry, scratch, err);
    if (status != STATUS_OK) error_prefix(err, "merge %zu", rank);
  }
  free(scratch);
  if (status == STATUS_OK) status = merges_index(&t->merges, err);
  return status == STATUS_OK ? STATUS_OK : error_prefix(err, "\"merges\"");
}

static int32_t find_token(const Tokenizer *t, const char *text) {
  const int32_t id = vocabulary_find_other(&t->vocabulary, text, strlen(text));
  return id >= 0 ? id : vocabulary_find(&t->vocabulary, text, strlen(text));
}

/* A token named in tokenizer_config.json, as a string or as an object with its content. */
static Status read_named(const Tokenizer *t, const Json *config, const char *key, int32_t *id, Error *err) {
  const Json *node = json_get(config, key);
  const char *text = json_string(json_is_object(node) ? json_get(node, "content") : node, NULL);
  if (!text || !*text) return STATUS_OK; /* GPT-2's file has an empty unk_token */
  *id = find_token(t, text);
  return *id >= 0 ? STATUS_OK
                  : error_set(err, STATUS_DATA, "%s is \"%.100s\", which is not in the vocabulary", key, text);
}

/* add_bos_token and add_eos_token, where the config has them, overrule the template of the post-processor. */
static Status read_additions(Tokenizer *t, const Json *config, Error *err) {
  const struct {
    const char *key, *token;
    int32_t id;
    TokenList *list;
  } sides[] = {{"add_bos_token", "bos_token", t->bos, &t->before}, {"add_eos_token", "eos_token", t->eos, &t->after}};
  for (size_t i = 0; i < 2; i++) {
    const Json *node = json_get(config, sides[i].key);
    if (!json_is_bool(node)) continue;
    sides[i].list->count = 0;
    if (!json_bool(node, false)) continue;
    if (sides[i].id < 0)
      return error_set(err, STATUS_DATA, "%s is true, but there is no %s", sides[i].key, sides[i].token);
    token_list_add(sides[i].list, sides[i].id);
  }
  return STATUS_OK;
}

/* A string, or a list of named ones, of which "default" is taken. */
static char *template_of(const Json *node) {
  if (json_is_string(node)) return mem_copy_string(json_string(node, ""));
  for (const Json *entry = json_first(node); entry; entry = json_next(entry))
    if (strcmp(json_string(json_get(entry, "name"), ""), "default") == 0)
      return mem_copy_string(json_string(json_get(entry, "template"), ""));
  return NULL;
}

/* chat_template.jinja beside tokenizer.json, or "chat_template" in its config, or in chat_template.json. */
static Status read_chat_template(Tokenizer *t, const char *folder, const Json *config, Error *err) {
  char *path = file_join(folder, "chat_template.jinja"), *json = file_join(folder, "chat_template.json");
  Status status = STATUS_OK;
  if (file_exists(path)) {
    size_t size;
    status = file_read(path, TEMPLATE_LIMIT, &t->chat_template, &size, err);
    if (status == STATUS_OK && strlen(t->chat_template) != size)
      status = error_set(err, STATUS_DATA, "chat_template.jinja holds a zero byte");
  } else if (json_get(config, "chat_template")) {
    t->chat_template = template_of(json_get(config, "chat_template"));
  } else if (file_exists(json)) {
    Json *root = NULL;
    status = json_read(json, &root, err);
    t->chat_template = template_of(json_get(root, "chat_template"));
    json_free(root);
  }
  free(path);
  free(json);
  return status;
}

static Status check_model(const Json *model, Error *err) {
  const bool untyped =
      json_is_object(json_get(model, "vocab")) && json_get(model, "merges"); /* from before there were others */
  const char *type = json_string(json_get(model, "type"), untyped ? "BPE" : "nothing");
  if (strcmp(type, "BPE") != 0) return error_set(err, STATUS_DATA, "\"model\" has type %.100s, expected BPE", type);
  if (json_number(json_get(model, "dropout"), 0) != 0)
    return error_set(err, STATUS_DATA, "\"model\" has a dropout, which makes ids random: expected none");
  static const char *const affixes[] = {"continuing_subword_prefix", "end_of_word_suffix"};
  for (size_t i = 0; i < 2; i++)
    if (*json_string(json_get(model, affixes[i]), ""))
      return error_set(err, STATUS_DATA, "\"model\" has a %s, which is not supported", affixes[i]);
  return STATUS_OK;
}

/* What tokenizer.json holds. */
static Status read_tokenizer(Tokenizer *t, const Json *root, const Json *config, Error *err) {
  const Json *model = json_get(root, "model");
  Status status = check_model(model, err);
  if (status == STATUS_OK) status = tokenizer_read_pipeline(t, root, err);
  if (status == STATUS_OK) status = read_vocabulary(t, root, config, model, err);
  if (status == STATUS_OK) status = read_merges(t, model, err);
  if (status != STATUS_OK) return status;
  t->whole_first = json_bool(json_get(model, "ignore_merges"), false);
  t->fuse_unknown = json_bool(json_get(model, "fuse_unk"), false);
  status = read_named(t, model, "unk_token", &t->stand_in, err);
  t->unknown = t->stand_in;
  return status;
}

/* What tokenizer_config.json adds. */
static Status read_config(Tokenizer *t, const Json *config, Error *err) {
  Status status = read_named(t, config, "bos_token", &t->bos, err);
  if (status == STATUS_OK) status = read_named(t, config, "eos_token", &t->eos, err);
  if (status == STATUS_OK) status = read_named(t, config, "pad_token", &t->pad, err);
  if (status == STATUS_OK) status = read_named(t, config, "unk_token", &t->unknown, err);
  return status == STATUS_OK ? read_additions(t, config, err) : status;
}

Status tokenizer_read_json(Tokenizer *t, const Source *source, Error *err) {
  const Json *config = source_tokenizer_config(source);
  Status status = read_tokenizer(t, source_tokenizer(source), config, err);
  if (status != STATUS_OK) return error_prefix(err, "tokenizer.json");
  status = read_config(t, config, err);
  if (status != STATUS_OK) return error_prefix(err, "tokenizer_config.json");
  return read_chat_template(t, source_path(source), config, err);
}
