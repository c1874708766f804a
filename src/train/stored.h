/* The samples of an activation store by what their features depend on, their tokens. */
#ifndef FATHOM_TRAIN_STORED_H
#define FATHOM_TRAIN_STORED_H

#include "store/activations.h"
#include "text/samples/samples.h"

typedef struct StoredSample {
  uint64_t hash;                    /* of the tokens */
  size_t sample, first_row, n_rows; /* rows of one sample are neighbours in a store */
} StoredSample;

typedef struct StoredSamples {
  const StoreContents *contents;
  StoredSample *items; /* [contents->n_samples], by hash */
} StoredSamples;

void stored_init(StoredSamples *stored, const StoreContents *contents);
void stored_clear(StoredSamples *stored); /* all zeros is fine */

/* The first with the tokens of this sample, and the next one behind; NULL where there is none. */
const StoredSample *stored_find(const StoredSamples *stored, const Sample *sample);
const StoredSample *stored_next(const StoredSamples *stored, const StoredSample *at, const Sample *sample);

#endif
