/* Tokens of continuations: the whole is tokenised, and what stands behind a place in it is taken. */
#include "text/continuation.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* The ids of a text, but for an EOS that the tokenizer adds. */
static Status encode_open(const Tokenizer *tokenizer, const char *text, size_t size, unsigned flags, TokenList *tokens,
                          Error *err) {
  size_t end = 0;
  const Status status = tokenizer_encode_at(tokenizer, text, size, flags, SIZE_MAX, tokens, &end, err);
  if (status == STATUS_OK) tokens->count = end;
  return status;
}

Status question_ask(const Question *q, const ChatTemplate *chat, const Tokenizer *tokenizer, Asked *asked, Error *err) {
  size_t size, response;
  *asked = (Asked){0};
  Status status = chat_render(chat, q->messages, q->n_messages, q->tools, !chat_is_plain(chat), &asked->text, &size,
                              &response, err);
  if (status == STATUS_OK)
    status = encode_open(tokenizer, asked->text, size, chat_tokenize_flags(chat), &asked->tokens, err);
  if (status == STATUS_OK && asked->tokens.count == 0) status = error_set(err, STATUS_DATA, "the text has no tokens");
  if (status == STATUS_OK) return status;
  asked_clear(asked);
  return error_prefix(err, "prompt \"%s\"", q->id);
}

void asked_clear(Asked *asked) {
  free(asked->text);
  token_list_clear(&asked->tokens);
  *asked = (Asked){0};
}

Status continuation_encode(const Asked *asked, const ChatTemplate *chat, const Tokenizer *tokenizer, const char *text,
                           TokenList *tokens, bool *merges, Error *err) {
  const size_t n = asked->tokens.count;
  TokenList whole = {0};
  char *joint = mem_format("%s%s", asked->text, text);
  Status status = encode_open(tokenizer, joint, strlen(joint), chat_tokenize_flags(chat), &whole, err);
  *merges =
      status == STATUS_OK && (whole.count <= n || memcmp(whole.ids, asked->tokens.ids, n * sizeof *whole.ids) != 0);
  if (*merges) {
    token_list_clear(&whole);
    status = tokenizer_encode(tokenizer, text, strlen(text), 0, &whole, err);
  }
  const size_t first = *merges ? 0 : n;
  if (status == STATUS_OK && whole.count == first)
    status = error_set(err, STATUS_DATA, "\"%.100s\" has no tokens", text);
  for (size_t i = first; i < whole.count && status == STATUS_OK; i++) token_list_add(tokens, whole.ids[i]);
  token_list_clear(&whole);
  free(joint);
  return status;
}

/* What follows a short answer in the template's text. */
static Status encode_tail(const ChatTemplate *chat, const Tokenizer *tokenizer, TokenList *tokens, Error *err) {
  static const Message turns[] = {{"user", "x", NULL}, {"assistant", "y", NULL}};
  TokenList whole = {0};
  char *text = NULL;
  size_t size, response, first = 0;
  Status status = chat_render(chat, turns, 2, NULL, false, &text, &size, &response, err);
  if (status == STATUS_OK && (response >= size || text[response] != 'y'))
    status = error_set(err, STATUS_DATA, "%s: cannot tell where it writes what the assistant says", chat_name(chat));
  if (status == STATUS_OK)
    status = tokenizer_encode_at(tokenizer, text, size, chat_tokenize_flags(chat), response + 1, &whole, &first, err);
  for (size_t i = first; i < whole.count && status == STATUS_OK; i++) token_list_add(tokens, whole.ids[i]);
  token_list_clear(&whole);
  free(text);
  return status;
}

Status chat_end_of_turn(const ChatTemplate *chat, const Tokenizer *tokenizer, TokenList *tokens, Error *err) {
  const size_t before = tokens->count;
  const Status status = chat_is_plain(chat) ? STATUS_OK : encode_tail(chat, tokenizer, tokens, err);
  if (status == STATUS_OK && tokens->count == before && tokenizer_eos(tokenizer) >= 0)
    token_list_add(tokens, tokenizer_eos(tokenizer));
  return status;
}
