/* .npy and .npz files by hand, with their numbers marked so that a test can patch them. */
#ifndef FATHOM_TESTS_MADE_ARRAYS_H
#define FATHOM_TESTS_MADE_ARRAYS_H

#include "tests/bytes.h"

/* A .npy of this version and header, and so many bytes of elements. */
static Bytes npy(unsigned version, const char *header, size_t n_bytes) {
  Bytes b = {0};
  put(&b, "\x93NUMPY", 6);
  put_int(&b, 2, version);
  mark(&b, "length");
  put_int(&b, version == 1 ? 2 : 4, strlen(header));
  put(&b, header, strlen(header));
  for (size_t i = 0; i < n_bytes; i++) put_int(&b, 1, i % 60);
  return b;
}

#define NPY(descr, order, shape) "{'descr': " descr ", 'fortran_order': " order ", 'shape': " shape ", }\n"

/* A zip file of two stored members, its numbers marked. extra: 64-bit sizes of the first. */
static Bytes zip(const char *first, const char *second, bool wide) {
  const char *const names[] = {first, second};
  size_t offsets[2];
  const Bytes array = npy(1, NPY("'<i2'", "False", "(12,)"), 24);
  const uint32_t crc = file_crc32(0, array.data, array.size);
  Bytes b = {0};
  for (size_t i = 0; i < 2; i++) {
    offsets[i] = b.size;
    if (i == 0) mark(&b, "local");
    put(&b, "PK\3\4\24\0\0\0", 8);
    put_int(&b, 2, 0);
    put_int(&b, 4, 0);
    put_int(&b, 4, crc);
    put_int(&b, 4, array.size);
    put_int(&b, 4, array.size);
    put_int(&b, 2, strlen(names[i]));
    put_int(&b, 2, 0);
    put(&b, names[i], strlen(names[i]));
    if (i == 0) mark(&b, "array");
    put(&b, array.data, array.size);
  }
  const size_t directory = b.size;
  for (size_t i = 0; i < 2; i++) {
    const bool is_wide = wide && i == 0;
    if (i == 0) mark(&b, "entry");
    put(&b, "PK\1\2\24\0\24\0", 8);
    if (i == 0) mark(&b, "flags");
    put_int(&b, 2, 0);
    if (i == 0) mark(&b, "method");
    put_int(&b, 2, 0);
    put_int(&b, 4, 0);
    if (i == 0) mark(&b, "crc");
    put_int(&b, 4, crc);
    if (i == 0) mark(&b, "stored");
    put_int(&b, 4, is_wide ? UINT32_MAX : array.size);
    if (i == 0) mark(&b, "size");
    put_int(&b, 4, is_wide ? UINT32_MAX : array.size);
    put_int(&b, 2, strlen(names[i]));
    if (i == 0) mark(&b, "extra");
    put_int(&b, 2, is_wide ? 20 : 0);
    put_int(&b, 2, 0);
    put_int(&b, 8, 0);
    if (i == 0) mark(&b, "offset");
    put_int(&b, 4, offsets[i]);
    put(&b, names[i], strlen(names[i]));
    if (!is_wide) continue;
    mark(&b, "id64");
    put_int(&b, 2, 1);
    mark(&b, "length64");
    put_int(&b, 2, 16);
    mark(&b, "size64");
    put_int(&b, 8, array.size);
    put_int(&b, 8, array.size);
  }
  const size_t size = b.size - directory;
  put(&b, "PK\5\6", 4);
  mark(&b, "disks");
  put_int(&b, 4, 0);
  put_int(&b, 2, 2);
  mark(&b, "count");
  put_int(&b, 2, 2);
  mark(&b, "directory size");
  put_int(&b, 4, size);
  mark(&b, "directory");
  put_int(&b, 4, directory);
  mark(&b, "comment");
  put_int(&b, 2, 0);
  free(array.data);
  return b;
}

#endif
