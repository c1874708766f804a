/* The first block of an HDF5 file, in the one place where HDF5 1.10 gets it wrong: H5Fget_file_image clears the flag
 * "open for writing" in its copy, but keeps the checksum of the block with the flag set. */
#ifndef FATHOM_STORE_SUPERBLOCK_H
#define FATHOM_STORE_SUPERBLOCK_H

#include <stddef.h>

/* Renews the checksum of the superblock at the start of an HDF5 file's bytes; one of a version without is left alone.
 */
void superblock_repair(void *bytes, size_t size);

#endif
