/* A ring of buffers between the caller and one thread. */
#define _GNU_SOURCE /* O_DIRECT */
#include "store/writer.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct Slot {
  unsigned char *memory, *bytes; /* bytes: where in memory the buffer begins */
  size_t room;
  WriterPiece *pieces;
  size_t n_pieces;
} Slot;

struct Writer {
  int cached, direct; /* the file's handles; direct is -1 where the file system has none */
  Slot slots[WRITER_SLOTS];
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  /* Under the lock: */
  size_t begun, written; /* buffers handed over, and of them those that are written; slot = number % WRITER_SLOTS */
  int failed;
  bool ends;
};

/* Everything, or the errno of what failed. */
static int write_whole(int handle, const unsigned char *bytes, size_t size, uint64_t offset) {
  while (size > 0) {
    const ssize_t n = pwrite(handle, bytes, size, (off_t)offset);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n < 0 ? errno : ENOSPC;
    bytes += n;
    size -= (size_t)n;
    offset += (uint64_t)n;
  }
  return 0;
}

/* Whole pages directly where memory and file agree; the rest, or what the file system refuses, through the cache. */
static int write_piece(Writer *w, const unsigned char *bytes, size_t size, uint64_t offset) {
  const size_t head = (WRITER_PAGE - offset % WRITER_PAGE) % WRITER_PAGE;
  const size_t middle = size > head ? (size - head) / WRITER_PAGE * WRITER_PAGE : 0;
  const bool agrees = (uintptr_t)bytes % WRITER_PAGE == offset % WRITER_PAGE;
  if (w->direct < 0 || !agrees || middle == 0) return write_whole(w->cached, bytes, size, offset);
  int failed = write_whole(w->direct, bytes + head, middle, offset + head);
  if (failed == EINVAL) {
    close(w->direct);
    w->direct = -1;
    return write_whole(w->cached, bytes, size, offset);
  }
  const size_t tail = head + middle;
  if (!failed) failed = write_whole(w->cached, bytes, head, offset);
  return failed ? failed : write_whole(w->cached, bytes + tail, size - tail, offset + tail);
}

static void *run(void *context) {
  Writer *w = context;
  pthread_mutex_lock(&w->lock);
  for (;;) {
    while (w->written == w->begun && !w->ends) pthread_cond_wait(&w->changed, &w->lock);
    if (w->written == w->begun) break;
    const Slot *slot = &w->slots[w->written % WRITER_SLOTS];
    int failed = w->failed;
    pthread_mutex_unlock(&w->lock);
    for (size_t i = 0; i < slot->n_pieces && !failed; i++) {
      const WriterPiece *piece = &slot->pieces[i];
      failed = write_piece(w, slot->bytes + piece->at, piece->size, piece->offset);
    }
    pthread_mutex_lock(&w->lock);
    w->failed = failed;
    w->written++;
    pthread_cond_broadcast(&w->changed);
  }
  pthread_mutex_unlock(&w->lock);
  return NULL;
}

static void clear(Writer *w) {
  for (size_t i = 0; i < WRITER_SLOTS; i++) {
    free(w->slots[i].memory);
    free(w->slots[i].pieces);
  }
  if (w->direct >= 0) close(w->direct);
  pthread_cond_destroy(&w->changed);
  pthread_mutex_destroy(&w->lock);
  free(w);
}

Status writer_open(const char *path, int handle, Writer **out, Error *err) {
  Writer *w = mem_alloc(1, sizeof *w);
  w->cached = handle;
  w->direct = open(path, O_WRONLY | O_DIRECT | O_CLOEXEC);
  pthread_mutex_init(&w->lock, NULL);
  pthread_cond_init(&w->changed, NULL);
  errno = pthread_create(&w->thread, NULL, run, w);
  if (errno == 0) {
    *out = w;
    return STATUS_OK;
  }
  *out = NULL;
  const Status status = error_system(err, "cannot start a thread that writes");
  clear(w);
  return status;
}

void *writer_begin(Writer *w, size_t size, uint64_t offset) {
  pthread_mutex_lock(&w->lock);
  while (w->begun - w->written == WRITER_SLOTS) pthread_cond_wait(&w->changed, &w->lock);
  pthread_mutex_unlock(&w->lock);
  Slot *slot = &w->slots[w->begun % WRITER_SLOTS];
  if (slot->room < size) {
    free(slot->memory);
    slot->memory = mem_alloc_aligned(size + WRITER_PAGE, 1, WRITER_PAGE);
    slot->room = size;
  }
  /* A small chunk may lie at any byte: its rows go through the cache. */
  const size_t in_page = offset % WRITER_PAGE;
  slot->bytes = slot->memory + (in_page % _Alignof(max_align_t) == 0 ? in_page : 0);
  return slot->bytes;
}

void writer_end(Writer *w, const WriterPiece *pieces, size_t n) {
  Slot *slot = &w->slots[w->begun % WRITER_SLOTS];
  slot->pieces = mem_resize(slot->pieces, n, sizeof *pieces);
  memcpy(slot->pieces, pieces, n * sizeof *pieces);
  slot->n_pieces = n;
  pthread_mutex_lock(&w->lock);
  w->begun++;
  pthread_cond_broadcast(&w->changed);
  pthread_mutex_unlock(&w->lock);
}

int writer_failed(Writer *w) {
  pthread_mutex_lock(&w->lock);
  const int failed = w->failed;
  pthread_mutex_unlock(&w->lock);
  return failed;
}

int writer_wait(Writer *w) {
  pthread_mutex_lock(&w->lock);
  while (w->written < w->begun) pthread_cond_wait(&w->changed, &w->lock);
  const int failed = w->failed;
  pthread_mutex_unlock(&w->lock);
  return failed;
}

void writer_close(Writer *w) {
  if (!w) return;
  pthread_mutex_lock(&w->lock);
  w->ends = true;
  pthread_cond_broadcast(&w->changed);
  pthread_mutex_unlock(&w->lock);
  pthread_join(w->thread, NULL);
  clear(w);
}
