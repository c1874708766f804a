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

/* choice: "auto" = the model's own where it is known, an error naming the remedy where it is not; "chatml"; "none" =
 * contents joined as plain text. */
Status chat_open(const char *choice, const Tokenizer *tokenizer, ChatTemplate **out, Error *err);
void chat_close(ChatTemplate *chat); /* NULL is fine */

const char *chat_name(const ChatTemplate *chat);
void chat_digest(const ChatTemplate *chat, char text[DIGEST_TEXT]);

/* The text of the turns; with open_turn the header of an assistant turn follows. *response is the byte where the
 * content of the last assistant turn begins (size where there is none). Freed by the caller. */
Status chat_render(const ChatTemplate *chat, const Message *messages, size_t n, bool open_turn, char **text, size_t *size,
                   size_t *response, Error *err);

#endif
