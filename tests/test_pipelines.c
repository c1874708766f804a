/* Normalizers, pre-tokenizers, added tokens and post-processors against the ids that Hugging Face's tokenizers gives
 * for the same texts (fixtures/tokenizers.json), read from tokenizer.json, written and read back; and GGUF's names of
 * pre-tokenizers. */
#include "tests/small_tokenizer.h"
#include "tests/tap.h"

static char folder[] = "/tmp/fathom-pipelines.XXXXXX";
static uint64_t seed = 11;

/* tokenizer.json of a case: its own parts and the model it names. */
static char *whole_json(const Json *case_, const Json *models) {
  static const char *const parts[] = {"added_tokens", "normalizer", "pre_tokenizer", "post_processor"};
  Json *root = json_new_object();
  for (size_t i = 0; i < 4; i++) json_add(root, parts[i], json_copy(json_get(case_, parts[i])));
  json_add(root, "model", json_copy(json_get(models, json_string(json_get(case_, "model"), ""))));
  char *text = json_print(root, false);
  json_free(root);
  return text;
}

/* A GGUF file with the model's vocabulary and merges, and the case's name. */
static Tokenizer *open_named(const Json *case_, const Json *models, Status *status, Error *err) {
  static SmallTokenizer s;
  const Json *model = json_get(models, "bytes");
  static char merges[1024][64];
  small_byte_level(&s);
  s.pre = json_string(json_get(case_, "pre"), NULL);
  s.n_tokens = s.n_merges = 0;
  s.add_bos = 0;
  for (const Json *token = json_first(json_get(model, "vocab")); token; token = json_next(token)) {
    const size_t id = (size_t)json_number(token, -1);
    s.tokens[id] = (SmallToken){json_key(token), NORMAL, 0};
    if (id >= s.n_tokens) s.n_tokens = id + 1;
  }
  for (const Json *merge = json_first(json_get(model, "merges")); merge; merge = json_next(merge)) {
    snprintf(merges[s.n_merges], sizeof merges[0], "%s %s", json_string(json_at(merge, 0), ""),
             json_string(json_at(merge, 1), ""));
    s.merges[s.n_merges] = merges[s.n_merges], s.n_merges++;
  }
  return open_small(folder, &s, status, err);
}

static bool same_ids(const TokenList *tokens, const Json *ids) {
  size_t i = 0;
  for (const Json *id = json_first(ids); id; id = json_next(id), i++)
    if (i >= tokens->count || (double)tokens->ids[i] != json_number(id, -1)) return false;
  return i == tokens->count;
}

static void show(const char *text, const TokenList *tokens, const Json *ids) {
  char *expected = json_print(ids, false);
  printf("# \"%s\": expected %s, found", text, expected);
  for (size_t i = 0; i < tokens->count; i++) printf(" %d", tokens->ids[i]);
  putchar('\n');
  free(expected);
}

static void compare(const Tokenizer *t, const Json *case_, const Json *texts, const char *how) {
  int wrong = 0, n = 0;
  const Json *ids = json_first(json_get(case_, "ids"));
  for (const Json *node = json_first(texts); node; node = json_next(node), ids = json_next(ids), n++) {
    const char *text = json_string(node, "");
    TokenList tokens = {0};
    Error err = {0};
    const unsigned flags = TOKENIZE_ADD_SPECIAL | TOKENIZE_PARSE_SPECIAL;
    /* A text is as long as its characters: a zero byte ends a JSON string here. */
    const bool read = t && tokenizer_encode(t, text, strlen(text), flags, &tokens, &err) == STATUS_OK;
    if (!read) printf("# %s\n", err.text);
    if (!read || !same_ids(&tokens, ids)) wrong++, show(text, &tokens, ids);
    token_list_clear(&tokens);
  }
  ok(wrong == 0 && n > 50 && !ids, "%s, %s: %d texts as in HF's tokenizers", json_string(json_get(case_, "name"), ""),
     how, n);
}

/* Random text that holds none of the added tokens: characters of any script, blanks, and bytes that are no UTF-8. */
static size_t random_text(Rng *rng, char *text, size_t room, bool valid) {
  static const char *const words[] = {"don't", " of", "and", "123", "4567",  "  ", "\n",
                                      "\r\n",  " ",   "...", "//",  "Camel", "\t"};
  size_t n = 0;
  const size_t size = rng_below(rng, room - 8);
  while (n < size) {
    const uint64_t kind = rng_below(rng, valid ? 3 : 4);
    if (kind == 3) {
      text[n++] = (char)rng_below(rng, 256);
    } else if (kind == 2) {
      const uint32_t c = (uint32_t)rng_below(rng, 0x110000 >> rng_below(rng, 16));
      n += utf8_encode(c >= 0xd800 && c < 0xe000 ? 0x20ac : c == 0x2581 ? 0x2582 : c, text + n);
    } else {
      const char *word = words[rng_below(rng, sizeof words / sizeof words[0])];
      memcpy(text + n, word, strlen(word));
      n += strlen(word);
    }
  }
  for (size_t i = 0; i + 3 <= n; i++) /* the mark of blanks, which is written as one */
    if (memcmp(text + i, SPACE_MARK, SPACE_MARK_SIZE) == 0) text[i + 2] = (char)0x82;
  return n;
}

typedef struct Round {
  char *text;
  size_t size;
  TokenList tokens;
} Round;

