/* How a text goes on: what stands between a prompt and its answer, the tokens of a word there, and what ends a turn. */
#ifndef FATHOM_TEXT_CHAT_CONTINUATION_H
#define FATHOM_TEXT_CHAT_CONTINUATION_H

#include "text/chat/chat.h"
#include "text/samples/questions.h"

/* A question as one model is asked it: what an answer follows. */
typedef struct Asked {
  char *text;
  size_t opening;    /* last bytes of text: what the template writes between its generation prompt and every answer */
  char *separator;   /* the blanks that then stand before an answer, which tokenizers make part of its first word */
  bool is_continued; /* false: the template writes answers otherwise than its generation prompt begins one */
  TokenList tokens;  /* of text, without an EOS behind them */
} Asked;

/* Through the template, with its generation prompt and what it writes between that and an answer: the header of the
 * turn where it has no generation prompt, or the marks of an empty thought. Where it writes answers otherwise, the
 * generation prompt alone. With "none" the contents of the turns as plain text, and a blank before the answer. A
 * template that does not write an answer once and as it is, is STATUS_DATA. */
Status question_ask(const Question *question, const ChatTemplate *chat, const Tokenizer *tokenizer, Asked *asked,
                    Error *err);
void asked_clear(Asked *asked); /* all zeros is fine */

/* Appends the tokens of text as it stands behind the question: both are tokenised as one. Where the question's last
 * tokens would become others for it, the text's own tokens are taken, and *merges is true. A text without tokens is
 * STATUS_DATA. */
Status continuation_encode(const Asked *asked, const ChatTemplate *chat, const Tokenizer *tokenizer, const char *text,
                           TokenList *tokens, bool *merges, Error *err);

typedef struct TurnEnd {
  TokenList tail; /* all that is written behind an answer */
  int32_t token;  /* what ends the turn, or -1 */
} TurnEnd;

/* What the template writes behind what the assistant says, in plain text the tokenizer's EOS. What ends the turn is the
 * first special token there, blanks and newlines aside (some templates write "answer </s>"); EOS where there is none.
 */
Status turn_end_find(const ChatTemplate *chat, const Tokenizer *tokenizer, TurnEnd *end, Error *err);
void turn_end_clear(TurnEnd *end); /* all zeros is fine */

#endif
