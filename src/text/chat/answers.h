/* Answers to a question through a chat template: what the template writes before and behind an answer, as text and as
 * token ids, so that many answers need neither rendering nor, as ids, tokenising. */
#ifndef FATHOM_TEXT_CHAT_ANSWERS_H
#define FATHOM_TEXT_CHAT_ANSWERS_H

#include "text/samples/questions.h"

#include <stdbool.h>

/* The text of the question with an answer is head + answer + tail. */
typedef struct AnswerFrame {
  char *head, *tail;
  size_t head_size, tail_size;
} AnswerFrame;

/* A template that does not write an answer once and as it is, is STATUS_DATA. */
Status answer_frame_init(AnswerFrame *frame, const ChatTemplate *chat, const Question *question, Error *err);
void answer_frame_clear(AnswerFrame *frame); /* all zeros is fine */

/* The whole text as a template writes it that may change an answer: as most do with blanks around it. Freed by the
 * caller. */
Status answer_render(const ChatTemplate *chat, const Question *question, const char *answer, char **text, size_t *size,
                     Error *err);

/* Appends the ids of head + answer + tail, as `fathom score` has them. */
Status answer_tokenize(const AnswerFrame *frame, const ChatTemplate *chat, const Tokenizer *tokenizer,
                       const char *answer, TokenList *tokens, Error *err);

/* The ids that stand before and behind every answer. joined: the head's last bytes or the tail's first ones are part of
 * an answer's first or last token, as where a template ends with a blank. */
typedef struct AnswerIds {
  TokenList head, tail;
  bool joined_head, joined_tail;
} AnswerIds;

/* Found with a few plain words as answers; STATUS_DATA where nothing tells them from what is around them. */
Status answer_ids_find(const AnswerFrame *frame, const ChatTemplate *chat, const Tokenizer *tokenizer, AnswerIds *ids,
                       Error *err);
void answer_ids_clear(AnswerIds *ids); /* all zeros is fine */

#endif
