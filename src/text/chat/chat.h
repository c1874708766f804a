/* Chat turns to one text through a template: the model's own, a file's, or one of ours. */
#ifndef FATHOM_TEXT_CHAT_CHAT_H
#define FATHOM_TEXT_CHAT_CHAT_H

#include "base/error.h"
#include "base/json.h"
#include "text/tokenizer/tokenizer.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

typedef struct Message {
  const char *role, *content; /* content: the text; of a list of parts, the texts of its parts one after the other */
  const Json *json;           /* the turn as the file has it, which the template sees; NULL = role and content */
} Message;

typedef struct ChatTemplate ChatTemplate;

/* The day a template may write into its text: text is YYYY-MM-DD, or NULL for SOURCE_DATE_EPOCH (seconds, UTC).
 * *is_given is false where there is neither: a template that asks is then an error, since today's date would make other
 * numbers tomorrow. */
Status chat_date(const char *text, struct tm *date, bool *is_given, Error *err);

/* choice: "auto" = the model's own; "none" = contents joined by newlines as plain text; the name of a template of ours
 * (builtin.c); else a file that holds a Jinja template. date: NULL = none was given. A model without a template,
 * or with one that is not understood, can be opened, since plain prompts need none: rendering is then the error, with
 * the remedy. A choice that is neither name nor file is STATUS_USAGE; a file that is not understood is STATUS_DATA. */
Status chat_open(const char *choice, const struct tm *date, const Tokenizer *tokenizer, ChatTemplate **out, Error *err);
void chat_close(ChatTemplate *chat); /* NULL is fine */

bool chat_is_plain(const ChatTemplate *chat); /* "none" */
const char *chat_name(const ChatTemplate *chat); /* "chatml", "none", "the model's chat template", the file's path */
/* "2024-07-26" where the template writes the date and one was given, else "". */
const char *chat_written_date(const ChatTemplate *chat);
/* Of the template's text, the special tokens it writes and the date where it writes that. */
void chat_digest(const ChatTemplate *chat, char text[DIGEST_TEXT]);

/* The flags with which a rendered text is tokenised: as HF does, templates write the special tokens themselves and
 * plain text gets BOS and EOS. Special tokens are recognised in either, also where a user wrote them. */
unsigned chat_tokenize_flags(const ChatTemplate *chat);

/* The text of the turns; with open_turn the header of an assistant turn follows (add_generation_prompt). tools: the
 * list of functions a template may describe, or NULL. *response is the byte where what the assistant says in the last
 * turn begins, else *size. Freed by the caller. No turn at all, an unknown role, or turns that the template refuses,
 * are STATUS_DATA. */
Status chat_render(const ChatTemplate *chat, const Message *messages, size_t n, const Json *tools, bool open_turn,
                   char **text, size_t *size, size_t *response, Error *err);

#endif
