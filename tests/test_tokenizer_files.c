/* Tokenizers as files: GGUF metadata and tokenizer.json read alike, what is written reads back, and every refusal. */
#include "tests/small_tokenizer.h"
#include "tests/tap.h"
#include "text/pretokenizers.h"

#include <sys/stat.h>

static char folder[] = "/tmp/fathom-tokenizers.XXXXXX";

/* tokenizer.json in pieces that a test can exchange; NULL = as below. */
typedef struct SmallJson {
  const char *added, *normalizer, *pre_tokenizer, *post_processor, *type, *extra, *vocab, *merges, *config;
} SmallJson;

#define ADDED(id, content, more) "{\"id\":" id ",\"content\":\"" content "\"," more "}"
#define BYTE_LEVEL "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":true}"
#define BYTES_ONLY "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}"
#define SPACES                                                                                                         \
  "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":\"\xe2\x96\x81\"},{\"type\":\"Replace\"," \
  "\"pattern\":{\"String\":\" \"},\"content\":\"\xe2\x96\x81\"}]}"

static const char *or_else(const char *given, const char *otherwise) { return given ? given : otherwise; }

static Tokenizer *open_parts(const SmallJson *j, Status *status, Error *err) {
  char *json = mem_format("{\"version\":\"1.0\",\"added_tokens\":[%s],\"normalizer\":%s,\"pre_tokenizer\":%s,\"post_"
                          "processor\":%s,\"decoder\":null,"
                          "\"model\":{\"type\":\"%s\",%s\"vocab\":%s,\"merges\":%s}}",
                          or_else(j->added, ""), or_else(j->normalizer, "null"), or_else(j->pre_tokenizer, BYTE_LEVEL),
                          or_else(j->post_processor, "null"), or_else(j->type, "BPE"), or_else(j->extra, ""),
                          or_else(j->vocab, "{\"a\":0,\"b\":1,\"\xc4\xa0\":2,\"ab\":3,\"\xc4\xa0"
                                            "a\":4,\"1\":5,\"11\":6,\"aa\":7}"),
                          or_else(j->merges, "[[\"a\",\"b\"],[\"\xc4\xa0\",\"a\"],\"1 1\"]"));
  Tokenizer *t = open_json(folder, json, j->config, status, err);
  free(json);
  return t;
}

/* The ids of a text as "1 2 3". */
static char *ids_of(const Tokenizer *t, const char *text, unsigned flags) {
  TokenList tokens = {0};
  Error err = {0};
  char *out = mem_copy_string("");
  if (!t || tokenizer_encode(t, text, strlen(text), flags, &tokens, &err) != STATUS_OK) {
    free(out);
    return mem_copy_string(t ? err.text : "no tokenizer");
  }
  for (size_t i = 0; i < tokens.count; i++) {
    char *longer = mem_format("%s%s%d", out, i ? " " : "", tokens.ids[i]);
    free(out);
    out = longer;
  }
  token_list_clear(&tokens);
  return out;
}

static void gives(const SmallJson *j, const char *text, unsigned flags, const char *expected, const char *what) {
  Error err = {0};
  Status status;
  Tokenizer *t = open_parts(j, &status, &err);
  char *found = ids_of(t, text, flags);
  if (!ok(t && strcmp(found, expected) == 0, "%s", what))
    printf("# found %s, expected %s; %s\n", found, expected, err.text);
  free(found);
  tokenizer_close(t);
}

