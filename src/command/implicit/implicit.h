/* What the parts of `fathom implicit` share: implicit.c (the command), open.c (two models and what they are
 * asked), tokens.c (next tokens), lexicon.c (which words), words.c (what the models give to
 * them), csv.c (their scan tables),
 * pairs.c (answers of pairs), table.c (what is printed), result.c (the file). Model 1 and 2
 * of the help are sides 0 and 1 here. */
#ifndef FATHOM_COMMAND_IMPLICIT_IMPLICIT_H
#define FATHOM_COMMAND_IMPLICIT_IMPLICIT_H

#include "command/inputs.h"
#include "probes/transfer/accuracy.h"
#include "probes/values/means.h"
#include "store/result.h"
#include "text/chat/continuation.h"
#include "text/tokenizer/joined_vocabulary.h"
#include "text/lexicon/lexicon.h"

typedef struct ImplicitSettings {
  CommonSettings common;
  InputSettings input;        /* the adapter is put on model 2 */
  OptionTexts chat_templates; /* none, one for both, or one each */
  const char *lexicon, *categories, *pos, *separator, *duplicates, *table, *csv, *form, *output;
  size_t top;
  bool ignore_blanks;
} ImplicitSettings;

/* How a continuation's token log-probabilities become one number; "end": with the end-of-turn token. */
typedef enum ImplicitForm {
  FORM_SUM,
  FORM_MEAN, /* per token */
  FORM_FIRST,
  FORM_SUM_END,
  FORM_MEAN_END,
  FORM_COUNT
} ImplicitForm;
extern const char *const implicit_forms[FORM_COUNT]; /* "sum", "mean", "first", "sum_end", "mean_end" */

/* log_p[n + 1]: of the n >= 1 tokens, and of the end of the turn, which may be NaN. */
void implicit_form(size_t n, const double *log_p, double forms[FORM_COUNT]);

typedef struct ImplicitSide {
  Inputs in;
  TurnEnd end;     /* what stands behind an answer */
  Asked *asked;    /* [n_asked] of the prompts; NULL with --pairs */
  Sample *prompts; /* [n_asked]: their tokens again, borrowed */
  size_t n_asked;
  const Sample **samples; /* [n_samples]: those that both models take, in order */
} ImplicitSide;

/* The two models on the same prompts, or on the same pairs (two samples each). */
typedef struct ImplicitRun {
  const ImplicitSettings *settings;
  ImplicitSide sides[2];
  QuestionSet questions; /* none with --pairs */
  size_t n_samples;
  size_t n_too_long; /* prompts that are too long for a model, words included; pairs that are so for one only */
  char **groups;     /* [n_groups] of prompts, in the order of their first */
  size_t n_groups;
  size_t *group_of; /* [n_samples] */
  size_t n_sets;    /* what means are taken over: all prompts; and, where there are several, each group */
} ImplicitRun;

/* The models, and the pairs that both take or all prompts. */
Status implicit_open(ImplicitRun *run, const char *const *paths, const ImplicitSettings *settings, Error *err);
/* Of prompts: those that leave each model room for so many tokens of a word, and their groups. */
Status implicit_take_prompts(ImplicitRun *run, const size_t room[2], Error *err);
void implicit_close(ImplicitRun *run); /* all zeros is fine */
/* "all", or a group. */
const char *implicit_set_name(const ImplicitRun *run, size_t set);
/* Adds one prompt's values to the means of the sets it is in; sets[n_sets]. */
void implicit_add(const ImplicitRun *run, size_t prompt, Means *sets, const double *values);

/* --- next tokens --- */

enum { TOKEN_MWLR, TOKEN_LOG_P1, TOKEN_LOG_P2, TOKEN_NUMBERS };

typedef struct ImplicitTokens {
  JoinedVocabulary joined;
  Means *sets;           /* [n_sets] of width TOKEN_NUMBERS * joined.n: all of one kind, then the next */
  double *mass[2];       /* [prompts] on the joined strings */
  double *mwlr_sum;      /* [prompts] */
  double *kl_21, *kl_12; /* [prompts] KL(p2||p1), KL(p1||p2); NaN where a model has mass elsewhere */
} ImplicitTokens;

