/* What the readers of prompts and of pairs share: a set being filled. */
#ifndef FATHOM_TEXT_SAMPLES_PARTS_H
#define FATHOM_TEXT_SAMPLES_PARTS_H

#include "text/records.h"
#include "text/samples/samples.h"

typedef struct SampleBuilder {
  const SampleRules *rules;
  SampleSet *set;
  size_t room, pairs_room, turns_room;
  char **seen; /* open addressing over the ids so far, dropped rows included; NULL = free */
  size_t n_seen, seen_mask;
  bool several_files; /* made-up ids carry the file's name */
} SampleBuilder;

/* Empties *set. */
void builder_init(SampleBuilder *b, const SampleRules *rules, SampleSet *set, size_t n_paths);
/* Frees the builder; clears the set after a failure, else finishes its digest. */
Status builder_end(SampleBuilder *b, Status status);

/* A set's digest, anew. */
void samples_finish_digest(SampleSet *set);

/* True where rules->limit rows have been read. */
bool builder_is_full(const SampleBuilder *b);

/* The row's id: "id" as a string or whole number, or made from its place; freed by the caller. One that was there before is
 * STATUS_DATA. row may be NULL (plain lines). */
Status builder_take_id(SampleBuilder *b, const Records *at, const Json *row, char **id, Error *err);

/* A string or whole number under key as text, "" where it is missing or null; freed by the caller. */
Status row_text(const Records *at, const Json *row, const char *key, char **text, Error *err);

/* Tokenises a text into *sample (all zeros before): ids, response_begin, text_digest. */
Status sample_tokenize(const SampleRules *rules, const char *text, size_t size, unsigned flags, size_t response,
                       Sample *sample, Error *err);
void sample_clear(Sample *sample);

bool sample_is_too_long(const SampleRules *rules, const Sample *sample);
/* Appends the sample, which then belongs to the set. */
void builder_add(SampleBuilder *b, const Sample *sample);
/* The label of the pair whose two samples are appended next. */
void builder_add_label(SampleBuilder *b, const PairLabel *label);
/* The same of its turns, which then belong to the set. */
void builder_add_turns(SampleBuilder *b, const struct PairTurns *turns);

/* A list of {"role", "content"}; strings point into the JSON tree or are kept by the records, the list is freed by the
 * caller. key is for messages. */
Status read_messages(const Records *at, const char *key, const Json *list, Message **messages, size_t *n, Error *err);

/* The flags and rendering of rules->chat, NULL = plain text; without a tokenizer the sample has a digest and words alone.
 * tools: the row's list, or NULL. */
Status sample_from_messages(const SampleRules *rules, const Records *at, const Message *messages, size_t n,
                            const Json *tools, Sample *sample, Error *err);

/* A number that the first user's turn decides (of the first turn where no user speaks). */
uint64_t prompt_key(const Message *messages, size_t n);

#endif
