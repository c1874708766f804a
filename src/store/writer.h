/* Bytes to given places of a file, from a thread of their own: the caller fills a buffer while earlier ones are
 * written.
 *
 * Whole pages go past the system's page cache (O_DIRECT) where the file system allows it: copying into fresh pages of
 * the cache takes a processor several times longer than the same bytes take to the disk. What begins or ends inside a
 * page goes through the cache. The thread waits for the disk nearly all the time, and never computes. */
#ifndef FATHOM_STORE_WRITER_H
#define FATHOM_STORE_WRITER_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct Writer Writer;

/* Bytes [at, at + size) of a buffer, and their place in the file. */
typedef struct WriterPiece {
  size_t at, size;
  uint64_t offset;
} WriterPiece;

enum {
  WRITER_PAGE = 4096,
  WRITER_SLOTS = 3, /* buffers: one is filled, one is written, and one waits between them */
};

/* Writes to the file behind this handle, which stays open as long as the writer, under its name. */
Status writer_open(const char *path, int handle, Writer **out, Error *err);

/* A buffer of this many bytes for any type, which lies to its page as `offset` lies to a page of the file where it can.
 * Waits until one is free. One at a time: filled by the caller, then handed over with its pieces (copied). A buffer not
 * handed over is forgotten. */
void *writer_begin(Writer *writer, size_t size, uint64_t offset);
void writer_end(Writer *writer, const WriterPiece *pieces, size_t n);

/* 0, or the errno of the first write that failed so far; after one nothing more is written. */
int writer_failed(Writer *writer);

/* As above, once everything handed over is written. */
int writer_wait(Writer *writer);

/* Waits, ends the thread. NULL is fine. */
void writer_close(Writer *writer);

#endif
