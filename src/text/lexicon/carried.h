/* Words of a lexicon in carrier sentences: what a model is run on to see where it keeps categories of words. */
#ifndef FATHOM_TEXT_LEXICON_CARRIED_H
#define FATHOM_TEXT_LEXICON_CARRIED_H

#include "text/lexicon/carriers.h"
#include "text/lexicon/lexicon.h"

typedef struct CarriedWord {
  const char *form, *lemma, *pos; /* borrowed from the lexicon */
  size_t category;                /* of those chosen; the first two are the poles */
  double zipf, valence;
  double tokens;      /* mean over its sentences */
  Sample *samples;    /* [n_samples], at least one once it is in sentences: carrier_tokenize */
  size_t *sentences;  /* [n_samples] numbers of the carriers, rising */
  size_t n_samples;
  double *covariates; /* those of whoever has some, freed with the word; else NULL */
} CarriedWord;

/* What is not among the words, and why. */
typedef struct LeftOut {
  size_t count;
  const char *what;
  bool is_usual; /* nothing to warn of */
} LeftOut;
enum { LEFT_OUT_REASONS = 6 };

typedef struct CarriedWords {
  Lexicon *lexicon;
  LexiconChoice choice;
  CarrierSet carriers;
  CarriedWord *items; /* [count] in the lexicon's order, those of the poles first; a form is there once */
  size_t count;
  LeftOut left_out[LEFT_OUT_REASONS];
} CarriedWords;

/* The words of two or more categories (names and pos as for lexicon_choose), the first two the poles, in no sentence yet.
 * Entries "form*", forms that were there before (a lexicon lists a form once for each of its parts of speech; the first
 * counts), and words whose lemma the other pole has, too, are left out. */
Status carried_words_read(const char *lexicon, const char *names, const char *pos, bool strict, CarriedWords *words,
                          Error *err);

/* Puts the words into sentences; those that no sentence takes are left out. carriers is taken over in any case; an empty
 * set stands for fathom's own sentences, for words of any part of speech. A row at position 0 holds what a model parks
 * there, not the word: sentences that begin with it are left out. */
Status carried_words_tokenize(CarriedWords *words, CarrierSet *carriers, const Tokenizer *tokenizer, Error *err);
void carried_word_clear(CarriedWord *word);
void carried_words_clear(CarriedWords *words); /* all zeros is fine */

#endif
