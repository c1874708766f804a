/* Tokenizers as files: GGUF metadata and tokenizer.json read alike, and what is written reads back. What is refused is in
 * test_tokenizer_refusals.c. */
#include "tests/small_json.h"
#include "tests/tap.h"
#include "text/tokenizer/pretokenizers.h"

#include <sys/stat.h>

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

int main(void) {
  if (!mkdtemp(folder)) return 99;
  test_json();
  test_chat_template_places();
  test_writing();
  test_digest();
  test_names();
  test_stripping_names();
  ok(rmdir(folder) == 0, "nothing is left behind");
  return tap_end();
}
