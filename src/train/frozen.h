/* The frozen model's features: resid_post of every block at the counted tokens of every training and probe sample,
 * recorded once into an activation store and read back a batch at a time. Beside the blocks the store holds
 * ln_final.hook_normalized, which runs that train the head alone read (train/features.h). */
#ifndef FATHOM_TRAIN_FROZEN_H
#define FATHOM_TRAIN_FROZEN_H

#include "store/activations.h"
#include "train/rows.h"

typedef struct Frozen {
  Store *store;
  size_t n_layers, width;
  TokenRule rule;
  size_t *site_of;   /* [L] */
  size_t *first_row; /* [n_samples]: where the store has the rows of a sample */
  double *scale;     /* [L]: s_l^2, the mean squared distance of counted training rows from their mean */
} Frozen;

/* Opens the store and finds the rows of the samples, by their tokens: the store may hold more samples, in any order, so
 * that runs on parts of a data set share one. A store without one of them, or of a model of another shape, is
 * STATUS_DATA. */
Status frozen_open(Frozen *frozen, const char *path, TokenRule rule, size_t n_layers, size_t width,
                   const Sample *const *samples, size_t n_samples, Error *err);
void frozen_close(Frozen *frozen); /* all zeros is fine */

/* scale[l] over the counted rows of the first n_train samples (the manual, "The loss"), in float64. A block whose rows
 * are all alike has no scale: STATUS_NUMERIC. */
Status frozen_measure_scale(Frozen *frozen, const Sample *const *samples, size_t n_train, Error *err);

/* Counted rows of a sample. */
size_t frozen_rows(const Frozen *frozen, const Sample *sample);

/* rows[n, width] of block `layer`: the counted rows of sample number `index` of those that frozen_open was given. */
Status frozen_read(Frozen *frozen, const Sample *sample, size_t index, size_t layer, float *rows, Error *err);

#endif
