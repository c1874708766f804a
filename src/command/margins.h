/* Reward margins of the preference pairs of a store: from a table of `fathom score`, from a result of `fathom eval`, or from
 * a reward model, which is run over the recorded tokens. */
#ifndef FATHOM_COMMAND_MARGINS_H
#define FATHOM_COMMAND_MARGINS_H

#include "store/activations.h"

#include <stddef.h>
#include <stdint.h>

/* margins[n] = reward of the chosen side - reward of the rejected one, of the pairs whose chosen sides are these samples of
 * the store (each rejected side is the sample behind it); NaN where a file does not have the pair. Files know pairs by their
 * ids, and, where they say how many tokens a side has, by these: others than the store's are STATUS_DATA. */
Status margins_read(const char *path, const Store *store, size_t n, const uint32_t *chosen, double *margins, Error *err);

#endif
