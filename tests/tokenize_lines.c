/* tokenize_lines MODEL [bare]: every line of standard input is a JSON string; prints its ids on one line, with BOS/EOS
 * where the model adds them unless bare. For checks of many texts against a large vocabulary. */
#include "base/json.h"
#include "text/tokenizer/tokenizer.h"
#include "weights/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Status tokenize_line(const Tokenizer *t, const char *line, size_t size, unsigned flags, Error *err) {
  Json *text;
  TokenList tokens = {0};
  Status status = json_parse(line, size, "standard input", &text, err);
  if (status != STATUS_OK) return status;
  const char *string = json_string(text, "");
  status = tokenizer_encode(t, string, strlen(string), flags, &tokens, err);
  for (size_t i = 0; i < tokens.count; i++) printf(i ? " %d" : "%d", tokens.ids[i]);
  putchar('\n');
  token_list_clear(&tokens);
  json_free(text);
  return status;
}

int main(int argc, char **argv) {
  Source *source;
  Tokenizer *tokenizer = NULL;
  Error err = {0};
  char *line = NULL;
  size_t room = 0;
  if (argc < 2) return STATUS_USAGE;
  const unsigned flags = TOKENIZE_PARSE_SPECIAL | (argc > 2 ? 0 : TOKENIZE_ADD_SPECIAL);
  Status status = source_open(argv[1], &source, &err);
  if (status == STATUS_OK) status = tokenizer_open(source, &tokenizer, &err);
  for (ssize_t n; status == STATUS_OK && (n = getline(&line, &room, stdin)) > 0;)
    status = tokenize_line(tokenizer, line, (size_t)n, flags, &err);
  if (status != STATUS_OK) fprintf(stderr, "tokenize_lines: %s\n", err.text);
  free(line);
  tokenizer_close(tokenizer);
  source_close(source);
  return status;
}
