/* StoreContents to and from a file: the part of an activation store that is there before its first row. For
 * activations.c and activations_read.c. */
#ifndef FATHOM_STORE_CONTENTS_H
#define FATHOM_STORE_CONTENTS_H

#include "store/activations.h"
#include "store/h5.h"

enum { STORE_FORMAT_VERSION = 1 };
#define STORE_FORMAT "fathom-activations"

/* Rows that the caller fills before they are written. */
typedef struct StoreRows {
  size_t site, first, n;
  float *values; /* [n, width]; NULL: none are under way */
} StoreRows;

/* Where a site's chunks lie. */
typedef struct ChunkPlaces {
  size_t rows;       /* of a chunk; 0: HDF5 has to read it */
  uint64_t *offsets; /* in the file; 0: not yet looked up */
} ChunkPlaces;

struct Store {
  char *path, *part;      /* final name; name while it is written, NULL for a reader */
  H5Id file;              /* of part, or of path */
  StoreContents contents; /* as it is in the file */
  H5Dataset *sites;       /* [n_sites] */
  H5Dataset rows_done_set;
  size_t rows_done;
  bool complete, writing, is_disposable;
  /* Writing: */
  size_t *written; /* [n_sites] rows that a site has from 0 on */
  StoreRows filling;
  struct Writer *writer; /* NULL before the first row */
  /* Reading: */
  ChunkPlaces *places; /* [n_sites] */
  int handle;        /* the system's, of file */
  void *scratch;   /* a block of rows in the file's type */
  size_t scratch_size;
};

void store_close_datasets(Store *store);

/* Makes the scratch: large enough for a row, small enough to stay in the second-level cache between read and
 * conversion. */
Status store_make_scratch(Store *store, Error *err);

size_t store_dtype_size(StoreDtype dtype);

/* Rows of a chunk: about 1 MiB, all of nearly the same size, since the last one is stored whole, too; whole pages where
 * that does not make the file larger by much. */
size_t contents_chunk_rows(const StoreContents *contents, size_t site);

/* A root attribute, and an array, that StoreContents has a member for. The tables end with a NULL name. */
typedef struct ContentsAttribute {
  const char *name;
  size_t offset; /* of a const char * */
} ContentsAttribute;

typedef enum ContentsCount { SAMPLES, OFFSETS, TOKENS, ROWS } ContentsCount;

typedef struct ContentsArray {
  const char *name;
  size_t offset; /* of the pointer */
  H5Type type;
  ContentsCount count; /* how many entries */
  bool needed;         /* a file without it is no store */
} ContentsArray;

extern const ContentsAttribute contents_attributes[];
extern const ContentsArray contents_arrays[];
size_t contents_count(const StoreContents *contents, ContentsCount count);
size_t contents_size(H5Type type); /* bytes of an entry in memory */

/* Writes everything but rows: attributes (complete = 0), samples, tokens, rows, all sites allocated, rows_done = 0. */
Status contents_write(H5Id file, const StoreContents *contents, Error *err);

/* Reads and checks it, filling store->contents, sites, rows_done_set, rows_done and complete from store->file. */
Status contents_read(Store *store, Error *err);
void contents_clear(StoreContents *contents); /* one that was read, in part or whole */

/* STATUS_DATA naming the first thing in which the file's contents differ from those wanted. */
Status contents_compare(const StoreContents *found, const StoreContents *wanted, Error *err);

/* Have sites a width, and do samples, tokens and rows fit together? */
Status contents_check(const StoreContents *contents, Error *err);
#endif
