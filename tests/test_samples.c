/* Prompt files and preference pairs: layouts, counts, where answers begin, splits, and every refusal with its line. */
#include "tests/bytes.h"
#include "tests/tap.h"
#include "text/samples/samples.h"
#include "weights/source.h"

static Source *source;
static Tokenizer *tokenizer;
static ChatTemplate *chatml, *plain;
static SampleRules rules;
static char folder[] = "/tmp/fathom-samples.XXXXXX";

static char *data_path(const char *name, const char *text, size_t size) {
  char *path = file_join(folder, name);
  Bytes bytes = {0};
  put(&bytes, text, size);
  write_bytes(path, &bytes, size);
  drop(&bytes);
  return path;
}

typedef Status (*Reader)(const char *const *paths, size_t n_paths, const SampleRules *r, SampleSet *set, Error *err);

static Status read_as(Reader reader, const char *name, const char *text, SampleSet *set, Error *err) {
  char *path = data_path(name, text, strlen(text));
  const Status status = reader((const char *const[]){path}, 1, &rules, set, err);
  unlink(path);
  free(path);
  return status;
}

/* The text of tokens [from, to) of a sample, freed by the caller. */
static char *decoded(const Sample *s, size_t from, size_t to) {
  char *text;
  size_t size;
  Error err;
  return tokenizer_decode(tokenizer, s->ids + from, to - from, &text, &size, &err) == STATUS_OK ? text
                                                                                                : mem_copy_string("");
}

static bool is_text(const Sample *s, size_t from, size_t to, const char *expected) {
  char *text = decoded(s, from, to);
  const bool same = strcmp(text, expected) == 0;
  if (!same) printf("# found \"%s\", expected \"%s\"\n", text, expected);
  free(text);
  return same;
}

static void test_prompts(void) {
  SampleSet set;
  Error err = {0};
  ok(read_as(samples_read_prompts, "a.txt", "one\r\n two \nthree", &set, &err) == STATUS_OK && set.count == 3 &&
         set.n_read == 3 && strcmp(set.schema, "prompts") == 0,
     "lines of text: %s", err.text);
  ok(is_text(&set.items[0], 0, set.items[0].n_tokens, "one") &&
         is_text(&set.items[1], 0, set.items[1].n_tokens, " two ") && strcmp(set.items[2].id, "3") == 0 &&
         set.items[2].response_begin == 0,
     "a line is a prompt, blanks and all");
  samples_clear(&set);
  ok(read_as(samples_read_prompts, "a.jsonl",
             "{\"text\":\"a<|im_end|>\",\"group\":\"g\",\"label\":7}\n\n{\"id\":\"x\",\"ids\":[5,0,299]}\n"
             "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"},{\"role\":\"assistant\",\"content\":\" yes\"}]}\n"
             "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}",
             &set, &err) == STATUS_OK &&
         set.count == 4,
     "JSONL: %s", err.text);
  ok(set.items[0].n_tokens == 2 && set.items[0].ids[1] == 2 && strcmp(set.items[0].group, "g") == 0 &&
         strcmp(set.items[0].label, "7") == 0,
     "text with a special token, group and label");
  ok(strcmp(set.items[1].id, "x") == 0 && set.items[1].n_tokens == 3 && set.items[1].ids[2] == 299 &&
         set.items[1].response_begin == 0,
     "ids are taken as they are");
  const Sample *turns = &set.items[2];
  ok(strcmp(turns->id, "4") == 0 &&
         is_text(turns, 0, turns->n_tokens,
                 "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n yes<|im_end|>\n") &&
         is_text(turns, turns->response_begin, turns->n_tokens, " yes<|im_end|>\n"),
     "turns through ChatML; the answer begins where it begins");
  ok(set.items[3].response_begin == set.items[3].n_tokens, "without an answer it begins behind the end");
  SampleSet again;
  rules.limit = 2, rules.max_length = 2;
  ok(read_as(samples_read_prompts, "b.txt", "one\nab\nab\n", &again, &err) == STATUS_OK && again.count == 1 &&
         again.n_read == 2 && again.n_too_long == 1 && strcmp(again.items[0].id, "2") == 0,
     "a limit on rows, and one on tokens");
  rules.limit = rules.max_length = 0;
  samples_clear(&again);
  ok(samples_from_text("a b", &rules, &again, &err) == STATUS_OK && again.count == 1 &&
         strcmp(again.items[0].id, "text") == 0 && strlen(again.digest) == 64,
     "one text");
  samples_clear(&again);
  ok(samples_from_text("", &rules, &again, &err) == STATUS_USAGE && strcmp(err.text, "--text: empty") == 0,
     "an empty one is refused");
  ok(samples_from_text("\xff", &rules, &again, &err) == STATUS_USAGE && strcmp(err.text, "--text: not UTF-8") == 0,
     "and one that is no text");
  samples_clear(&set);
}

