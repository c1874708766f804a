/* Rows straight out of a store's file, by several threads at once: HDF5 is asked once where a chunk lies, and reads itself only
 * what it has to convert, inflate or fill in. For activations_read.c. */
#ifndef FATHOM_STORE_DIRECT_READ_H
#define FATHOM_STORE_DIRECT_READ_H

#include "store/activations.h"

#include <stdbool.h>

/* Where the rows of each site lie. */
Status direct_read_open(Store *store, Error *err);
void direct_read_close(Store *store); /* all zeros is fine */

/* Rows [first, first + n) of a site as float32; *read false: not all of them can be had so. */
Status direct_read_rows(Store *store, size_t site, size_t first, size_t n, float *rows, bool *read, Error *err);

#endif
