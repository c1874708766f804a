/* rewrite_tokenizer MODEL FOLDER: reads a model's tokenizer and writes it as tokenizer.json and tokenizer_config.json. */
#include "text/tokenizer/tokenizer.h"
#include "weights/source.h"

#include <stdio.h>

int main(int argc, char **argv) {
  Source *source;
  Tokenizer *tokenizer = NULL;
  Error err = {0};
  if (argc != 3) return STATUS_USAGE;
  Status status = source_open(argv[1], &source, &err);
  if (status == STATUS_OK) status = tokenizer_open(source, &tokenizer, &err);
  if (status == STATUS_OK) status = tokenizer_write(tokenizer, argv[2], -1, &err);
  if (status != STATUS_OK) fprintf(stderr, "rewrite_tokenizer: %s\n", err.text);
  tokenizer_close(tokenizer);
  source_close(source);
  return status;
}