static void test_json(void) {
  const unsigned both = TOKENIZE_ADD_SPECIAL | TOKENIZE_PARSE_SPECIAL;
  gives(&(SmallJson){0}, "ab a11", 0, "3 4 6", "tokenizer.json: vocabulary and merges in both spellings");
  gives(
      &(SmallJson){
          .pre_tokenizer =
              "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Digits\",\"individual_digits\":true}," BYTE_LEVEL
              "]}"},
      "ab11 11", 0, "3 5 5 2 5 5", "Digits, each on its own");
  gives(
      &(SmallJson){
          .pre_tokenizer =
              "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Digits\",\"individual_digits\":false}," BYTES_ONLY
              "]}"},
      "ab11 a", 0, "3 6 4", "Digits in runs");
  gives(&(SmallJson){.pre_tokenizer = "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{"
                                      "\"String\":\"a\"},\"behavior\":\"Isolated\",\"invert\":false}," BYTES_ONLY "]}"},
        "ab a", 0, "0 1 2 0", "Split at a string");
  gives(&(SmallJson){.pre_tokenizer =
                         "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":\"\\\\s|"
                         "b\"},\"behavior\":\"Removed\",\"invert\":true}," BYTES_ONLY "]}"},
        "ab ab", 0, "1 2 1", "Split that keeps the matches alone");
  gives(&(SmallJson){.pre_tokenizer = "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{"
                                      "\"Regex\":\"a*\"},\"behavior\":\"Isolated\"}," BYTES_ONLY "]}"},
        "abab11", 0, "0 1 0 1 5 5", "an empty match cuts, but not where the last match ended");
  gives(&(SmallJson){.extra = "\"ignore_merges\":true,"}, "aa aa", 0, "7 4 0",
        "ignore_merges: a piece that is a token is that token");
  gives(&(SmallJson){.added = ADDED("8", "<s>", "\"special\":true") "," ADDED("9", "ba", "\"special\":false")},
        "a<s>ba", both, "0 8 9", "added tokens");
  gives(&(SmallJson){.added = ADDED("8", "<s>", "\"special\":true") "," ADDED("9", "ba", "\"special\":false")}, "aba",
        0, "0 9", "one that is not special is found unasked");
  gives(&(SmallJson){.added = ADDED("8", "<s>", "\"special\":true,\"lstrip\":true,\"rstrip\":true")},
        "a \t<s>\n\xe3\x80\x80 b", both, "0 8 1", "one that swallows the white space beside it");
  gives(&(SmallJson){.extra = "\"ignore_merges\":true,", .added = ADDED("7", "aa", "\"special\":true")}, "aa", 0, "7",
        "an added token that the vocabulary lists is a piece");
  gives(&(SmallJson){.added = ADDED("3", "ab", "\"special\":true")}, "ab", 0, "3",
        "an added token that the vocabulary lists is made by merging as well");
  gives(&(SmallJson){.added = ADDED("8", "<s>", "\"special\":true"),
                     .post_processor =
                         "{\"type\":\"Sequence\",\"processors\":[{\"type\":\"ByteLevel\"},{\"type\":"
                         "\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"<s>\",\"type_id\":0}},"
                         "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"SpecialToken\":{\"id\":\"<s>\",\"type_id\":0}}"
                         "],\"special_tokens\":{\"<s>\":{\"id\":\"<s>\",\"ids\":[8],\"tokens\":[\"<s>\"]}}}]}"},
        "a", both, "8 0 8", "a template says what comes before and behind");
  gives(&(SmallJson){.added = ADDED("8", "<s>", "\"special\":true"),
                     .config = "{\"bos_token\":{\"content\":\"<s>\"},\"add_bos_token\":true}"},
        "a", both, "8 0", "add_bos_token, the token as an object");
  gives(&(SmallJson){.extra = "\"unk_token\":\"\",",
                     .config = "{\"added_tokens_decoder\":{\"8\":{\"content\":\"<s>\","
                               "\"special\":true},\"3\":{\"content\":\"ab\"}},\"bos_token\":\"<s>\"}"},
        "a<s>ab", both, "0 8 3", "added tokens that tokenizer_config.json alone has; an empty unk_token is none");
  gives(&(SmallJson){.normalizer = SPACES,
                     .pre_tokenizer = "null",
                     .extra = "\"byte_fallback\":true,\"unk_token\":\"<unk>\",\"fuse_unk\":true,",
                     .vocab = "{\"<unk>\":0,\"\xe2\x96\x81\":1,\"a\":2,\"\xe2\x96\x81"
                              "a\":3,\"<0xC3>\":4,\"<0xA9>\":5}",
                     .merges = "[[\"\xe2\x96\x81\",\"a\"]]"},
        "a a\xc3\xa9zy", 0, "3 3 4 5 0",
        "SentencePiece: blanks marked, byte fallback where it is whole, unknown ones fused");
}

