/* What training does to the words of a lexicon, looked at every now and then: where they lie along axes that were fit on the
 * frozen model, and how their rewards rank them as answers to a few questions. */
#ifndef FATHOM_TRAIN_VALUES_H
#define FATHOM_TRAIN_VALUES_H

#include "model/model.h"
#include "text/samples/questions.h"
#include "train/axis_file.h"
#include "train/scan.h"

typedef struct ValuesSettings {
  const char *axis, *words;   /* files: of axes, and a lexicon with their categories */
  const char *const *prompts; /* [n_prompts] files of questions, whose groups are their framings */
  size_t n_prompts;           /* 0: questions_superlatives */
  size_t max_length;          /* of a text, in tokens; the model's */
  size_t batch_tokens;
  bool strict; /* as for lexicon_read */
} ValuesSettings;

typedef struct Values {
  AxisFile axes;       /* S of them, one a site */
  CarriedWords words;  /* in the sentences that the axes' words stood in, or where the file does not say, fathom's own */
  AxisWords index;     /* the same words by category, of which there are C, and lemma */
  QuestionSet prompts; /* P of them */
  ScanTexts *texts;    /* [P]: each word as the whole answer */
  size_t batch_tokens;
  size_t tokens;             /* run through the model by values_measure */
  char digest[DIGEST_TEXT];  /* of all that decides the numbers */
  size_t *axis_of;           /* [SITE_KIND_COUNT, L] number of the axis at a site, or SIZE_MAX */
  size_t n_layers;
  /* Of the last values_measure: */
  bool is_projected;
  double *words_projected; /* [S, words] */
  double *projection;      /* [S, C] mean scores along the axes (probes/values/axis.h), over lemmas */
  double *start;           /* [S, C] that of step 0; set by whoever logs */
  double *median_rank;     /* [P, C] of the words' rewards within a prompt; 1 = highest */
} Values;

/* Reads and checks everything. weights_sha256 is that of the model as the run begins: axes that were fit on another model,
 * of sites it does not have or of another width, are STATUS_DATA. */
Status values_open(Values *values, const ValuesSettings *settings, const ModelConfig *config, const char *weights_sha256,
                   const Tokenizer *tokenizer, const ChatTemplate *chat, Error *err);
void values_close(Values *values); /* all zeros is fine */

/* The model must have a reward head. blocks_move false: projections are those of the last time, if there was one. What is
 * not finite is STATUS_NUMERIC. */
Status values_measure(Values *values, const Model *model, bool blocks_move, Error *err);

#endif
