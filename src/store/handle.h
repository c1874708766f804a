/* The system's side of a file that HDF5 has open, by its handle. */
#ifndef FATHOM_STORE_HANDLE_H
#define FATHOM_STORE_HANDLE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

Status handle_lock(int handle, Error *err); /* for writing; STATUS_SYSTEM where another process has it */
void handle_discard(int handle);            /* what is written to it from now on goes to memory, and is lost */

/* size bytes at offset. STATUS_DATA where the file ends before. Several threads may ask at once. */
Status handle_read(int handle, uint64_t offset, size_t size, void *bytes, Error *err);

#endif