static void test_chat_template_places(void) {
  Error err = {0};
  Status status;
  Tokenizer *t = open_parts(&(SmallJson){.config = "{\"chat_template\":\"one\"}"}, &status, &err);
  ok(t && strcmp(tokenizer_chat_template(t), "one") == 0, "a chat template in the config");
  tokenizer_close(t);
  t = open_parts(&(SmallJson){.config = "{\"chat_template\":[{\"name\":\"x\",\"template\":\"two\"},{\"name\":"
                                        "\"default\",\"template\":\"three\"}]}"},
                 &status, &err);
  ok(t && strcmp(tokenizer_chat_template(t), "three") == 0, "one of several, by name");
  tokenizer_close(t);
  write_file(folder, "chat_template.jinja", "four\n");
  t = open_parts(&(SmallJson){.config = "{\"chat_template\":\"one\"}"}, &status, &err);
  ok(t && strcmp(tokenizer_chat_template(t), "four\n") == 0, "a file of its own goes first");
  tokenizer_close(t);
  remove_file(folder, "chat_template.jinja");
  t = open_parts(&(SmallJson){0}, &status, &err);
  ok(t && !tokenizer_chat_template(t) && tokenizer_bos(t) == -1, "none, and no config");
  tokenizer_close(t);
}

/* Writes t, reads it back and compares digest, named ids, template and the ids of texts. */
static void survives(Tokenizer *t, const char *what) {
  static const char *const texts[] = {
      "", " ", "hello he 12", "wow<|a|>b </s> 1234", "\xc3\xa9t\xc3\xa9 aaaaaaa", "  he\n\n he\t", "\xf0\x9f\xa6\x99x"};
  Error err = {0};
  Status status = t ? tokenizer_write(t, folder, -1, &err) : STATUS_DATA;
  Tokenizer *back = status == STATUS_OK ? open_path(folder, &status, &err) : NULL;
  char digest[DIGEST_TEXT] = "", digest_back[DIGEST_TEXT] = "?";
  int wrong = back == NULL;
  if (back) {
    tokenizer_digest(t, digest);
    tokenizer_digest(back, digest_back);
    wrong += tokenizer_bos(t) != tokenizer_bos(back) || tokenizer_eos(t) != tokenizer_eos(back) ||
             tokenizer_pad(t) != tokenizer_pad(back);
    const char *chat = tokenizer_chat_template(t), *chat_back = tokenizer_chat_template(back);
    wrong += (chat != NULL) != (chat_back != NULL) || (chat && strcmp(chat, chat_back) != 0);
    wrong += strcmp(tokenizer_kind(t), tokenizer_kind(back)) != 0;
  }
  for (unsigned flags = 0; back && flags < 4; flags++)
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
      char *one = ids_of(t, texts[i], flags), *two = ids_of(back, texts[i], flags);
      if (strcmp(one, two) != 0) printf("# \"%s\": %s, written %s\n", texts[i], one, two), wrong++;
      free(one), free(two);
    }
  if (!ok(wrong == 0 && strcmp(digest, digest_back) == 0, "%s: written and read back, it is the same", what))
    printf("# %s\n", err.text);
  tokenizer_close(back);
  tokenizer_close(t);
  remove_file(folder, "tokenizer.json");
  remove_file(folder, "tokenizer_config.json");
}

