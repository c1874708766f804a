/* What a model does on the words of a lexicon: the row of each word's last token, in every sentence that carries it. What the
 * texts of a sentence begin with is run once. */
#ifndef FATHOM_TRAIN_WORD_ROWS_H
#define FATHOM_TRAIN_WORD_ROWS_H

#include "model/model.h"
#include "model/sites.h"
#include "text/lexicon/carried.h"

/* Takes row[width] at a site of word number `word` in one of its sentences, of which there are n_sentences. Anything but
 * STATUS_OK ends the run. A word's sentences come in their order, whatever the batches. */
typedef Status WordTake(void *context, SiteKind kind, size_t layer, size_t word, size_t n_sentences, const real *row,
                        size_t width, Error *err);

/* In batches of at most batch_tokens tokens; label, which may be NULL for none, is that of the progress line. */
Status word_rows_run(const Model *model, const CarriedWords *words, size_t batch_tokens, const char *label,
                     WordTake *take, void *context, Error *err);

/* rows[sites->count]: of each site [words->count, width], the mean over a word's sentences. What is not finite is
 * STATUS_NUMERIC naming site and word. */
Status word_rows_average(const Model *model, const CarriedWords *words, const SiteList *sites, size_t batch_tokens,
                         const char *label, float *const *rows, Error *err);

#endif
