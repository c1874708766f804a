/* Normalizers, pre-tokenizers, added tokens and post-processors against the ids that Hugging Face's tokenizers gives
 * for the same texts (fixtures/tokenizers.json), read from tokenizer.json, written and read back; and GGUF's names of
 * pre-tokenizers. */
#include "tests/small_tokenizer.h"
#include "tests/tap.h"

static char folder[] = "/tmp/fathom-pipelines.XXXXXX";

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
