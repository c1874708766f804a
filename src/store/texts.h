/* Lists of texts as HDF5 datasets: of fixed length, zero-padded, where that is no great waste, else of variable length.
 * The fixed form is small and safe: HDF5 1.10 trusts the lengths that a file gives for variable ones. */
#ifndef FATHOM_STORE_TEXTS_H
#define FATHOM_STORE_TEXTS_H

#include "store/h5.h"

/* NULL, of the list or of a text in it, is written as "". */
Status texts_write(H5Id file, const char *name, const char *const *texts, size_t n, Error *err);
Status texts_read(H5Id file, const char *name, char ***texts, size_t *n, Error *err); /* freed by string_list_free */
void string_list_free(char **values, size_t n);

#endif
