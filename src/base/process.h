/* Child processes that run side by side, and the signals that stop them. Linux and POSIX; one watch at a time, used from
 * the main thread, begun before other threads are. */
#ifndef FATHOM_BASE_PROCESS_H
#define FATHOM_BASE_PROCESS_H

#include "base/error.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct ProcessWatch {
  sigset_t before, signals; /* the mask to restore; what is waited for */
  struct sigaction child;   /* to restore */
  pid_t *running;           /* [n_running] */
  size_t n_running;
} ProcessWatch;

typedef enum ProcessEventKind {
  PROCESS_ENDED,   /* a child is gone: pid, and exit_code or signal */
  PROCESS_STOP,    /* the user or the system asks this program to end: signal */
  PROCESS_TIMEOUT, /* nothing happened */
} ProcessEventKind;

typedef struct ProcessEvent {
  ProcessEventKind kind;
  pid_t pid;
  int exit_code; /* of a child that ended by itself, else -1 */
  int signal;    /* that ended the child, or that asks to stop; else 0 */
} ProcessEvent;

/* From here on SIGINT, SIGTERM and SIGHUP (where they were not ignored) are events instead of ends, and the ends of
 * children are seen, also where the caller of this program had them ignored. */
void process_watch_begin(ProcessWatch *watch);

/* Ends what still runs, and restores the signals. All zeros is fine. */
void process_watch_end(ProcessWatch *watch);

/* Runs program with argv: nothing to read, standard output into the file out (made anew), standard error appended to the
 * file log. The child is a process group of its own, so that a terminal's Ctrl-C reaches it by way of this program
 * alone, and dies with this program. */
Status process_start(ProcessWatch *watch, const char *program, char *const *argv, const char *out, const char *log,
                     pid_t *pid, Error *err);

/* The next event, or PROCESS_TIMEOUT after so many seconds. */
ProcessEvent process_wait(ProcessWatch *watch, double seconds);

/* Asks all children to end (SIGTERM), ends those that have not within some seconds (SIGKILL), and waits for them. */
void process_stop_all(ProcessWatch *watch, double seconds);

#endif
