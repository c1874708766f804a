/* What a model is run on: tokenised samples, from prompt files or preference pairs. Tokenising is cheap and is done
 * before any forward pass, so that rows can be counted first. */
#ifndef FATHOM_TEXT_SAMPLES_SAMPLES_H
#define FATHOM_TEXT_SAMPLES_SAMPLES_H

#include "base/digest.h"
#include "base/error.h"
#include "text/chat/chat.h"
#include "text/tokenizer/tokenizer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Sample {
  char *id;    /* unique in its set: given, or the line (record of an array) number; pairs get "/chosen", "/rejected" behind it */
  char *group; /* given, else ""; for pairs the pair's id */
  char *label; /* given, else ""; for pairs "chosen" or "rejected" */
  int32_t *ids;
  size_t n_tokens;
  size_t response_begin; /* the first token that covers a byte of the final assistant turn (n_tokens where there is none); 0 for
                          * plain text and given ids */
  char text_digest[DIGEST_TEXT]; /* of the text before tokenising (of the ids where ids were given) */
  uint64_t prompt_key; /* of the text of the first user turn, blanks around it apart: what samples_split_pairs goes by */
  size_t n_words;      /* of the last turn, between blanks; 0 for plain text and given ids */
} Sample;

/* What a row says of its pair beside the texts. */
typedef struct PairLabel {
  double margin;      /* "margin": by how much r_chosen - r_rejected should win, the m of -log sigmoid(D - m); 0 where not given */
  double weight;      /* "weight": of the pair's loss, at least 0; 1 where not given */
  double probability; /* "probability": that chosen is the better one, in [0, 1], a soft label; 1 where not given */
} PairLabel;

/* What one file of pairs gave to its set. */
typedef struct PairFile {
  char *path, *schema;    /* schema: "TRL pairs", "PKU-SafeRLHF (safer)" */
  const char *preference; /* "safer" or "better", where its rows say both; else NULL */
  size_t first, count; /* its samples in the set; until the set is split */
  size_t n_read;       /* its rows */
} PairFile;

/* Of the rows read, each is used, or counted under the first of these that holds: bad, tied, empty, equal, too long. */
typedef struct SampleSet {
  Sample *items;
  size_t count;
  PairLabel *pairs; /* [count / 2]; NULL for prompts */
  size_t n_read;     /* prompts or pairs in the files, or the limit */
  size_t n_bad;      /* rows of pairs that could not be read; each of the first few was warned of by its line */
  size_t n_tied;     /* pairs of which neither side is preferred */
  size_t n_empty;    /* pairs with an answer of nothing but blanks */
  size_t n_equal;    /* pairs left out because both sides are the same */
  size_t n_too_long; /* prompts or pairs left out because a side is over max_length */
  size_t n_truncated; /* pairs that are used with a prompt cut on its left */
  char digest[DIGEST_TEXT]; /* of ids, labels and texts of all samples in order */
  char *schema; /* "prompts", "TRL pairs", "HH transcripts", for the output; several files: "TRL pairs, HH transcripts" */
  struct PairTurns *turns; /* [count / 2] with rules->keep_turns (pairs/turns.h), else NULL */
  PairFile *files; /* [n_files]; NULL for prompts, and in both parts of a split set */
  size_t n_files;
} SampleSet;

/* Rows that are not used: n_read - samples_dropped(set) pairs or prompts are (before a split). */
size_t samples_dropped(const SampleSet *set);

typedef struct SampleRules {
  const Tokenizer *tokenizer; /* NULL, for pairs: words are counted, and there are no tokens */
  const ChatTemplate *chat; /* NULL = as "none" */
  size_t max_length;        /* tokens; longer samples are left out and counted; 0 = no limit */
  size_t limit;             /* prompts or pairs to read at most, over all files; 0 = all */
  const char *preference;   /* "safer" or "better", where the rows of a file say both; NULL = safer */
  bool truncate_prompt;     /* pairs over max_length lose tokens on the left of the prompt, if that is enough */
  bool keep_turns;          /* pairs keep their turns, which must not be split then */
  bool strict;              /* a bad row of pairs is an error; else it is warned of, counted and passed over */
} SampleRules;

