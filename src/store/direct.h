/* Rows of a site straight into their chunks. For activations.c. */
#ifndef FATHOM_STORE_DIRECT_H
#define FATHOM_STORE_DIRECT_H

#include "store/contents.h"

/* As store_begin_rows and store_end_rows. The chunks of a store lie where they were allocated, without filters: writing
 * there spares what HDF5 does for each selection. */
Status direct_begin_rows(Store *store, size_t site, size_t first, size_t n, float **rows, Error *err);
Status direct_end_rows(Store *store, Error *err);

/* Waits until all rows handed over are written. */
Status direct_wait(Store *store, Error *err);

#endif
