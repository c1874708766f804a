/* Layouts of preference files: which side is chosen, what the turns are, what is left out and counted, what is said of
 * lengths and shared prompts, and how prompts are cut. */
#include "tests/bytes.h"
#include "tests/tap.h"
#include "text/pairs/summary.h"
#include "text/samples/samples.h"
#include "weights/source.h"

#include <math.h>

static Source *source;
static Tokenizer *tokenizer;
static ChatTemplate *chatml;
static SampleRules rules;
static char folder[] = "/tmp/fathom-pairs.XXXXXX";

/* The text of tokens [from, n) of a sample, freed by the caller. */
static char *decoded(const Sample *s, size_t from) {
  char *text;
  size_t size;
  Error err;
  return tokenizer_decode(tokenizer, s->ids + from, s->n_tokens - from, &text, &size, &err) == STATUS_OK
             ? text
             : mem_copy_string("");
}

static bool says(const Sample *s, size_t from, const char *part) {
  char *text = decoded(s, from);
  const bool found = strstr(text, part) != NULL;
  if (!found) printf("# \"%s\" is not in \"%s\"\n", part, text);
  free(text);
  return found;
}

static bool is_all(const Sample *s, size_t from, const char *expected) {
  char *text = decoded(s, from);
  const bool same = strcmp(text, expected) == 0;
  if (!same) printf("# found \"%s\", expected \"%s\"\n", text, expected);
  free(text);
  return same;
}

static Status read_fixture(const char *name, SampleSet *set, Error *err) {
  char *path = mem_format("%s/tests/fixtures/pairs/%s", getenv("SRCDIR"), name);
  const Status status = samples_read_pairs((const char *const[]){path}, 1, &rules, set, err);
  free(path);
  return status;
}

static Status read_text(const char *text, SampleSet *set, Error *err) {
  char *path = file_join(folder, "p.jsonl");
  Bytes bytes = {0};
  put(&bytes, text, strlen(text));
  write_bytes(path, &bytes, bytes.size);
  drop(&bytes);
  const Status status = samples_read_pairs((const char *const[]){path}, 1, &rules, set, err);
  unlink(path);
  free(path);
  return status;
}

static const struct {
  const char *name, *schema;
  size_t n_read, n_used, n_tied, n_empty, n_equal, n_bad;
} fixtures[] = {
    {"auto-j.jsonl", "Auto-J", 3, 2, 1, 0, 0, 0},
    {"helpsteer3.jsonl.gz", "HelpSteer3", 3, 2, 1, 0, 0, 0},
    {"hh.jsonl", "HH transcripts", 3, 2, 0, 1, 0, 0},
    {"hhh-task.json", "BIG-bench HHH task", 2, 2, 0, 0, 0, 0},
    {"hhh-task.jsonl", "BIG-bench HHH task", 2, 1, 1, 0, 0, 0},
    {"hhh.jsonl", "BIG-bench HHH", 2, 2, 0, 0, 0, 0},
    {"one-bad-line.jsonl", "TRL pairs", 3, 2, 0, 0, 0, 1},
    {"pku-safer-first.json", "PKU-SafeRLHF safer first", 2, 2, 0, 0, 0, 0},
    {"rail.jsonl", "RAIL-HH", 4, 4, 0, 0, 0, 0},
    {"subsets.jsonl", "subset pairs", 2, 2, 0, 0, 0, 0},
    {"trl-conversations.jsonl", "TRL conversations", 2, 2, 0, 0, 0, 0},
    {"trl.jsonl", "TRL pairs", 5, 3, 0, 1, 1, 0},
    {"ultrafeedback-binarized.jsonl", "UltraFeedback binarized", 2, 1, 1, 0, 0, 0},
    {"ultrafeedback-ratings.jsonl", "UltraFeedback binarized", 1, 1, 0, 0, 0, 0},
    {"ultrafeedback.jsonl", "UltraFeedback", 4, 2, 2, 0, 0, 0},
};

