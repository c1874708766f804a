/* Rows of a site straight into their chunks. For activations.c. */
#ifndef FATHOM_STORE_DIRECT_H
#define FATHOM_STORE_DIRECT_H

#include "store/contents.h"

/* As store_write_rows. The chunks of a store lie where they were allocated, without filters; pwrite spares what HDF5
 * does for each selection, and needs no thread but the caller's: the system lets one write into a file at a time. */
Status direct_write_rows(Store *store, size_t site, size_t first, size_t n, const float *rows, size_t stride,
                         Error *err);

#endif
