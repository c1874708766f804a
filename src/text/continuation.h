/* The tokens with which a text goes on: a word as the answer to a prompt, and what ends a turn. */
#ifndef FATHOM_TEXT_CONTINUATION_H
#define FATHOM_TEXT_CONTINUATION_H

#include "text/chat.h"
#include "text/questions.h"

/* A question as one model is asked it: what an answer follows. */
typedef struct Asked {
  char *text;
  TokenList tokens; /* without an EOS behind them */
} Asked;

/* Through the template, with the header of an assistant turn behind it; with "none" the contents of the turns as plain
 * text, and nothing behind them. */
Status question_ask(const Question *question, const ChatTemplate *chat, const Tokenizer *tokenizer, Asked *asked,
                    Error *err);
void asked_clear(Asked *asked); /* all zeros is fine */

/* Appends the tokens of text as it stands behind the question: both are tokenised as one. Where the question's last
 * tokens would become others for it, the text's own tokens are taken, and *merges is true. A text without tokens is
 * STATUS_DATA. */
Status continuation_encode(const Asked *asked, const ChatTemplate *chat, const Tokenizer *tokenizer, const char *text,
                           TokenList *tokens, bool *merges, Error *err);

/* Appends the tokens that the template writes behind what the assistant says, the end-of-turn token first; for plain
 * text, and where a template writes nothing there, the tokenizer's EOS. None where that is missing, too. */
Status chat_end_of_turn(const ChatTemplate *chat, const Tokenizer *tokenizer, TokenList *tokens, Error *err);

#endif