/* .txt or .txt.gz (one prompt a line) or JSONL ({"text"}, {"messages"} or {"ids"}; optional id, group, label, tools), plain or
 * gzip; several files are read in order. Texts are tokenised with BOS/EOS as the model adds them; messages go through the
 * chat template, and nothing follows the last turn. A bad line is STATUS_DATA with "FILE: line N". */
Status samples_read_prompts(const char *const *paths, size_t n_paths, const SampleRules *rules, SampleSet *set, Error *err);

/* What a file says of samples that were run elsewhere, nothing tokenised: one object a sample, with "id", "group", "label",
 * "text" (kept as its digest), and "ids" or "n_tokens", none of them needed, other keys ignored. *counted: the rows say how
 * many tokens they have, *has_ids: and which; a file in which only some rows do is STATUS_DATA. */
Status samples_read_described(const char *path, SampleSet *set, bool *counted, bool *has_ids, Error *err);

/* The schemas of the table in pairs/schemas.c with their keys, for help texts: one a line. */
#define PAIR_SCHEMAS_HELP                                                                                              \
  "  TRL pairs                 prompt, chosen, rejected: strings or lists of turns\n"                                   \
  "  TRL conversations         chosen, rejected: lists of turns\n"                                                      \
  "  HH transcripts            chosen, rejected: \"\\n\\nHuman: ...\\n\\nAssistant: ...\"\n"                             \
  "  RAIL-HH                   prompt, chosen, rejected, *chosen*safety*, *rejected*safety*, context\n"                 \
  "  UltraFeedback binarized   prompt, chosen, rejected, score_chosen, score_rejected (or chosen-rating, ...)\n"        \
  "  UltraFeedback             instruction, completions with overall_score: the best against the worst\n"               \
  "  HelpSteer3                context, response1, response2, overall_preference (-3 to 3)\n"                           \
  "  PKU-SafeRLHF              prompt, response_0, response_1, safer_response_id, better_response_id\n"                 \
  "  PKU-SafeRLHF safer first  prompt, response: [safer, less safe]\n"                                                  \
  "  Auto-J                    prompt, response 1, response 2, label (0, 1; 2 = tie)\n"                                 \
  "  BIG-bench HHH             input, targets: {choices, labels}\n"                                                     \
  "  BIG-bench HHH task        input, target_scores; also a whole task.json\n"                                          \
  "  subset pairs              subset, prompt, chosen, rejected\n"

/* Preference pairs: items[2i] is chosen, items[2i+1] rejected of pair i. The files are as records.h has them. The first good
 * row of a file decides its schema; pairs/schemas.c has the table of them. A row of another schema, or with no answer where one
 * belongs, is a bad row. Each side is scored as its turns through the chat template, the answer as the final assistant
 * turn. As in HF, text that spells a special token becomes it. A file without a good row, or of which a part cannot be
 * told into rows, is STATUS_DATA with "FILE: line N".
 * truncate_prompt: both sides lose the same number of tokens, so that they see the same end of the prompt; a BOS in front
 * stays, and so does the whole answer. */
Status samples_read_pairs(const char *const *paths, size_t n_paths, const SampleRules *rules, SampleSet *set, Error *err);

/* One sample of id "text" from a string. */
Status samples_from_text(const char *text, const SampleRules *rules, SampleSet *set, Error *err);

/* Splits by prompt: the part of a pair is decided by the text of its first user turn and the seed alone (one conversation
 * can be in a file at several lengths), whatever else is in the file. Counts and schema stay with set. held_out_share in [0, 1). Moves the held-out pairs of set to held_out, in order. */
void samples_split_pairs(SampleSet *set, double held_out_share, uint64_t seed, SampleSet *held_out);

/* Keeps n pairs (all, where there are no more), drawn with the seed, in their order. With one seed the pairs of a smaller
 * n are among those of a larger. */
void samples_draw_pairs(SampleSet *set, size_t n, uint64_t seed);

/* Gives the pairs other labels, labels[count / 2], and keeps those that are wanted[count / 2]. */
void samples_relabel_pairs(SampleSet *set, const PairLabel *labels, const bool *wanted);

void samples_clear(SampleSet *set);

#endif
