/* What a model is run on: tokenised samples, from prompt files or preference pairs. Tokenising is cheap and is done
 * before any forward pass, so that rows can be counted first. */
#ifndef FATHOM_TEXT_SAMPLES_H
#define FATHOM_TEXT_SAMPLES_H

#include "base/digest.h"
#include "base/error.h"
#include "text/chat.h"
#include "text/tokenizer.h"

#include <stddef.h>
#include <stdint.h>

typedef struct Sample {
  char *id;     /* unique in its set: given, or the line number; pairs get "/chosen" or "/rejected" behind it */
  char *group;  /* given, else ""; for pairs the pair's id */
  char *label;  /* given, else ""; for pairs "chosen" or "rejected" */
  int32_t *ids;
  size_t n_tokens;
  size_t response_begin; /* index of the first token of the final assistant turn; 0 for plain text */
  char text_digest[DIGEST_TEXT]; /* of the text before tokenising (of the ids where ids were given) */
} Sample;

typedef struct SampleSet {
  Sample *items;
  size_t count;
  size_t n_read;     /* prompts or pairs in the files */
  size_t n_too_long; /* prompts or pairs left out because a side is over max_length */
  size_t n_equal;    /* pairs left out because both sides are the same */
  char digest[DIGEST_TEXT]; /* of all samples in order */
  char *schema;      /* "TRL pairs", "HH transcripts", "prompts", for the output */
} SampleSet;

typedef struct SampleRules {
  const Tokenizer *tokenizer;
  const ChatTemplate *chat;
  size_t max_length; /* tokens; longer samples are left out and counted; 0 = no limit */
  size_t limit;      /* prompts or pairs at most; 0 = all */
} SampleRules;

/* .txt (one prompt a line) or JSONL ({"text"}, {"messages"} or {"ids"}; optional id, group, label), plain or gzip; several
 * files are read in order. A bad line is STATUS_DATA with "FILE: line N". */
Status samples_read_prompts(const char *const *paths, size_t n_paths, const SampleRules *rules, SampleSet *set, Error *err);

/* Preference pairs: items[2i] is chosen, items[2i+1] rejected of pair i. TRL (prompt/chosen/rejected, strings or message
 * lists) and HH transcripts; JSONL or a JSON array; plain or gzip. */
Status samples_read_pairs(const char *const *paths, size_t n_paths, const SampleRules *rules, SampleSet *set, Error *err);

/* One sample of id "text" from a string. */
Status samples_from_text(const char *text, const SampleRules *rules, SampleSet *set, Error *err);

/* The part of pair i is decided by the text of its prompt alone (split by prompt): held-out share in [0, 1). Moves the
 * held-out pairs of set to held_out, in order. */
void samples_split_pairs(SampleSet *set, double held_out_share, uint64_t seed, SampleSet *held_out);

void samples_clear(SampleSet *set);

#endif
