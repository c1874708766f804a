/* The error record: filled once where the cause is known, given context on the way up. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A name from a file may hold anything; the message must stay one printable line. */
static void keep_on_one_line(char *text) {
  for (unsigned char *p = (unsigned char *)text; *p; p++)
    if (*p < 0x20 || *p == 0x7f) *p = '?';
}

Status error_set(Error *err, Status status, const char *format, ...) {
  if (err) {
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    keep_on_one_line(err->text);
    err->status = status;
  }
  return status;
}

Status error_system(Error *err, const char *format, ...) {
  const int cause = errno;
  if (err) {
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    const size_t used = strlen(err->text);
    snprintf(err->text + used, sizeof err->text - used, ": %s", strerror(cause));
    keep_on_one_line(err->text);
    err->status = STATUS_SYSTEM;
  }
  return STATUS_SYSTEM;
}

Status error_prefix(Error *err, const char *format, ...) {
  if (!err) return STATUS_DATA;
  char context[512];
  va_list args;
  va_start(args, format);
  vsnprintf(context, sizeof context, format, args);
  va_end(args);
  char *old = strdup(err->text);
  snprintf(err->text, sizeof err->text, "%s: %s", context, old ? old : "");
  free(old);
  keep_on_one_line(err->text);
  return err->status;
}