Status implicit_tokens(const ImplicitRun *run, ImplicitTokens *tokens, Error *err);
void implicit_tokens_clear(const ImplicitRun *run, ImplicitTokens *tokens); /* all zeros is fine */
/* The strings of a set in order of falling mean MWLR; freed by the caller. */
size_t *implicit_tokens_order(const ImplicitTokens *tokens, size_t set);

/* --- words --- */

enum { WORD_RATIO, WORD_LOG_P1, WORD_LOG_P2, WORD_NUMBERS };

/* Words as answers to the first prompt of one model. */
typedef struct ImplicitWordTokens {
  const char *separator; /* what stands before them; borrowed */
  TokenList ids;         /* of all words, one after the other */
  size_t *offsets;       /* [n_words + 1] */
  size_t longest;        /* tokens of a word */
  size_t n_merging;      /* words whose first token would merge with the prompt's last one */
} ImplicitWordTokens;

/* Numbers of one word or category: index ((item * FORM_COUNT) + form) * WORD_NUMBERS + number. */
typedef struct ImplicitWords {
  char **words;
  size_t n_words;
  char **categories; /* [n_categories + n_differences]: behind them "a - b" of every two, none where they are many */
  size_t n_categories, n_differences;
  size_t *category_of; /* [n_words] */
  ImplicitWordTokens tokens[2];
  size_t n_left_out;      /* entries with wildcards */
  size_t n_contradictory; /* words of several of the categories */
  Means *word_sets;       /* [n_sets] */
  Means *category_sets;   /* of categories and differences */
  double *by_prompt;      /* [n_samples, n_words, WORD_NUMBERS] in the form of --form; NULL without --csv */
} ImplicitWords;

/* Reads the words and their tokens; what they score is implicit_words'. */
Status implicit_words_read(const ImplicitRun *run, ImplicitWords *words, Error *err);
Status implicit_words(const ImplicitRun *run, ImplicitWords *words, Error *err);
static inline size_t implicit_n_tokens(const ImplicitWords *words, int side, size_t word) {
  return words->tokens[side].offsets[word + 1] - words->tokens[side].offsets[word];
}
/* --csv: PREFIX-1.csv, PREFIX-2.csv, PREFIX-ratio.csv in the layout of text/scan_table.h. */
Status implicit_write_csv(const ImplicitRun *run, const ImplicitWords *words, Error *err);
void implicit_words_clear(const ImplicitRun *run, ImplicitWords *words); /* all zeros is fine */

/* --- pairs --- */

/* Of sample i (chosen and rejected of pair i / 2). */
typedef struct ImplicitPairs {
  size_t *n_tokens[2]; /* [n_samples] of the answers */
  double *forms[2];    /* [n_samples, FORM_COUNT] of each model's log-probabilities */
  size_t n_unended[2]; /* answers that what the template writes behind them is part of: it could not be told apart */
} ImplicitPairs;

Status implicit_pairs(const ImplicitRun *run, ImplicitPairs *pairs, Error *err);
/* What the second model gives to an answer more than the first, in nats. */
double implicit_reward(const ImplicitPairs *pairs, size_t sample, size_t form);
/* Pairs whose chosen answer has the higher number: of the implicit reward, and of each model alone. NaN where any is. */
typedef struct ImplicitAccuracy {
  size_t n;
  Bounded accuracy;
  double ties, margin, alone[2];
} ImplicitAccuracy;
ImplicitAccuracy implicit_accuracy(const ImplicitPairs *pairs, size_t n_pairs, size_t form);
void implicit_pairs_clear(ImplicitPairs *pairs); /* all zeros is fine */

/* --- output --- */

/* What was computed; the others are NULL. */
typedef struct ImplicitReport {
  const ImplicitRun *run;
  const ImplicitTokens *tokens;
  const ImplicitWords *words;
  const ImplicitPairs *pairs;
} ImplicitReport;

void implicit_note(const ImplicitReport *report, Table *table);
Status implicit_print(const ImplicitReport *report, const char *table, const Provenance *from, Error *err);
Status implicit_write(const ImplicitReport *report, const Provenance *from, Error *err); /* -o */

#endif
