/* Value axes in a file: a result of kind "axis", as `fathom axis` writes it and training, projections and comparisons
 * read it.
 *
 *   attributes                 method; also what the axes were fit from (command/axis_write.c)
 *   /site, layer               [S] sites and their blocks, NaN outside them
 *   /midpoint, scale, separation [S], /direction/<site> [D]: probes/values/axis.h
 *   /category                  [C] names: the first pole, the second, other categories
 *   /words/word, lemma, category [n] texts: the words of both poles, then the others
 *   /words/covariates [n, Q], /covariate [Q]: what was regressed out, where anything was
 *   /words/only_pos            [1] text: the part of speech that alone was taken from the lexicon, where one was asked for
 *   /sentences/id, pos, before, after [K] texts: the sentences around the words, where the words were put into some
 *   /texts/rule, sha256        [1] texts: which rows of which texts stand for the words; "" where it is not known
 *   /rows/<site>               [n, D] float32: the words' activations, averaged over their texts
 *   the rest                   how the axes were borne out (command/axis_write.c) */
#ifndef FATHOM_TRAIN_AXIS_FILE_H
#define FATHOM_TRAIN_AXIS_FILE_H

#include "probes/values/axis_fit.h"
#include "store/result.h"
#include "text/lexicon/carried.h"

/* Words with their categories, those of the two poles before the others. */
typedef struct AxisWords {
  size_t n, n_pole_words;
  char **words, **lemmas; /* [n] */
  char **categories;      /* [n_categories]: the first pole, the second, others */
  size_t n_categories;
  size_t *category; /* [n] */
  size_t *lemma;    /* [n] numbers of equal lemmas; those of pole words are below n_pole_lemmas */
  size_t n_lemmas, n_pole_lemmas;
  bool *first;        /* [n_pole_words] of the first pole? */
  char **covariates;  /* [n_covariates] names */
  double *covariate;  /* [n, n_covariates] */
  size_t n_covariates;
} AxisWords;

/* Fills category order, lemma numbers and poles from words, lemmas and category, which are checked: both poles have words,
 * these come first, and no lemma is of both. STATUS_DATA, without the file's name. */
Status axis_words_index(AxisWords *words, Error *err);
/* Can an axis be fit on them? Both poles have two lemmas or more, so that one can be left out, and together they have at most
 * AXIS_MOST_POLE_WORDS words. STATUS_DATA, without the file's name. */
enum { AXIS_MOST_POLE_WORDS = 5000 };
Status axis_words_check_fit(const AxisWords *words, Error *err);
/* The words, lemmas and categories of words in sentences; without covariates, and not indexed yet. */
void axis_words_take(AxisWords *words, const CarriedWords *from);
void axis_words_clear(AxisWords *words); /* all zeros is fine */

typedef struct AxisFile {
  char *path;
  Result *result;
  AxisMethod method;
  char *method_name;
  ValueAxis *axes;
  size_t n_axes;
  AxisWords words;
  CarrierSet carriers; /* none where the file does not say in which sentences its words stood */
  char *rule, *texts_sha256, *only_pos; /* "" where the file does not say */
} AxisFile;

/* Reads and checks all but rows. */
Status axis_file_open(const char *path, AxisFile *file, Error *err);
void axis_file_close(AxisFile *file); /* all zeros is fine */

/* The words' rows at a site, [words.n, width]; freed by the caller. */
Status axis_file_rows(const AxisFile *file, size_t axis, float **rows, Error *err);

/* The number of the axis of this site; false where there is none. */
bool axis_file_find(const AxisFile *file, const char *site, size_t *axis);

#endif
