/* What the fuzz entries share: the fuzzer's bytes as a file in a folder of this process's own, and the least that a
 * model's folder needs beside it. A reader may refuse what it is given; it may not crash, leak, hang or say nothing. */
#ifndef FATHOM_TESTS_FUZZ_H
#define FATHOM_TESTS_FUZZ_H

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Made at the first call, in memory where the system has such a file system; whoever runs the fuzzer removes
 * $FUZZ_FOLDER. */
static inline const char *fuzz_folder(void) {
  static char folder[256];
  if (folder[0]) return folder;
  const char *in = getenv("FUZZ_FOLDER");
  snprintf(folder, sizeof folder, "%s/fathom-fuzz.XXXXXX", in ? in : "/tmp");
  if (!mkdtemp(folder)) abort();
  return folder;
}

/* A file of this name with these bytes; the path stays valid until the next call with another name. */
static inline const char *fuzz_write(const char *name, const void *bytes, size_t size) {
  static char path[512];
  snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
  const int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0 || write(fd, bytes, size) != (ssize_t)size) abort();
  close(fd);
  return path;
}

/* Links the files of a fixture ($SRCDIR/tests/fixtures/NAME) that the fuzzer does not write into the folder, once. */
static inline void fuzz_link(const char *fixture, const char *const *names, size_t n) {
  static bool done;
  const char *source = getenv("SRCDIR");
  for (size_t i = 0; i < n && !done; i++) {
    char from[512], to[512];
    snprintf(from, sizeof from, "%s/tests/fixtures/%s/%s", source ? source : ".", fixture, names[i]);
    snprintf(to, sizeof to, "%s/%s", fuzz_folder(), names[i]);
    char *whole = realpath(from, NULL);
    if (!whole || symlink(whole, to) != 0) abort();
    free(whole);
  }
  done = true;
}

/* A failed call must say what is wrong, in one line, with a status that is an exit code. */
static inline void fuzz_expect(Status status, const Error *err) {
  if (status == STATUS_OK) return;
  if (status < STATUS_NO || status > STATUS_NUMERIC || err->text[0] == '\0' || strchr(err->text, '\n')) abort();
}

#endif
