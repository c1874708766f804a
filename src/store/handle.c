/* Locking, discarding and reading by a file's handle. */
#define _GNU_SOURCE /* memfd_create */
#include "store/handle.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

Status handle_lock(int handle, Error *err) {
  if (flock(handle, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return STATUS_OK;
  return error_set(err, STATUS_SYSTEM, "another process is writing this file");
}

void handle_discard(int handle) {
  const int sink = memfd_create("fathom", MFD_CLOEXEC);
  if (sink >= 0 && handle >= 0) dup2(sink, handle);
  if (sink >= 0) close(sink);
}

Status handle_read(int handle, uint64_t offset, size_t size, void *bytes, Error *err) {
  for (size_t done = 0; done < size;) {
    if (offset > INT64_MAX - size) return error_set(err, STATUS_DATA, "cannot read: no file has a byte %" PRIu64, offset);
    const ssize_t n = pread(handle, (char *)bytes + done, size - done, (off_t)(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return error_system(err, "cannot read");
    if (n == 0) return error_set(err, STATUS_DATA, "cannot read: the file ends before byte %" PRIu64, offset + size);
    done += (size_t)n;
  }
  return STATUS_OK;
}
