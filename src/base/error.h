/* What went wrong, for the person at the keyboard.
 *
 * A function that can fail returns a Status and fills the caller's Error at the lowest level that knows what was
 * found and what was expected; callers above prepend their context. A Status is also the exit code of the program. */
#ifndef FATHOM_BASE_ERROR_H
#define FATHOM_BASE_ERROR_H

typedef enum Status {
  STATUS_OK = 0,      /* done */
  STATUS_NO = 1,      /* ran, and the answer is "no" (--fail-above) */
  STATUS_USAGE = 2,   /* the command line is wrong */
  STATUS_DATA = 3,    /* a file the user gave is wrong */
  STATUS_SYSTEM = 4,  /* the machine said no: disk full, no such folder, no memory */
  STATUS_NUMERIC = 5, /* the arithmetic failed: NaN, divergence */
} Status;

typedef struct Error {
  Status status;
  char text[1024]; /* one line, no newline, control bytes replaced by '?' */
} Error;

/* Fills *err (which may be NULL) and returns status. */
Status error_set(Error *err, Status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* STATUS_SYSTEM with strerror(errno) appended after ": ". */
Status error_system(Error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "context: " in front of the text; returns err->status, so that `return error_prefix(err, ...)` reads well. */
Status error_prefix(Error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
