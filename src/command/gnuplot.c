/* Gnuplot as a child process: no shell and no name of the user's on its command line. It reads the table through an
 * inherited descriptor and writes the picture to a pipe, so that this side sees every failed write. */
#define _GNU_SOURCE /* pipe2 */
#include "command/gnuplot.h"

#include "base/file.h"
#include "base/memory.h"
#include "command/shipped.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

const char *gnuplot_format(const char *path) {
  static const char *const formats[] = {"png", "svg", "pdf"};
  for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
    const char suffix[] = {'.', formats[i][0], formats[i][1], formats[i][2], 0};
    if (file_has_suffix(file_name(path), suffix) && strlen(file_name(path)) > sizeof suffix - 1) return formats[i];
  }
  return NULL;
}

/* The script's path, freed by the caller. */
static Status find_script(const char *script, char **path, Error *err) {
  const char *named = getenv("FATHOM_PLOTS_DIR");
  char *beside = shipped_beside_program("plots");
  const char *const folders[] = {named && *named ? named : beside, named && *named ? NULL : FATHOM_PLOTS_DIR};
  *path = NULL;
  for (size_t i = 0; i < 2 && !*path; i++) {
    if (!folders[i]) continue;
    char *candidate = file_join(folders[i], script);
    if (file_exists(candidate))
      *path = candidate;
    else
      free(candidate);
  }
  free(beside);
  if (*path) return STATUS_OK;
  return error_set(
      err, STATUS_SYSTEM,
      "no figure script %s in %s: run make install, or set FATHOM_PLOTS_DIR to the folder plots of the source", script,
      named && *named ? named : FATHOM_PLOTS_DIR);
}

/* A running gnuplot and the reading ends of its standard output and error. */
typedef struct Child {
  pid_t pid;
  int out, err;
} Child;

static void close_pair(int pair[2]) {
  if (pair[0] >= 0) close(pair[0]);
  if (pair[1] >= 0) close(pair[1]);
}

static Status start(const char *script, const char *format, int table, Child *child, Error *err) {
  const char *named = getenv("GNUPLOT"), *program = named && *named ? named : "gnuplot";
  char settings[64];
  snprintf(settings, sizeof settings, "data='/dev/fd/%d'; format='%s'", table, format);
  char *const argv[] = {(char *)program, "-d", "-e", settings, (char *)script, NULL};
  int out[2] = {-1, -1}, log[2] = {-1, -1};
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(log, O_CLOEXEC) != 0) {
    const Status status = error_system(err, "cannot make a pipe to gnuplot");
    close_pair(out);
    return status;
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, log[1], STDERR_FILENO);
  const int failed = posix_spawnp(&child->pid, program, &actions, NULL, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(out[1]);
  close(log[1]);
  child->out = out[0];
  child->err = log[0];
  if (!failed) return STATUS_OK;
  close(out[0]);
  close(log[0]);
  errno = failed;
  if (failed == ENOENT)
    return error_set(err, STATUS_SYSTEM, "%s was not found: on Debian, apt-get install gnuplot-nox (or set GNUPLOT)",
                     program);
  return error_system(err, "%s: cannot run", program);
}

/* What gnuplot said last; earlier words are dropped where there are many. */
typedef struct Words {
  char text[4096];
  size_t used;
} Words;

static void words_add(Words *words, const char *bytes, size_t n) {
  const size_t room = sizeof words->text - 1;
  if (n > room) bytes += n - room, n = room;
  if (words->used + n > room) {
    const size_t drop = words->used + n - room;
    memmove(words->text, words->text + drop, words->used - drop);
    words->used -= drop;
  }
  memcpy(words->text + words->used, bytes, n);
  words->used += n;
  words->text[words->used] = 0;
}

static const char *words_last_line(Words *words) {
  while (words->used && strchr("\n\r\t ", words->text[words->used - 1])) words->text[--words->used] = 0;
  const char *newline = strrchr(words->text, '\n');
  return newline ? newline + 1 : words->text;
}