static void test_writing(void) {
  SmallTokenizer s;
  Error err = {0};
  Status status;
  small_byte_level(&s);
  survives(open_small(folder, &s, &status, &err), "GPT-2's kind from GGUF");
  s.pre = "smollm", s.bos = SPECIAL_A, s.eos = SPECIAL_AB, s.add_bos = 1, s.add_eos = 1,
  s.chat_template = "{{ 'a' }}\n\"";
  survives(open_small(folder, &s, &status, &err), "smollm from GGUF, BOS and EOS");
  small_sentencepiece(&s);
  survives(open_small(folder, &s, &status, &err), "SentencePiece from GGUF");
  s.add_space_prefix = 0, s.add_bos = 0;
  survives(open_small(folder, &s, &status, &err), "the same without a blank in front and BOS");
  survives(
      open_parts(&(SmallJson){.added = ADDED("8", "<s>", "\"special\":true,\"lstrip\":true") "," ADDED(
                                  "9", "ba", "\"special\":false,\"rstrip\":true"),
                              .extra = "\"ignore_merges\":true,",
                              .pre_tokenizer =
                                  "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{"
                                  "\"Regex\":\"a|.\\\\s?\"},\"behavior\":\"Removed\",\"invert\":true}," BYTES_ONLY "]}",
                              .vocab = "{\"a\":0,\"b\":1}",
                              .merges = "[]"},
                 &status, &err),
      "patterns and flags of tokenizer.json");

  small_byte_level(&s);
  Tokenizer *t = open_small(folder, &s, &status, &err);
  ok(tokenizer_write(t, folder, SPECIAL_AB, &err) == STATUS_OK, "a pad token of the caller's choice");
  Tokenizer *back = open_path(folder, &status, &err);
  ok(back && tokenizer_pad(back) == SPECIAL_AB, "is what the config names");
  tokenizer_close(back);
  remove_file(folder, "tokenizer.json"), remove_file(folder, "tokenizer_config.json");
  ok(tokenizer_write(t, "/nowhere/at/all", -1, &err) == STATUS_SYSTEM &&
         strstr(err.text, "/nowhere/at/all/tokenizer.json: cannot write here"),
     "a missing folder: %s", err.text);
  tokenizer_close(t);
  s.tokens[SPECIAL_A].text = "a\xff";
  t = open_small(folder, &s, &status, &err);
  char *path = file_join(folder, "tokenizer.json");
  ok(t && tokenizer_write(t, folder, -1, &err) == STATUS_DATA &&
         strstr(err.text, "token 264 cannot be written to tokenizer.json: its text is no UTF-8") && !file_exists(path),
     "a token that JSON cannot hold: %s", err.text);
  tokenizer_close(t);
  s.tokens[SPECIAL_A].text = "\xc4\xa0";
  t = open_small(folder, &s, &status, &err);
  ok(t && tokenizer_write(t, folder, -1, &err) == STATUS_DATA &&
         strstr(err.text, "token 264 cannot be written to tokenizer.json: another token is written the same"),
     "a special token that is spelled as a byte: %s", err.text);
  tokenizer_close(t);
  free(path);
}

static void test_digest(void) {
  SmallTokenizer s;
  Error err = {0};
  Status status;
  char first[DIGEST_TEXT], other[DIGEST_TEXT];
  small_sentencepiece(&s);
  Tokenizer *t = open_small(folder, &s, &status, &err);
  tokenizer_digest(t, first);
  tokenizer_close(t);
  int same = 0;
  for (int change = 0; change < 5; change++) {
    small_sentencepiece(&s);
    if (change == 0) s.tokens[S_A].text = "b";
    if (change == 1) s.tokens[S_LL].score = 100;
    if (change == 2) s.add_bos = 0;
    if (change == 3) s.add_space_prefix = 0;
    if (change == 4) s.tokens[2].type = USER;
    t = open_small(folder, &s, &status, &err);
    tokenizer_digest(t, other);
    same += strcmp(first, other) == 0;
    tokenizer_close(t);
  }
  ok(same == 0, "the digest knows texts, order of merging, BOS, the blank in front and kinds");
  small_sentencepiece(&s);
  small_add(&s, "[PAD273]", UNUSED, 0);
  t = open_small(folder, &s, &status, &err);
  tokenizer_digest(t, other);
  ok(strcmp(first, other) == 0 && tokenizer_vocab_size(t) == N_SENTENCEPIECE + 1, "but not filler at the end");
  tokenizer_close(t);
}

static void refused(Tokenizer *t, Status status, const Error *err, const char *expected) {
  if (!ok(!t && status == STATUS_DATA && strstr(err->text, expected), "refused: %s", err->text))
    printf("# expected %s\n", expected);
  tokenizer_close(t);
}