static Round there_and_back(const Tokenizer *t, const char *text, size_t size, int *failed) {
  Round round = {0};
  Error err = {0};
  *failed += tokenizer_encode(t, text, size, 0, &round.tokens, &err) != STATUS_OK ||
             tokenizer_decode(t, round.tokens.ids, round.tokens.count, &round.text, &round.size, &err) != STATUS_OK;
  if (!round.text) round.text = mem_copy_string(err.text);
  return round;
}

static void round_clear(Round *round) {
  free(round->text);
  token_list_clear(&round->tokens);
}

/* What a pipeline keeps of any text: all of it; what its normalizer makes of it, which a second time changes nothing;
 * or only part. */
typedef enum Keeps { KEEPS_ALL, KEEPS_NORMAL_FORM, KEEPS_PART } Keeps;

static Keeps keeps_of(const Json *case_) {
  static const char *const parts[] = {"strip", "removed", "nfkc", "nfkd", "replace", "metaspace, always"};
  static const char *const forms[] = {"olmo", "command-r", "qwen2", "qwen35", "nfd", "metaspace, never"};
  const char *name = json_string(json_get(case_, "name"), "");
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
    if (strstr(name, parts[i])) return KEEPS_PART;
  for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
    if (strncmp(name, forms[i], strlen(forms[i])) == 0) return KEEPS_NORMAL_FORM;
  return KEEPS_ALL;
}

/* Any text comes back, and the token that covers a byte is the first whose decoded text reaches it; where the pipeline
 * keeps only part of a text, later bytes are at least in later tokens. */
static void test_properties(const Tokenizer *t, const Json *case_) {
  const char *name = json_string(json_get(case_, "name"), "");
  const Keeps keeps = keeps_of(case_);
  Rng rng = rng_new(seed);
  int lost = 0, misplaced = 0, failed = 0;
  for (int round = 0; round < 60; round++) {
    char text[120];
    Error err = {0};
    const size_t size = random_text(&rng, text, sizeof text, keeps == KEEPS_PART);
    if (size && text[0] == ' ' && strncmp(name, "metaspace, first", 16) == 0)
      text[0] = '-'; /* " a" and "a" are the same there */
    Round one = there_and_back(t, text, size, &failed);
    if (keeps == KEEPS_ALL) {
      lost += one.size != size || memcmp(one.text, text, size) != 0;
    } else if (keeps == KEEPS_NORMAL_FORM) {
      Round two = there_and_back(t, one.text, one.size, &failed);
      lost += strncmp(name, "nfd", 3) != 0 && (two.size != one.size || memcmp(two.text, one.text, one.size) != 0);
      round_clear(&two);
    }
    for (size_t byte = 0, before = 0; byte < size; byte++) {
      size_t token = 0, short_of = 0, with = 0;
      TokenList tokens = {0};
      char *part;
      failed += tokenizer_encode_at(t, text, size, 0, byte, &tokens, &token, &err) != STATUS_OK;
      misplaced += token < before || token > tokens.count;
      before = token;
      if (keeps == KEEPS_ALL && token < tokens.count) {
        tokenizer_decode(t, tokens.ids, token, &part, &short_of, &err), free(part);
        tokenizer_decode(t, tokens.ids, token + 1, &part, &with, &err), free(part);
        misplaced += short_of > byte || with <= byte;
      }
      misplaced += keeps == KEEPS_ALL && token == tokens.count;
      token_list_clear(&tokens);
    }
    round_clear(&one);
  }
  ok(failed == 0 && lost == 0, "%s: %s (seed %llu)", name,
     keeps == KEEPS_ALL           ? "any bytes come back"
     : keeps == KEEPS_NORMAL_FORM ? "any bytes come back in normal form"
                                  : "any text is read",
     (unsigned long long)seed);
  ok(misplaced == 0, "%s: bytes are found in their tokens", name);
}

static void test_case(const Json *case_, const Json *models, const Json *texts) {
  Error err = {0};
  Status status;
  Tokenizer *t;
  const bool named = json_get(case_, "pre") != NULL;
  if (named) {
    t = open_named(case_, models, &status, &err);
  } else {
    char *json = whole_json(case_, models);
    t = open_json(folder, json, NULL, &status, &err);
    free(json);
  }
  if (!t) printf("# %s\n", err.text);
  compare(t, case_, texts, named ? "from GGUF" : "from tokenizer.json");
  if (t) test_properties(t, case_);
  if (t && tokenizer_write(t, folder, -1, &err) == STATUS_OK) {
    Tokenizer *back = open_path(folder, &status, &err);
    compare(back, case_, texts, "written and read back");
    tokenizer_close(back);
  } else {
    ok(false, "it can be written: %s", err.text);
  }
  remove_file(folder, "tokenizer.json"), remove_file(folder, "tokenizer_config.json");
  tokenizer_close(t);
}

int main(void) {
  const char *source = getenv("SRCDIR");
  char *path = file_join(source ? source : ".", "tests/fixtures/tokenizers.json");
  Json *root;
  Error err = {0};
  if (getenv("FATHOM_SEED")) seed = strtoull(getenv("FATHOM_SEED"), NULL, 10);
  if (!mkdtemp(folder)) return 99;
  if (json_read(path, &root, &err) != STATUS_OK) {
    printf("Bail out! %s\n", err.text);
    return 99;
  }
  for (const Json *c = json_first(json_get(root, "cases")); c; c = json_next(c))
    test_case(c, json_get(root, "models"), json_get(root, "texts"));
  json_free(root);
  free(path);
  ok(rmdir(folder) == 0, "nothing is left behind");
  return tap_end();
}
