/* Lists of texts as HDF5 datasets: variable length when written; fixed length, as other writers like it, when read. */
#ifndef FATHOM_STORE_TEXTS_H
#define FATHOM_STORE_TEXTS_H

#include "store/h5.h"

/* NULL, of the list or of a text in it, is written as "". */
Status texts_write(H5Id file, const char *name, const char *const *texts, size_t n, Error *err);
Status texts_read(H5Id file, const char *name, char ***texts, size_t *n, Error *err); /* freed by string_list_free */
void string_list_free(char **values, size_t n);

#endif
