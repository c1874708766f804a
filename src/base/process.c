/* Starting children, waiting for them and for signals at once, and ending them. */
#define _GNU_SOURCE /* pipe2 */
#include "base/process.h"

#include "base/log.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static bool is_ignored(int signal) {
  struct sigaction now;
  return sigaction(signal, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

void process_watch_begin(ProcessWatch *w) {
  static const int stops[] = {SIGINT, SIGTERM, SIGHUP};
  *w = (ProcessWatch){0};
  sigemptyset(&w->signals);
  sigaddset(&w->signals, SIGCHLD);
  for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++)
    if (!is_ignored(stops[i])) sigaddset(&w->signals, stops[i]);
  sigprocmask(SIG_BLOCK, &w->signals, &w->before);
  sigaction(SIGCHLD, &(struct sigaction){.sa_handler = SIG_DFL}, &w->child);
  w->running = mem_alloc(1, sizeof *w->running);
}

void process_watch_end(ProcessWatch *w) {
  if (!w->running) return;
  process_stop_all(w, 10);
  sigaction(SIGCHLD, &w->child, NULL);
  sigprocmask(SIG_SETMASK, &w->before, NULL);
  free(w->running);
  *w = (ProcessWatch){0};
}

/* --- starting --- */

/* In the child: only calls that are safe between fork and exec. Returns where one fails, with errno. */
static void become(const ProcessWatch *w, const char *program, char *const *argv, const int *files, pid_t parent) {
  if (setpgid(0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return;
  if (getppid() != parent) _exit(128); /* it died before the line above */
  for (int i = 0; i < 3; i++)
    if (dup2(files[i], i) < 0) return;
  if (sigprocmask(SIG_SETMASK, &w->before, NULL) != 0) return;
  execv(program, argv);
}

/* Forks. What keeps the child from becoming the program comes back through a pipe that exec closes. */
static Status fork_child(const ProcessWatch *w, const char *program, char *const *argv, const int *files, pid_t *pid,
                         Error *err) {
  int report[2], failed = 0;
  if (pipe2(report, O_CLOEXEC) != 0) return error_system(err, "cannot make a pipe");
  const pid_t parent = getpid();
  *pid = fork();
  if (*pid == 0) {
    become(w, program, argv, files, parent);
    failed = errno;
    while (write(report[1], &failed, sizeof failed) < 0 && errno == EINTR) {}
    _exit(127);
  }
  const int refused = errno;
  close(report[1]);
  if (*pid > 0)
    while (read(report[0], &failed, sizeof failed) < 0 && errno == EINTR) {}
  close(report[0]);
  if (*pid < 0) {
    errno = refused;
    return error_system(err, "cannot start another process");
  }
  if (!failed) return STATUS_OK;
  while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR) {}
  errno = failed;
  return error_system(err, "%s: cannot run", program);
}

Status process_start(ProcessWatch *w, const char *program, char *const *argv, const char *out, const char *log,
                     pid_t *pid, Error *err) {
  const char *const paths[] = {"/dev/null", out, log};
  static const int modes[] = {O_RDONLY, O_WRONLY | O_CREAT | O_TRUNC, O_WRONLY | O_CREAT | O_APPEND};
  int files[3] = {-1, -1, -1};
  Status status = STATUS_OK;
  for (int i = 0; i < 3 && status == STATUS_OK; i++) {
    files[i] = open(paths[i], modes[i] | O_CLOEXEC, 0666);
    if (files[i] < 0) status = error_system(err, "%s: cannot open", paths[i]);
  }
  if (status == STATUS_OK) status = fork_child(w, program, argv, files, pid, err);
  for (int i = 0; i < 3; i++)
    if (files[i] >= 0) close(files[i]);
  if (status != STATUS_OK) return status;
  w->running = mem_resize(w->running, w->n_running + 1, sizeof *w->running);
  w->running[w->n_running++] = *pid;
  return STATUS_OK;
}

/* --- waiting --- */

static bool reap(ProcessWatch *w, ProcessEvent *event) {
  for (size_t i = 0; i < w->n_running; i++) {
    int ended;
    const pid_t pid = waitpid(w->running[i], &ended, WNOHANG);
    if (pid == 0 || (pid < 0 && errno == EINTR)) continue;
    *event = (ProcessEvent){.kind = PROCESS_ENDED, .pid = w->running[i], .exit_code = -1};
    if (pid > 0 && WIFEXITED(ended)) event->exit_code = WEXITSTATUS(ended);
    if (pid > 0 && WIFSIGNALED(ended)) event->signal = WTERMSIG(ended);
    w->running[i] = w->running[--w->n_running];
    return true;
  }
  return false;
}

ProcessEvent process_wait(ProcessWatch *w, double seconds) {
  const double end = clock_seconds() + seconds;
  ProcessEvent event = {.kind = PROCESS_TIMEOUT, .exit_code = -1};
  while (!reap(w, &event)) { /* before each wait: several children share one SIGCHLD */
    const double left = end - clock_seconds() > 0 ? end - clock_seconds() : 0;
    const struct timespec wait = {(time_t)left, (long)(1e9 * (left - (double)(time_t)left))};
    const int signal = sigtimedwait(&w->signals, NULL, &wait);
    if (signal > 0 && signal != SIGCHLD) return (ProcessEvent){.kind = PROCESS_STOP, .exit_code = -1, .signal = signal};
    if (signal < 0 && errno == EAGAIN) break;
  }
  return event;
}

void process_stop_all(ProcessWatch *w, double seconds) {
  const double end = clock_seconds() + seconds;
  for (size_t i = 0; i < w->n_running; i++) kill(w->running[i], SIGTERM);
  while (w->n_running) {
    const double left = end - clock_seconds();
    if (left <= 0)
      for (size_t i = 0; i < w->n_running; i++) kill(w->running[i], SIGKILL);
    process_wait(w, left > 0 ? left : 1);
  }
}
