/* What the parts of `fathom axis` share: axis.c (the command), words.c (words of a lexicon in carrier sentences,
 * through a model), covariates.c (what is regressed out), store.c (words from an activation store), build.c
 * (axes of all sites and how they are borne out), write.c (files), project.c (stores along saved axes),
 * shift.c (an axis of one model beside that of another), agree.c (whether these two can be compared), rows.c
 * (the tables of projections and shifts). */
#ifndef FATHOM_COMMAND_AXIS_AXIS_H
#define FATHOM_COMMAND_AXIS_AXIS_H

#include "base/digest.h"
#include "command/command.h"
#include "command/inputs.h"
#include "probes/drift/interval.h"
#include "probes/values/axis_evaluate.h"
#include "text/lexicon/carried.h"
#include "train/axis_file.h"

typedef struct AxisSettings {
  CommonSettings common;
  InputSettings input;
  const char *lexicon, *poles, *others, *pos, *templates, *sites, *layers, *method, *residualise, *covariates, *by,
      *output, *control_vector;
  size_t folds, permutations, bootstrap;
  bool keep_first;
} AxisSettings;

/* Words and their activations at some sites, wherever they come from. */
typedef struct AxisData {
  AxisWords words;
  char **sites; /* [n_sites] */
  size_t *widths, n_sites;
  float **rows;         /* [n_sites] of [words.n, width] */
  CarrierSet carriers;  /* the sentences that the words stood in; none where they are not known */
  char *rule;           /* which rows of the words' texts were read */
  char texts_sha256[DIGEST_TEXT]; /* of all texts, word by word; "" where not known */
  char *architecture;   /* as GGUF files call it, "" where it is not known */
  char *model, *sha256; /* "" where not known */
  char **notes;         /* [n_notes] for the head of the table */
  size_t n_notes;
} AxisData;

void axis_data_clear(AxisData *data); /* all zeros is fine */

/* Keeps a note for the table, and says it or warns with it; note is taken over. */
void axis_note(AxisData *data, bool is_warning, char *note);

/* The words of --lexicon through the model at path, and the named groups of a store. */
Status axis_from_model(const char *path, const AxisSettings *settings, AxisData *data, Error *err);
Status axis_from_store(const char *path, const AxisSettings *settings, AxisData *data, Error *err);

/* The names of --residualise, and their numbers into every word, but for the tokens, which only words in sentences have. */
Status axis_read_covariates(const AxisSettings *settings, CarriedWord *items, size_t n, char ***names,
                            size_t *n_names, Error *err);
void axis_take_tokens(char *const *names, size_t n_names, CarriedWord *items, size_t n);

/* Indexes the words, and whatever speaks against fitting axes on them at these sites, found out before they are recorded. */
Status axis_check_words(const AxisSettings *settings, AxisWords *words, Error *err);
Status axis_check_sites(const AxisSettings *settings, const char *const *sites, size_t n_sites, Error *err);

/* Fits and tests the axes of data, prints them, writes the files asked for. */
Status axis_build(const Invocation *call, const AxisSettings *settings, AxisData *data, Error *err);

/* What axis_build found, for the files. */
typedef struct AxisResults {
  AxisDesign design;
  AxisEvaluation *evaluations; /* [n_sites] */
  ValueAxis *axes;             /* [n_sites] */
  double *p, *p_max;           /* [n_sites] */
  double *scores;              /* [n_sites, n]: held out for the words of the poles */
  Bounded *projections;        /* [n_sites, n_categories] means of scores over lemmas */
  size_t *units;               /* [n_categories] lemmas */
} AxisResults;

/* What the table says of them in '#' lines. */
void axis_note_results(const AxisSettings *settings, const AxisData *data, const AxisResults *results, Table *table);

/* Fits and tests an axis at every site. */
Status axis_compute(const AxisSettings *settings, const AxisData *data, AxisResults *results, Error *err);
void axis_results_clear(AxisResults *results, size_t n_sites); /* all zeros is fine */

Status axis_write(const char *path, const AxisSettings *settings, const Provenance *provenance, const AxisData *data,
                  const AxisResults *results, Error *err);

/* The directions at resid_post, times their scale, as llama.cpp's control vectors; axis_check_sites says whether there is
 * one. */
Status axis_write_control_vector(const char *path, const ValueAxis *axes, size_t n_axes, const char *architecture,
                                 Error *err);

/* What intervals are over, for notes and files; freed by the caller; NULL without. */
char *axis_interval_words(const AxisSettings *settings, const char *unit);

/* A table of numbers with intervals: site, layer, what, group, value, lo, hi, n. */
typedef struct AxisRow {
  const char *site, *what, *group;
  Bounded value;
  size_t n;
} AxisRow;

typedef struct AxisRows {
  AxisRow *items; /* [count]; strings are borrowed */
  size_t count;
  const char *what; /* name of that column */
} AxisRows;

void axis_rows_add(AxisRows *rows, AxisRow row);
Table *axis_rows_begin(const AxisSettings *settings, const Provenance *provenance, const AxisRows *rows);
Status axis_rows_end(Table *table, const AxisRows *rows, Error *err);
/* The same as a result of this kind, a list a column; poles are those of the axes. */
Status axis_rows_write(const char *path, const char *kind, const Provenance *provenance, const AxisWords *poles,
                       const char *interval, const AxisRows *rows, Error *err);
/* Which pole is which side, as an attribute that figures are captioned with. */
Status axis_write_poles(Result *result, const AxisWords *words, Error *err);

/* The axes that --sites and --layers select: chosen[n_axes]. */
Status axis_choose(const AxisSettings *settings, const AxisFile *file, bool *chosen, Error *err);

Status axis_project_stores(const Invocation *call, const AxisSettings *settings, Error *err);
/* Are the rows of two files those of the same words in the same texts, and their axes fit alike? STATUS_DATA says what
 * differs first. */
Status axis_check_agreement(const AxisFile *x, const AxisFile *y, Error *err);
Status axis_shift(const Invocation *call, const AxisSettings *settings, Error *err);

#endif