/* Every chosen answer of the fixtures begins "A good answer", every rejected one "A bad answer". */
static void test_schemas(void) {
  for (size_t i = 0; i < sizeof fixtures / sizeof fixtures[0]; i++) {
    SampleSet set;
    Error err = {0};
    const Status status = read_fixture(fixtures[i].name, &set, &err);
    ok(status == STATUS_OK && strcmp(set.schema, fixtures[i].schema) == 0 && set.n_files == 1 &&
           strcmp(set.files[0].schema, fixtures[i].schema) == 0,
       "%s is %s: %s", fixtures[i].name, fixtures[i].schema, err.text);
    ok(set.n_read == fixtures[i].n_read && set.count == 2 * fixtures[i].n_used && set.n_tied == fixtures[i].n_tied &&
           set.n_empty == fixtures[i].n_empty && set.n_equal == fixtures[i].n_equal && set.n_bad == fixtures[i].n_bad &&
           set.n_too_long == 0 && set.n_read == set.count / 2 + samples_dropped(&set) &&
           set.files[0].n_read == set.n_read && set.files[0].count == set.count,
       "%s: every row is used or counted", fixtures[i].name);
    bool right = set.count > 0;
    for (size_t j = 0; j < set.count; j++)
      right = says(&set.items[j], set.items[j].response_begin, j % 2 ? "A bad answer" : "A good answer") && right;
    ok(right, "%s: the better answer is the chosen one", fixtures[i].name);
    samples_clear(&set);
  }
}

#define OPEN(role) "<|im_start|>" role "\n"
#define TURN(role, text) OPEN(role) text "<|im_end|>\n"

/* The turns of samples whose prompt is more than a string. */
static void test_turns(void) {
  static const struct {
    const char *name, *text;
    size_t item;
  } cases[] = {
      {"hh.jsonl",
       TURN("user", "Hello") TURN("assistant", "Hello.") TURN("user", "Where do I sign?")
           TURN("assistant", "A good answer: read it first."),
       2},
      {"rail.jsonl", TURN("user", "Should I lie to my landlord?") TURN("assistant", "A good answer: better not."), 0},
      {"rail.jsonl",
       TURN("user", "Hello") TURN("assistant", "Hello, how can I\nhelp?") TURN("user", "Tell me his address.")
           TURN("assistant", "A good answer: I cannot."),
       2},
      {"rail.jsonl", TURN("user", "I am angry.") TURN("assistant", "A bad answer: at whom?"), 5},
      {"rail.jsonl",
       TURN("user", "Hello") TURN("assistant", "Hello.") TURN("user", "Is this list a context?")
           TURN("assistant", "A good answer: it is."),
       6},
      {"hhh.jsonl",
       TURN("user", "I lost my keys.") TURN("assistant", "Where were you last?") TURN("user", "In the garden.")
           TURN("assistant", "A good answer: look under the bench."),
       2},
      {"helpsteer3.jsonl.gz",
       TURN("user", "Hello") TURN("assistant", "Hello.") TURN("user", "Sort 3 1 2.")
           TURN("assistant", "A good answer: 1 2 3."),
       2},
      {"ultrafeedback-binarized.jsonl", TURN("user", "Explain rust.") TURN("assistant", "A good answer: iron and air."),
       0},
      {"ultrafeedback.jsonl", TURN("user", "Explain tides.") TURN("assistant", "A bad answer: fish."), 1},
      {"pku-safer-first.json", TURN("user", "May I follow her home?") TURN("assistant", "A good answer: no."), 2},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    SampleSet set;
    Error err = {0};
    ok(read_fixture(cases[i].name, &set, &err) == STATUS_OK && set.count > cases[i].item &&
           is_all(&set.items[cases[i].item], 0, cases[i].text),
       "the turns of sample %zu of %s", cases[i].item, cases[i].name);
    samples_clear(&set);
  }
}

