/* Layouts whose rows hold both sides as "chosen" and "rejected": TRL's, HH transcripts, and sets that add scores. */
#include "text/pairs/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const sides[] = {"chosen", "rejected"};

/* Every side ends with what the assistant says. */
static Status check_last(const Records *at, const char *side, const Conversation *c, Error *err) {
  const char *role = c->count ? c->messages[c->count - 1].role : "nobody";
  return strcmp(role, "assistant") == 0
             ? STATUS_OK
             : error_set(err, STATUS_DATA, "%s: the last turn of \"%s\" is the %.40s's, expected the assistant's",
                         at->where, side, role);
}

bool fits_trl(const Json *row) {
  return json_get(row, "prompt") && json_get(row, "chosen") && json_get(row, "rejected");
}

bool fits_conversations(const Json *row) {
  return !json_get(row, "prompt") && json_is_array(json_get(row, "chosen")) && json_is_array(json_get(row, "rejected"));
}

/* The turns of "prompt", if the row has one. */
static Status add_prompt(const PairSource *from, Conversation *c, Error *err) {
  const Json *prompt = json_get(from->row, "prompt");
  if (!prompt) return STATUS_OK;
  if (json_is_string(prompt) && !*json_string(prompt, ""))
    return error_set(err, STATUS_DATA, "%s: \"prompt\" is empty", from->at->where);
  return conversation_add_key(from->at, from->row, "prompt", "user", c, err);
}

Status read_trl(const PairSource *from, PairRow *pair, Error *err) {
  Status status = STATUS_OK;
  for (size_t i = 0; i < 2 && status == STATUS_OK; i++) {
    Conversation *c = &pair->sides[i];
    status = add_prompt(from, c, err);
    const size_t n_prompt = c->count;
    if (status == STATUS_OK) status = conversation_add_key(from->at, from->row, sides[i], "assistant", c, err);
    if (status == STATUS_OK) conversation_drop_repeat(c, n_prompt);
    if (status == STATUS_OK) status = check_last(from->at, sides[i], c, err);
  }
  return status;
}

/* RewardBench's and BIG-bench HHH's rows in one file: the subset is a word. */
bool fits_subsets(const Json *row) { return fits_trl(row) && json_is_string(json_get(row, "subset")); }

static const char HUMAN[] = "\n\nHuman:";

bool fits_hh(const Json *row) {
  return !json_get(row, "prompt") && json_is_string(json_get(row, "rejected")) &&
         strncmp(json_string(json_get(row, "chosen"), ""), HUMAN, strlen(HUMAN)) == 0;
}

/* "\n\nHuman: Hi\n\nAssistant: Hello": a turn begins at each mark. */
Status read_hh(const PairSource *from, PairRow *pair, Error *err) {
  for (size_t i = 0; i < 2; i++) {
    const char *transcript = NULL;
    Status status = json_need_string(from->row, sides[i], from->at->where, &transcript, err);
    if (status != STATUS_OK) return status;
    if (strncmp(transcript, HUMAN, strlen(HUMAN)) != 0)
      return error_set(err, STATUS_DATA, "%s: \"%s\" does not begin with \\n\\nHuman:", from->at->where, sides[i]);
    conversation_add_transcript(from->at, transcript, "\n\n", &pair->sides[i]);
    status = check_last(from->at, sides[i], &pair->sides[i], err);
    if (status != STATUS_OK) return status;
  }
  return STATUS_OK;
}

/* The scores of both sides, in the layout of HuggingFaceH4's or of argilla's binarized UltraFeedback. */
static bool side_scores(const Json *row, double *chosen, double *rejected) {
  static const char *const keys[][2] = {{"score_chosen", "score_rejected"}, {"chosen-rating", "rejected-rating"}};
  for (size_t i = 0; i < 2; i++) {
    *chosen = json_number(json_get(row, keys[i][0]), NAN);
    *rejected = json_number(json_get(row, keys[i][1]), NAN);
    if (json_get(row, keys[i][0]) && json_get(row, keys[i][1])) return true;
  }
  return false;
}

bool fits_binarized(const Json *row) {
  double chosen, rejected;
  return fits_trl(row) && side_scores(row, &chosen, &rejected);
}

/* Equal scores are no preference: the file then names its sides at random. */
Status read_binarized(const PairSource *from, PairRow *pair, Error *err) {
  double chosen, rejected;
  side_scores(from->row, &chosen, &rejected);
  pair->is_tied = chosen == rejected;
  return pair->is_tied ? STATUS_OK : read_trl(from, pair, err);
}

/* RAIL-HH-10K: strings, and columns with the scores of eight dimensions of both sides, safety among them. */
bool fits_rail(const Json *row) {
  bool scored[2] = {false, false};
  if (!fits_trl(row) || !json_is_string(json_get(row, "prompt"))) return false;
  for (const Json *member = json_first(row); member; member = json_next(member))
    for (size_t i = 0; i < 2; i++)
      scored[i] = scored[i] || (strstr(json_key(member), sides[i]) && strstr(json_key(member), "safety"));
  return scored[0] && scored[1];
}

/* "context" holds the turns before the prompt, as lines "Human: ..." and "Assistant: ..."; lists are taken too. */
static Status add_context(const PairSource *from, Conversation *c, Error *err) {
  const Json *context = json_get(from->row, "context");
  if (!context || json_is_null(context)) return STATUS_OK;
  if (!json_is_string(context)) return conversation_add_key(from->at, from->row, "context", "user", c, err);
  conversation_add_transcript(from->at, json_string(context, ""), "\n", c);
  return STATUS_OK;
}

/* A context may end with the prompt: then it is there once. Scores are not used: which side is chosen stands in the
 * row. */
Status read_rail(const PairSource *from, PairRow *pair, Error *err) {
  const char *prompt = json_string(json_get(from->row, "prompt"), "");
  Status status = STATUS_OK;
  for (size_t i = 0; i < 2 && status == STATUS_OK; i++) {
    Conversation *c = &pair->sides[i];
    status = add_context(from, c, err);
    const Message *last = c->count ? &c->messages[c->count - 1] : NULL;
    const bool is_there = last && strcmp(last->role, "user") == 0 && strcmp(last->content, prompt) == 0;
    if (status == STATUS_OK && !is_there) status = add_prompt(from, c, err);
    if (status == STATUS_OK) status = conversation_add_key(from->at, from->row, sides[i], "assistant", c, err);
    if (status == STATUS_OK) status = check_last(from->at, sides[i], c, err);
  }
  return status;
}
