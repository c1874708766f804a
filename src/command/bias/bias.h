/* What the parts of `fathom bias` share: bias.c (the command), scans.c (tables brought onto the same words and
 * prompts), scan_file.c (results of fathom scan as such tables), groups.c (which family a model is of, how a prompt is framed, which categories are
 * contrasted), tests.c (ranks, contrasts and their
 * tests), table.c (what is printed), result.c (the file that keeps it). */
#ifndef FATHOM_COMMAND_BIAS_BIAS_H
#define FATHOM_COMMAND_BIAS_BIAS_H

#include "command/command.h"
#include "probes/values/contrast.h"
#include "text/lexicon/lexicon.h"
#include "text/scan_table.h"

enum { BIAS_MAX_TABLES = PROVENANCE_MODELS };

typedef struct BiasSettings {
  CommonSettings common;
  const char *lexicon, *categories, *pos, *output, *prompts, *positive, *negative;
  OptionTexts families, contrasts;
  size_t permutations;
  bool shared_only, strict;
} BiasSettings;

/* Two of the chosen categories that are held against each other. */
typedef struct BiasContrast {
  size_t first, second;
} BiasContrast;

/* Those of --contrast; else agency and communion; else the two categories that there are; else none, with *n = 0.
 * *contrasts is freed by the caller. */
Status bias_contrasts_choose(const BiasSettings *settings, const LexiconChoice *choice, BiasContrast **contrasts,
                             size_t *n, Error *err);

/* A result of fathom scan as a table; one of another kind, or of a scan that is not finished, is STATUS_DATA. */
Status bias_scan_file_read(const char *path, ScanTable *table, Error *err);

/* The scores of all models on one list of words and prompts. */
typedef struct BiasScores {
  size_t n_models, n_words, n_prompts, n_categories;
  char **models;                /* [n_models]: names of the files, without what all begin with */
  const char *const *paths;     /* [n_models], borrowed */
  char (*digests)[DIGEST_TEXT]; /* [n_models] */
  size_t *n_dropped;            /* [n_models]: words of each table that are not in the lexicon */
  char **words, **prompts, **categories;
  char **groups;                       /* [n_prompts]: "positive" or "negative" as results of fathom scan say, else ""; NULL where options say it */
  size_t *category;                    /* [n_words] */
  double *scores;                      /* [n_models, n_prompts, n_words] */
  size_t n_words_left, n_prompts_left; /* of the first table: not in all others, with --shared-only */
} BiasScores;

/* Reads the tables and keeps the words of the chosen categories, in alphabetical order. Tables over different words or
 * prompts are STATUS_DATA, or with --shared-only what they do not share is left out. */
Status bias_scores_read(const BiasSettings *settings, const LexiconChoice *choice, const char *const *paths, size_t n,
                        BiasScores *scores, Error *err);
void bias_scores_clear(BiasScores *scores); /* all zeros is fine */

typedef enum Framing { FRAMING_POSITIVE, FRAMING_NEGATIVE, FRAMING_NONE, FRAMINGS } Framing;
extern const char *const framing_names[FRAMINGS];

typedef struct BiasGroups {
  size_t n_families;
  char **families;  /* "all" where no --family is given */
  size_t *family;   /* [n_models] */
  Framing *framing; /* [n_prompts] */
  size_t n_framed[FRAMINGS];
  const char *rule; /* how framing was told */
} BiasGroups;

Status bias_groups_assign(const BiasSettings *settings, const BiasScores *scores, BiasGroups *groups, Error *err);
void bias_groups_clear(BiasGroups *groups); /* all zeros is fine */

/* Ranks of the categories: [n_models, n_prompts, n_categories]. */
typedef struct BiasRanks {
  double *medians, *means;
} BiasRanks;

BiasRanks bias_ranks(const BiasScores *scores);
void bias_ranks_clear(BiasRanks *ranks); /* all zeros is fine */

/* One contrast of two categories, of two families or of one model. */
typedef struct BiasTest {
  char *contrast;       /* "Llama - Gemma", or the model's name */
  char *categories;     /* "Agency - Communion" */
  const char *framings; /* "positive - negative", or the one framing that there is */
  const char *unit;     /* "models" or "prompts": what is dealt out anew, and what n counts */
  size_t n;
  double lo, hi, g; /* over prompts, else NaN */
  double q;         /* over all tests with models as the unit, else NaN */
  Permutation test;
  char *sensitivity; /* what other choices would have given, or NULL */
} BiasTest;

typedef struct BiasTests {
  BiasTest *items;
  size_t n, room;
  char *without; /* why there is no test with models as the unit; NULL where there is one */
} BiasTests;

Status bias_tests_run(const BiasSettings *settings, const BiasScores *scores, const BiasGroups *groups,
                      const BiasRanks *ranks, const BiasContrast *contrasts, size_t n, BiasTests *tests, Error *err);
void bias_tests_clear(BiasTests *tests); /* all zeros is fine */

/* Everything that is printed and written. */
typedef struct BiasReport {
  const BiasSettings *settings;
  const LexiconChoice *choice;
  const BiasScores *scores;
  const BiasGroups *groups;
  const BiasRanks *ranks;
  const BiasTests *tests;
} BiasReport;

void bias_table_note(const BiasReport *report, Table *table);
Status bias_table_print(const BiasReport *report, const Provenance *from, Error *err);

/* kind "bias": model/{name,family}, prompt/{name,framing}, category/name, word/{text,category}, median_rank and
 * mean_rank [model, prompt, category], and tests/NAME, one a row of the table that has a contrast. What belongs to a
 * name is by its text: the family of a model, the category of a word. */
Status bias_result_write(const BiasReport *report, const Provenance *from, Error *err);

#endif
