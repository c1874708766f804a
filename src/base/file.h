/* Files: read-only maps, whole reads (gzip or plain), deflated parts of them, and writers whose output appears under its
 * name only when whole. */
#ifndef FATHOM_BASE_FILE_H
#define FATHOM_BASE_FILE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A file mapped read-only. An empty file has bytes NULL and size 0. */
typedef struct FileMap {
  const uint8_t *bytes;
  size_t size;
} FileMap;

Status file_map(const char *path, FileMap *map, Error *err);
void file_unmap(FileMap *map); /* all zeros is fine */

/* The whole file, gunzipped if it starts with gzip's magic, plus a terminating NUL that *size does not count; freed by
 * the caller. More than limit bytes (after gunzip) is STATUS_DATA. "-" is standard input. */
Status file_read(const char *path, size_t limit, char **bytes, size_t *size, Error *err);

/* These bytes of a map are not needed soon: their pages stop counting as this process's memory. They may still be read. */
void file_forget(const void *bytes, size_t size);

/* A raw deflate stream that lies in memory (a member of a zip file, say), inflated from its beginning, piece by piece. */
typedef struct FileInflate FileInflate;

FileInflate *file_inflate_new(const void *bytes, size_t size); /* bytes must outlive it */
/* The next n bytes of what was deflated; a broken stream, or one that ends before them, is STATUS_DATA. */
Status file_inflate_read(FileInflate *inflate, void *to, size_t n, Error *err);
bool file_inflate_has_ended(FileInflate *inflate); /* nothing follows what was read; asked last */
void file_inflate_rewind(FileInflate *inflate);
void file_inflate_free(FileInflate *inflate); /* NULL is fine */

/* CRC-32 as zip and gzip have it, of these bytes behind those that gave so_far (0 at first). */
uint32_t file_crc32(uint32_t so_far, const void *bytes, size_t size);

bool file_is_directory(const char *path);
bool file_exists(const char *path);
bool file_is_same(const char *a, const char *b); /* two names of one file, or one name */
char *file_join(const char *folder, const char *name); /* freed by the caller */
const char *file_name(const char *path);               /* the part behind the last slash */
bool file_has_suffix(const char *path, const char *suffix);

/* Makes the folder (parents must exist); one that is there already is fine. */
Status file_make_directory(const char *path, Error *err);

/* A file being written as PATH.part, renamed to PATH by commit. Writing to "/dev/..." goes there directly. */
typedef struct FileWriter {
  FILE *stream;
  char *path, *part; /* part is NULL for a device */
} FileWriter;

Status file_writer_open(FileWriter *writer, const char *path, Error *err);
Status file_writer_commit(FileWriter *writer, Error *err); /* flush, fsync, close and rename, each checked */
void file_writer_discard(FileWriter *writer);              /* after commit or on an all-zero writer: nothing */

/* Could PATH be written? Found out before the work whose result it will hold; leaves all files as they are. */
Status file_check_writable(const char *path, Error *err);

/* Flushes and checks a stream; the cause of an earlier failure is no longer known, and said so. name is for messages. */
Status file_flush(FILE *stream, const char *name, Error *err);

/* Renames a finished file; both names in one folder. */
Status file_rename(const char *from, const char *to, Error *err);

/* Writes text as the whole file PATH, through a writer. */
Status file_write_text(const char *path, const char *text, Error *err);

#endif
