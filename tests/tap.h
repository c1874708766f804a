/* TAP for C tests: ok(condition, "what") prints a line; tap_end() prints the plan and gives main's return value. */
#ifndef FATHOM_TESTS_TAP_H
#define FATHOM_TESTS_TAP_H

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_run, tap_failed;

__attribute__((format(printf, 4, 5), unused)) static bool tap_ok(bool passed, const char *file, int line, const char *format, ...) {
  va_list args;
  va_start(args, format);
  printf("%s %d - ", passed ? "ok" : "not ok", ++tap_run);
  vprintf(format, args);
  va_end(args);
  putchar('\n');
  if (!passed) {
    tap_failed++;
    printf("# failed at %s:%d\n", file, line);
  }
  fflush(stdout);
  return passed;
}

#define ok(condition, ...) tap_ok((condition), __FILE__, __LINE__, __VA_ARGS__)

/* |a - b| <= atol + rtol * |b|, false for NaN. */
__attribute__((unused)) static bool is_close(double a, double b, double rtol, double atol) {
  return fabs(a - b) <= atol + rtol * fabs(b);
}

__attribute__((format(printf, 1, 2), unused)) static void skip_one(const char *format, ...) {
  va_list args;
  va_start(args, format);
  printf("ok %d # SKIP ", ++tap_run);
  vprintf(format, args);
  va_end(args);
  putchar('\n');
}

__attribute__((unused)) static int tap_end(void) {
  printf("1..%d\n", tap_run);
  return tap_failed != 0;
}

#endif