static void test_several_files(void) {
  SampleSet one, two;
  Error err = {0};
  char *a = data_path("a.jsonl", "{\"text\":\"x\"}\n", 13), *b = data_path("b.txt", "y\n", 2);
  ok(samples_read_prompts((const char *const[]){a, b}, 2, &rules, &one, &err) == STATUS_OK && one.count == 2 &&
         strcmp(one.items[0].id, "a.jsonl:1") == 0 && strcmp(one.items[1].id, "b.txt:1") == 0,
     "ids of several files carry their names");
  ok(samples_read_prompts((const char *const[]){b, a}, 2, &rules, &two, &err) == STATUS_OK &&
         strcmp(one.digest, two.digest) != 0,
     "the set's digest knows the order");
  ok(samples_read_prompts((const char *const[]){a, a}, 2, &rules, &(SampleSet){0}, &err) == STATUS_DATA &&
         strstr(err.text, "a.jsonl: line 1: the id \"a.jsonl:1\" was there before, expected each once"),
     "a file twice is refused");
  samples_clear(&one);
  samples_clear(&two);
  unlink(a), unlink(b);
  free(a), free(b);
}

#define PAIR(prompt, chosen, rejected) "{\"prompt\":" prompt ",\"chosen\":" chosen ",\"rejected\":" rejected "}\n"
#define TURN(role, content) "{\"role\":\"" role "\",\"content\":\"" content "\"}"

