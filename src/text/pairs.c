/* Preference pairs: rows of TRL's and of HH's layout, each to two lists of turns. */
#include "base/memory.h"
#include "text/samples_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct Conversation {
  Message *messages;
  size_t count;
  char *text; /* what the messages point into, where it is not the JSON tree */
} Conversation;

static void conversation_clear(Conversation *c) {
  free(c->messages);
  free(c->text);
  *c = (Conversation){0};
}

/* A layout of rows: a name, how it is told, and how one side of a row becomes turns. */
typedef struct Schema {
  const char *name;
  bool (*fits)(const Json *row);
  Status (*read)(const Records *at, const Json *row, const char *side, Conversation *c, Error *err);
} Schema;

static const char HUMAN[] = "\n\nHuman:", ASSISTANT[] = "\n\nAssistant:";

static bool fits_hh(const Json *row) {
  return !json_get(row, "prompt") && json_is_string(json_get(row, "rejected")) &&
         strncmp(json_string(json_get(row, "chosen"), ""), HUMAN, strlen(HUMAN)) == 0;
}

/* The speaker whose mark stands at text, and what follows it; NULL where there is none. */
static const char *hh_speaker(const char *text, const char **behind) {
  const bool human = strncmp(text, HUMAN, strlen(HUMAN)) == 0;
  if (!human && strncmp(text, ASSISTANT, strlen(ASSISTANT)) != 0) return NULL;
  *behind = text + strlen(human ? HUMAN : ASSISTANT);
  return human ? "user" : "assistant";
}

/* "\n\nHuman: Hi\n\nAssistant: Hello": a turn begins at each mark; one blank behind the mark belongs to it. */
static Status read_hh(const Records *at, const Json *row, const char *side, Conversation *c, Error *err) {
  const char *transcript = NULL, *content = NULL;
  const Status status = json_need_string(row, side, at->where, &transcript, err);
  if (status != STATUS_OK) return status;
  if (strncmp(transcript, HUMAN, strlen(HUMAN)) != 0)
    return error_set(err, STATUS_DATA, "%s: \"%s\" does not begin with \\n\\nHuman:", at->where, side);
  c->text = mem_copy_string(transcript);
  size_t room = 0;
  for (char *p = c->text; (p = strstr(p, "\n\n")) != NULL; p++) {
    const char *role = hh_speaker(p, &content);
    if (!role) continue;
    *p = 0; /* the turn before ends here */
    if (c->count == room) c->messages = mem_resize(c->messages, room = 2 * room + 8, sizeof *c->messages);
    c->messages[c->count++] = (Message){role, content + (*content == ' '), NULL};
  }
  if (strcmp(c->messages[c->count - 1].role, "assistant") != 0)
    return error_set(err, STATUS_DATA, "%s: \"%s\" ends with a human turn, expected the assistant's", at->where, side);
  return STATUS_OK;
}

static bool fits_trl(const Json *row) {
  return json_get(row, "prompt") && json_get(row, "chosen") && json_get(row, "rejected");
}

static bool fits_conversations(const Json *row) {
  return !json_get(row, "prompt") && json_is_array(json_get(row, "chosen")) && json_is_array(json_get(row, "rejected"));
}

/* A string as one turn of this role, or a list of turns, behind the turns that are there. */
static Status append_turns(const Records *at, const Json *row, const char *key, const char *role, Conversation *c,
                           Error *err) {
  const Json *node = json_get(row, key);
  Message one = {role, json_string(node, ""), NULL}, *list = NULL;
  size_t n = 1;
  Status status = STATUS_OK;
  if (json_is_array(node))
    status = read_messages(at, key, node, &list, &n, err);
  else if (!json_is_string(node))
    status = error_set(err, STATUS_DATA, "%s: \"%s\" is neither a string nor a list of turns", at->where, key);
  else if (!*one.content)
    status = error_set(err, STATUS_DATA, "%s: \"%s\" is empty", at->where, key);
  if (status == STATUS_OK) {
    c->messages = mem_resize(c->messages, c->count + n, sizeof *c->messages);
    memcpy(c->messages + c->count, list ? list : &one, n * sizeof one);
    c->count += n;
  }
  free(list);
  return status;
}

