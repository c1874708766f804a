/* Prompts as questions: turns that an answer is to follow, before any template or tokenizer. */
#ifndef FATHOM_TEXT_SAMPLES_QUESTIONS_H
#define FATHOM_TEXT_SAMPLES_QUESTIONS_H

#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"
#include "text/chat/chat.h"

#include <stddef.h>

typedef struct Question {
  char *id;          /* unique in its set: given, or the line (record of an array) number */
  char *group;       /* given, else "" */
  char *text;        /* of the last turn */
  Message *messages; /* [n_messages]: all turns; the last is not the assistant's */
  size_t n_messages;
  const Json *tools; /* the row's list, or NULL */
  Json *row;         /* what messages and tools point into, or NULL */
} Question;

typedef struct QuestionSet {
  Question *items;
  size_t count, room;
  char digest[DIGEST_TEXT]; /* of ids, groups, turns with all that they hold, and tools */
} QuestionSet;

/* .txt or .txt.gz (one question a line) or JSONL, plain or gzip: {"text": ...} is one turn of the user, {"messages": ...}
 * are turns; optional id, group, tools. At most `limit` of them, 0 = all. Several files are read in order; ids made of
 * line numbers then carry the file's name. A bad line, token ids, or a last turn that is the assistant's, is STATUS_DATA
 * with "FILE: line N". */
Status questions_read(const char *const *paths, size_t n_paths, size_t limit, QuestionSet *set, Error *err);

/* The same of one text, with the id "text". */
Status questions_from_text(const char *text, QuestionSet *set, Error *err);

/* Six of the 54 superlatives of probes/prompts: each adjective once, and every scope and wording once in either framing, which
 * is their group. */
void questions_superlatives(QuestionSet *set);

void questions_clear(QuestionSet *set); /* all zeros is fine */

#endif