static void test_pairs(void) {
  SampleSet set;
  Error err = {0};
  static const char text[] = PAIR("\"Hi?\"", "\"yes\"", "\"no\"")
      PAIR("[" TURN("system", "S") "," TURN("user", "Hi?") "]", "[" TURN("assistant", "yes") "]", "\"no\"")
          PAIR("\"Hi?\"", "[" TURN("user", "Hi?") "," TURN("assistant", "yes") "]", "[" TURN("assistant", "no") "]")
              PAIR("\"other\"", "\"same\"", "\"same\"");
  ok(read_as(samples_read_pairs, "p.jsonl", text, &set, &err) == STATUS_OK && set.count == 6 && set.n_read == 4 &&
         set.n_equal == 1 && set.n_too_long == 0 && strcmp(set.schema, "TRL pairs") == 0,
     "TRL pairs: %s", err.text);
  const Sample *yes = &set.items[0], *no = &set.items[1], *system = &set.items[2], *full = &set.items[4];
  ok(strcmp(yes->id, "1/chosen") == 0 && strcmp(no->id, "1/rejected") == 0 && strcmp(no->group, "1") == 0 &&
         strcmp(no->label, "rejected") == 0,
     "names of the sides");
  ok(is_text(yes, 0, yes->n_tokens, "<|im_start|>user\nHi?<|im_end|>\n<|im_start|>assistant\nyes<|im_end|>\n") &&
         is_text(no, no->response_begin, no->n_tokens, "no<|im_end|>\n"),
     "strings are one turn each");
  ok(is_text(
         system, 0, system->n_tokens,
         "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nHi?<|im_end|>\n<|im_start|>assistant\nyes<|im_end|>\n"),
     "lists of turns, and a string beside one");
  ok(strcmp(full->text_digest, yes->text_digest) == 0, "a prompt repeated in a side is there once");
  ok(yes->prompt_key == full->prompt_key && yes->prompt_key == system->prompt_key, "one first user turn, one key");
  samples_clear(&set);

  static const char array[] =
      "[ {\"chosen\":\"\\n\\nHuman: Hi?\\n\\nAssistant: a\\n\\nb\\n\\nHuman:x\\n\\nAssistant: yes\",\n"
      "\"rejected\":\"\\n\\nHuman: Hi?\\n\\nAssistant:no\"} , "
      "{\"chosen\":\"\\n\\nHuman: [Hi\\\"}?\\n\\nAssistant: 1\",\"rejected\":\"\\n\\nHuman: H\\n\\nAssistant: 2\"}]\n";
  ok(read_as(samples_read_pairs, "h.json", array, &set, &err) == STATUS_OK && set.count == 4 &&
         strcmp(set.schema, "HH transcripts") == 0 && strcmp(set.items[2].group, "2") == 0,
     "HH transcripts in an array: %s", err.text);
  ok(is_text(&set.items[0], 0, set.items[0].n_tokens,
             "<|im_start|>user\nHi?<|im_end|>\n<|im_start|>assistant\na\n\nb<|im_end|>\n<|im_start|>user\nx<|im_end|>"
             "\n<|im_start|>assistant\nyes<|im_end|>\n"),
     "marks become turns, other empty lines stay");
  ok(is_text(&set.items[1], set.items[1].response_begin, set.items[1].n_tokens, "no<|im_end|>\n"),
     "a blank behind a mark may be missing");
  samples_clear(&set);
  ok(read_as(samples_read_pairs, "c.jsonl",
             "{\"chosen\":[" TURN("user", "q") "," TURN("assistant", "a") "],\"rejected\":[" TURN("user", "q") "," TURN(
                 "assistant", "b") "]}",
             &set, &err) == STATUS_OK &&
         set.count == 2 && strcmp(set.schema, "TRL conversations") == 0,
     "conversations without a prompt: %s", err.text);
  samples_clear(&set);
  rules.max_length = 25;
  ok(read_as(samples_read_pairs, "p.jsonl",
             PAIR("\"Hi?\"", "\"yes\"", "\"no\"") PAIR("\"Hi?\"", "\"yes\"", "\"a longer answer\""), &set,
             &err) == STATUS_OK &&
         set.count == 2 && set.n_read == 2 && set.n_too_long == 1,
     "a pair goes where one side is too long");
  samples_clear(&set);
  rules.max_length = 0;
  rules.chat = plain;
  ok(read_as(samples_read_pairs, "p.jsonl", PAIR("\"Hi?\"", "\"yes\"", "\"no\""), &set, &err) == STATUS_OK &&
         is_text(&set.items[0], 0, set.items[0].n_tokens, "Hi?\nyes") &&
         is_text(&set.items[0], set.items[0].response_begin, set.items[0].n_tokens, "yes"),
     "without a template turns are joined by newlines");
  samples_clear(&set);
  rules.chat = chatml;
}