static bool same_message(const Message *a, const Message *b) {
  return strcmp(a->role, b->role) == 0 && strcmp(a->content, b->content) == 0;
}

/* Some sets repeat the prompt's turns in front of the answer: then they are there once. */
static void drop_repeated_prompt(Conversation *c, size_t n_prompt) {
  if (c->count <= 2 * n_prompt) return;
  for (size_t i = 0; i < n_prompt; i++)
    if (!same_message(&c->messages[i], &c->messages[n_prompt + i])) return;
  memmove(c->messages, c->messages + n_prompt, (c->count - n_prompt) * sizeof *c->messages);
  c->count -= n_prompt;
}

static Status read_trl(const Records *at, const Json *row, const char *side, Conversation *c, Error *err) {
  Status status = STATUS_OK;
  if (json_get(row, "prompt")) status = append_turns(at, row, "prompt", "user", c, err);
  const size_t n_prompt = c->count;
  if (status == STATUS_OK) status = append_turns(at, row, side, "assistant", c, err);
  if (status != STATUS_OK) return status;
  drop_repeated_prompt(c, n_prompt);
  const Message *last = &c->messages[c->count - 1];
  if (strcmp(last->role, "assistant") != 0)
    return error_set(err, STATUS_DATA, "%s: the last turn of \"%s\" is the %.40s's, expected the assistant's",
                     at->where, side, last->role);
  return *last->content || json_get(last->json, "tool_calls")
             ? STATUS_OK
             : error_set(err, STATUS_DATA, "%s: the answer in \"%s\" is empty", at->where, side);
}

static const Schema schemas[] = {
    {"TRL pairs", fits_trl, read_trl},
    {"HH transcripts", fits_hh, read_hh},
    {"TRL conversations", fits_conversations, read_trl},
};
enum { N_SCHEMAS = sizeof schemas / sizeof schemas[0] };

static const Schema *schema_of(const Json *row) {
  for (size_t i = 0; i < N_SCHEMAS; i++)
    if (schemas[i].fits(row)) return &schemas[i];
  return NULL;
}

/* *schema is the file's, NULL at its first row. */
static Status check_schema(const Records *at, const Json *row, const Schema **schema, Error *err) {
  const Schema *found = schema_of(row);
  if (!*schema) *schema = found;
  if (!*schema)
    return error_set(err, STATUS_DATA,
                     "%s: no preference pair: expected \"prompt\", \"chosen\" and \"rejected\" (TRL), or transcripts "
                     "\"\\n\\nHuman: ...\" in \"chosen\" and \"rejected\" (HH)",
                     at->where);
  if (found != *schema)
    return error_set(err, STATUS_DATA, "%s: %s, expected %s as in the first row", at->where,
                     found ? found->name : "no preference pair", (*schema)->name);
  return STATUS_OK;
}

static const char *const sides[] = {"chosen", "rejected"};

static Status read_pair(const SampleRules *rules, const Records *at, const Json *row, const Schema *schema,
                        Sample pair[2], Error *err) {
  Status status = STATUS_OK;
  for (size_t i = 0; i < 2 && status == STATUS_OK; i++) {
    Conversation c = {0};
    status = schema->read(at, row, sides[i], &c, err);
    if (status == STATUS_OK)
      status = sample_from_messages(rules, at, c.messages, c.count, json_get(row, "tools"), &pair[i], err);
    conversation_clear(&c);
  }
  return status;
}

