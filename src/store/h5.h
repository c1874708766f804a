/* The few HDF5 operations that fathom's files need, as functions whose failures are one-line errors: h5.c is the sole
 * user of the HDF5 library. What the datasets mean is for activations.h and result.h.
 *
 * Files keep to HDF5 1.8's object formats, which 1.10 and everything later reads; no object carries a time, so that
 * same contents give the same bytes. HDF5 is built without thread safety: one thread at a time. */
#ifndef FATHOM_STORE_H5_H
#define FATHOM_STORE_H5_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int64_t H5Id; /* HDF5's hid_t */
enum { H5_NONE = -1, H5_MAX_RANK = 4 };

typedef enum H5Type {
  H5_U16,
  H5_U32,
  H5_I32,
  H5_U64,
  H5_I64, /* of a file's dataset: any integer but U16; HDF5 converts */
  H5_F16, /* IEEE binary16, uint16_t in memory */
  H5_F32,
  H5_F64,
  H5_TEXT,
  H5_OTHER,
} H5Type;

/* Errors: where the system refused, STATUS_SYSTEM with its reason; what is wrong with the file is STATUS_DATA. The text
 * names the attribute, group or dataset that a function was given by name; the caller prefixes the file. */
typedef enum H5Mode {
  H5_READ,
  H5_UPDATE, /* on disk, in place */
  H5_MEMORY, /* read into memory and changed there; nothing reaches the disk but through h5_image */
} H5Mode;

Status h5_create_file(const char *path, bool in_memory, H5Id *file, Error *err);
Status h5_open_file(const char *path, H5Mode mode, H5Id *file, Error *err);
Status h5_flush(H5Id file, Error *err);
Status h5_sync(H5Id file, Error *err); /* flush, then wait until the data is on the medium */

/* The bytes of a file in memory; freed by the caller in any case. */
Status h5_image(H5Id file, void **bytes, size_t *size, Error *err);

Status h5_close_file(H5Id *file, Error *err); /* checked; H5_NONE afterwards in any case */
void h5_close(H5Id *id);                      /* any object, H5_NONE too; unchecked */

/* Attributes: a text (H5_TEXT; value is the text when writing, a char ** whose text the caller frees when reading) or a
 * number (H5_U64, uint64_t *). Writing replaces. Reading one that is missing is fine, and leaves *value as it is. */
Status h5_write_attribute(H5Id object, const char *name, H5Type type, const void *value, Error *err);
Status h5_read_attribute(H5Id object, const char *name, H5Type type, void *value, Error *err);

/* Datasets. dims[0] counts rows; names are paths from the root, whose groups are made as needed. */
typedef struct H5Dataset {
  H5Id id;
  H5Type type;
  size_t rank, dims[H5_MAX_RANK];
  size_t text_size; /* of H5_TEXT: bytes of each, zero-padded; 0: variable, a char * each in memory */
} H5Dataset;

/* The system's handle of a file on disk, -1 for one in memory. */
int h5_handle(H5Id file);

/* Makes an array of dataset's type, rank and dims, and sets its id. chunk_rows 0 is contiguous; every byte is allocated
 * at once and holds nothing until written. With growable (needs chunk_rows) dims[0] is where it starts. */
Status h5_make_dataset(H5Id file, const char *name, size_t chunk_rows, bool growable, H5Dataset *dataset, Error *err);

/* Opens and describes. A dataset whose storage cannot hold its shape is an error, so that sizes from here are safe to
 * allocate. */
Status h5_open_dataset(H5Id file, const char *name, H5Dataset *dataset, Error *err);
bool h5_has_dataset(H5Id file, const char *name);

/* Rows of a chunk that lies in the file as packed numbers of this type; 0 where HDF5 has to convert, inflate or gather them. */
size_t h5_chunk_rows(const H5Dataset *dataset, H5Type type);

/* Where in the file the chunk that begins at a row lies, of a dataset without filters whose storage is allocated. */
Status h5_locate_chunk(const H5Dataset *dataset, size_t row, uint64_t *offset, Error *err);

/* Rows [first, first + n), packed. Reading converts numbers to the type given; writing takes the dataset's own. Each
 * char * read is freed by the caller, and may be NULL for "". */
Status h5_read_rows(const H5Dataset *dataset, H5Type type, size_t first, size_t n, void *values, Error *err);
Status h5_write_rows(const H5Dataset *dataset, size_t first, size_t n, const void *values, Error *err);
Status h5_resize(H5Dataset *dataset, size_t n_rows, Error *err); /* a growable one */

/* Makes a dataset a dimension scale of this name; labels an axis of another dataset and attaches scales to it. */
Status h5_make_scale(H5Id dataset, const char *name, Error *err);
Status h5_name_axis(H5Id dataset, unsigned axis, const char *label, const H5Id *scales, size_t n_scales, Error *err);

/* Makes a group whose members are listed in the order they were made. */
Status h5_make_group(H5Id file, const char *name, Error *err);

/* Paths, from the group, of all datasets in it and below; in the order they were made where the group keeps it
 * (*in_order), else in none. Freed by string_list_free (texts.h). */
Status h5_list(H5Id file, const char *group, char ***names, size_t *n, bool *in_order, Error *err);

#endif