static void test_labels(void) {
  SampleSet set, held;
  Error err = {0};
  ok(read_as(samples_read_pairs, "l.jsonl",
             "{\"prompt\":\"p\",\"chosen\":\"a\",\"rejected\":\"b\",\"margin\":-0.5,\"weight\":2.25,\"probability\":0.75}\n"
             "{\"prompt\":\"q\",\"chosen\":\"a\",\"rejected\":\"a\",\"weight\":7}\n"
             "{\"prompt\":\"q\",\"chosen\":\"a\",\"rejected\":\"b\",\"margin\":null}\n"
             "{\"prompt\":\"r\",\"chosen\":\"a\",\"rejected\":\"b\",\"weight\":0}\n",
             &set, &err) == STATUS_OK &&
         set.count == 6,
     "margins, weights and soft labels: %s", err.text);
  ok(set.pairs[0].margin == -0.5 && set.pairs[0].weight == 2.25 && set.pairs[0].probability == 0.75 &&
         set.pairs[1].margin == 0 && set.pairs[1].weight == 1 && set.pairs[1].probability == 1 &&
         set.pairs[2].weight == 0,
     "each belongs to its pair, and a pair that is left out takes its own along");
  char before[DIGEST_TEXT];
  memcpy(before, set.digest, DIGEST_TEXT);
  samples_split_pairs(&set, 0.5, 1, &held);
  bool right = set.count + held.count == 6;
  for (size_t i = 0; i < set.count; i += 2)
    right = right && (set.pairs[i / 2].weight == 2.25) == (strcmp(set.items[i].group, "1") == 0);
  for (size_t i = 0; i < held.count; i += 2)
    right = right && (held.pairs[i / 2].weight == 2.25) == (strcmp(held.items[i].group, "1") == 0);
  ok(right && set.count > 0 && held.count > 0, "and moves with it in a split");
  samples_clear(&set), samples_clear(&held);
  ok(read_as(samples_read_pairs, "l.jsonl",
             "{\"prompt\":\"p\",\"chosen\":\"a\",\"rejected\":\"b\",\"margin\":-0.5,\"weight\":2.25,\"probability\":0.5}\n"
             "{\"prompt\":\"q\",\"chosen\":\"a\",\"rejected\":\"a\",\"weight\":7}\n"
             "{\"prompt\":\"q\",\"chosen\":\"a\",\"rejected\":\"b\",\"margin\":null}\n"
             "{\"prompt\":\"r\",\"chosen\":\"a\",\"rejected\":\"b\",\"weight\":0}\n",
             &set, &err) == STATUS_OK &&
         strcmp(set.digest, before) != 0,
     "the set's digest knows the labels");
  samples_clear(&set);
}

static void test_split(void) {
  SampleSet set, held;
  Error err = {0};
  Bytes text = {0};
  for (int i = 0; i < 400; i++) {
    char *row = mem_format("{\"prompt\":\"q%d\",\"chosen\":\"a%d\",\"rejected\":\"b\",\"weight\":%d}\n", i / 2, i, i + 1);
    put(&text, row, strlen(row));
    free(row);
  }
  put(&text, "", 1);
  ok(read_as(samples_read_pairs, "s.jsonl", (char *)text.data, &set, &err) == STATUS_OK && set.count == 800,
     "400 pairs: %s", err.text);
  char before[DIGEST_TEXT];
  memcpy(before, set.digest, DIGEST_TEXT);
  samples_split_pairs(&set, 0.25, 7, &held);
  size_t shared = 0;
  for (size_t i = 0; i < held.count; i += 2)
    for (size_t j = 0; j < set.count; j += 2) shared += held.items[i].prompt_key == set.items[j].prompt_key;
  ok(set.count + held.count == 800 && held.count > 120 && held.count < 280, "about a quarter is held out: %zu of 800",
     held.count);
  ok(shared == 0 && held.count % 4 == 0, "no prompt is on both sides");
  ok(strcmp(set.digest, before) != 0 && strcmp(held.digest, set.digest) != 0, "the parts have digests of their own");
  SampleSet second, other;
  read_as(samples_read_pairs, "s.jsonl", (char *)text.data, &second, &err);
  samples_split_pairs(&second, 0.25, 8, &other);
  ok(strcmp(other.digest, held.digest) != 0, "another seed, another split");
  /* Parts of the training pairs, each within the larger one. */
  const size_t n_all = set.count / 2;
  SampleSet again, held_again;
  read_as(samples_read_pairs, "s.jsonl", (char *)text.data, &again, &err);
  samples_split_pairs(&again, 0.25, 7, &held_again);
  samples_draw_pairs(&set, n_all + 1, 7);
  ok(set.count == 2 * n_all && strcmp(set.digest, again.digest) == 0, "drawing more pairs than there are keeps all");
  samples_draw_pairs(&set, 60, 7);
  samples_draw_pairs(&again, 25, 7);
  size_t at = 0, within = 0;
  for (size_t i = 0; i < again.count; i++) {
    while (at < set.count && strcmp(set.items[at].id, again.items[i].id) != 0) at++;
    within += at < set.count;
  }
  ok(set.count == 120 && again.count == 50 && within == 50, "25 pairs lie within 60, in their order: %zu sides", within);
  size_t beyond = 0;
  for (size_t i = 0; i < again.count; i++) beyond += atoi(again.items[i].id) > 300;
  ok(beyond > 0, "and are not merely the first");
  size_t own = 0;
  for (size_t i = 0; i < again.count; i += 2) own += again.pairs[i / 2].weight == atoi(again.items[i].id);
  ok(own == 25, "each with its own label");
  ok(strcmp(set.digest, again.digest) != 0, "a part has a digest of its own");
  samples_clear(&again), samples_clear(&held_again);
  samples_clear(&set), samples_clear(&held), samples_clear(&second), samples_clear(&other);
  drop(&text);
}