/* A number that a row may have; null is as if it were not there. */
static Status read_number(const Records *at, const Json *row, const char *key, double least, double most, double *value,
                          Error *err) {
  const Json *node = json_get(row, key);
  if (!node || json_is_null(node)) return STATUS_OK;
  *value = json_number(node, NAN);
  if (*value >= least && *value <= most) return STATUS_OK;
  char *found = json_print(node, false);
  error_set(err, STATUS_DATA, "%s: \"%s\" is %.40s, expected a number from %g to %g", at->where, key, found, least, most);
  free(found);
  return STATUS_DATA;
}

static Status read_label(const Records *at, const Json *row, PairLabel *label, Error *err) {
  *label = (PairLabel){.weight = 1, .probability = 1};
  Status status = read_number(at, row, "margin", -1e6, 1e6, &label->margin, err);
  if (status == STATUS_OK) status = read_number(at, row, "weight", 0, 1e6, &label->weight, err);
  if (status == STATUS_OK) status = read_number(at, row, "probability", 0, 1, &label->probability, err);
  return status;
}

/* Names both sides and hands them to the set, or counts why not. */
static Status add_pair(SampleBuilder *b, const Records *at, const Json *row, Sample pair[2], Error *err) {
  char *id;
  PairLabel label;
  Status status = read_label(at, row, &label, err);
  if (status == STATUS_OK) status = builder_take_id(b, at, row, &id, err);
  if (status != STATUS_OK) return status;
  b->set->n_read++;
  if (strcmp(pair[0].text_digest, pair[1].text_digest) == 0) {
    b->set->n_equal++;
  } else if (sample_is_too_long(b->rules, &pair[0]) || sample_is_too_long(b->rules, &pair[1])) {
    b->set->n_too_long++;
  } else {
    pair[1].prompt_key = pair[0].prompt_key;
    builder_add_label(b, &label);
    for (size_t i = 0; i < 2; i++) {
      pair[i].id = mem_format("%s/%s", id, sides[i]);
      pair[i].group = mem_copy_string(id);
      pair[i].label = mem_copy_string(sides[i]);
      builder_add(b, &pair[i]);
      pair[i] = (Sample){0};
    }
  }
  free(id);
  return STATUS_OK;
}

static Status read_rows(SampleBuilder *b, Records *records, const Schema **schema, Error *err) {
  Status status = STATUS_OK;
  while (status == STATUS_OK && !builder_is_full(b)) {
    Json *row;
    Sample pair[2] = {0};
    status = records_next(records, &row, err);
    if (status != STATUS_OK || !row) break;
    status = check_schema(records, row, schema, err);
    if (status == STATUS_OK) status = read_pair(b->rules, records, row, *schema, pair, err);
    if (status == STATUS_OK) status = add_pair(b, records, row, pair, err);
    sample_clear(&pair[0]);
    sample_clear(&pair[1]);
    json_free(row);
  }
  return status;
}

/* "TRL pairs", then "TRL pairs, HH transcripts" where another file differs. */
static void name_schema(SampleSet *set, const Schema *schema) {
  if (set->schema && strstr(set->schema, schema->name)) return;
  char *longer = set->schema ? mem_format("%s, %s", set->schema, schema->name) : mem_copy_string(schema->name);
  free(set->schema);
  set->schema = longer;
}

Status samples_read_pairs(const char *const *paths, size_t n_paths, const SampleRules *rules, SampleSet *set,
                          Error *err) {
  SampleBuilder b;
  Status status = STATUS_OK;
  builder_init(&b, rules, set, n_paths);
  for (size_t i = 0; i < n_paths && status == STATUS_OK && !builder_is_full(&b); i++) {
    Records records = {0};
    const Schema *schema = NULL;
    status = records_open(&records, paths[i], err);
    if (status == STATUS_OK) status = read_rows(&b, &records, &schema, err);
    if (status == STATUS_OK && !schema) status = error_set(err, STATUS_DATA, "%s: no pairs in this file", paths[i]);
    if (status == STATUS_OK) name_schema(set, schema);
    records_close(&records);
  }
  return builder_end(&b, status);
}