/* Every name of a pre-tokenizer opens, gives ids that decode to the text, and is one of its own row's names. */
static void test_names(void) {
  char *names = pretokenizer_names();
  const char *text = "Hello he, don't 12345 ab\n\n  \xe4\xbd\xa0\xe5\xa5\xbd!";
  int n = 0, wrong = 0;
  for (char *rest = names, *name; (name = strsep(&rest, " ")); n++) {
    SmallTokenizer s;
    Error err = {0};
    Status status;
    TokenList tokens = {0};
    char *back = NULL;
    size_t size = 0;
    small_byte_level(&s);
    s.pre = name, s.add_bos = 0;
    Tokenizer *t = open_small(folder, &s, &status, &err);
    const bool same = t && tokenizer_encode(t, text, strlen(text), 0, &tokens, &err) == STATUS_OK &&
                      tokenizer_decode(t, tokens.ids, tokens.count, &back, &size, &err) == STATUS_OK &&
                      strcmp(back, text) == 0 && strstr(tokenizer_kind(t), "pre-tokenizer ");
    if (!same) printf("# %s: %s\n", name, err.text), wrong++;
    free(back);
    token_list_clear(&tokens);
    tokenizer_close(t);
  }
  free(names);
  ok(wrong == 0 && n > 60, "all %d names of pre-tokenizers open", n);
}

/* GGUF does not say that Phi-3's special tokens swallow white space: the name does, but for three of them. */
static void test_stripping_names(void) {
  static const struct {
    const char *name, *expected;
  } rows[] = {{NULL, "32 264 10 97 265"},
              {"Other", "32 264 10 97 265"},
              {"My PHI-3 mini", "32 264 97 265"},
              {"phi3", "32 264 97 265"}};
  Error err = {0};
  Status status;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    SmallTokenizer s;
    small_byte_level(&s);
    s.name = rows[i].name;
    Tokenizer *t = open_small(folder, &s, &status, &err);
    char *ids = ids_of(t, " <|a|>\na<|a|>b", TOKENIZE_PARSE_SPECIAL);
    ok(strcmp(ids, rows[i].expected) == 0, "white space behind special tokens of \"%s\": %s",
       rows[i].name ? rows[i].name : "(no name)", ids);
    free(ids);
    tokenizer_close(t);
  }
  SmallTokenizer s;
  small_byte_level(&s);
  s.name = "phi-3", s.tokens[SPECIAL_A].text = "<s>";
  Tokenizer *t = open_small(folder, &s, &status, &err);
  char *ids = ids_of(t, "<s> a", TOKENIZE_PARSE_SPECIAL);
  ok(strcmp(ids, "264 32 97") == 0, "not behind <s>: %s", ids);
  free(ids);
  tokenizer_close(t);
}