static void test_refusals(void) {
  static const struct {
    Reader reader;
    const char *name, *text, *message;
  } bad[] = {
      {samples_read_prompts, "a.txt", "one\n\ntwo\n", "a.txt: line 2: empty, expected one prompt a line"},
      {samples_read_prompts, "a.txt", "one\nt\xffo\n", "a.txt: line 2: not UTF-8 at byte 1"},
      {samples_read_prompts, "a.txt", "", "a.txt: no prompts in this file"},
      {samples_read_prompts, "a.jsonl", "\n\n", "a.jsonl: no prompts in this file"},
      {samples_read_prompts, "a.jsonl", "{\"text\":\"a\"}\n{\"text\":\"\xc3\"}",
       "a.jsonl: line 2: not UTF-8 at byte 9"},
      {samples_read_prompts, "a.jsonl", "{\"text\":\"a\"}\n{\"text\":", "a.jsonl: line 2: broken JSON at byte"},
      {samples_read_prompts, "a.jsonl", "{\"text\":\"a\"} {}", "a.jsonl: line 1: text after the JSON value at byte 13"},
      {samples_read_prompts, "a.jsonl", "7\n", "a.jsonl: line 1: expected a JSON object"},
      {samples_read_prompts, "a.jsonl", "{\"txt\":\"a\"}",
       "a.jsonl: line 1: none of \"text\", \"messages\" and \"ids\", expected one"},
      {samples_read_prompts, "a.jsonl", "{\"text\":\"a\",\"ids\":[1]}", "a.jsonl: line 1: several of \"text\""},
      {samples_read_prompts, "a.jsonl", "{\"text\":5}", "a.jsonl: line 1: \"text\" is no string"},
      {samples_read_prompts, "a.jsonl", "{\"text\":\"\"}", "a.jsonl: line 1: the text is empty"},
      {samples_read_prompts, "a.jsonl", "{\"text\":\"a\",\"id\":1.5}",
       "a.jsonl: line 1: \"id\" is neither a string nor a whole number"},
      {samples_read_prompts, "a.jsonl", "{\"text\":\"a\",\"group\":[]}",
       "a.jsonl: line 1: \"group\" is neither a string nor a whole number"},
      {samples_read_prompts, "a.jsonl", "{\"text\":\"a\",\"id\":2}\n{\"text\":\"b\"}",
       "a.jsonl: line 2: the id \"2\" was there before, expected each once"},
      {samples_read_prompts, "a.jsonl", "{\"ids\":[]}", "a.jsonl: line 1: \"ids\" is no list of token ids"},
      {samples_read_prompts, "a.jsonl", "{\"ids\":[1,300]}",
       "a.jsonl: line 1: \"ids\" holds 300 at place 1, expected a token id below 300"},
      {samples_read_prompts, "a.jsonl", "{\"ids\":[-1]}", "a.jsonl: line 1: \"ids\" holds -1 at place 0"},
      {samples_read_prompts, "a.jsonl", "{\"ids\":[1.5]}", "a.jsonl: line 1: \"ids\" holds 1.5 at place 0"},
      {samples_read_prompts, "a.jsonl", "{\"messages\":[]}", "a.jsonl: line 1: messages is no list of turns"},
      {samples_read_prompts, "a.jsonl", "{\"messages\":[{\"role\":\"user\"}]}",
       "a.jsonl: line 1: messages: \"content\" is missing, expected a string"},
      {samples_read_prompts, "a.jsonl", "{\"messages\":[" TURN("usr", "a") "]}",
       "a.jsonl: line 1: turn 1 has the role \"usr\", expected system, developer, user, assistant, tool, function, "
       "ipython or environment"},
      {samples_read_prompts, "a.jsonl", "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\"}]}]}",
       "a.jsonl: line 1: messages: \"content\" has a part that is no {\"type\": \"text\", \"text\": ...}"},
      {samples_read_prompts, "a.jsonl", "{\"messages\":[" TURN("user", "a") "],\"tools\":7}",
       "a.jsonl: line 1: \"tools\" is no list"},
      {samples_read_prompts, "a.jsonl", "{\"messages\":[" TURN("user", "a") "],\"tools\":[{}]}",
       "a.jsonl: line 1: the format chatml has no place for tools"},
      {samples_read_prompts, "a.jsonl", "{\"messages\":[" TURN("user", "") "]}",
       "a.jsonl: line 1: the last turn is empty"},
      {samples_read_prompts, "a.jsonl", "[{\"text\":\"a\"},{\"text\":7}]", "a.jsonl: record 2: \"text\" is no string"},
      {samples_read_prompts, "a.jsonl", "[{\"text\":\"a\"}", "a.jsonl: record 1: the JSON array is not closed by ]"},
      {samples_read_prompts, "a.jsonl", "[{\"text\":\"a\"},", "a.jsonl: record 2: the JSON array is not closed by ]"},
      {samples_read_prompts, "a.jsonl", "[{\"text\":\"a\"},,{}]", "a.jsonl: record 2: nothing between two commas"},
      {samples_read_prompts, "a.jsonl", "[{\"text\":\"a\"}] 5", "a.jsonl: text after the JSON array"},
      {samples_read_prompts, "a.jsonl", "[ ]", "a.jsonl: no prompts in this file"},
      {samples_read_pairs, "p.jsonl", "{\"a\":1}",
       "p.jsonl: line 1: no preference pair of a known schema: found the keys a; expected those of RAIL-HH, "},
      {samples_read_pairs, "p.jsonl", "{\"chosen\":\"a\",\"rejected\":\"b\"}", "p.jsonl: line 1: no preference pair"},
      {samples_read_pairs, "p.jsonl", PAIR("\"q\"", "\"a\"", "\"b\"") "{\"prompt\":\"q\",\"chosen\":\"a\"}",
       "p.jsonl: line 2: no preference pair, expected TRL pairs as in the first row"},
      {samples_read_pairs, "p.jsonl",
       PAIR("\"q\"", "\"a\"", "\"b\"") "{\"chosen\":\"\\n\\nHuman: a\\n\\nAssistant: b\",\"rejected\":\"\\n\\nHuman: "
                                       "a\\n\\nAssistant: c\"}",
       "p.jsonl: line 2: HH transcripts, expected TRL pairs as in the first row"},
      {samples_read_pairs, "p.jsonl", PAIR("\"\"", "\"a\"", "\"b\""), "p.jsonl: line 1: \"prompt\" is empty"},
      {samples_read_pairs, "p.jsonl", PAIR("\"q\"", "7", "\"b\""),
       "p.jsonl: line 1: \"chosen\" is neither a string nor a list of turns"},
      {samples_read_pairs, "p.jsonl", PAIR("\"q\"", "[" TURN("user", "a") "]", "\"b\""),
       "p.jsonl: line 1: the last turn of \"chosen\" is the user's, expected the assistant's"},
      {samples_read_pairs, "p.jsonl",
       "{\"chosen\":\"\\n\\nHuman: a\",\"rejected\":\"\\n\\nHuman: a\\n\\nAssistant: c\"}",
       "p.jsonl: line 1: the last turn of \"chosen\" is the user's, expected the assistant's"},
      {samples_read_pairs, "p.jsonl", "{\"chosen\":\"\\n\\nHuman: a\\n\\nAssistant: c\",\"rejected\":\"x\"}",
       "p.jsonl: line 1: \"rejected\" does not begin with"},
      {samples_read_pairs, "p.jsonl", PAIR("\"q\"", "\"a\"", "\"b\"") PAIR("\"q\"", "\"a\"", "\"\xff\""),
       "p.jsonl: line 2: not UTF-8 at byte"},
      {samples_read_pairs, "p.jsonl",
       "{\"prompt\":\"p\",\"chosen\":\"a\",\"rejected\":\"b\",\"probability\":1.5}",
       "p.jsonl: line 1: \"probability\" is 1.5, expected a number from 0 to 1"},
      {samples_read_pairs, "p.jsonl",
       "{\"prompt\":\"p\",\"chosen\":\"a\",\"rejected\":\"b\",\"weight\":-1}",
       "p.jsonl: line 1: \"weight\" is -1, expected a number from 0"},
      {samples_read_pairs, "p.jsonl",
       "{\"prompt\":\"p\",\"chosen\":\"a\",\"rejected\":\"b\",\"margin\":\"big\"}",
       "p.jsonl: line 1: \"margin\" is \"big\", expected a number"},
      {samples_read_pairs, "p.jsonl", "", "p.jsonl: no pairs in this file"},
      {samples_read_pairs, "p.json.gz", "\x1f\x8b\x08 broken", "p.json.gz: "},
  };
  rules.strict = true;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    SampleSet set;
    Error err = {0};
    const Status status = read_as(bad[i].reader, bad[i].name, bad[i].text, &set, &err);
    ok(status == STATUS_DATA && strstr(err.text, bad[i].message) && set.count == 0 && !set.items, "refused: %s",
       err.text);
  }
  rules.strict = false;
  Error err = {0};
  SampleSet set;
  ok(samples_read_pairs((const char *const[]){"/nowhere/p.jsonl"}, 1, &rules, &set, &err) == STATUS_SYSTEM,
     "a missing file: %s", err.text);
}

int main(void) {
  char *path = mem_format("%s/tests/fixtures/llama-base.gguf", getenv("SRCDIR"));
  Error err = {0};
  if (!mkdtemp(folder) || source_open(path, &source, &err) != STATUS_OK ||
      tokenizer_open(source, &tokenizer, &err) != STATUS_OK ||
      chat_open("chatml", NULL, tokenizer, &chatml, &err) != STATUS_OK ||
      chat_open("none", NULL, tokenizer, &plain, &err) != STATUS_OK) {
    printf("Bail out! %s\n", err.text);
    return 99;
  }
  rules = (SampleRules){.tokenizer = tokenizer, .chat = chatml};
  test_prompts();
  test_several_files();
  test_pairs();
  test_labels();
  test_split();
  test_refusals();
  rmdir(folder);
  chat_close(chatml);
  chat_close(plain);
  tokenizer_close(tokenizer);
  source_close(source);
  free(path);
  return tap_end();
}
