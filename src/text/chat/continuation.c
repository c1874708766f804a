/* Continuations: the whole is rendered and tokenised, and what stands behind a place in it is taken. */
#include "text/chat/continuation.h"

#include "base/memory.h"
#include "text/chat/answers.h"

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

/* What the template writes between its generation prompt and an answer; its last blanks are the separator. */
static Status open_answer(const Question *q, const ChatTemplate *chat, Asked *asked, size_t *size, Error *err) {
  AnswerFrame frame;
  const Status status = answer_frame_init(&frame, chat, q, err);
  if (status != STATUS_OK) return status;
  asked->is_continued = frame.head_size >= *size && memcmp(frame.head, asked->text, *size) == 0;
  if (asked->is_continued) {
    size_t end = frame.head_size;
    while (end > *size && frame.head[end - 1] == ' ') end--;
    asked->separator = mem_copy_string(frame.head + end);
    frame.head[end] = 0;
    free(asked->text);
    asked->text = frame.head;
    frame.head = NULL;
    asked->opening = end - *size;
    *size = end;
  }
  answer_frame_clear(&frame);
  return STATUS_OK;
}

Status question_ask(const Question *q, const ChatTemplate *chat, const Tokenizer *tokenizer, Asked *asked, Error *err) {
  const bool is_plain = chat_is_plain(chat);
  size_t size, response;
  *asked = (Asked){.is_continued = is_plain};
  Status status =
      chat_render(chat, q->messages, q->n_messages, q->tools, !is_plain, &asked->text, &size, &response, err);
  if (status == STATUS_OK && !is_plain) status = open_answer(q, chat, asked, &size, err);
  if (!asked->separator) asked->separator = mem_copy_string(is_plain ? " " : "");
  if (status == STATUS_OK)
    status = encode_open(tokenizer, asked->text, size, chat_tokenize_flags(chat), &asked->tokens, err);
  if (status == STATUS_OK && asked->tokens.count == 0) status = error_set(err, STATUS_DATA, "the text has no tokens");
  if (status == STATUS_OK) return status;
  asked_clear(asked);
  return error_prefix(err, "prompt \"%s\"", q->id);
}

void asked_clear(Asked *asked) {
  free(asked->text);
  free(asked->separator);
  token_list_clear(&asked->tokens);
  *asked = (Asked){0};
}

/* The tokens of text behind a beginning that has n ids; none, and *merges, where the last of these become others. */
static Status encode_behind(const Tokenizer *tokenizer, const char *beginning, const int32_t *ids, size_t n,
                            unsigned flags, const char *text, TokenList *tokens, bool *merges, Error *err) {
  TokenList whole = {0};
  char *joint = mem_format("%s%s", beginning, text);
  const Status status = encode_open(tokenizer, joint, strlen(joint), flags, &whole, err);
  *merges = status == STATUS_OK && (whole.count <= n || memcmp(whole.ids, ids, n * sizeof *ids) != 0);
  for (size_t i = n; status == STATUS_OK && !*merges && i < whole.count; i++) token_list_add(tokens, whole.ids[i]);
  token_list_clear(&whole);
  free(joint);
  return status;
}

/* Tokens of a text that merges with nothing: on a line of its own, since SentencePiece puts a blank in front of what a
 * text begins with. */
static Status encode_alone(const Tokenizer *tokenizer, const char *text, TokenList *tokens, Error *err) {
  TokenList line = {0};
  bool merges = true;
  Status status = tokenizer_encode(tokenizer, "\n", 1, 0, &line, err);
  if (status == STATUS_OK)
    status = encode_behind(tokenizer, "\n", line.ids, line.count, TOKENIZE_PARSE_SPECIAL, text, tokens, &merges, err);
  if (status == STATUS_OK && merges)
    status = tokenizer_encode(tokenizer, text, strlen(text), TOKENIZE_PARSE_SPECIAL, tokens, err);
  token_list_clear(&line);
  return status;
}

Status continuation_encode(const Asked *asked, const ChatTemplate *chat, const Tokenizer *tokenizer, const char *text,
                           TokenList *tokens, bool *merges, Error *err) {
  const size_t before = tokens->count;
  Status status = encode_behind(tokenizer, asked->text, asked->tokens.ids, asked->tokens.count,
                                chat_tokenize_flags(chat), text, tokens, merges, err);
  if (*merges) status = encode_alone(tokenizer, text, tokens, err);
  if (status == STATUS_OK && tokens->count == before)
    status = error_set(err, STATUS_DATA, "\"%.100s\" has no tokens", text);
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

/* A special or added token that is no blank or newline. */
static bool can_end(const Tokenizer *tokenizer, int32_t id) {
  char *text = NULL;
  size_t size = 0;
  bool is_special, can = false;
  if (tokenizer_is_plain(tokenizer, id) || !tokenizer_token_text(tokenizer, id, &text, &size, &is_special))
    return false;
  for (size_t i = 0; i < size && !can; i++) can = !strchr(" \t\r\n", text[i]);
  free(text);
  return can;
}

Status turn_end_find(const ChatTemplate *chat, const Tokenizer *tokenizer, TurnEnd *end, Error *err) {
  const int32_t eos = tokenizer_eos(tokenizer);
  *end = (TurnEnd){.token = -1};
  if (chat_is_plain(chat)) {
    if (eos >= 0) token_list_add(&end->tail, eos);
  } else {
    const Status status = encode_tail(chat, tokenizer, &end->tail, err);
    if (status != STATUS_OK) return status;
  }
  for (size_t i = 0; i < end->tail.count && end->token < 0; i++)
    if (can_end(tokenizer, end->tail.ids[i])) end->token = end->tail.ids[i];
  if (end->token < 0) end->token = eos;
  return STATUS_OK;
}

void turn_end_clear(TurnEnd *end) {
  token_list_clear(&end->tail);
  *end = (TurnEnd){.token = -1};
}
