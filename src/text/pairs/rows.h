/* What the layouts of preference files have in common: a row becomes two conversations, chosen and rejected. */
#ifndef FATHOM_TEXT_PAIRS_ROWS_H
#define FATHOM_TEXT_PAIRS_ROWS_H

#include "text/chat/chat.h"
#include "text/records.h"

/* Turns that point into the row's JSON tree, or into texts that the records keep: both last as long as the row. */
typedef struct Conversation {
  Message *messages;
  size_t count;
} Conversation;

void conversation_clear(Conversation *conversation);
void conversation_add(Conversation *conversation, const char *role, const char *content);

/* The value of a key, a string (one turn of this role) or a list of turns, behind the turns that are there. */
Status conversation_add_key(const Records *at, const Json *row, const char *key, const char *role,
                            Conversation *conversation, Error *err);

/* "Human: ...", "Assistant: ..." as turns. A mark stands at the beginning, or behind separator: "\n\n" as Anthropic's
 * files have it, where one blank behind a mark belongs to it; or "\n", where turns are trimmed. Text before the first
 * mark is the user's. */
void conversation_add_transcript(const Records *at, const char *text, const char *separator, Conversation *conversation);

/* Takes the first n_prompt turns out where the next ones repeat them: some files have the prompt in front of each answer
 * as well. */
void conversation_drop_repeat(Conversation *conversation, size_t n_prompt);

typedef struct PairRow {
  Conversation sides[2]; /* chosen, rejected; their last turns are the assistant's */
  bool is_tied;          /* the row prefers neither: then the sides are empty */
} PairRow;

void pair_row_clear(PairRow *pair);

/* A row to be read, and what the user wants of it. */
typedef struct PairSource {
  const Records *at;
  const Json *row;
  bool by_help; /* of two preferences the one for "better", not for "safer" */
} PairSource;

/* A layout of rows: what it is called, how it is told, and how it is read. */
typedef struct PairSchema {
  const char *name;
  bool has_preferences;    /* rows say both which answer is safer and which is better */
  bool (*fits)(const Json *row);
  Status (*read)(const PairSource *from, PairRow *pair, Error *err); /* *pair is all zeros, and cleared by the caller */
} PairSchema;

/* The layout of a row, or NULL. */
const PairSchema *pair_schema_of(const Json *row);

/* "TRL pairs, HH transcripts, ..."; freed by the caller. */
char *pair_schemas_names(void);

/* Readers of layouts; the table is in schemas.c. sides.c: both sides stand in the row as chosen and rejected. */
bool fits_trl(const Json *row), fits_conversations(const Json *row), fits_hh(const Json *row);
bool fits_subsets(const Json *row), fits_binarized(const Json *row), fits_rail(const Json *row);
Status read_trl(const PairSource *from, PairRow *pair, Error *err);
Status read_hh(const PairSource *from, PairRow *pair, Error *err);
Status read_binarized(const PairSource *from, PairRow *pair, Error *err);
Status read_rail(const PairSource *from, PairRow *pair, Error *err);

/* choices.c: several answers, and a key that says which is the better one. */
bool fits_pku(const Json *row), fits_pku_list(const Json *row), fits_helpsteer(const Json *row);
bool fits_auto_j(const Json *row), fits_ultrafeedback(const Json *row), fits_hhh(const Json *row),
    fits_big_bench(const Json *row);
Status read_pku(const PairSource *from, PairRow *pair, Error *err);
Status read_pku_list(const PairSource *from, PairRow *pair, Error *err);
Status read_helpsteer(const PairSource *from, PairRow *pair, Error *err);
Status read_auto_j(const PairSource *from, PairRow *pair, Error *err);
Status read_ultrafeedback(const PairSource *from, PairRow *pair, Error *err);
Status read_hhh(const PairSource *from, PairRow *pair, Error *err);
Status read_big_bench(const PairSource *from, PairRow *pair, Error *err);

#endif