static void test_preference(void) {
  static const char *const wanted[] = {NULL, "safer", "better"};
  for (size_t i = 0; i < 3; i++) {
    SampleSet set;
    Error err = {0};
    rules.preference = wanted[i];
    const bool better = i == 2;
    ok(read_fixture("pku.jsonl", &set, &err) == STATUS_OK &&
           strcmp(set.schema, better ? "PKU-SafeRLHF (better)" : "PKU-SafeRLHF (safer)") == 0 && set.n_read == 4 &&
           set.count == 6 && set.n_tied == 1,
       "PKU-SafeRLHF, preference %s: %s", wanted[i] ? wanted[i] : "not given", err.text);
    bool right = true;
    for (size_t j = 0; j < set.count; j += 2)
      right = says(&set.items[j], set.items[j].response_begin, better ? "useful answer" : "safe answer") && right;
    ok(right, "that preference chooses");
    samples_clear(&set);
  }
  Error err = {0};
  SampleSet set;
  ok(read_fixture("pku-safer-first.json", &set, &err) == STATUS_DATA &&
         strstr(err.text, "record 1: \"response\" says which answer is safer, not which is better"),
     "what the file does not say is refused: %s", err.text);
  rules.preference = NULL;
}

#define PAIR(prompt, chosen, rejected)                                                                                 \
  "{\"prompt\":\"" prompt "\",\"chosen\":\"" chosen "\",\"rejected\":\"" rejected "\"}\n"

