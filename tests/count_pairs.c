/* count_pairs MODEL FILE...: reads preference pairs with a model's tokenizer and ChatML, and says how many there are. */
#include "text/samples/samples.h"
#include "weights/source.h"

#include <stdio.h>

int main(int argc, char **argv) {
  Source *source;
  Tokenizer *tokenizer = NULL;
  ChatTemplate *chat = NULL;
  SampleSet set = {0};
  Error err = {0};
  if (argc < 3) return STATUS_USAGE;
  Status status = source_open(argv[1], &source, &err);
  if (status == STATUS_OK) status = tokenizer_open(source, &tokenizer, &err);
  if (status == STATUS_OK) status = chat_open("chatml", NULL, tokenizer, &chat, &err);
  const SampleRules rules = {.tokenizer = tokenizer, .chat = chat};
  if (status == STATUS_OK)
    status = samples_read_pairs((const char *const *)argv + 2, (size_t)argc - 2, &rules, &set, &err);
  if (status == STATUS_OK)
    printf("%zu read, %zu kept, %zu tied, %zu empty, %zu equal, %zu bad: %s\n", set.n_read, set.count / 2, set.n_tied,
           set.n_empty, set.n_equal, set.n_bad, set.schema);
  else
    fprintf(stderr, "count_pairs: %s\n", err.text);
  samples_clear(&set);
  chat_close(chat);
  tokenizer_close(tokenizer);
  source_close(source);
  return status;
}
