/* Rows of a site straight into their chunks, on all threads. For activations.c. */
#ifndef FATHOM_STORE_DIRECT_H
#define FATHOM_STORE_DIRECT_H

#include "store/contents.h"

/* As store_write_rows. Copying into the page cache is what recording waits for, and HDF5 does it on one thread; the
 * chunks of a store lie where they were allocated, without filters, so that every thread can write its share of them.
 */
Status direct_write_rows(Store *store, size_t site, size_t first, size_t n, const float *rows, size_t stride,
                         Error *err);

#endif
