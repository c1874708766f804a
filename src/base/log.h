/* Talk to the person on stderr: notes, warnings, a progress line. Results never go through here. */
#ifndef FATHOM_BASE_LOG_H
#define FATHOM_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

void log_set_quiet(bool quiet); /* silences notes and progress; warnings stay */
void log_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Once each: what was said of a file holds when it is opened again. From one thread at a time. */
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A progress line, redrawn at most ten times a second and only on a terminal: "label  done/total unit  rate  ETA". */
typedef struct Progress {
  const char *label, *unit;
  size_t total;
  double started, drawn;
  bool visible;
} Progress;

Progress progress_begin(const char *label, const char *unit, size_t total);
void progress_show(Progress *progress, size_t done);
void progress_end(Progress *progress); /* clears the line */

double clock_seconds(void); /* monotonic */

#endif