/* Without the name under which the scripts know the table, "/dev/fd/5 : ". */
static const char *words_behind_table(const char *line) {
  const char *colon = strncmp(line, "/dev/fd/", 8) == 0 ? strstr(line, ": ") : NULL;
  return colon ? colon + 2 : line;
}

/* Empties both pipes until gnuplot has closed them: the picture to out, what it says to words. *bytes counts the
 * picture. Returns 0, or errno of the first write that failed; reading goes on then, so that gnuplot can end. */
static int drain(const Child *child, FILE *out, Words *words, size_t *bytes) {
  static char buffer[1 << 16];
  int failed = 0;
  struct pollfd ends[2] = {{.fd = child->out, .events = POLLIN}, {.fd = child->err, .events = POLLIN}};
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    if (poll(ends, 2, -1) < 0 && errno != EINTR) break;
    for (int i = 0; i < 2; i++) {
      if (ends[i].fd < 0 || !ends[i].revents) continue;
      const ssize_t n = read(ends[i].fd, buffer, sizeof buffer);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        ends[i].fd = -1;
      } else if (i == 0) {
        *bytes += (size_t)n;
        if (!failed && fwrite(buffer, 1, (size_t)n, out) != (size_t)n) failed = errno;
      } else {
        words_add(words, buffer, (size_t)n);
      }
    }
  }
  close(child->out);
  close(child->err);
  return failed;
}

static Status run(const char *script, FILE *table, const char *format, const char *name, FILE *out, Error *err) {
  Child child;
  Words words = {.used = 0};
  size_t bytes = 0;
  int ended = 0;
  const Status status = start(script, format, fileno(table), &child, err);
  if (status != STATUS_OK) return status;
  const int failed = drain(&child, out, &words, &bytes);
  while (waitpid(child.pid, &ended, 0) < 0)
    if (errno != EINTR) return error_system(err, "gnuplot: cannot wait for it");
  if (failed) {
    errno = failed;
    return error_system(err, "%s: cannot write", name);
  }
  if (WIFSIGNALED(ended))
    return error_set(err, STATUS_SYSTEM, "gnuplot was ended by signal %d while drawing %s", WTERMSIG(ended),
                     file_name(script));
  const char *said = words_last_line(&words);
  if (WEXITSTATUS(ended) == STATUS_DATA) /* of our scripts: the table is not for this figure */
    return error_set(err, STATUS_DATA, "cannot draw %s: %s", name, words_behind_table(said));
  if (WEXITSTATUS(ended) != 0)
    return error_set(err, STATUS_SYSTEM, "gnuplot failed: %s", *said ? said : "it did not say why");
  if (bytes == 0) return error_set(err, STATUS_SYSTEM, "gnuplot drew nothing: %s", *said ? said : "it did not say why");
  return STATUS_OK;
}

Status gnuplot_draw_stream(const char *script, FILE *table, const char *format, const char *name, FILE *out,
                           Error *err) {
  char *path = NULL;
  Status status = find_script(script, &path, err);
  errno = 0;
  if (status == STATUS_OK && (fflush(table) != 0 || ferror(table) || fseek(table, 0, SEEK_SET) != 0))
    status = error_system(err, "the table for gnuplot: cannot write a temporary file");
  if (status == STATUS_OK) status = run(path, table, format, name, out, err);
  free(path);
  return status;
}

Status gnuplot_draw(const char *script, FILE *table, const char *output, Error *err) {
  FileWriter writer = {0};
  Status status = file_writer_open(&writer, output, err);
  if (status == STATUS_OK)
    status = gnuplot_draw_stream(script, table, gnuplot_format(output), output, writer.stream, err);
  if (status == STATUS_OK) status = file_writer_commit(&writer, err);
  file_writer_discard(&writer);
  return status;
}
