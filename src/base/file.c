/* Files: maps, whole reads through zlib, and writers that rename when done. */
#include "base/file.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

Status file_map(const char *path, FileMap *map, Error *err) {
  Status status = STATUS_OK;
  struct stat info;
  *map = (FileMap){0};
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return error_system(err, "%s: cannot open", path);
  if (fstat(fd, &info) != 0) {
    status = error_system(err, "%s: cannot stat", path);
  } else if (!S_ISREG(info.st_mode)) {
    status = error_set(err, STATUS_DATA, "%s: not a regular file", path);
  } else if (info.st_size > 0) {
    void *bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
      status = error_system(err, "%s: cannot map", path);
    else
      *map = (FileMap){bytes, (size_t)info.st_size};
  }
  close(fd);
  return status;
}

void file_unmap(FileMap *map) {
  if (map->bytes) munmap((void *)map->bytes, map->size);
  *map = (FileMap){0};
}

void file_forget(const void *bytes, size_t size) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  const uintptr_t begin = ((uintptr_t)bytes + page - 1) / page * page, end = ((uintptr_t)bytes + size) / page * page;
  if (end > begin) madvise((void *)begin, end - begin, MADV_DONTNEED);
}

Status file_read(const char *path, size_t limit, char **bytes, size_t *size, Error *err) {
  enum { STEP = 1 << 20 };
  *bytes = NULL;
  *size = 0;
  const bool is_stdin = strcmp(path, "-") == 0;
  if (!is_stdin && file_is_directory(path)) return error_set(err, STATUS_DATA, "%s: is a folder, expected a file", path);
  gzFile stream = is_stdin ? gzdopen(dup(STDIN_FILENO), "rb") : gzopen(path, "rb");
  if (!stream) return error_system(err, "%s: cannot open", path);
  Status status = STATUS_OK;
  size_t room = 0, used = 0;
  char *text = NULL;
  for (;;) {
    if (room - used < STEP + 1) text = mem_resize(text, room = 2 * room + 2 * STEP, 1);
    const int n = gzread(stream, text + used, STEP);
    if (n < 0) {
      int code;
      const char *why = gzerror(stream, &code);
      status = code == Z_ERRNO ? error_system(err, "%s: cannot read", path)
                               : error_set(err, STATUS_DATA, "%s: broken gzip data: %s", path, why);
      break;
    }
    used += (size_t)n;
    if (used > limit) {
      status = error_set(err, STATUS_DATA, "%s: larger than the limit of %zu bytes", path, limit);
      break;
    }
    if (n == 0) break;
  }
  const int closed = gzclose(stream); /* Z_BUF_ERROR: the gzip stream ended early */
  if (status == STATUS_OK && closed != Z_OK) status = error_set(err, STATUS_DATA, "%s: truncated gzip data", path);
  if (status != STATUS_OK) {
    free(text);
    return status;
  }
  text[used] = 0;
  *bytes = text;
  *size = used;
  return STATUS_OK;
}

struct FileInflate {
  const uint8_t *bytes;
  size_t size, at; /* at: bytes handed to zlib */
  z_stream stream;
};

FileInflate *file_inflate_new(const void *bytes, size_t size) {
  FileInflate *f = mem_alloc(1, sizeof *f);
  *f = (FileInflate){.bytes = bytes, .size = size};
  if (inflateInit2(&f->stream, -MAX_WBITS) != Z_OK) mem_exhausted(sizeof *f); /* all that can fail with this zlib */
  return f;
}

/* As much as there is of n bytes; how much: n less avail_out. zlib counts in unsigned int. */
static int inflate_some(FileInflate *f, void *to, size_t n) {
  const size_t left = f->size - f->at, most = (size_t)1 << 30;
  const uInt given = (uInt)(left < most ? left : most);
  f->stream.next_in = (Bytef *)f->bytes + f->at;
  f->stream.avail_in = given;
  f->stream.next_out = to;
  f->stream.avail_out = (uInt)n;
  const int code = inflate(&f->stream, Z_NO_FLUSH);
  f->at += given - f->stream.avail_in;
  return code;
}

Status file_inflate_read(FileInflate *f, void *to, size_t n, Error *err) {
  uint8_t *out = to;
  while (n > 0) {
    const size_t step = n < (size_t)1 << 30 ? n : (size_t)1 << 30;
    const int code = inflate_some(f, out, step);
    const size_t done = step - f->stream.avail_out;
    out += done;
    n -= done;
    if (n == 0) break;
    if (code == Z_MEM_ERROR) mem_exhausted(sizeof *f);
    if (code == Z_STREAM_END || code == Z_BUF_ERROR)
      return error_set(err, STATUS_DATA, "the deflated data end %zu bytes too early", n);
    if (code != Z_OK)
      return error_set(err, STATUS_DATA, "broken deflated data: %s", f->stream.msg ? f->stream.msg : "no reason given");
  }
  return STATUS_OK;
}