static void test_gguf_refusals(void) {
  SmallTokenizer s;
  Error err = {0};
  Status status;
#define REFUSED(make, change, message)                                                                                 \
  make(&s);                                                                                                            \
  change;                                                                                                              \
  do {                                                                                                                 \
    Tokenizer *t = open_small(folder, &s, &status, &err);                                                              \
    refused(t, status, &err, "small.gguf: tokenizer: " message);                                                       \
  } while (0)
  REFUSED(small_byte_level, s.model = NULL, "tokenizer.ggml.model is missing or no string");
  REFUSED(small_byte_level, s.model = "bert", "tokenizer.ggml.model is \"bert\", expected gpt2 or llama");
  REFUSED(small_byte_level, s.pre = NULL, "tokenizer.ggml.pre, the name of the pre-tokenizer, is missing");
  REFUSED(small_byte_level, s.pre = "falco",
          "tokenizer.ggml.pre is \"falco\", expected a pre-tokenizer that is known here: gpt-2 phi-2 ");
  REFUSED(small_byte_level, s.pre = "phi-2 jais", "tokenizer.ggml.pre is \"phi-2 jais\"");
  REFUSED(small_byte_level, s.pre = "", "tokenizer.ggml.pre is \"\"");
  REFUSED(small_byte_level, s.no_types = true, "tokenizer.ggml.token_type is missing or no array");
  REFUSED(small_byte_level, s.no_merges = true, "tokenizer.ggml.merges is missing or no array");
  REFUSED(small_byte_level, s.tokens[5].type = 7, "tokenizer.ggml.token_type of token 5 is 7, expected 1 to 6");
  REFUSED(small_byte_level, s.tokens[5].type = BYTE,
          "tokenizer.ggml.tokens: token 5, \"\xc4\x85\", is marked as a byte, expected the form <0x0A>");
  REFUSED(small_byte_level, s.tokens[5].text = "a", "tokenizer.ggml.tokens: tokens 5 and 97 are the same text, \"a\"");
  REFUSED(small_byte_level, s.tokens[SPECIAL_A].text = "wow",
          "tokenizer.ggml.tokens: tokens 264 and 266 are the same text, \"wow\"");
  REFUSED(small_byte_level, s.merges[1] = "he",
          "tokenizer.ggml.merges 1 is \"he\", expected two tokens and a blank between them");
  REFUSED(small_byte_level, s.merges[1] = "h\xe2\x82\xac e",
          "tokenizer.ggml.merges 1: \"h\xe2\x82\xac e\" holds a character that stands for no byte");
  REFUSED(small_byte_level, s.merges[1] = "h ex",
          "tokenizer.ggml.merges 1: a merge names \"ex\", which is not in the vocabulary");
  REFUSED(small_byte_level, s.merges[1] = "l l l",
          "tokenizer.ggml.merges 1: \"l l l\" holds a character that stands for no byte");
  REFUSED(small_byte_level, s.merges[1] = "e h",
          "tokenizer.ggml.merges 1: a merge names \"eh\", which is not in the vocabulary");
  REFUSED(small_byte_level, s.merges[1] = "h e",
          "tokenizer.ggml.merges: merges 0 and 1 are the same pair of tokens, 104 and 101");
  REFUSED(small_byte_level, s.bos = N_BYTE_LEVEL, "tokenizer.ggml.bos_token_id is no token id below 267");
  REFUSED(small_byte_level, s.add_bos = 1, "a BOS token is to be added, but tokenizer.ggml.bos_token_id is missing");
  REFUSED(small_byte_level, s.add_eos = 1, "an EOS token is to be added, but tokenizer.ggml.eos_token_id is missing");
  REFUSED(small_byte_level, (s.n_tokens = 0, s.n_merges = 0), "the vocabulary is empty");
  REFUSED(small_sentencepiece, s.no_scores = true, "tokenizer.ggml.scores is missing or no array");
  REFUSED(small_sentencepiece, s.tokens[7].score = NAN, "tokenizer.ggml.scores of token 7 is nan");
  REFUSED(small_sentencepiece, s.bos = -1, "a BOS token is to be added");
  REFUSED(small_sentencepiece, s.tokens[7].text = "<0x03>",
          "tokenizer.ggml.tokens: tokens 6 and 7 both stand for the byte 0x03");
}

