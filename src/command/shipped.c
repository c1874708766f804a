/* Where the running program lies. */
#include "command/shipped.h"

#include "base/file.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

char *shipped_beside_program(const char *folder) {
  char program[PATH_MAX];
  const ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
  if (n <= 0) return NULL;
  program[n] = 0;
  char *slash = strrchr(program, '/');
  if (!slash) return NULL;
  *slash = 0;
  return file_join(program, folder);
}
