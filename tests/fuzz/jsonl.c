/* Prompts and preference pairs, plain or gzip; the first byte says as what the rest is read, and by which rules. */
#include "tests/fuzz/model.h"
#include "text/pairs/summary.h"
#include "text/samples/samples.h"

/* Kept for the life of the process. */
static Tokenizer *tokenizer;
static Source *source;

static void open_tokenizer(void) {
  Error err = {0};
  char path[512];
  const char *folder = getenv("SRCDIR");
  snprintf(path, sizeof path, "%s/tests/fixtures/llama-reward", folder ? folder : ".");
  if (source_open(path, &source, &err) != STATUS_OK || tokenizer_open(source, &tokenizer, &err) != STATUS_OK) abort();
}

/* What every reader of pairs relies on: each row is used or counted, and every set can be described. */
static void check_pairs(const SampleSet *set) {
  size_t rows = 0;
  for (size_t i = 0; i < set->n_files; i++) rows += set->files[i].n_read;
  if (set->n_read != set->count / 2 + samples_dropped(set) || rows != set->n_read || set->count % 2) abort();
  const PairSummary summary = pairs_summarise(set->items, set->count / 2);
  const PromptOverlap all = pairs_overlap(set->items, set->count / 2, set->items, set->count / 2);
  if (all.n_prompts != summary.n_prompts || all.n_pairs != set->count / 2) abort();
  free(pairs_describe(&summary));
  free(samples_describe_counts(set, 64));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  if (!tokenizer) open_tokenizer();
  Error err = {0};
  ChatTemplate *chat = NULL;
  fuzz_expect(chat_open("chatml", NULL, tokenizer, &chat, &err), &err);
  const unsigned kind = data[0] % 3, flags = data[0] / 3;
  const bool no_tokens = kind == 0 && (flags & 4);
  const SampleRules rules = {.tokenizer = no_tokens ? NULL : tokenizer,
                             .chat = no_tokens ? NULL : chat,
                             .max_length = 64,
                             .preference = flags & 1 ? "better" : NULL,
                             .truncate_prompt = flags & 2,
                             .strict = flags & 8,
                             .keep_turns = flags & 16};
  const char *path = fuzz_write(kind == 2 ? "data.txt" : "data.jsonl", data + 1, size - 1);
  SampleSet set = {0};
  Status status =
      kind ? samples_read_prompts(&path, 1, &rules, &set, &err) : samples_read_pairs(&path, 1, &rules, &set, &err);
  fuzz_expect(status, &err);
  if (kind == 0 && status == STATUS_OK) check_pairs(&set);
  samples_clear(&set);
  chat_close(chat);
  return 0;
}
