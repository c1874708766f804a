/* What stands around an answer. */
#define _GNU_SOURCE /* memmem */
#include "text/chat/answers.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

Status answer_render(const ChatTemplate *chat, const Question *q, const char *answer, char **text, size_t *size,
                     Error *err) {
  Message *turns = mem_alloc(q->n_messages + 1, sizeof *turns);
  size_t response;
  memcpy(turns, q->messages, q->n_messages * sizeof *turns);
  turns[q->n_messages] = (Message){.role = "assistant", .content = answer};
  const Status status = chat_render(chat, turns, q->n_messages + 1, q->tools, false, text, size, &response, err);
  free(turns);
  return status;
}

/* The frame where text holds the answer, one byte, exactly once. */
static bool split(const char *text, size_t size, char answer, AnswerFrame *frame) {
  const char *at = memchr(text, answer, size);
  if (!at || memchr(at + 1, answer, size - (size_t)(at + 1 - text))) return false;
  frame->head_size = (size_t)(at - text);
  frame->tail_size = size - frame->head_size - 1;
  frame->head = mem_alloc(frame->head_size + 1, 1);
  frame->tail = mem_alloc(frame->tail_size + 1, 1);
  memcpy(frame->head, text, frame->head_size);
  memcpy(frame->tail, at + 1, frame->tail_size);
  return true;
}

static bool same(const AnswerFrame *a, const AnswerFrame *b) {
  return a->head_size == b->head_size && a->tail_size == b->tail_size && memcmp(a->head, b->head, a->head_size) == 0 &&
         memcmp(a->tail, b->tail, a->tail_size) == 0;
}

/* Two bytes that the question does not hold stand in for an answer. */
Status answer_frame_init(AnswerFrame *frame, const ChatTemplate *chat, const Question *q, Error *err) {
  static const char bytes[] = "\x01\x02\x03\x04\x05\x06";
  AnswerFrame frames[2] = {{0}, {0}};
  size_t n = 0;
  Status status = STATUS_OK;
  *frame = (AnswerFrame){0};
  for (const char *byte = bytes; *byte && n < 2 && status == STATUS_OK; byte++) {
    char *text, answer[2] = {*byte, 0};
    size_t size;
    status = answer_render(chat, q, answer, &text, &size, err);
    if (status != STATUS_OK) break;
    n += split(text, size, *byte, &frames[n]);
    free(text);
  }
  if (status == STATUS_OK && (n < 2 || !same(&frames[0], &frames[1])))
    status = error_set(err, STATUS_DATA, "%s: does not write the assistant's turn once and as it is: no answer can be scored",
                       chat_name(chat));
  answer_frame_clear(&frames[1]);
  if (status == STATUS_OK)
    *frame = frames[0];
  else
    answer_frame_clear(&frames[0]);
  return status;
}

void answer_frame_clear(AnswerFrame *frame) {
  free(frame->head);
  free(frame->tail);
  *frame = (AnswerFrame){0};
}

/* *begin and *end: the tokens that hold a byte of the answer, among those appended. */
static Status tokenize(const AnswerFrame *frame, const ChatTemplate *chat, const Tokenizer *tokenizer,
                       const char *answer, TokenList *tokens, size_t *begin, size_t *end, Error *err) {
  const size_t length = strlen(answer), size = frame->head_size + length + frame->tail_size, first = tokens->count;
  char *text = mem_alloc(size + 1, 1);
  memcpy(text, frame->head, frame->head_size);
  memcpy(text + frame->head_size, answer, length);
  memcpy(text + frame->head_size + length, frame->tail, frame->tail_size);
  Status status = tokenizer_encode_at(tokenizer, text, size, chat_tokenize_flags(chat), frame->head_size, tokens, begin, err);
  if (status == STATUS_OK && end) {
    tokens->count = first;
    status = tokenizer_encode_at(tokenizer, text, size, chat_tokenize_flags(chat), frame->head_size + length, tokens, end, err);
  }
  free(text);
  return status;
}

Status answer_tokenize(const AnswerFrame *frame, const ChatTemplate *chat, const Tokenizer *tokenizer,
                       const char *answer, TokenList *tokens, Error *err) {
  size_t begin;
  return tokenize(frame, chat, tokenizer, answer, tokens, &begin, NULL, err);
}

/* Words that share neither their first nor their last letter. */
static const char *const plain_words[] = {"a", "The", "yes", "7", "Word"};
enum { PLAIN_WORDS = sizeof plain_words / sizeof plain_words[0] };

static size_t common_begin(const TokenList *a, const TokenList *b, size_t most) {
  size_t n = 0;
  while (n < most && n < b->count && a->ids[n] == b->ids[n]) n++;
  return n;
}

static size_t common_end(const TokenList *a, const TokenList *b, size_t most) {
  size_t n = 0;
  while (n < most && n < b->count && a->ids[a->count - 1 - n] == b->ids[b->count - 1 - n]) n++;
  return n;
}

static void append(TokenList *to, const int32_t *ids, size_t n) {
  for (size_t i = 0; i < n; i++) token_list_add(to, ids[i]);
}

/* Does the token in which the answer begins hold the end of the head, as " yes" behind a head that ends with a blank? Then all
 * answers may do so, and no id before them differs. */
static bool holds_head(const AnswerFrame *frame, const Tokenizer *tokenizer, int32_t id, char answer) {
  char *text;
  size_t size;
  bool is_special;
  if (!tokenizer_token_text(tokenizer, id, &text, &size, &is_special)) return false;
  const bool holds = frame->head_size > 0 && text[0] != answer && text[0] == frame->head[frame->head_size - 1];
  free(text);
  return holds;
}

Status answer_ids_find(const AnswerFrame *frame, const ChatTemplate *chat, const Tokenizer *tokenizer, AnswerIds *ids,
                       Error *err) {
  TokenList words[PLAIN_WORDS] = {{0}};
  size_t begins[PLAIN_WORDS], ends[PLAIN_WORDS], before = SIZE_MAX, behind = SIZE_MAX;
  Status status = STATUS_OK;
  *ids = (AnswerIds){0};
  for (size_t i = 0; i < PLAIN_WORDS && status == STATUS_OK; i++)
    status = tokenize(frame, chat, tokenizer, plain_words[i], &words[i], &begins[i], &ends[i], err);
  for (size_t i = 0; i < PLAIN_WORDS && status == STATUS_OK; i++) {
    before = common_begin(&words[0], &words[i], before < words[0].count ? before : words[0].count);
    behind = common_end(&words[0], &words[i], behind < words[0].count ? behind : words[0].count);
  }
  for (size_t i = 0; i < PLAIN_WORDS && status == STATUS_OK; i++) {
    if (before + behind >= words[i].count)
      status = error_set(err, STATUS_DATA, "the vocabulary has no token for the answer \"%s\"", plain_words[i]);
    else
      ids->joined_head |= begins[i] != before || holds_head(frame, tokenizer, words[i].ids[before], plain_words[i][0]);
    ids->joined_tail |= ends[i] != words[i].count - behind;
  }
  if (status == STATUS_OK) {
    append(&ids->head, words[0].ids, before);
    append(&ids->tail, words[0].ids + words[0].count - behind, behind);
  }
  for (size_t i = 0; i < PLAIN_WORDS; i++) token_list_clear(&words[i]);
  return status;
}

void answer_ids_clear(AnswerIds *ids) {
  token_list_clear(&ids->head);
  token_list_clear(&ids->tail);
  *ids = (AnswerIds){0};
}
