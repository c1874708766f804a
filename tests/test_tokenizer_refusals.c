/* Files of tokenizers that are refused: every fault with its message, patterns that never end, and random damage. */
#include "tests/small_json.h"
#include "tests/tap.h"

#include <sys/stat.h>

static void refused(Tokenizer *t, Status status, const Error *err, const char *expected) {
  if (!ok(!t && status == STATUS_DATA && strstr(err->text, expected), "refused: %s", err->text))
    printf("# expected %s\n", expected);
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
  test_gguf_refusals();
  test_json_refusals();
  test_slow_pattern();
  test_damage();
  ok(rmdir(folder) == 0, "nothing is left behind");
  return tap_end();
}
