/* Carrier sentences as tokens, cut behind the word. */
#include "text/lexicon/carriers.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

Status carrier_tokenize(const Carrier *carrier, const char *word, const Tokenizer *tokenizer, Sample *sample,
                        size_t *n_word_tokens, Error *err) {
  size_t end, first = 0, last = 0;
  char *text = carrier_fill(carrier, word, &end);
  const size_t size = strlen(text);
  TokenList tokens = {0}, again = {0};
  Status status =
      tokenizer_encode_at(tokenizer, text, size, TOKENIZE_ADD_SPECIAL, end - strlen(word), &tokens, &first, err);
  if (status == STATUS_OK)
    status = tokenizer_encode_at(tokenizer, text, size, TOKENIZE_ADD_SPECIAL, end - 1, &again, &last, err);
  if (status == STATUS_OK && (!word[0] || last >= tokens.count || first > last))
    status = error_set(err, STATUS_DATA, "no token stands for \"%.60s\" in \"%.200s\"", word, text);
  if (status == STATUS_OK) {
    *sample = (Sample){.id = mem_format("%.*s", (int)end, text),
                       .group = mem_copy_string(""),
                       .label = mem_copy_string(""),
                       .ids = tokens.ids,
                       .n_tokens = last + 1};
    digest_bytes(text, end, sample->text_digest);
    *n_word_tokens = last + 1 - first;
    tokens = (TokenList){0};
  }
  token_list_clear(&tokens);
  token_list_clear(&again);
  free(text);
  return status;
}
