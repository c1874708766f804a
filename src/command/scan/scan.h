/* What the files of fathom scan share: which answers are scored, and where the rewards go. */
#ifndef FATHOM_COMMAND_SCAN_SCAN_H
#define FATHOM_COMMAND_SCAN_SCAN_H

#include "command/command.h"
#include "command/inputs.h"
#include "store/result.h"
#include "text/chat/answers.h"
#include "text/samples/questions.h"

typedef struct ScanSettings {
  CommonSettings common;
  InputSettings input;
  const char *lexicon, *output, *csv;
  bool reencoded, resume;
} ScanSettings;

/* What becomes of a token's text when it is encoded as an answer, as fathom score would. */
typedef enum Reencoding {
  REENCODES_SAME,  /* to the token */
  REENCODES_OTHER, /* to other tokens */
  REENCODES_BLANK, /* to nothing: the template strips it all */
  REENCODES_NONE,  /* its bytes are no text: part of a character, or a zero */
  REENCODING_COUNT,
} Reencoding;

/* The answers: tokens of the vocabulary by their ids, or words of a lexicon. */
typedef struct ScanAnswers {
  bool are_tokens;
  size_t n;
  char **texts;         /* decoded, what is no UTF-8 as U+FFFD; or the word */
  char **names;         /* tokens: as the vocabulary writes them; else NULL */
  int32_t *ids;         /* tokens; else NULL */
  Reencoding *encoding; /* tokens; else NULL */
  size_t *n_tokens;     /* words: tokens of the text alone; else NULL */
  size_t *others;       /* [n_other]: which tokens are REENCODES_OTHER */
  size_t n_other;
  char digest[DIGEST_TEXT];
} ScanAnswers;

/* The prompts, and what their template writes around an answer. */
typedef struct ScanPrompts {
  QuestionSet questions;
  AnswerFrame *frames; /* [questions.count] */
  size_t *lengths;     /* [questions.count]: tokens of the longest text */
  size_t *used;        /* [n_used]: questions whose texts are not too long, in order */
  size_t n_used;
} ScanPrompts;

/* Every token of the vocabulary, or every word of --lexicon that the vocabulary can express, as answers to the first
 * prompt. Counts are noted. */
Status scan_answers_init(ScanAnswers *answers, Inputs *in, const ScanSettings *settings, const ScanPrompts *prompts,
                         Error *err);
/* Appends the ids of answer i to a prompt as text, as fathom score has them. */
Status scan_encode_answer(const Inputs *in, const ScanPrompts *prompts, size_t prompt, const ScanAnswers *answers,
                          size_t i, TokenList *tokens, Error *err);
void scan_answers_clear(ScanAnswers *answers); /* all zeros is fine */

/* SCAN.h5, one row of rewards a prompt. Until it is finished it is PATH.part. */
typedef struct ScanFile {
  Result *result; /* NULL: no -o */
  char *path, *part;
  bool is_device;  /* -o /dev/...: written directly, when all is known */
  bool is_whole;   /* a resumed scan was finished already */
  double *rewards; /* [prompts, answers] */
  double *others;  /* [prompts, n_other], with --reencoded: of the tokens' texts as they are encoded */
  size_t n_done;   /* prompts */
} ScanFile;

Status scan_file_open(ScanFile *file, const Invocation *call, const ScanSettings *settings, Inputs *in,
                      const ScanPrompts *prompts, const ScanAnswers *answers, Error *err);
/* The rewards of prompt n_done are in their rows. */
Status scan_file_add(ScanFile *file, const ScanAnswers *answers, Error *err);
Status scan_file_finish(ScanFile *file, Error *err);
void scan_file_close(ScanFile *file); /* leaves PATH.part of an unfinished scan; all zeros is fine */

/* The CSV that published scans have, too: token_id,token_name,token_decoded,PROMPT...; of words response,PROMPT... */
Status scan_write_csv(const char *path, const ScanPrompts *prompts, const ScanAnswers *answers, const double *rewards,
                      Error *err);

#endif