bool file_inflate_has_ended(FileInflate *f) {
  uint8_t more;
  const int code = inflate_some(f, &more, 1);
  return code == Z_STREAM_END && f->stream.avail_out == 1;
}

void file_inflate_rewind(FileInflate *f) {
  inflateReset(&f->stream);
  f->at = 0;
}

void file_inflate_free(FileInflate *f) {
  if (f) inflateEnd(&f->stream);
  free(f);
}

uint32_t file_crc32(uint32_t so_far, const void *bytes, size_t size) {
  return (uint32_t)crc32_z(so_far, bytes, size);
}

bool file_is_directory(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool file_exists(const char *path) {
  struct stat info;
  return stat(path, &info) == 0;
}

bool file_is_same(const char *a, const char *b) {
  struct stat x, y;
  if (stat(a, &x) != 0 || stat(b, &y) != 0) return strcmp(a, b) == 0;
  return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

char *file_join(const char *folder, const char *name) {
  const size_t n = strlen(folder);
  return mem_format("%s%s%s", folder, n && folder[n - 1] == '/' ? "" : "/", name);
}

const char *file_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

bool file_has_suffix(const char *path, const char *suffix) {
  const size_t n = strlen(path), m = strlen(suffix);
  return n >= m && strcmp(path + n - m, suffix) == 0;
}

Status file_make_directory(const char *path, Error *err) {
  if (mkdir(path, 0777) == 0 || (errno == EEXIST && file_is_directory(path))) return STATUS_OK;
  return error_system(err, "%s: cannot make this folder", path);
}

Status file_writer_open(FileWriter *writer, const char *path, Error *err) {
  *writer = (FileWriter){.path = mem_copy_string(path)};
  if (strncmp(path, "/dev/", 5) != 0) writer->part = mem_format("%s.part", path);
  writer->stream = fopen(writer->part ? writer->part : path, "wb");
  if (writer->stream) return STATUS_OK;
  const Status status = error_system(err, "%s: cannot write here", path);
  file_writer_discard(writer);
  return status;
}

Status file_check_writable(const char *path, Error *err) {
  FileWriter writer = {0};
  if (file_is_directory(path)) return error_set(err, STATUS_SYSTEM, "%s: is a folder, expected the name of a file", path);
  char *part = mem_format("%s.part", path);
  const bool kept = file_exists(part); /* an earlier run's, which the one to come may not get as far as to replace */
  const bool writable = kept && access(part, W_OK) == 0;
  free(part);
  if (writable) return STATUS_OK;
  if (kept) return error_system(err, "%s: cannot write here", path);
  const Status status = file_writer_open(&writer, path, err);
  file_writer_discard(&writer);
  return status;
}

Status file_flush(FILE *stream, const char *name, Error *err) {
  if (fflush(stream) != 0) return error_system(err, "%s: cannot write", name);
  if (ferror(stream)) return error_set(err, STATUS_SYSTEM, "%s: a write failed: is the disk full?", name);
  return STATUS_OK;
}

Status file_writer_commit(FileWriter *writer, Error *err) {
  FILE *stream = writer->stream;
  writer->stream = NULL;
  Status status = file_flush(stream, writer->path, err);
  if (status == STATUS_OK && writer->part && fsync(fileno(stream)) != 0)
    status = error_system(err, "%s: cannot write", writer->path);
  if (fclose(stream) != 0 && status == STATUS_OK) status = error_system(err, "%s: cannot write", writer->path);
  if (status == STATUS_OK && writer->part) {
    status = file_rename(writer->part, writer->path, err);
    if (status == STATUS_OK) {
      free(writer->part);
      writer->part = NULL;
    }
  }
  file_writer_discard(writer);
  return status;
}

void file_writer_discard(FileWriter *writer) {
  if (writer->stream) fclose(writer->stream);
  if (writer->part) unlink(writer->part);
  free(writer->part);
  free(writer->path);
  *writer = (FileWriter){0};
}

Status file_rename(const char *from, const char *to, Error *err) {
  return rename(from, to) == 0 ? STATUS_OK : error_system(err, "%s: cannot rename to %s", from, to);
}

Status file_write_text(const char *path, const char *text, Error *err) {
  FileWriter writer;
  const Status status = file_writer_open(&writer, path, err);
  if (status != STATUS_OK) return status;
  fputs(text, writer.stream); /* a failure shows in commit's ferror */
  return file_writer_commit(&writer, err);
}
