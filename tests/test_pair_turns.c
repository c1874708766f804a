/* Pairs behind another prompt: no pair keeps its own, and the texts are those of a file written so. */
#include "base/rng.h"
#include "tests/bytes.h"
#include "tests/tap.h"
#include "text/pairs/turns.h"
#include "weights/source.h"

static SampleRules rules;
static char folder[] = "/tmp/fathom-turns.XXXXXX";

static Status read_text(const char *text, SampleSet *set, Error *err) {
  char *path = file_join(folder, "pairs.jsonl");
  Bytes bytes = {0};
  put(&bytes, text, strlen(text));
  write_bytes(path, &bytes, strlen(text));
  const Status status = samples_read_pairs((const char *const[]){path}, 1, &rules, set, err);
  unlink(path);
  drop(&bytes);
  free(path);
  return status;
}

static bool same_tokens(const Sample *a, const Sample *b) {
  return a->n_tokens == b->n_tokens && memcmp(a->ids, b->ids, a->n_tokens * sizeof *a->ids) == 0 &&
         a->response_begin == b->response_begin;
}

/* Random key counts: either a permutation that nobody keeps his key in, or more than half of one key. */
static void test_shuffle(void) {
  enum { SEED = 90125, ROUNDS = 300, MOST = 40 };
  Rng rng = rng_new(SEED);
  size_t n_good = 0, n_refused = 0;
  for (size_t round = 0; round < ROUNDS; round++) {
    const size_t n = 1 + rng_below(&rng, MOST), kinds = 1 + rng_below(&rng, n);
    uint64_t keys[MOST];
    size_t from[MOST], count[MOST] = {0}, largest = 0;
    bool taken[MOST] = {false}, good = true;
    for (size_t i = 0; i < n; i++) keys[i] = rng_below(&rng, 3) ? rng_below(&rng, kinds) : 0;
    for (size_t i = 0; i < n; i++)
      if (++count[keys[i]] > largest) largest = count[keys[i]];
    if (!prompts_shuffle(round, n, keys, from)) {
      n_refused += 2 * largest > n;
      continue;
    }
    for (size_t i = 0; i < n; i++) {
      good = good && from[i] < n && !taken[from[i]] && keys[from[i]] != keys[i];
      if (from[i] < n) taken[from[i]] = true;
    }
    n_good += good && 2 * largest <= n;
  }
  ok(n_good + n_refused == ROUNDS && n_good > 50 && n_refused > 20,
     "%zu permutations without a fixed prompt, %zu refused (seed %d)", n_good, n_refused, SEED);

  /* Of 6 different prompts every other one is given equally often. */
  const uint64_t six[] = {11, 12, 13, 14, 15, 16};
  size_t given[6] = {0}, from[6];
  for (uint64_t seed = 0; seed < 6000; seed++)
    if (prompts_shuffle(seed, 6, six, from)) given[from[0]]++;
  bool even = given[0] == 0;
  for (size_t i = 1; i < 6; i++) even = even && given[i] > 1060 && given[i] < 1340; /* 1200 +- 4.5 sd */
  ok(even, "each other prompt is drawn as often: %zu %zu %zu %zu %zu", given[1], given[2], given[3], given[4],
     given[5]);
  size_t again[6];
  ok(prompts_shuffle(7, 6, six, from) && prompts_shuffle(7, 6, six, again) && memcmp(from, again, sizeof from) == 0,
     "the same seed, the same order");
  ok(!prompts_shuffle(7, 1, six, from), "one pair has no other prompt");
}

static const char own[] = "{\"id\":\"a\",\"prompt\":[{\"role\":\"system\",\"content\":\"Be "
                          "brief.\"},{\"role\":\"user\",\"content\":\"Tea?\"}],"
                          "\"chosen\":\"Yes.\",\"rejected\":\"No, go.\"}\n"
                          "{\"id\":\"b\",\"prompt\":\"Rain?\",\"chosen\":\"It may.\",\"rejected\":\"Who cares\"}\n";
