/* The fixed probe set of a training run: held-out samples on which the full drift measures are taken at log-spaced
 * steps, against the frozen features of the same rows. */
#ifndef FATHOM_TRAIN_PROBE_H
#define FATHOM_TRAIN_PROBE_H

#include "model/model.h"
#include "train/frozen.h"

typedef struct Probe {
  const Sample *const *samples;
  size_t n_samples;
  size_t first_index; /* number of its first sample among those of frozen_open */
  size_t batch_tokens;
  size_t n_rows, n_layers, width;
  uint32_t *row_sample; /* [n_rows]: the pair, whose two sides are one observation */
  float *current;       /* [L, n_rows, width] */
  size_t n_names;
  const char **names; /* [n_names]: the values of every measure made by default */
  double *values;     /* [n_names, L]: of the last probe_measure */
  double mean_drift;  /* mean over all blocks of the relative squared drift (train/anchor.h) of the probe rows */
} Probe;

void probe_init(Probe *probe, const Frozen *frozen, const Sample *const *samples, size_t n_samples, size_t first_index,
                size_t batch_tokens);
void probe_clear(Probe *probe); /* all zeros is fine */

/* Runs the model over the probe set and sets mean_drift. pass must hold its batches. */
Status probe_drift(Probe *probe, const Model *model, Pass *pass, Frozen *frozen, Error *err);

/* The same, and fills values. */
Status probe_measure(Probe *probe, const Model *model, Pass *pass, Frozen *frozen, Error *err);

#endif