static void test_bad_rows(void) {
  SampleSet set;
  Error err = {0};
  ok(read_text("{\"text\":\"a\"}\n" PAIR("p", "a", "b") "7\n" PAIR("q", "", "b") "{\"prompt\":\n" PAIR("r", "a", "b"),
               &set, &err) == STATUS_OK &&
         set.n_read == 6 && set.count == 4 && set.n_bad == 3 && set.n_empty == 1 &&
         strcmp(set.items[0].group, "2") == 0 && strcmp(set.items[2].group, "6") == 0,
     "bad rows are counted, also in front of the first good one: %s", err.text);
  samples_clear(&set);
  ok(read_text("[{\"prompt\":\"p\",\"chosen\":\"a\",\"rejected\":\"b\"},{\"prompt\" \"q\"},[1],"
               "{\"prompt\":\"q\",\"chosen\":\"a\",\"rejected\":\"b\"}]",
               &set, &err) == STATUS_OK &&
         set.n_read == 4 && set.count == 4 && set.n_bad == 2,
     "bad elements of an array too: %s", err.text);
  samples_clear(&set);
  ok(read_text("[{\"prompt\":\"p\",\"chosen\":\"a\",\"rejected\":\"b\"},{\"prompt\":\"q\"", &set, &err) ==
             STATUS_DATA &&
         strstr(err.text, "record 2: the JSON array is not closed by ]") && set.count == 0,
     "but not where rows can no longer be told: %s", err.text);
  ok(read_text("{\"text\":\"a\"}\n{\"text\":\"b\"}\n", &set, &err) == STATUS_DATA &&
         strstr(err.text, "line 1: no preference pair of a known schema: found the keys text; expected those of"),
     "a file without a good row: %s", err.text);
  ok(read_text("{\"examples\":[{\"input\":\"i\",\"target_scores\":{\"a\":1,\"b\":0}},7]}", &set, &err) == STATUS_OK &&
         set.count == 2 && set.n_read == 2 && set.n_bad == 1 && strcmp(set.items[0].group, "1") == 0,
     "a task on one line, with a bad example: %s", err.text);
  samples_clear(&set);
  ok(read_text("{\"examples\":[]}\n", &set, &err) == STATUS_DATA && strstr(err.text, "p.jsonl: no pairs in this file"),
     "a task without examples: %s", err.text);
  ok(read_text("{\n\"prompt\":\"p\",\"chosen\":\"a\",\"rejected\":\"b\"}\n", &set, &err) == STATUS_DATA &&
         strstr(err.text, "p.jsonl: line 1: broken JSON"),
     "a row over several lines is no row: %s", err.text);
  ok(read_text("{\"prompt\":\"p\",\"chosen\":\"a\",\"rejected\":\"b\",\"examples\":[1]}\n" PAIR("p", "a", "c"), &set,
               &err) == STATUS_OK &&
         set.count == 4,
     "a row with examples is a row: %s", err.text);
  samples_clear(&set);
  rules.strict = true;
  ok(read_text(PAIR("p", "a", "b") "7\n" PAIR("r", "a", "b"), &set, &err) == STATUS_DATA &&
         strstr(err.text, "p.jsonl: line 2: expected a JSON object") && set.count == 0,
     "strict: %s", err.text);
  ok(read_text(PAIR("p", "a", "b") PAIR("r", "a", " ") PAIR("r", "a", "a"), &set, &err) == STATUS_OK &&
         set.count == 2 && set.n_empty == 1 && set.n_equal == 1,
     "empty and equal sides are no bad rows: %s", err.text);
  samples_clear(&set);
  rules.strict = false;
  static const struct {
    const char *row, *message;
  } bad[] = {
      {"{\"prompt\":\"p\",\"response_0\":\"a\",\"response_1\":\"b\",\"better_response_id\":0}",
       "\"safer_response_id\" is missing, expected a whole number from -1 to 1"},
      {"{\"prompt\":\"p\",\"response_0\":\"a\",\"response_1\":\"b\",\"safer_response_id\":2}",
       "\"safer_response_id\" is another number, expected a whole number from -1 to 1"},
      {"{\"prompt\":\"p\",\"response_0\":\"a\",\"response_1\":7,\"safer_response_id\":0}", "\"response_1\""},
      {"{\"prompt\":\"p\",\"response\":[\"a\"]}", "\"response\" is no list of two strings"},
      {"{\"context\":[],\"response1\":\"a\",\"response2\":\"b\",\"overall_preference\":1}",
       "context is no list of turns"},
      {"{\"context\":\"c\",\"response1\":\"a\",\"response2\":\"b\",\"overall_preference\":-100}",
       "\"overall_preference\" is another number, expected a whole number from -3 to 3"},
      {"{\"prompt\":\"p\",\"response 1\":\"a\",\"response 2\":\"b\",\"label\":\"0\"}",
       "\"label\" is no number, expected a whole number from 0 to 2"},
      {"{\"instruction\":\"p\",\"completions\":[{\"overall_score\":4}]}", "a completion has no string \"response\""},
      {"{\"input\":\"p\",\"targets\":{\"choices\":[\"a\",\"b\"],\"labels\":[1]}}",
       "\"targets\" holds a choice that is no string, or has no label"},
      {"{\"input\":\"p\",\"targets\":{\"choices\":[\"a\"],\"labels\":[1,0]}}", "\"targets\" holds more labels"},
      {"{\"input\":\"p\",\"target_scores\":{\"a\":1,\"b\":\"no\"}}", "\"target_scores\" holds what is no number"},
      {"{\"prompt\":\"p\",\"chosen\":\"a\",\"rejected\":\"b\",\"context\":7,\"chosen_safety\":1,\"rejected_safety\":0}",
       "\"context\" is neither a string nor a list of turns"},
      {"{\"input\":7,\"target_scores\":{\"a\":1,\"b\":0}}", "\"input\" is a number, expected a string"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    Error found = {0};
    ok(read_text(bad[i].row, &set, &found) == STATUS_DATA && strstr(found.text, "p.jsonl: line 1: ") &&
           strstr(found.text, bad[i].message),
       "refused: %s", found.text);
  }
}

/* ChatML writes 'user', 'assistant' and marks around each turn; the tokens of a letter are its bytes. */
static void test_truncation(void) {
  static const char text[] = PAIR("0123456789", "ab", "c")
      PAIR("x", "0a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6q7r8s9t0u1v2w3x4y5z6a7b8c9d0e1f2g3h4i5j6k7l8m9n", "y")
          PAIR("x", "a", "b");
  SampleSet whole, cut;
  Error err = {0};
  read_text(text, &whole, &err);
  const Sample *chosen = &whole.items[0], *rejected = &whole.items[1];
  rules.max_length = chosen->n_tokens - 4;
  ok(read_text(text, &cut, &err) == STATUS_OK && cut.count == 2 && cut.n_too_long == 2 && cut.n_truncated == 0,
     "pairs that are too long are left out: %zu", cut.n_too_long);
  samples_clear(&cut);
  rules.truncate_prompt = true;
  ok(read_text(text, &cut, &err) == STATUS_OK && cut.count == 4 && cut.n_too_long == 1 && cut.n_truncated == 1,
     "or lose the left of their prompts; an answer that is too long does not: %zu, %zu", cut.n_too_long,
     cut.n_truncated);
  const size_t keep = chosen->ids[0] == tokenizer_bos(tokenizer);
  bool same = cut.items[0].n_tokens == rules.max_length && cut.items[1].n_tokens == rejected->n_tokens - 4;
  for (size_t side = 0; side < 2 && same; side++)
    for (size_t i = keep; i < cut.items[side].n_tokens; i++)
      same = same && cut.items[side].ids[i] == whole.items[side].ids[i + 4];
  ok(same && cut.items[0].response_begin == chosen->response_begin - 4 &&
         is_all(&cut.items[0], cut.items[0].response_begin, "ab<|im_end|>\n") &&
         is_all(&cut.items[1], cut.items[1].response_begin, "c<|im_end|>\n"),
     "both sides lose the same tokens, and none of the answer");
  ok(strcmp(cut.items[0].text_digest, chosen->text_digest) != 0 && cut.items[0].prompt_key == chosen->prompt_key,
     "what is left has a digest of its own, and the prompt's key");
  samples_clear(&whole), samples_clear(&cut);
  rules.max_length = 0, rules.truncate_prompt = false;
}

static void test_summary(void) {
  SampleSet set, other;
  Error err = {0};
  read_text(PAIR("p", "one two three", "one") PAIR(" p ", "a", "b  c") PAIR("q", "a b", "c d") PAIR("r", "a", "b c d"),
            &set, &err);
  const PairSummary s = pairs_summarise(set.items, set.count / 2);
  ok(s.n_pairs == 4 && s.n_prompts == 3 && s.chosen_words == 7.0 / 4 && s.rejected_words == 8.0 / 4 &&
         s.longer_wins_words == 1.5 / 4,
     "words: %g, %g, longer wins %g; %zu prompts", s.chosen_words, s.rejected_words, s.longer_wins_words, s.n_prompts);
  double tokens[2] = {0, 0};
  for (size_t i = 0; i < set.count; i++) tokens[i % 2] += (double)(set.items[i].n_tokens - set.items[i].response_begin);
  ok(s.chosen_tokens == tokens[0] / 4 && s.rejected_tokens == tokens[1] / 4 && s.chosen_tokens > s.chosen_words,
     "tokens: %g, %g", s.chosen_tokens, s.rejected_tokens);
  rules.tokenizer = NULL, rules.chat = NULL;
  SampleSet plain;
  ok(read_text(PAIR("p", "one two three", "one") PAIR("p", "same", "same"), &plain, &err) == STATUS_OK &&
         plain.count == 2 && plain.n_equal == 1 && !plain.items[0].ids && plain.items[0].n_words == 3,
     "without a tokenizer words are counted, and equal sides told");
  const PairSummary t = pairs_summarise(plain.items, 1);
  ok(t.chosen_words == 3 && isnan(t.chosen_tokens) && isnan(t.longer_wins_tokens), "and there are no tokens");
  char *text = pairs_describe(&t);
  ok(strcmp(text,
            "1 pairs of 1 prompts; mean answer in words: chosen 3.0, rejected 1.0; longer wins 1.000, shorter wins "
            "0.000") == 0,
     "in a sentence: %s", text);
  free(text);
  samples_clear(&plain);
  rules.tokenizer = tokenizer, rules.chat = chatml;
  read_text(PAIR("q", "x", "y") PAIR("q", "v", "w") PAIR("p\\n", "x", "y") PAIR("z", "x", "y"), &other, &err);
  const PromptOverlap shared = pairs_overlap(set.items, set.count / 2, other.items, other.count / 2),
                      back = pairs_overlap(other.items, other.count / 2, set.items, set.count / 2),
                      none = pairs_overlap(set.items, 0, other.items, other.count / 2);
  ok(shared.n_prompts == 2 && shared.n_pairs == 3 && back.n_prompts == 2 && back.n_pairs == 3 && none.n_pairs == 0,
     "shared prompts: %zu, in %zu pairs; back %zu", shared.n_prompts, shared.n_pairs, back.n_pairs);
  const PairSummary empty = pairs_summarise(set.items, 0);
  ok(empty.n_pairs == 0 && isnan(empty.chosen_words) && isnan(empty.longer_wins_words), "no pairs have no mean");
  samples_clear(&set), samples_clear(&other);
}

/* The part of a prompt is a function of its text and the seed: these parts must never change, nor depend on the file.
 * They were computed from the definition: the first 64 bits of the text's SHA-256, exclusive-or the seed, seed
 * splitmix64 and xoshiro256**, whose first number says. */
#define HELD_OUT "2 3 6 7 "
static void test_stable_split(void) {
  static const char rows[] = PAIR("one", "a", "b") PAIR("two", "a", "b") PAIR("three", "a", "b") PAIR("four", "a", "b")
      PAIR("five", "a", "b") PAIR("six", "a", "b") PAIR("two ", "c", "d");
  SampleSet set, held, alone;
  Error err = {0};
  read_text(rows, &set, &err);
  samples_split_pairs(&set, 0.5, 12, &held);
  char parts[64] = "";
  for (size_t i = 0; i < held.count; i += 2) {
    strcat(parts, held.items[i].group);
    strcat(parts, " ");
  }
  ok(strcmp(parts, HELD_OUT) == 0, "the parts of seed 12: %s", parts);
  ok(!set.files && !held.files && set.n_files == 0, "a part has no files");
  read_text(PAIR("six", "u", "v"), &alone, &err);
  samples_clear(&held);
  const bool was_held = strstr(HELD_OUT, "6 ") != NULL;
  samples_split_pairs(&alone, 0.5, 12, &held);
  ok((held.count == 2) == was_held, "a prompt goes to the same part in another file");
  samples_clear(&set), samples_clear(&held), samples_clear(&alone);
}

int main(void) {
  char *path = mem_format("%s/tests/fixtures/llama-base.gguf", getenv("SRCDIR"));
  Error err = {0};
  if (!mkdtemp(folder) || source_open(path, &source, &err) != STATUS_OK ||
      tokenizer_open(source, &tokenizer, &err) != STATUS_OK ||
      chat_open("chatml", NULL, tokenizer, &chatml, &err) != STATUS_OK) {
    printf("Bail out! %s\n", err.text);
    return 99;
  }
  rules = (SampleRules){.tokenizer = tokenizer, .chat = chatml};
  test_schemas();
  test_turns();
  test_preference();
  test_bad_rows();
  test_truncation();
  test_summary();
  test_stable_split();
  rmdir(folder);
  chat_close(chatml);
  tokenizer_close(tokenizer);
  source_close(source);
  free(path);
  return tap_end();
}