static const char removed[] =
    "{\"id\":\"a\",\"prompt\":[{\"role\":\"user\",\"content\":\"\"}],\"chosen\":\"Yes.\",\"rejected\":\"No, go.\"}\n"
    "{\"id\":\"b\",\"prompt\":[{\"role\":\"user\",\"content\":\"\"}],\"chosen\":\"It may.\",\"rejected\":\"Who "
    "cares\"}\n";
static const char swapped[] = "{\"id\":\"a\",\"prompt\":\"Rain?\",\"chosen\":\"Yes.\",\"rejected\":\"No, go.\"}\n"
                              "{\"id\":\"b\",\"prompt\":[{\"role\":\"system\",\"content\":\"Be "
                              "brief.\"},{\"role\":\"user\",\"content\":\"Tea?\"}],"
                              "\"chosen\":\"It may.\",\"rejected\":\"Who cares\"}\n";

static void compare(const SampleSet *set, PromptChange change, const char *text, const char *what) {
  SampleSet changed, expected;
  Error err = {0};
  if (!ok(pairs_change_prompts(set, &rules, change, 3, &changed, &err) == STATUS_OK && changed.count == set->count,
          "%s %s", what, err.text) ||
      !ok(read_text(text, &expected, &err) == STATUS_OK && expected.count == set->count, "and a file that says so"))
    return;
  size_t n_same = 0;
  for (size_t i = 0; i < set->count; i++)
    n_same += same_tokens(&changed.items[i], &expected.items[i]) &&
              strcmp(changed.items[i].id, set->items[i].id) == 0 &&
              changed.items[i].prompt_key == set->items[i].prompt_key;
  ok(n_same == set->count, "the same tokens, under the pair's own id and prompt");
  samples_clear(&changed);
  samples_clear(&expected);
}

static void test_change(void) {
  SampleSet set, changed;
  Error err = {0};
  rules.keep_turns = true;
  const Status status = read_text(own, &set, &err);
  rules.keep_turns = false;
  if (!ok(status == STATUS_OK && set.count == 4 && set.turns, "pairs that keep their turns %s", err.text)) return;
  ok(set.turns[0].n_prompt == 2 && strcmp(set.turns[0].answers[1].content, "No, go.") == 0, "prompt and answers apart");
  compare(&set, PROMPT_REMOVED, removed, "no prompt");
  compare(&set, PROMPT_SHUFFLED, swapped, "the other pair's prompt");
  set.items[2].prompt_key = set.items[0].prompt_key;
  ok(pairs_change_prompts(&set, &rules, PROMPT_SHUFFLED, 3, &changed, &err) == STATUS_DATA &&
         strcmp(err.text, "prompts cannot be shuffled: more than half of the 2 pairs have the same one") == 0,
     "one prompt alone cannot be shuffled");
  samples_clear(&set);
  ok(read_text(own, &set, &err) == STATUS_OK && !set.turns, "turns are kept on request only");
  samples_clear(&set);
}

int main(void) {
  char *path = mem_format("%s/tests/fixtures/llama-base.gguf", getenv("SRCDIR"));
  Error err = {0};
  Source *source;
  Tokenizer *tokenizer;
  ChatTemplate *chatml;
  if (!mkdtemp(folder) || source_open(path, &source, &err) != STATUS_OK ||
      tokenizer_open(source, &tokenizer, &err) != STATUS_OK ||
      chat_open("chatml", NULL, tokenizer, &chatml, &err) != STATUS_OK) {
    printf("Bail out! %s\n", err.text);
    return 99;
  }
  rules = (SampleRules){.tokenizer = tokenizer, .chat = chatml};
  test_shuffle();
  test_change();
  rmdir(folder);
  chat_close(chatml);
  tokenizer_close(tokenizer);
  source_close(source);
  free(path);
  return tap_end();
}
