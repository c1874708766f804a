/* A small tokenizer.json in pieces, made and opened in the test's scratch folder. */
#ifndef FATHOM_TESTS_SMALL_JSON_H
#define FATHOM_TESTS_SMALL_JSON_H

#include "tests/small_tokenizer.h"

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

#endif