static void test_json_refusals(void) {
  static const struct {
    SmallJson json;
    const char *message;
  } bad[] = {
      {{.type = "Unigram"}, "\"model\" has type Unigram, expected BPE"},
      {{.extra = "\"dropout\":0.1,"}, "\"model\" has a dropout"},
      {{.extra = "\"end_of_word_suffix\":\"</w>\","}, "\"model\" has a end_of_word_suffix, which is not supported"},
      {{.vocab = "[]"}, "\"model\" has no object \"vocab\""},
      {{.vocab = "{}"}, ": tokenizer.json: \"merges\": merge 0: a merge names \"a\", which is not in the vocabulary"},
      {{.vocab = "{}", .merges = "[]"}, "the vocabulary is empty"},
      {{.vocab = "{\"a\":1.5}"}, "the id of \"a\" is no whole number below 4194304"},
      {{.vocab = "{\"a\":-1}"}, "the id of \"a\" is no whole number"},
      {{.vocab = "{\"a\":4194304}"}, "the id of \"a\" is no whole number"},
      {{.vocab = "{\"a\":0,\"b\":0}"}, "two tokens have the id 0: \"a\" and \"b\""},
      {{.vocab = "{\"a\":0,\"a\":1}"}, ": tokenizer.json: \"vocab\": tokens 0 and 1 are the same text, \"a\""},
      {{.merges = "{}"}, "\"model\" has no array \"merges\""},
      {{.merges = "[[\"a\"]]"}, "merge 0: a merge is no pair of tokens"},
      {{.merges = "[\"ab\"]"}, "merge 0: a merge is no pair of tokens"},
      {{.merges = "[[\"a\",7]]"}, "merge 0: a merge is no pair of tokens"},
      {{.merges = "[[\"a\",\"b\"],[\"a\",\"b\"]]"}, "tokenizer.json: \"merges\": merges 0 and 1 are the same pair"},
      {{.added = "{\"id\":9}"}, "\"added_tokens\": a token: \"content\" is missing, expected a string"},
      {{.added = ADDED("\"x\"", "x", "\"special\":true")}, "the id of \"x\" is no whole number"},
      {{.added = ADDED("0", "x", "\"special\":true")}, "\"vocab\": two tokens have the id 0: \"x\" and \"a\""},
      {{.normalizer = "{\"type\":\"BertNormalizer\"}"},
       "a normalizer of type BertNormalizer, expected NFC, NFD, NFKC,"},
      {{.normalizer = "{\"type\":\"Replace\",\"pattern\":{\"String\":\"\"},\"content\":\"x\"}"},
       "a step of type Replace without a pattern"},
      {{.normalizer = "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"a\"}}"},
       "a normalizer of type Replace without content"},
      {{.normalizer = "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"(\"},\"content\":\"x\"}"},
       "the pattern \"(\" does not compile: missing closing parenthesis"},
      {{.normalizer = SPACES},
       "both a ByteLevel pre-tokenizer and a step that writes U+2581 for blanks, expected one of them"},
      {{.pre_tokenizer = "null"}, "neither a ByteLevel pre-tokenizer nor a step that writes U+2581 for blanks"},
      {{.pre_tokenizer = "{\"type\":\"UnicodeScripts\"}"},
       "a pre-tokenizer of type UnicodeScripts, expected ByteLevel, Digits, Metaspace, Punctuation, Split,"},
      {{.pre_tokenizer = "{\"type\":\"Sequence\",\"pretokenizers\":[" BYTE_LEVEL "," BYTE_LEVEL "]}"},
       "two pre-tokenizers of type ByteLevel"},
      {{.pre_tokenizer = "{\"type\":\"Sequence\",\"pretokenizers\":[" BYTE_LEVEL ",{\"type\":\"Metaspace\"}]}"},
       "a pre-tokenizer of type Metaspace behind ByteLevel"},
      {{.pre_tokenizer = "{\"type\":\"Metaspace\",\"replacement\":\"_\"}"},
       "a pre-tokenizer of type Metaspace with another replacement than U+2581"},
      {{.pre_tokenizer = "{\"type\":\"Metaspace\",\"prepend_scheme\":\"last\"}"},
       "a pre-tokenizer of type Metaspace with prepend_scheme last"},
      {{.pre_tokenizer = "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"a\"},\"behavior\":\"Merged\"}"},
       "a pre-tokenizer of type Split with behavior Merged, expected Isolated"},
      {{.pre_tokenizer = "{\"type\":\"Split\",\"pattern\":{},\"behavior\":\"Isolated\"}"},
       "a step of type Split without a pattern"},
      {{.pre_tokenizer = "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(\"},\"behavior\":\"Isolated\"}"},
       "the pattern \"(\" does not compile: missing closing parenthesis"},
#define PATTERN_REFUSED(regex, why)                                                                                    \
  {{.pre_tokenizer = "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" regex "\"},\"behavior\":\"Isolated\"}"},          \
   "uses " why ", which is not supported"}
      PATTERN_REFUSED("[a[^b]]", "a negated or named class inside a class"),
      PATTERN_REFUSED("[[:alpha:]]", "a negated or named class inside a class"),
      PATTERN_REFUSED("[a-z&&[^b]]", "&& inside a class"),
      PATTERN_REFUSED("[^\\\\W_]", "\\W, \\H, \\b or \\B inside a class"),
      PATTERN_REFUSED("[]a]", "a class that begins with ]"),
      PATTERN_REFUSED("(?m:.)", "the flags m and s"),
      PATTERN_REFUSED("a{1,3}+", "}+"),
      PATTERN_REFUSED("a{,3}", "{,"),
      PATTERN_REFUSED("(*FAIL)", "(*"),
      {{.post_processor =
            "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"<s>\"}}],\"special_tokens\":{}}"},
       "the post-processor's template names \"<s>\", which it gives no ids"},
      {{.post_processor = "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"<s>\"}}],\"special_"
                          "tokens\":{\"<s>\":{\"ids\":[\"x\"]}}}"},
       "the post-processor gives \"<s>\" an id that is no token's"},
      {{.post_processor = "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"<s>\"}}],\"special_"
                          "tokens\":{\"<s>\":{\"ids\":[8]}}}"},
       "the first token has id 8, expected less than 8"},
      {{.config = "{\"added_tokens_decoder\":{\"x\":{}}}"},
       "tokenizer.json: \"added_tokens_decoder\" of tokenizer_config.json: \"x\" is no token id"},
      {{.config = "{\"added_tokens_decoder\":{\"8\":{\"content\":4}}}"},
       "\"added_tokens_decoder\" of tokenizer_config.json: a token: \"content\" is"},
      {{.config = "{\"added_tokens_decoder\":{\"0\":{\"content\":\"x\"}}}"}, "two tokens have the id 0"},
      {{.config = "{\"bos_token\":\"<s>\"}"},
       ": tokenizer_config.json: bos_token is \"<s>\", which is not in the vocabulary"},
      {{.config = "{\"add_eos_token\":true}"},
       "tokenizer_config.json: add_eos_token is true, but there is no eos_token"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    Error err = {0};
    Status status;
    Tokenizer *t = open_parts(&bad[i].json, &status, &err);
    refused(t, status, &err, bad[i].message);
  }
  Error err = {0};
  Status status;
  write_file(folder, "config.json", "{}");
  Tokenizer *t = open_path(folder, &status, &err);
  refused(t, status, &err, "tokenizer: no tokenizer.json in this folder");
  remove_file(folder, "config.json");
}

/* A pattern from a file may take exponential time: it is given up with an error. */
static void test_slow_pattern(void) {
  Error err = {0};
  Status status;
  Tokenizer *t = open_parts(
      &(SmallJson){.pre_tokenizer = "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{"
                                    "\"Regex\":\"(a|aa)+[b1]\"},\"behavior\":\"Isolated\"}," BYTES_ONLY "]}"},
      &status, &err);
  char text[200];
  memset(text, 'a', sizeof text);
  TokenList tokens = {0};
  ok(t && tokenizer_encode(t, text, sizeof text, 0, &tokens, &err) == STATUS_DATA &&
         strstr(err.text, "the pre-tokenizer: the pattern \"(a|aa)+[b1]\" failed: match limit exceeded"),
     "a pattern without an end: %s", err.text);
  token_list_clear(&tokens);
  tokenizer_close(t);
}

/* Files with random faults: an error or a tokenizer, never a fault of ours (run this with the sanitizers). */
static void test_damage(void) {
  uint64_t seed = getenv("FATHOM_SEED") ? strtoull(getenv("FATHOM_SEED"), NULL, 10) : 5;
  Rng rng = rng_new(seed);
  int opened = 0, refusals = 0, wrong = 0;
  char *path = file_join(folder, "damaged.gguf");
  for (int round = 0; round < 400; round++) {
    SmallTokenizer s;
    if (round % 2)
      small_byte_level(&s);
    else
      small_sentencepiece(&s);
    Bytes file = small_tokenizer_gguf(&s);
    damage(&file, &rng);
    write_bytes(path, &file, file.size);
    drop(&file);
    Error err = {0};
    Status status;
    Tokenizer *t = open_path(path, &status, &err);
    wrong += t ? status != STATUS_OK : (status != STATUS_DATA && status != STATUS_SYSTEM) || !err.text[0];
    if (t) {
      char *ids = ids_of(t, "hello <|a|> \xff wow 12", TOKENIZE_PARSE_SPECIAL | TOKENIZE_ADD_SPECIAL);
      free(ids);
    }
    *(t ? &opened : &refusals) += 1;
    tokenizer_close(t);
  }
  ok(wrong == 0 && opened > 0 && refusals > 20, "damaged files: %d read, %d refused (seed %llu)", opened, refusals,
     (unsigned long long)seed);
  unlink(path);
  free(path);
}

int main(void) {
  if (!mkdtemp(folder)) return 99;
  test_json();
  test_chat_template_places();
  test_writing();
  test_digest();
  test_names();
  test_stripping_names();
  test_gguf_refusals();
  test_json_refusals();
  test_slow_pattern();
  test_damage();
  ok(rmdir(folder) == 0, "nothing is left behind");
  return tap_end();
}
