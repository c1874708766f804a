/* Prompts and preference pairs, plain or gzip; the first byte says as what the rest is read. */
#include "tests/fuzz/model.h"
#include "text/samples.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  if (!tokenizer) open_tokenizer();
  Error err = {0};
  ChatTemplate *chat = NULL;
  fuzz_expect(chat_open("chatml", NULL, tokenizer, &chat, &err), &err);
  const SampleRules rules = {.tokenizer = tokenizer, .chat = chat, .max_length = 64};
  const char *path = fuzz_write(data[0] % 3 == 2 ? "data.txt" : "data.jsonl", data + 1, size - 1);
  SampleSet set = {0};
  Status status = data[0] % 3 ? samples_read_prompts(&path, 1, &rules, &set, &err)
                              : samples_read_pairs(&path, 1, &rules, &set, &err);
  fuzz_expect(status, &err);
  samples_clear(&set);
  chat_close(chat);
  return 0;
}
