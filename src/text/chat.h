/* Chat turns to one text through a template. */
#ifndef FATHOM_TEXT_CHAT_H
#define FATHOM_TEXT_CHAT_H

#include "base/error.h"
#include "text/tokenizer.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct Message {
  const char *role, *content;
} Message;

typedef struct ChatTemplate ChatTemplate;

/* choice: "auto" = the model's own; "chatml"; "none" = contents joined by newlines as plain text. A model without a
 * template, or with one that is not understood, can be opened, since plain prompts need none: rendering is then the
 * error, with the remedy. An unknown choice is STATUS_USAGE. */
Status chat_open(const char *choice, const Tokenizer *tokenizer, ChatTemplate **out, Error *err);
void chat_close(ChatTemplate *chat); /* NULL is fine */

const char *chat_name(const ChatTemplate *chat); /* "chatml", "none", "the model's own", "missing" */
/* Of what rendering does, not of the template's spelling: two copies of one model compare. */
void chat_digest(const ChatTemplate *chat, char text[DIGEST_TEXT]);

/* The flags with which a rendered text is tokenised: as HF does, templates write the special tokens themselves and plain
 * text gets BOS and EOS. Special tokens are recognised in either, also where a user wrote them. */
unsigned chat_tokenize_flags(const ChatTemplate *chat);

/* The text of the turns; with open_turn the header of an assistant turn follows. *response is the byte where the content
 * of the last turn begins if it is the assistant's, else *size. Freed by the caller. No turn at all, or a role other than
 * system, user, assistant and tool, is STATUS_DATA. */
Status chat_render(const ChatTemplate *chat, const Message *messages, size_t n, bool open_turn, char **text, size_t *size,
                   size_t *response, Error *err);

#endif
