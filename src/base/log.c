/* Notes, warnings and the progress line, all on stderr. */
#define _GNU_SOURCE /* vasprintf */
#include "base/log.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool is_quiet;

void log_set_quiet(bool quiet) { is_quiet = quiet; }

void log_note(const char *format, ...) {
  if (is_quiet) return;
  va_list args;
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
}

void log_warn(const char *format, ...) {
  enum { KEPT = 64 };
  static char *given[KEPT];
  static size_t n;
  va_list args;
  char *text = NULL;
  va_start(args, format);
  if (vasprintf(&text, format, args) < 0) mem_exhausted(strlen(format));
  va_end(args);
  bool is_new = true;
  for (size_t i = 0; i < n && is_new; i++) is_new = strcmp(text, given[i]) != 0;
  if (is_new) fprintf(stderr, "fathom: warning: %s\n", text);
  if (is_new && n < KEPT)
    given[n++] = text;
  else
    free(text);
}

double clock_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

Progress progress_begin(const char *label, const char *unit, size_t total) {
  return (Progress){.label = label,
                    .unit = unit,
                    .total = total,
                    .started = clock_seconds(),
                    .visible = !is_quiet && isatty(STDERR_FILENO)};
}

void progress_show(Progress *progress, size_t done) {
  const double now = clock_seconds();
  if (!progress->visible || now - progress->drawn < 0.1) return;
  progress->drawn = now;
  const double elapsed = now - progress->started;
  const double rate = elapsed > 0 ? (double)done / elapsed : 0;
  const double left = rate > 0 ? (double)(progress->total - done) / rate : 0;
  fprintf(stderr, "\r\033[K%s  %zu/%zu %s  %.1f/s  %.0f s left", progress->label, done, progress->total,
          progress->unit, rate, left);
  fflush(stderr);
}

void progress_end(Progress *progress) {
  if (progress->visible) fputs("\r\033[K", stderr);
}
